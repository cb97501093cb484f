"""What goes wrong between a storage and a client that sends or reads files itself, as a whole or in parts."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.testbed.effects import (
    BrokenUpload,
    Culprit,
    Drip,
    Effect,
    Fault,
    Party,
    Ranged,
    Ranging,
    Spoil,
    Spoiled,
    Unread,
)

_GET, _PUT = frozenset({"GET"}), frozenset({"PUT"})


def _row(
    name: str,
    sentence: str,
    effect: Effect,
    methods: frozenset[str],
    reason: Reason,
    citation: str,
    blame: Culprit = Culprit.THIS,
) -> Fault:
    return Fault(name, sentence, effect, methods, Party.CLIENT, reason, blame, citation)


_R, _NOBODY, _UNDETERMINED = Reason, Culprit.NOBODY, Culprit.UNDETERMINED

FAULTS = (
    # parts of files
    _row("ranges_ignored", "A client that asks for ranges gets the whole file.", Ranging(Ranged.IGNORED), _GET, _R.OK,
         "RFC 9110 14.2: a server may ignore Range", _NOBODY),
    _row("ranges_refused", "Requests for ranges are refused.", Ranging(Ranged.REFUSED), _GET, _R.RANGE_REFUSED,
         "RFC 9110 15.5.17"),
    _row("vectors_refused", "Requests for several ranges at once are refused.", Ranging(Ranged.ONE_ONLY), _GET, _R.OK,
         "RFC 9110 14.2; dCache#4493: StoRM and dCache doors by Milton knew one range only", _NOBODY),
    _row("ranges_first_only", "Of several ranges the first comes, as if it alone had been asked for.",
         Ranging(Ranged.FIRST_ONLY), _GET, _R.RANGE_WRONG, "RFC 9110 15.3.7; davix falls back to single reads"),
    _row("ranges_missing", "Of several ranges the last one does not come.", Ranging(Ranged.MISSING), _GET,
         _R.RANGE_WRONG, "RFC 9110 15.3.7.2"),
    _row("ranges_mislabelled", "Content-Range names the bytes beside those that come.", Ranging(Ranged.MISLABELLED),
         _GET, _R.RANGE_WRONG, "RFC 9110 14.4"),
    _row("ranges_as_whole", "A range comes as if it were the whole file: 200.", Ranging(Ranged.AS_WHOLE), _GET,
         _R.RANGE_WRONG, "RFC 9110 15.3.1"),
    _row("ranges_of_other_bytes", "Ranges hold bytes that are not the file's.", Ranging(Ranged.OTHER_BYTES), _GET,
         _R.CONTENT_MISMATCH, "http-tpc 5, 10"),
    _row("ranges_short", "Each range is a byte shorter than its Content-Range says.", Ranging(Ranged.SHORT), _GET,
         _R.RANGE_WRONG, "RFC 9110 14.4"),
    _row("ranges_unended", "Several ranges come without the last boundary.", Ranging(Ranged.UNENDED), _GET,
         _R.RANGE_WRONG, "RFC 2046 5.1.1"),
    # whole files
    _row("download_wrong", "A client gets one byte that is not the file's.", Spoil(Spoiled.FLIPPED), _GET,
         _R.CONTENT_MISMATCH, "http-tpc 5, 10"),
    _row("upload_cut", "A client's upload is reset in its middle.", BrokenUpload(), _PUT, _R.TRANSFER_CUT,
         "http-tpc 6.2, peer cut; xrootd 5: PUT on a full disk", _UNDETERMINED),
    _row("upload_unread", "A client's upload is not read any more.", Unread(), _PUT, _R.STREAM_STALLED,
         "http-tpc 6.3 (a mover that hangs)"),
    _row("upload_slow", "A client's upload is read slowly.", Drip(), _PUT, _R.DEADLINE, "http-tpc 6.3", _UNDETERMINED),
    _row("upload_wrong", "A client's upload is stored with a wrong byte, and called a success.",
         Spoil(Spoiled.FLIPPED), _PUT, _R.CONTENT_MISMATCH, "http-tpc 5, 10"),
    _row("upload_short", "A client's upload is stored without a byte, and called a success.", Spoil(Spoiled.SHORT),
         _PUT, _R.SIZE_MISMATCH, "http-tpc 5, 9 and 10"),
)  # fmt: skip
