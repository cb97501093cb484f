"""Direct requests: GET, HEAD, PUT, DELETE, MKCOL, MOVE, PROPFIND and OPTIONS, the same for all dialects.

What is done is decided here; how it is said, and where implementations do differently, is asked of the dialect.
"""

from __future__ import annotations

import asyncio
import errno
import time
from urllib.parse import quote, urlsplit

from tpcharness.testbed.authorisation import Operation, components
from tpcharness.testbed.call import Call
from tpcharness.testbed.dialects.vocabulary import Cause, Entry, Pairs, Reply
from tpcharness.testbed.effects import BrokenUpload, Digest, Digests, Drip, Full, Hidden, Kept, Spoil, Unread
from tpcharness.testbed.files import PIECE, Directory, File, FileWriter, Node
from tpcharness.testbed.reading import serve
from tpcharness.testbed.spoiling import Spoiler
from tpcharness.testbed.stream import PeerGoneError


async def options(call: Call) -> None:
    await call.answer(Reply(200, fields=call.dialect.options_fields()))


async def head(call: Call) -> None:
    call.require(Operation.STAT)
    node = _found(call)
    if isinstance(node, Directory):
        await call.answer(Reply(200, length=call.dialect.directory_length))
    elif not await _queued(call, node):
        await call.answer(Reply(200, length=node.size, fields=await _file_fields(call, node)))


async def get(call: Call) -> None:
    call.require(Operation.READ)
    node = _found(call)
    if isinstance(node, Directory):
        raise call.refuse(Cause.IS_DIRECTORY)
    if call.redirects:
        await call.redirect()
        return
    if await _queued(call, node):
        return
    await serve(call, node, await _file_fields(call, node))


async def put(call: Call) -> None:
    before = call.files.find(call.path)
    call.require(Operation.MODIFY if isinstance(before, File) else Operation.CREATE)
    if isinstance(before, Directory) or call.path == "/":
        raise call.refuse(Cause.IS_DIRECTORY)
    if not call.files.has_parent(call.path) and not call.dialect.put_makes_parents:
        raise call.refuse(Cause.PARENT_MISSING)
    if call.redirects:
        await call.redirect()
        return
    try:
        call.files.make_parents(call.path)
        full = call.fault(Full)
        writer = call.create(full.after_bytes if full else None)
    except (NotADirectoryError, FileExistsError):
        raise call.refuse(Cause.PARENT_MISSING) from None
    await _receive(call, writer)
    status = call.dialect.put_created if before is None else call.dialect.put_replaced
    await call.answer(Reply(status, call.dialect.put_body))


async def delete(call: Call) -> None:
    if call.dialect.stats_before_delete:
        call.require(Operation.STAT, method="HEAD")
    call.require(Operation.DELETE)
    try:
        if not call.fault(Kept):
            call.files.remove(call.path)
    except FileNotFoundError:
        raise call.refuse(Cause.MISSING) from None
    except OSError:
        raise call.refuse(Cause.NOT_EMPTY) from None
    await call.answer(Reply(call.dialect.deleted, call.dialect.done_body))


async def mkcol(call: Call) -> None:
    call.require(Operation.MKCOL)
    try:
        call.files.make_directory(call.path, parents=call.dialect.mkcol_makes_parents)
    except FileExistsError:
        if call.dialect.mkcol_again >= 400 or isinstance(call.files.find(call.path), File):
            raise call.refuse(Cause.COLLECTION_EXISTS) from None
    except (FileNotFoundError, NotADirectoryError):
        raise call.refuse(Cause.PARENT_MISSING) from None
    await call.answer(Reply(201, call.dialect.done_body))


async def move(call: Call) -> None:
    plain = components(urlsplit(call.request.fields.get("Destination")).path)
    if not plain:
        raise call.refuse(Cause.BAD_REQUEST)
    destination = "/" + "/".join(plain)
    before = call.files.find(destination)
    call.require(Operation.MODIFY)
    call.require(Operation.CREATE if before is None else Operation.MODIFY, destination)
    if before is not None and call.request.fields.get("Overwrite").upper() == "F":
        raise call.refuse(Cause.EXISTS)
    try:
        call.files.move(call.path, destination)
    except IsADirectoryError:
        raise call.refuse(Cause.IS_DIRECTORY) from None
    except (FileNotFoundError, NotADirectoryError):
        missing = call.files.find(call.path) is None
        raise call.refuse(Cause.MISSING if missing else Cause.PARENT_MISSING) from None
    await call.answer(Reply(201, call.dialect.done_body))


