"""A storage that behaves well but for its tricks, byte by byte over a real socket, and how to look for damage.

Everything that no trick is set for is served from memory: MKCOL, PUT, HEAD, GET and DELETE as a storage would.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.house import House
from tpcharness.model.endpoint import Endpoint

PREFIX = "/dteam"
PIECE = 64 * 1024
FAREWELL_SECONDS = 0.5
DEADLY = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202egnp\u2066<script>alert(1)</script>\x00\x08\ud83d".encode(
    "utf-8", "surrogatepass"
)
"""What must not reach a screen or a page: escapes, C1, bidi, a script, control characters, half a surrogate pair."""


@dataclass(slots=True)
class Asked:
    """A request whose head was read; its body is still on its way."""

    method: str
    target: str
    headers: dict[str, str]
    reader: asyncio.StreamReader
    url: str

    async def body(self) -> bytes:
        return await self.reader.readexactly(int(self.headers.get("content-length", "0")))

    @property
    def tokens(self) -> list[str]:
        """Every credential that came with it."""
        names = ("authorization", "transferheaderauthorization")
        return [self.headers[name].partition(" ")[2] for name in names if name in self.headers]


Trick = Callable[[Asked], AsyncIterator[bytes]]


def says(*pieces: bytes | str) -> Trick:
    """The trick of sending these bytes and closing the connection."""

    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        await asked.body()
        for piece in pieces:
            yield piece.encode() if isinstance(piece, str) else piece

    return trick


def forever(head: bytes, unit: bytes) -> Trick:
    """The trick of never ending: the head, and then one unit after the other as fast as they are taken."""
    block = unit * max(1, PIECE // len(unit))

    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        await asked.body()
        yield head
        while True:
            yield block

    return trick


def drip(head: bytes, unit: bytes, seconds: float = 0.02) -> Trick:
    """The trick of sending a little now and then, for ever."""

    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        await asked.body()
        yield head
        while True:
            yield unit
            await asyncio.sleep(seconds)

    return trick


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(status: str, *lines: str) -> bytes:
    """An answer's head; of Latin-1, as heads are."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def whole(status: str, body: bytes = b"", *lines: str) -> bytes:
    return head(status, f"Content-Length: {len(body)}", *lines) + body


def stream(*bodies: bytes) -> bytes:
    """The answer to a COPY: accepted, and these chunks without an end."""
    return head("202 Accepted", "Transfer-Encoding: chunked") + b"".join(map(chunk, bodies))


@dataclass(slots=True)
class HostileStorage:
    """Serves on a loopback port while its context lasts. `tricks` are by method; `served` counts what was answered."""

    tls: ssl.SSLContext
    tricks: dict[str, Trick] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    port: int = 0
    sent: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def credentials(self) -> set[str]:
        """Every token that was shown to it."""
        return {token for asked in self.asked for token in asked.tokens}

    def endpoint(self, like: Endpoint) -> Endpoint:
        """It as an endpoint, with the token source of another one."""
        return Endpoint("EVIL", self.url + PREFIX, tokens=like.tokens, audience=self.url, scope_base=PREFIX)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            asked = await self._read(reader)
            self.asked.append(asked)
            async for piece in self.tricks.get(asked.method, self._decently)(asked):
                self.sent += len(piece)
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # drain need not give the loop a chance to notice that the client has gone
                if reader.at_eof() or reader.exception() or writer.transport.is_closing():
                    break
        except (asyncio.CancelledError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # the test is over, or the client went away
        finally:
            await _farewell(writer)
            self._tasks.discard(task)

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> Asked:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _version = first.split(" ")
        fields = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        return Asked(method, target, headers, reader, self.url)

    async def _decently(self, asked: Asked) -> AsyncIterator[bytes]:
        body, path = await asked.body(), asked.target
        match asked.method:
            case "OPTIONS":
                yield whole("200 OK", b"", "Allow: OPTIONS, GET, HEAD, PUT, DELETE, COPY, MKCOL")
            case "MKCOL":
                yield whole("201 Created")
            case "PUT":
                self.files[path] = body
                yield whole("201 Created")
            case "HEAD" | "GET" if path in self.files:
                content = self.files[path]
                digest = f"Digest: adler32={zlib.adler32(content):08x}"
                answer = whole("200 OK", content, digest)
                yield answer if asked.method == "GET" else answer[: len(answer) - len(content)]
            case "DELETE" if path in self.files:
                del self.files[path]
                yield whole("204 No Content")
            case "HEAD" | "GET" | "DELETE":
                yield whole("404 Not Found")
            case _:
                yield whole("501 Not Implemented")


async def _farewell(writer: asyncio.StreamWriter) -> None:
    """Closes in order if the client takes part in it; leaves nothing open in any case."""
    try:
        async with asyncio.timeout(FAREWELL_SECONDS):
            writer.close()
            await writer.wait_closed()
    except (asyncio.CancelledError, TimeoutError, OSError):
        pass
    finally:
        writer.transport.abort()


@asynccontextmanager
async def hostile_storage(house: House, **tricks: Trick) -> AsyncIterator[HostileStorage]:
    """A hostile storage that the house takes for one of its grid's: its certificate is good."""
    authority = house.grid.authority
    storage = HostileStorage(authority.server_context(authority.issue("evil")), tricks)
    server = await asyncio.start_server(storage.serve, "127.0.0.1", 0, ssl=storage.tls)
    storage.port = server.sockets[0].getsockname()[1]
    try:
        yield storage
    finally:
        server.close()
        await storage.stop()
        await server.wait_closed()
