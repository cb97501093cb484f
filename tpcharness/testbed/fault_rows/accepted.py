"""What is wrong with a storage that has accepted a COPY: its markers, its verdict, the file that it makes."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.vocabulary import Cause
from tpcharness.testbed.effects import (
    Culprit,
    Effect,
    Ending,
    Fails,
    Fault,
    Freeze,
    Full,
    Misframe,
    Misframed,
    NoVerdict,
    Queued,
    RunsOn,
    Silence,
    Spoil,
    Spoiled,
)

_COPY, _WRITE = frozenset({"COPY"}), frozenset({"COPY", "PUT"})
_DCACHE = frozenset({"dcache"})


def _row(
    name: str,
    sentence: str,
    effect: Effect,
    reason: Reason,
    citation: str,
    *,
    methods: frozenset[str] = _COPY,
    blame: Culprit = Culprit.THIS,
    dialects: frozenset[str] = frozenset(),
) -> Fault:
    return Fault(name, sentence, effect, methods, None, reason, blame, citation, dialects)


_R, _NOBODY, _UNDETERMINED = Reason, Culprit.NOBODY, Culprit.UNDETERMINED

FAULTS = (
    # time
    _row("silent_after_headers", "COPY is accepted, and then nothing is said.", Silence(0), _R.NO_FIRST_MARKER,
         "http-tpc 6.3, rule 6"),
    _row("frozen_bytes", "Markers go on, but their bytes stand still.", Freeze(), _R.NO_PROGRESS,
         "recording pull-stall", blame=_UNDETERMINED),
    _row("no_first_byte", "Markers go on, but no byte ever comes.", Freeze(0), _R.NO_FIRST_BYTE,
         "http-tpc 6.3, rule 6", blame=_UNDETERMINED),
    _row("queued_for_ever", "Markers say that the copy waits for a mover, for ever.", Queued(), _R.NO_FIRST_BYTE,
         "http-tpc 6.2, waiting for pool", dialects=_DCACHE),
    _row("marker_silence", "After one marker nothing more is said.", Silence(), _R.MARKER_SILENCE, "http-tpc 6.3"),
    _row("runs_on", "The copy goes on when the client has gone.", RunsOn(), _R.STILL_WRITING,
         "http-tpc 1.9 (StoRM)"),
    # the stream
    _row("cut_without_verdict", "The stream is cut before its verdict.", NoVerdict(Ending.CUT), _R.NO_VERDICT,
         "http-tpc 6.2 (service restart)"),
    _row("end_without_verdict", "The stream ends in order, but without a verdict.", NoVerdict(Ending.EOF),
         _R.NO_VERDICT, "http-tpc 5, 5 (pelican#3686)"),
    _row("aborted", "The copy ends with an aborted: line.", NoVerdict(Ending.ABORTED), _R.ABORTED,
         "http-tpc 1.5 (XRootD README)"),
    _row("chunk_sizes_garbled", "The size of a chunk is no number.", Misframe(Misframed.BAD_SIZE),
         _R.MALFORMED_RESPONSE, "RFC 9112 7.1; http-tpc 8.8"),
    _row("chunk_sizes_as_body", "The body holds chunk sizes instead of markers.", Misframe(Misframed.RAW_SIZES),
         _R.MARKERS_GARBLED, "http-tpc 5, 8 (xrootd#2017)"),
    _row("page_in_stream", "The body is a web page, though the type says markers.", Misframe(Misframed.PAGE),
         _R.MARKERS_GARBLED, "http-tpc 1.3"),
    _row("crlf_lines", "Lines end in CR LF.", Misframe(Misframed.CRLF), _R.OK, "http-tpc 8.8", blame=_NOBODY),
    _row("long_line", "A line of 100 kB stands before the verdict.", Misframe(Misframed.LONG_LINE), _R.OK,
         "http-tpc 1.5 (davix buffers 1024 bytes)", blame=_NOBODY),
    _row("too_many_bytes", "Markers claim more bytes than there are.", Misframe(Misframed.TOO_MANY_BYTES), _R.OK,
         "http-tpc 5, 7 (xrootd#2874)", blame=_NOBODY),
    # its own trouble
    _row("no_space", "The disk is full.", Full(), _R.NO_SPACE, "recording pull-disk-full; xrootd 5, 5b",
         methods=_WRITE),
    _row("disk_fails", "The storage cannot write or read its own file.", Fails(Cause.LOCAL_IO), _R.LOCAL_IO_ERROR,
         "http-tpc 5, 6 (xrootd#2878); http-tpc 6.2"),
    _row("service_restarted", "The transfer service is restarted under the copy.", Fails(Cause.RESTARTED), _R.ABORTED,
         "http-tpc 6.2, service restart", dialects=_DCACHE),
    _row("own_checksum_differs", "The storage's own comparison of checksums fails.", Fails(Cause.CHECKSUM_DIFFERS),
         _R.CHECKSUM_MISMATCH, "http-tpc 6.2, checksum differs", blame=_UNDETERMINED, dialects=_DCACHE),
    _row("own_size_differs", "The storage finds another size at the far end than it sent.", Fails(Cause.SIZE_DIFFERS),
         _R.SIZE_MISMATCH, "http-tpc 6.2, size differs", blame=_UNDETERMINED, dialects=_DCACHE),
    _row("peer_checksum_missing", "The far end has no checksum that the storage could compare.",
         Fails(Cause.CHECKSUM_MISSING), _R.CHECKSUM_UNAVAILABLE, "http-tpc 6.2, checksum missing",
         blame=Culprit.OTHER, dialects=_DCACHE),
    # success that is none
    _row("wrong_content", "The copy is called a success, one byte is wrong.", Spoil(Spoiled.FLIPPED),
         _R.CHECKSUM_MISMATCH, "http-tpc 5, 10"),
    _row("success_zero_bytes", "The copy is called a success, the destination is empty.", Spoil(Spoiled.EMPTY),
         _R.SIZE_MISMATCH, "http-tpc 5, 9; xrootd 5 (pull onto itself)"),
    _row("success_short", "The copy is called a success, the last byte is missing.", Spoil(Spoiled.SHORT),
         _R.SIZE_MISMATCH, "http-tpc 5, 10; xroot 12"),
)  # fmt: skip
