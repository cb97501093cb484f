"""What is wrong with a storage for everybody who asks it directly: its port, its certificate, its files."""

from __future__ import annotations

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.vocabulary import Cause
from tpcharness.testbed.effects import (
    Answer,
    Certificate,
    Closed,
    Culprit,
    Digest,
    Digests,
    Dropped,
    Effect,
    Fault,
    Hidden,
    Kept,
    Party,
    Say,
    Shown,
)

_DIRECT = frozenset({"GET", "HEAD", "PUT", "DELETE", "MKCOL", "MOVE", "PROPFIND"})
_LOOK = frozenset({"GET", "HEAD"})
_HEAD, _DELETE = frozenset({"HEAD"}), frozenset({"DELETE"})
_ALL: frozenset[str] = frozenset()


def _row(
    name: str,
    sentence: str,
    effect: Effect,
    methods: frozenset[str],
    reason: Reason,
    citation: str,
    *,
    party: Party | None = None,
    blame: Culprit = Culprit.THIS,
) -> Fault:
    return Fault(name, sentence, effect, methods, party, reason, blame, citation)


_R, _CLIENT, _NOBODY = Reason, Party.CLIENT, Culprit.NOBODY

FAULTS = (
    # port and certificate
    _row("refuse", "Nothing listens on the storage's port.", Closed(), _ALL, _R.CONNECTION_REFUSED,
         "recordings pull-refused, push-refused"),
    _row("tls_expired", "The certificate expired yesterday.", Certificate(Shown.EXPIRED), _ALL, _R.TLS_EXPIRED,
         "http-tpc 6.1 (tls: expired)"),
    _row("tls_untrusted", "The certificate's authority is unknown.", Certificate(Shown.UNTRUSTED), _ALL,
         _R.TLS_UNTRUSTED, "recording pull-untrusted"),
    _row("tls_hostname", "The certificate is for another host.", Certificate(Shown.HOSTNAME), _ALL, _R.TLS_HOSTNAME,
         "http-tpc 6.1 (tls: hostname)"),
    # every direct request of ours
    _row("token_refused_direct", "Direct requests are refused as if the token were bad.", Say(Cause.TOKEN_REFUSED),
         _DIRECT, _R.UNAUTHENTICATED, "recording head-403; tokens 8", party=_CLIENT),
    _row("drop_direct", "The connection is dropped instead of an answer.", Dropped(), _DIRECT, _R.CONNECTION_LOST,
         "xrootd 5: PUT on a full disk", party=_CLIENT),
    # what it says of a file
    _row("checksum_wrong", "HEAD and GET tell a wrong checksum.", Digest(Digests.WRONG), _LOOK, _R.CHECKSUM_MISMATCH,
         "http-tpc 5, 10 (xrootd#1404)"),
    _row("checksum_absent", "HEAD and GET tell no checksum, also when asked.", Digest(Digests.ABSENT), _LOOK, _R.OK,
         "http-tpc 5, 21 (dCache#5415); design 4: read back instead", blame=_NOBODY),
    _row("checksum_other", "HEAD and GET tell an md5 where adler32 was asked for.", Digest(Digests.OTHER), _LOOK, _R.OK,
         "http-tpc 1.7: another algorithm than asked for", blame=_NOBODY),
    _row("checksum_garbled", "HEAD and GET tell a checksum that is no number.", Digest(Digests.GARBLED), _LOOK, _R.OK,
         "http-tpc 1.7, encoding trap", blame=_NOBODY),
    _row("visible_late", "A new file is shown only after some milliseconds.", Hidden(300), _LOOK, _R.OK,
         "http-tpc 5, 11 (xrootd#1314)", party=_CLIENT, blame=_NOBODY),
    _row("never_visible", "New files are never shown.", Hidden(), _LOOK, _R.NOT_VISIBLE, "http-tpc 5, 11",
         party=_CLIENT),
    _row("look_refused", "Nobody may look at files.", Say(Cause.FORBIDDEN), _LOOK, _R.VERIFY_REFUSED,
         "recording head-403", party=_CLIENT),
    _row("look_fails", "HEAD and GET fail with 500.", Answer(500, "internal error\n"), _LOOK, _R.VERIFY_FAILED,
         "http-tpc 5, 26 (stat behind a redirector)", party=_CLIENT),
    _row("look_dropped", "The connection is dropped instead of an answer to HEAD and GET.", Dropped(), _LOOK,
         _R.VERIFY_FAILED, "xrootd 5: PUT on a full disk", party=_CLIENT),
    _row("look_overloaded", "HEAD and GET are answered with 503.", Say(Cause.OVERLOADED, 503), _LOOK,
         _R.VERIFY_FAILED, "http-tpc 1.8 (XRootD EBUSY)", party=_CLIENT),
    # deleting
    _row("delete_refused", "Nothing can be deleted.", Say(Cause.FORBIDDEN), _DELETE, _R.CLEANUP_REFUSED,
         "http-tpc 6.2 (rejected DELETE)"),
    _row("delete_ignored", "A DELETE is called a success, and the file stays.", Kept(), _DELETE, _R.CLEANUP_FAILED,
         "http-tpc 6.1 (partial_left)"),
    _row("delete_fails", "DELETE fails with 500.", Answer(500, "internal error\n"), _DELETE, _R.CLEANUP_FAILED,
         "xrootd 5 (DELETE of what cannot be removed: 500)"),
    _row("read_only", "Nothing can be written or deleted: 405 on DELETE.", Answer(405, "Method Not Allowed\n"), _DELETE,
         _R.CLEANUP_FAILED, "StoRM read-only storage area; http-tpc 6.2"),
)  # fmt: skip