async def propfind(call: Call) -> None:
    node = call.files.find(call.path)
    deep = call.request.fields.get("Depth", "1") != "0" and isinstance(node, Directory)
    call.require(Operation.LIST if deep else Operation.STAT)
    await call.invite()
    await call.body.discard(limit=PIECE)
    entries = [_entry(call, call.path, _found(call))]
    if deep:
        entries += [_entry(call, path, child) for path, child in call.files.children(call.path)]
    fields: Pairs = (("Content-Type", call.dialect.multistatus_type),)
    await call.answer(Reply(207, call.dialect.multistatus(tuple(entries)), fields))


HANDLERS = {
    "OPTIONS": options,
    "HEAD": head,
    "GET": get,
    "PUT": put,
    "DELETE": delete,
    "MKCOL": mkcol,
    "MOVE": move,
    "PROPFIND": propfind,
}


def _found(call: Call) -> Node:
    node = call.files.find(call.path)
    if node is None or (isinstance(node, File) and _hidden(call, node)):
        raise call.refuse(Cause.MISSING)
    return node


def _hidden(call: Call, file: File) -> bool:
    """Whether the namespace does not show the file yet (xrootd#1314)."""
    hidden = call.fault(Hidden)
    return hidden is not None and (not hidden.milliseconds or time.time() - file.modified < hidden.milliseconds / 1000)


async def _queued(call: Call, file: File) -> bool:
    """Whether the checksum is only now being computed, and that was the answer: DPM's 202 (http-tpc 1.7)."""
    if not call.dialect.digest_queued or not call.request.fields.has("Want-Digest") or file.sums_asked:
        return False
    file.sums_asked = True
    await call.answer(Reply(202))
    return True


async def _file_fields(call: Call, file: File) -> Pairs:
    """What the head of an answer says about a file, besides its length."""
    others = call.dialect.file_fields(call.method, file.modified)
    algorithm = call.dialect.wanted_digest(call.request.fields)
    fault = call.fault(Digest)
    if not algorithm or (fault and fault.what is Digests.ABSENT):
        return others
    if fault and fault.what is Digests.GARBLED:
        return (("Digest", f"{algorithm}=not-a-number"), *others)
    if fault and fault.what is Digests.OTHER:
        algorithm = "md5"
    raw = await file.digest(algorithm)
    if fault and fault.what is Digests.WRONG:
        raw = bytes([raw[0] ^ 0xFF]) + raw[1:]
    return (call.dialect.digest(algorithm, raw, call.request.fields), *others)


async def _receive(call: Call, writer: FileWriter) -> None:
    """Writes the request's body into the file. Raises RefusalError, or PeerGoneError when it ends too early."""
    try:
        await call.invite()
        await _write_body(call, writer)
        writer.commit()
    except OSError as error:
        _drop(call, writer)
        if isinstance(error, ConnectionError):
            raise PeerGoneError(call.body.received) from error
        if call.dialect.closes_when_full:
            call.wire.cut()
        raise call.refuse(Cause.NO_SPACE if error.errno == errno.ENOSPC else Cause.SERVER_ERROR) from error
    except BaseException:
        _drop(call, writer)
        raise


async def _write_body(call: Call, writer: FileWriter) -> None:
    broken, unread, slow = call.fault(BrokenUpload), call.fault(Unread), call.fault(Drip)
    spoiler = Spoiler(call.fault(Spoil))
    while data := await call.body.piece():
        await writer.write(spoiler.take(data))
        if broken and call.body.received >= broken.after_bytes:
            call.wire.cut()
            raise PeerGoneError(call.body.received)
        if unread and call.body.received >= unread.after_bytes:
            await asyncio.Event().wait()
        if slow:
            await asyncio.sleep(len(data) / slow.bytes_per_second)


def _drop(call: Call, writer: FileWriter) -> None:
    if call.dialect.keeps_debris:
        writer.keep()
    else:
        writer.abandon()


def _entry(call: Call, path: str, node: Node) -> Entry:
    directory = isinstance(node, Directory)
    size = (call.dialect.directory_length or 0) if isinstance(node, Directory) else node.size
    href = quote(path) + ("/" if directory and call.dialect.slashes_collections and path != "/" else "")
    return Entry(href, directory, size, node.modified)
