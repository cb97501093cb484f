"""One file read or written whole at a root door, timed from its opening to its last byte, with its line of evidence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import perf_counter

from tpcharness.diagnosis.stream_verdict import Broken
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.net.xroot import Reply, Server, XrootVisit
from tpcharness.payload.content import Content
from tpcharness.probes.root_files import authz, failure_of
from tpcharness.probes.root_streams import GOODBYE_SECONDS, RootStream
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import read_handle, stat_identity
from tpcharness.wire.xroot.codes import OpenFlag, Status
from tpcharness.wire.xroot.operations import close, open_file, stat_handle, sync

_NEW = OpenFlag.UPDATE | OpenFlag.NEW | OpenFlag.MKPATH


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that a server has opened for us."""

    server: Server
    handle: bytes


@dataclass(frozen=True, slots=True)
class Transfer:
    """How one file went.

    `seconds` is from the request to open it to the last byte, or to the answer to its close; `bytes_seconds` the part
    of it after the file was open. `broken` None means that all went well. `opened` False: the server certainly has no
    file of ours open, or made. `identity` is the number of the file at the server that gave it, and `server` that one:
    for comparing.
    """

    seconds: float
    bytes_seconds: float = 0.0
    count: int = 0
    adler32: str = ""
    broken: Broken | None = None
    opened: bool = True
    server: Server | None = None
    identity: str = ""


async def fetch(
    visit: XrootVisit,
    path: str,
    token: Secret,
    size: int,
    trail: Trail,
    *,
    label: str = "read",
    then: Callable[[OpenedFile], Awaitable[None]] | None = None,
) -> Transfer:
    """Reads a whole file; `label` is how evidence calls it. `then` is done with the file still open, once it is read.

    The visit must be logged in: what is timed are requests, and what redirects cost.
    """
    begin = perf_counter()
    opened = await _open(visit, path, OpenFlag.READ, token)
    if isinstance(opened, Reply):
        return _not_opened(opened, begin)
    stream, ready = RootStream(visit, opened.server, opened.handle, trail), perf_counter()
    try:
        broken = await stream.receive(size)
        end = perf_counter()
        seconds = end - begin
        _note(visit, trail, label, path, stream, seconds, broken)
        identity = "" if broken is not None else await _identity(visit, opened)
        if broken is None and then is not None:
            await then(opened)
    finally:
        if opened.server.connection.failure is None:
            await visit.quietly(opened.server, close(opened.handle), GOODBYE_SECONDS)
    adler32 = stream.adler.hexdigest()
    return Transfer(seconds, end - ready, stream.count, adler32, broken, server=opened.server, identity=identity)


async def put(visit: XrootVisit, path: str, token: Secret, content: Content, trail: Trail) -> Transfer:
    """Makes a new file of this content, and our directory with it where it is missing; synced and closed."""
    begin = perf_counter()
    opened = await _open(visit, path, _NEW, token)
    if isinstance(opened, Reply):
        failed = _not_opened(opened, begin)
        return replace(failed, opened=failed.opened or bool(visit.setbacks))  # whoever failed first may have made it
    stream = RootStream(visit, opened.server, opened.handle, trail)
    broken = await stream.send(content)
    _note(visit, trail, "write", path, stream, perf_counter() - begin, broken)
    patience = visit.limits.no_progress_seconds
    for verb, request in (("sync", sync(opened.handle)), ("close", close(opened.handle))):
        if broken is None:
            reply = await visit.ask_server(
                opened.server, verb, request, Phase.TRANSFER, path=path, timeout_seconds=patience
            )
            failure = failure_of(reply)
            broken = None if failure is None else Broken(failure)
    return Transfer(perf_counter() - begin, count=stream.count, broken=broken, server=opened.server)


async def _open(visit: XrootVisit, path: str, flags: OpenFlag, token: Secret) -> OpenedFile | Reply:
    """The opened file, or the answer that says why not."""
    reply = await visit.ask(open_file(path, flags, authz(token)), Phase.REQUEST)
    if not reply.ok or reply.server is None:
        return reply
    try:
        handle, _ = read_handle(reply.data)
    except WireError as error:
        return replace(reply, failure=Failure(Reason.MALFORMED_RESPONSE, str(error)))
    return OpenedFile(reply.server, handle)


def _not_opened(reply: Reply, begin: float) -> Transfer:
    failure = failure_of(reply) or Failure(Reason.NO_RESPONSE)
    return Transfer(perf_counter() - begin, broken=Broken(failure), opened=reply.refusal is None, server=reply.server)


async def _identity(visit: XrootVisit, opened: OpenedFile) -> str:
    reply = await visit.quietly(opened.server, stat_handle(opened.handle), visit.limits.request_seconds)
    return stat_identity(reply.data) if reply.ok else ""


def _note(
    visit: XrootVisit, trail: Trail, label: str, path: str, stream: RootStream, seconds: float, broken: Broken | None
) -> None:
    """One line of evidence for all the requests of a stream."""
    url = visit.target.url
    exchange = Exchange(
        phase=Phase.TRANSFER,
        method=label,
        url=f"{'roots' if url.secure else 'root'}://{url.place}/{path}",
        status=Status.OK.value if broken is None else None,
        status_text=f"{stream.count} bytes in {seconds:.4f} s",
        server=stream.server.connection.version,
        error="" if broken is None else broken.failure.detail,
    )
    trail.record(exchange, seconds)
