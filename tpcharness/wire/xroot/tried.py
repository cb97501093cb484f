"""Asking a redirector for another server when the one that it sent us to has failed (xroot 8). Pure.

XrdCl does it for a server that it cannot connect to or loses, and for the four errors below. We do it for these errors
only where a file is opened for reading: after a request that changes something, nobody knows what a second server would
change as well, and a file that is missing is what we look for when we have removed one.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.wire.xroot.answers import Refusal
from tpcharness.wire.xroot.codes import Ask, ErrorNumber, OpenFlag
from tpcharness.wire.xroot.operations import PathRequest

_CODES: dict[int, str] = {
    ErrorNumber.NOT_FOUND: "enoent",
    ErrorNumber.IO_ERROR: "ioerr",
    ErrorNumber.FS_ERROR: "fserr",
    ErrorNumber.SERVER_ERROR: "srverr",
}
_OUT_OF_REACH = frozenset(
    {
        Reason.DNS_FAILURE,
        Reason.CONNECTION_REFUSED,
        Reason.CONNECT_TIMEOUT,
        Reason.UNREACHABLE,
        Reason.CONNECTION_LOST,
        Reason.NO_RESPONSE,
    }
)
_WRITING = OpenFlag.DELETE | OpenFlag.NEW | OpenFlag.UPDATE
_OPEN_BODY = struct.Struct(">HH12s")


def why_to_ask_again(request: PathRequest, refusal: Refusal | None, failure: Failure | None, *, sent: bool) -> str:
    """The `triedrc` for a server that failed; empty where no other one may be asked.

    `sent` False: it certainly never got the request, so that whatever it was may be sent to another one.
    """
    if failure is not None:
        lost = failure.reason is Reason.CONNECTION_LOST and _only_reads(request)
        return "srverr" if failure.reason in _OUT_OF_REACH and (lost or not sent) else ""
    if refusal is None or request.ask is not Ask.OPEN or not _only_reads(request):
        return ""
    return _CODES.get(refusal.number, "")


def asking_again(request: PathRequest, host: str, why: str) -> PathRequest:
    """The request for the redirector that named `host`; an open makes it look for the file anew."""
    told = replace(request, opaque=request.opaque.replaced(("tried", host), ("triedrc", why)))
    if request.ask is not Ask.OPEN:
        return told
    mode, flags, rest = _OPEN_BODY.unpack(request.body)
    return replace(told, body=_OPEN_BODY.pack(mode, flags | OpenFlag.REFRESH, rest))


def after_waiting(request: PathRequest) -> PathRequest:
    """The request once a wait is over: to look anew was asked for once (xroot 8)."""
    if request.ask is not Ask.OPEN:
        return request
    mode, flags, rest = _OPEN_BODY.unpack(request.body)
    return replace(request, body=_OPEN_BODY.pack(mode, flags & ~OpenFlag.REFRESH, rest))


def _only_reads(request: PathRequest) -> bool:
    if request.ask is Ask.OPEN:
        return not OpenFlag(_OPEN_BODY.unpack(request.body)[1]) & _WRITING
    return request.ask in (Ask.STAT, Ask.QUERY)
