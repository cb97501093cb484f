"""What a probe does with one file at a root door beside copying it: write it, check it, read it, remove it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from tpcharness.diagnosis.plain_verdict import REFUSALS
from tpcharness.diagnosis.xroot_verdict import judge_own, told
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, VerifiedBy
from tpcharness.model.secret import Secret
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Phase
from tpcharness.net.xroot import Reply, Server, XrootTarget, XrootVisit
from tpcharness.payload.names import PayloadFile
from tpcharness.probes.verification import ALGORITHM, MAX_READBACK_BYTES, Verification
from tpcharness.wire.digest import Adler32, same_checksum
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import FileStat, read_checksum, read_handle, read_stat
from tpcharness.wire.xroot.codes import ErrorNumber, OpenFlag
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.opaque import Opaque, RootUrl
from tpcharness.wire.xroot.operations import close, open_file, query_checksum, read, rm, stat, sync, write

CHECKSUM_SECONDS = 120.0
READ_BYTES = MIB
READS_IN_FLIGHT = 4


def root_target(endpoint: Endpoint, url: RootUrl, token: Secret, address: str = "") -> XrootTarget:
    """An endpoint's root door, under its settings; `address` pins one of the host's."""
    return XrootTarget(
        url,
        token,
        endpoint.ca_path,
        endpoint.address_family,
        endpoint.redirect_auth,
        address,
        plain_redirects=endpoint.plain_redirects,
    )


def root_path(file: PayloadFile, url: RootUrl) -> str:
    """What the root door calls a file that has an https path: both prefixes are the same directory."""
    below = unquote(file.path.removeprefix(file.endpoint.path))
    return f"{url.path.rstrip('/')}{below}"


def authz(token: Secret) -> Opaque:
    """The opaque part that carries a token; it goes out under TLS only."""
    return Opaque.of(("authz", token))


async def verify(visit: XrootVisit, path: str, token: Secret, size: int, expected: str) -> Verification:
    """Compares size and adler32 of a file with what was copied: a copy that was called a success may be short.

    Where the server has no adler32 to tell, the file is read back, up to 64 MiB; a larger one is
    `checksum_unavailable`, not ok.
    """
    nothing = Checksum(ALGORITHM, expected)
    reply = await visit.ask(stat(path, authz(token)), Phase.VERIFY)
    if reply.refusal is not None and reply.refusal.number == ErrorNumber.NOT_FOUND:
        return Verification(Failure(Reason.NOT_VISIBLE, told(reply.refusal)), nothing)
    seen = _parsed_stat(reply)
    if isinstance(seen, Failure):
        return Verification(_as_verify(seen), nothing)
    if seen.size != size:
        text = f"the destination has {seen.size} bytes, the source {size}"
        return Verification(Failure(Reason.SIZE_MISMATCH, text), nothing, seen.size)
    asked = query_checksum(path, ALGORITHM, authz(token))
    reply = await visit.ask(asked, Phase.VERIFY, timeout_seconds=CHECKSUM_SECONDS)
    found = _told_adler32(reply)
    if found is not None:
        checksum = Checksum(ALGORITHM, expected, found, VerifiedBy.DIGEST)
        wrong = None if same_checksum(ALGORITHM, expected, found) else _wrong_sum(found, expected)
        return Verification(wrong, checksum, size)
    back = await read_back(visit, path, token, size, expected)
    if back.failure is not None:
        return back
    return replace(back, warnings=("no adler32 at the root door: the file was read back instead",))


async def read_back(visit: XrootVisit, path: str, token: Secret, size: int, expected: str) -> Verification:
    """Compares the bytes themselves."""
    nothing = Checksum(ALGORITHM, expected)
    if size > MAX_READBACK_BYTES:
        text = "no adler32 at the root door, and the file is too big to read back"
        return Verification(Failure(Reason.CHECKSUM_UNAVAILABLE, text), nothing, size)
    adler = Adler32()
    count = await read_through(visit, path, token, size + 1, adler)
    if isinstance(count, Failure):
        return Verification(_as_verify(count), nothing, size)
    found = adler.hexdigest()
    checksum = Checksum(ALGORITHM, expected, found, VerifiedBy.READBACK)
    if count != size:
        text = f"the destination gives {count} bytes, the source has {size}"
        return Verification(Failure(Reason.SIZE_MISMATCH, text), checksum, count)
    wrong = None if same_checksum(ALGORITHM, expected, found) else _wrong_sum(found, expected)
    return Verification(wrong, checksum, count)


async def read_through(
    visit: XrootVisit, path: str, token: Secret, length: int, adler: Adler32 | None = None
) -> int | Failure:
    """Reads the first bytes of a file, several pieces in flight; how many there were."""
    opened = await visit.ask(open_file(path, OpenFlag.READ, authz(token)), Phase.VERIFY)
    failure = failure_of(opened)
    if failure is not None or opened.server is None:
        return failure or Failure(Reason.NO_RESPONSE)
    try:
        handle, _ = read_handle(opened.data)
    except WireError as error:
        return Failure(Reason.MALFORMED_RESPONSE, str(error))
    try:
        return await _read_pieces(visit, opened.server, handle, length, adler)
    finally:
        if opened.server.connection.failure is None:
            await visit.quietly(opened.server, close(handle), CHECKSUM_SECONDS)


async def _read_pieces(
    visit: XrootVisit, server: Server, handle: bytes, length: int, adler: Adler32 | None
) -> int | Failure:
    count = 0
    step = READS_IN_FLIGHT * READ_BYTES
    for start in range(0, length, step):
        places = range(start, min(start + step, length), READ_BYTES)
        pieces = [read(handle, place, min(READ_BYTES, length - place)) for place in places]
        replies = await asyncio.gather(
            *(visit.quietly(server, piece, visit.limits.request_seconds) for piece in pieces)
        )
        for piece, reply in zip(pieces, replies, strict=True):
            failure = failure_of(reply)
            if failure is not None:
                return failure
            count += len(reply.data)
            if adler is not None:
                adler.update(reply.data)
            if len(reply.data) < piece.max_reply:
                return count
    return count


async def store(visit: XrootVisit, path: str, token: Secret, chunks: Iterable[bytes]) -> Reply:
    """Makes a new file of these bytes, and our directory with it where it is missing.

    The answer to the open, or the first one that was no success.
    """
    flags = OpenFlag.UPDATE | OpenFlag.NEW | OpenFlag.MKPATH
    opened = await visit.ask(open_file(path, flags, authz(token)), Phase.REQUEST)
    if opened.server is None or not opened.ok:
        return opened
    try:
        handle, _ = read_handle(opened.data)
    except WireError as error:
        return replace(opened, failure=Failure(Reason.MALFORMED_RESPONSE, str(error)))
    for verb, request in _filling(handle, chunks):
        reply = await visit.ask_server(opened.server, verb, request, Phase.REQUEST, path=path)
        if not reply.ok:
            return reply
    return opened


def _filling(handle: bytes, chunks: Iterable[bytes]) -> Iterator[tuple[str, Request]]:
    offset = 0
    for chunk in chunks:
        yield "write", write(handle, offset, chunk)
        offset += len(chunk)
    yield "sync", sync(handle)
    yield "close", close(handle)


async def remove(visit: XrootVisit, path: str, token: Secret) -> Failure | None:
    """Removes a file; one that is not there is fine."""
    reply = await visit.ask(rm(path, authz(token)), Phase.CLEANUP)
    if reply.refusal is not None and reply.refusal.number == ErrorNumber.NOT_FOUND:
        return None
    failure = failure_of(reply)
    if failure is None:
        return None
    reason = Reason.CLEANUP_REFUSED if failure.reason in REFUSALS else Reason.CLEANUP_FAILED
    return Failure(reason, failure.detail or failure.reason.value, failure.blame)


async def absent(visit: XrootVisit, path: str, token: Secret) -> Failure | None:
    """None for a file that is not there (any more)."""
    reply = await visit.ask(stat(path, authz(token)), Phase.CLEANUP)
    if reply.refusal is not None and reply.refusal.number == ErrorNumber.NOT_FOUND:
        return None
    failure = failure_of(reply)
    return Failure(Reason.CLEANUP_FAILED, failure.detail if failure else "it is still there after its removal")


def failure_of(reply: Reply) -> Failure | None:
    """Why a request of ours failed; None when it did not."""
    if reply.refusal is not None:
        return judge_own(reply.refusal, at_login=reply.at_login, where=reply.redirected_to)
    return reply.failure


def _parsed_stat(reply: Reply) -> FileStat | Failure:
    failure = failure_of(reply)
    if failure is not None:
        return failure
    try:
        return read_stat(reply.data)
    except WireError as error:
        return Failure(Reason.MALFORMED_RESPONSE, str(error))


def _told_adler32(reply: Reply) -> str | None:
    """The checksum, if the server told one of the algorithm that was asked for (xroot 1, 13)."""
    if not reply.ok:
        return None
    try:
        checksum = read_checksum(reply.data)
    except WireError:
        return None
    known = checksum.algorithm == ALGORITHM and len(checksum.hex) <= 2 * 4
    return checksum.hex.zfill(8) if known else None


def _wrong_sum(found: str, expected: str) -> Failure:
    return Failure(Reason.CHECKSUM_MISMATCH, f"the destination's adler32 is {found}, the source's {expected}")


def _as_verify(failure: Failure) -> Failure:
    """The failure in the words of this phase."""
    reason = Reason.VERIFY_REFUSED if failure.reason in REFUSALS else Reason.VERIFY_FAILED
    return Failure(reason, failure.detail, failure.blame)
