"""An xroot server that answers what a test tells it to, frame by frame, and remembers all that it was sent."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from tests.support import xroot_frames as frames

OPEN, STAT, SYNC, CLOSE, RM, QUERY, READ = 3010, 3017, 3016, 3003, 3014, 3001, 3013
_HELLO_BYTES = 20
_PLAIN, _TLS = 0x00300001, 0xD7300001


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came in. `tls`: under TLS."""

    stream: int
    code: int
    body: bytes
    data: bytes
    tls: bool

    @property
    def path(self) -> str:
        return self.data.partition(b"?")[0].decode()

    @property
    def opaque(self) -> str:
        return self.data.partition(b"?")[2].decode()


Script = Callable[[Seen], bytes | None]
"""The frames to send for a request; None closes the connection."""


def fine(seen: Seen) -> bytes:
    """Everything is well and empty."""
    return frames.answer(seen.stream, 0)


def redirect(seen: Seen, port: int, text: str) -> bytes:
    return frames.answer(seen.stream, 4004, struct.pack(">i", port) + text.encode())


def wait(seen: Seen, seconds: int) -> bytes:
    return frames.answer(seen.stream, 4005, struct.pack(">i", seconds))


def deferred(seen: Seen, seconds: int = 1800) -> bytes:
    return frames.answer(seen.stream, 4006, struct.pack(">i", seconds))


@dataclass(slots=True)
class ScriptedXroot:
    """Serves on a loopback port while the context lasts.

    With `tls` it begins TLS for whoever asks for it, or for everybody if it is not `shy`. `offers` is what the login
    answers; `hello` replaces the first answer. `received` is every byte, as it was after TLS was taken off.
    """

    script: Script = fine
    tls: ssl.SSLContext | None = None
    shy: bool = False
    offers: bytes = b""
    hello: bytes | None = None
    seen: list[Seen] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)
    plain: bytearray = field(default_factory=bytearray)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> ScriptedXroot:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._converse(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the test is over, or the client went away
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.plain += await reader.readexactly(_HELLO_BYTES)
        tls = False
        while True:
            request = await self._request(reader, tls)
            answer: bytes | None
            if request.code == 3006:
                begins = self.tls is not None and (not self.shy or bool(request.body[4] & 0x04))
                flags = _TLS if begins else _PLAIN
                answer = self.hello or frames.HELLO_ANSWER
                answer += frames.answer(0, 0, struct.pack(">iI", 0x511, flags))
                writer.write(answer)
                if begins:
                    assert self.tls is not None
                    await writer.start_tls(self.tls)
                    tls = True
                continue
            self.seen.append(request)
            if request.code == 3007:
                answer = frames.login_offering(self.offers)
            elif request.code == 3000:
                answer = fine(request)
            else:
                answer = self.script(request)
            if answer is None:
                return
            writer.write(answer)
            await writer.drain()

    async def _request(self, reader: asyncio.StreamReader, tls: bool) -> Seen:
        head = await reader.readexactly(24)
        stream, code, body, length = struct.unpack(">HH16si", head)
        data = await reader.readexactly(length)
        (self.received if tls else self.plain).extend(head + data)
        return Seen(stream, code, body, data, tls)

    @property
    def asked(self) -> list[Seen]:
        """What came after the logins."""
        return [each for each in self.seen if each.code not in {3000, 3007}]
