"""One connection to a root door, from the hello to its end; requests that take long are answered later."""

from __future__ import annotations

import asyncio
import itertools
import os
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass

from tpcharness.testbed.authorisation import Operation
from tpcharness.testbed.files import Directory, File, FileWriter
from tpcharness.testbed.xroot import frames
from tpcharness.testbed.xroot.copies import Copy
from tpcharness.testbed.xroot.entrance import Entrance, Premises
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.testbed.xroot.frames import Asked, GarbledError, XrootError
from tpcharness.testbed.xroot.pulling import Order
from tpcharness.testbed.xroot.rendezvous import Meeting

_NEW, _DELETE, _UPDATE, _MKPATH, _RETSTAT = 0x0008, 0x0002, 0x0020, 0x0100, 0x0400
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FOR_EVER_SECONDS = 1800
_CLOSED_PORT = 1


@dataclass(slots=True)
class _Open:
    """A file that this connection has opened."""

    path: str
    file: File
    writer: FileWriter | None = None
    copy: Copy | None = None


class Visit:
    """Serves one connection."""

    def __init__(
        self, premises: Premises, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:
        self._premises = premises
        self._reader = reader
        self._writer = writer
        self._port = port
        self._entrance = Entrance(premises, reader, writer)
        self._open: dict[bytes, _Open] = {}
        self._handles = itertools.count()
        self._work: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Closes the connection at once."""
        if self._writer.transport is not None:
            self._writer.transport.abort()

    async def serve(self) -> None:
        """Until the client or a fault ends it; copies into files that are open then are given up."""
        try:
            if await self._entrance.greet():
                while (asked := await frames.read_request(self._reader)) is not None:
                    await self._answer(asked)
        except (GarbledError, ConnectionError, ssl.SSLError):
            pass  # the client's trouble
        finally:
            work = list(self._work)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            for opened in self._open.values():
                await _end(opened)
            self.cut()

    def _has(self, fault: RootFault) -> bool:
        return fault in self._premises.faults

    async def _answer(self, asked: Asked) -> None:
        """One request: an answer, a refusal, or something that a fault wants."""
        try:
            answer = await self._handle(asked)
        except XrootError as error:
            answer = frames.refusal(asked.stream, error.number, error.text)
        if answer is not None:
            self._writer.write(answer)
            await self._writer.drain()

    async def _handle(self, asked: Asked) -> bytes | None:
        match asked.code:
            case frames.PROTOCOL:
                return await self._entrance.protocol(asked)
            case frames.LOGIN:
                return await self._entrance.log_in(asked)
            case frames.AUTH:
                return await self._entrance.authenticate(asked)
        if not self._entrance.user:
            raise XrootError(3006, "invalid request; user not logged in")
        match asked.code:
            case frames.STAT:
                return self._stat(asked)
            case frames.MKDIR:
                return self._mkdir(asked)
            case frames.RM:
                return self._rm(asked)
            case frames.OPEN:
                return await self._open_file(asked)
            case frames.READ:
                return await self._read(asked)
            case frames.READV:
                return await self._read_ranges(asked)
            case frames.WRITE:
                return await self._write(asked)
            case frames.SYNC:
                return self._sync(asked)
            case frames.CLOSE:
                return await self._close(asked)
            case frames.QUERY:
                return await self._query(asked)
            case frames.PING:
                return frames.answer(asked.stream)
            case _:
                raise XrootError(3006, "invalid request; unknown code")

    def _later(self, asked: Asked, work: Awaitable[bytes]) -> bytes:
        """Promises an answer, and gives it when the work is done."""

        async def see_to_it() -> None:
            try:
                answer = await work
            except XrootError as error:
                answer = frames.refusal(asked.stream, error.number, error.text)
            self._writer.write(frames.unasked(answer))

        task = asyncio.get_running_loop().create_task(see_to_it())
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return frames.later(asked.stream, _FOR_EVER_SECONDS)

    # -- files

    def _find(self, path: str, verb: str) -> File | Directory:
        node = self._premises.files.find(path)
        if node is None:
            raise XrootError(3011, f"Unable to {verb} {path}; no such file or directory")
        return node

    def _opened(self, asked: Asked) -> _Open:
        opened = self._open.get(asked.handle)
        if opened is None:
            raise XrootError(3004, "handle does not refer to an open file")
        return opened

    def _new_handle(self, opened: _Open) -> bytes:
        handle = next(self._handles).to_bytes(4, "little")
        self._open[handle] = opened
        return handle

    def _stat(self, asked: Asked) -> bytes:
        if not asked.data:
            return frames.answer(asked.stream, _stat_text(self._opened(asked).file))
        self._entrance.check(asked, Operation.STAT, "locate")
        return frames.answer(asked.stream, _stat_text(self._find(asked.path, "locate")))

    def _mkdir(self, asked: Asked) -> bytes:
        self._entrance.check(asked, Operation.MKCOL, "mkdir")
        try:
            self._premises.files.make_directory(asked.path, parents=bool(asked.body[0]))
        except FileExistsError:
            pass
        except OSError as error:
            raise XrootError(3011, f"Unable to mkdir {asked.path}; {os.strerror(error.errno or 2).lower()}") from error
        return frames.answer(asked.stream)

    def _rm(self, asked: Asked) -> bytes:
        self._entrance.check(asked, Operation.DELETE, "remove")
        self._find(asked.path, "remove")
        self._premises.files.remove(asked.path)
        return frames.answer(asked.stream)

    async def _open_file(self, asked: Asked) -> bytes:
        words, tpc = asked.words, "tpc.key" in asked.words
        if not self._entrance.peer:
            if self._has(RootFault.OVERLOADED):
                return frames.wait(asked.stream, 100)
            if self._has(RootFault.REDIRECT_LOOP):
                return frames.redirect(asked.stream, self._port, "localhost")
            if self._has(RootFault.POOLS_DOWN) or (self._has(RootFault.POOL_DOWN) and "tried" not in words):
                return frames.redirect(asked.stream, _CLOSED_PORT, "localhost")
        if tpc and self._has(RootFault.NO_TPC):
            raise XrootError(3013, f"Unable to open {asked.path}; tpc not supported")
        if tpc and "tpc.org" in words:
            return self._later(asked, self._open_for_peer(asked))
        if asked.options & (_NEW | _DELETE | _UPDATE):
            return self._open_for_writing(asked)
        self._entrance.check(asked, Operation.READ, "open")
        file = self._find(asked.path, "open")
        if isinstance(file, Directory):
            raise XrootError(3016, f"Unable to open {asked.path}; is a directory")
        if tpc and not self._has(RootFault.FORGETS_KEYS):
            await self._premises.meetings.announce(_meeting(asked, self._entrance.origin, words.get("tpc.dst", "")))
        return self._opening(asked, _Open(asked.path, file))

    async def _open_for_peer(self, asked: Asked) -> bytes:
        if self._has(RootFault.REFUSES_PEER):
            raise XrootError(3010, f"Unable to open {asked.path}; permission denied")
        if self._premises.peers_by_token and "authz" in asked.words:
            self._entrance.check(asked, Operation.READ, "open")
        else:
            await self._premises.meetings.claim(_meeting(asked, asked.words["tpc.org"], "localhost"))
        file = self._find(asked.path, "open")
        if isinstance(file, Directory):
            raise XrootError(3016, f"Unable to open {asked.path}; is a directory")
        return self._opening(asked, _Open(asked.path, file))

    def _open_for_writing(self, asked: Asked) -> bytes:
        files, path, words = self._premises.files, asked.path, asked.words
        there = files.find(path)
        self._entrance.check(asked, Operation.CREATE if there is None else Operation.MODIFY, "create")
        if there is not None and asked.options & _NEW:
            raise XrootError(3018, f"Unable to create {path}; file exists")
        if isinstance(there, Directory):
            raise XrootError(3016, f"Unable to create {path}; is a directory")
        if asked.options & _MKPATH:
            files.make_parents(path)
        try:
            writer = files.create(path, in_place=True)
        except OSError as error:
            raise XrootError(3011, f"Unable to create {path}; no such file or directory") from error
        copy = None
        if "tpc.src" in words and not self._has(RootFault.IGNORES_TPC):
            copy = Copy(_order(words, self._entrance.origin), writer, self._premises.client_ssl, self._premises.faults)
        return self._opening(asked, _Open(path, writer.file, writer, copy))

    def _opening(self, asked: Asked, opened: _Open) -> bytes:
        said = self._new_handle(opened)
        if asked.options & _RETSTAT:
            said += bytes(8) + _stat_text(opened.file)
        return frames.answer(asked.stream, said)

    async def _read(self, asked: Asked) -> bytes | None:
        opened = self._opened(asked)
        offset, length = int.from_bytes(asked.body[4:12], "big"), int.from_bytes(asked.body[12:16], "big")
        if offset and await self._goes_silent():
            return None
        await self._premises.fetch(opened.path)
        return frames.answer(asked.stream, await self._bytes(opened, offset, length))

    async def _goes_silent(self) -> bool:
        """Whether a fault leaves a read in the middle of a file without an answer; others end or block the visit."""
        if self._entrance.peer:
            stalls, cuts = RootFault.STALLS, RootFault.CUTS
        else:
            stalls, cuts = RootFault.STALLS_READERS, RootFault.CUTS_READERS
            if self._has(RootFault.HANGS_READERS):
                await asyncio.Event().wait()
        if self._has(cuts):
            raise ConnectionResetError
        return self._has(stalls)

    async def _bytes(self, opened: _Open, offset: int, length: int) -> bytes:
        """What is given of a file, by the faults that there are."""
        if self._has(RootFault.SHORT_READS) and not self._entrance.peer:
            length = max(0, min(length, opened.file.size // 2 - offset))
        data = await opened.file.read(offset, length)
        if self._has(RootFault.WRONG_CONTENT) and data and not offset:
            data = bytes([data[0] ^ 0xFF]) + data[1:]
        return data

    async def _read_ranges(self, asked: Asked) -> bytes:
        """A vector read: each range after a head of its own, whole or not at all."""
        if self._has(RootFault.NO_READV):
            raise XrootError(3013, "readv operation not supported")
        said = b""
        for wanted in frames.read_ranges(asked.data):
            opened = self._open.get(wanted.handle)
            if opened is None:
                raise XrootError(3004, "readv does not refer to an open file")
            place = 0 if self._has(RootFault.SCRAMBLES_READV) else wanted.offset
            data = await self._bytes(opened, place, wanted.length)
            if len(data) < wanted.length:
                raise XrootError(3007, f"Unable to readv {opened.path}; illegal seek")
            said += wanted.answered(data, wanted.offset)
        return frames.answer(asked.stream, said)

    async def _write(self, asked: Asked) -> bytes | None:
        opened = self._opened(asked)
        offset = int.from_bytes(asked.body[4:12], "big")
        if offset and self._has(RootFault.STALLS_WRITERS):
            return None
        if offset and self._has(RootFault.CUTS_WRITERS):
            raise ConnectionResetError
        if offset and self._has(RootFault.LOSES_WRITES):
            return frames.answer(asked.stream)
        if self._has(RootFault.FULL):
            raise XrootError(3009, f"Unable to write {opened.path}; no space left on device")
        if opened.writer is None or offset != opened.file.size:
            raise XrootError(3005, "this storage writes from the beginning to the end")
        data = asked.data
        if self._has(RootFault.DAMAGES_WRITES) and data:
            data = bytes([data[0] ^ 0xFF]) + data[1:]
        try:
            await opened.writer.write(data)
        except OSError as error:
            raise XrootError(3009, f"Unable to write {opened.path}; no space left on device") from error
        return frames.answer(asked.stream)

    def _sync(self, asked: Asked) -> bytes | None:
        copy = self._opened(asked).copy
        if copy is None:
            return frames.answer(asked.stream)
        if not copy.started:
            copy.start()
            return frames.answer(asked.stream)
        if self._has(RootFault.DROPS_CLIENT):
            raise ConnectionResetError
        if self._has(RootFault.GARBAGE_LENGTH):
            return asked.stream + b"\0\0\x7f\xff\xff\xff"

        async def end() -> bytes:
            await copy.wait()
            return frames.answer(asked.stream)

        return self._later(asked, end())

    async def _close(self, asked: Asked) -> bytes:
        opened = self._opened(asked)
        del self._open[asked.handle]
        await _end(opened)
        return frames.answer(asked.stream)

    # -- questions

    async def _query(self, asked: Asked) -> bytes:
        match int.from_bytes(asked.body[:2], "big"):
            case 3:
                return self._later(asked, self._checksum(asked))
            case 5:
                return frames.answer(asked.stream, b"oss.cgroup=public&oss.space=1099511627776&oss.free=549755813888\0")
            case 7:
                return frames.answer(asked.stream, self._config(asked.text.split()))
            case 64:
                copy = self._opened(asked).copy
                if copy is None or asked.data != b"ofs.tpc cancel\0" or self._has(RootFault.NO_CANCEL):
                    raise XrootError(3013, "fctl operation not supported")
                await copy.cancel()
                return frames.answer(asked.stream)
            case _:
                raise XrootError(3001, "Required query argument not present")

    async def _checksum(self, asked: Asked) -> bytes:
        self._entrance.check(asked, Operation.STAT, "checksum")
        file = self._find(asked.path, "checksum")
        if self._has(RootFault.NO_CHECKSUM) or isinstance(file, Directory):
            raise XrootError(3013, f"Unable to checksum {asked.path}; not supported")
        name = "crc32c" if self._has(RootFault.OTHER_CHECKSUM) else asked.words.get("cks.type", "adler32")
        if name not in {"adler32", "crc32c", "md5"}:
            raise XrootError(3012, f"{name} checksum not supported.")
        digest = await file.digest(name)
        if self._has(RootFault.LIES_ABOUT_CHECKSUM):
            digest = bytes(byte ^ 0x55 for byte in digest)
        return frames.answer(asked.stream, f"{name} {digest.hex()}".encode() + b"\0N")

    def _config(self, words: list[str]) -> bytes:
        """A line for each word; what is not set answers with itself."""
        known = {"role": "server", "chksum": "0:adler32,1:crc32c,2:md5", "version": "v5.5.3"}
        if not self._premises.faults & {RootFault.NO_TPC, RootFault.IGNORES_TPC}:
            known["tpc"] = "1"
        return "".join(f"{known.get(word, word)}\n" for word in words).encode() + b"\0"


async def _end(opened: _Open) -> None:
    """Closes a file: a copy into it that is not over leaves what it has brought."""
    if opened.copy is not None:
        await opened.copy.cancel()
    if opened.writer is not None:
        opened.writer.keep()


def _stat_text(node: File | Directory) -> bytes:
    size, flags = (node.size, 48) if isinstance(node, File) else (4096, 51)
    moment = int(node.modified)
    return f"1 {size} {flags} {moment} {moment} {moment} 0644 xrootd xrootd".encode() + b"\0"


def _meeting(asked: Asked, origin: str, host: str) -> Meeting:
    return Meeting(asked.words["tpc.key"], origin, asked.path, "localhost" if host in _LOOPBACK else host)


def _order(words: dict[str, str], origin: str) -> Order:
    host, _, port = words["tpc.src"].rpartition(":")
    scgi = "&".join(part for part in words.get("tpc.scgi", "").split("\t") if part)
    return Order(host, int(port), words.get("tpc.lfn", "/"), words["tpc.key"], origin, scgi)
