"""HTTP/1.1 on asyncio streams, for both ends: heads and bodies are read with bounds, written byte by byte as asked.

Knows framing only; what is said in it is the business of dialects. No header is ever added or changed here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

PIECE = 256 * 1024
MAX_HEAD = 32 * 1024
MAX_FIELDS = 100
STREAM_LIMIT = 64 * 1024
CLOSE_SECONDS = 1.0

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+) HTTP/1\.([01])\Z")
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5]\d\d)(?: (.*))?\Z")
_HEX = re.compile(r"[0-9A-Fa-f]{1,15}\Z")
_DECIMAL = re.compile(r"[0-9]{1,18}\Z")


class ProtocolError(Exception):
    """The peer does not speak HTTP/1.1, or more of it than we take."""


class PeerGoneError(Exception):
    """The connection ended in the middle of a message; `received` bytes of the body had come."""

    def __init__(self, received: int = 0) -> None:
        super().__init__(f"the connection ended after {received} bytes of body")
        self.received = received


class Fields:
    """Header fields in order; names are compared without case."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: tuple[tuple[str, str], ...] = ()) -> None:
        self._pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        """The first value of that name."""
        return next(iter(self.all(name)), default)

    def all(self, name: str) -> tuple[str, ...]:
        wanted = name.lower()
        return tuple(value for key, value in self._pairs if key.lower() == wanted)

    def has(self, name: str) -> bool:
        return bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request. `target` is as sent; `path` is still percent-encoded."""

    method: str
    target: str
    fields: Fields
    version: str = "1.1"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def keep_alive(self) -> bool:
        """Whether the client would use the connection again (RFC 9112 9.3)."""
        options = {option.strip().lower() for option in self.fields.get("Connection").split(",")}
        return "keep-alive" in options if self.version == "1.0" else "close" not in options

    @property
    def token(self) -> str | None:
        """The bearer token of the header, else of `authz` in the query (XRootD and EOS carry it there)."""
        scheme, _, credentials = self.fields.get("Authorization").partition(" ")
        if not credentials:
            scheme, _, credentials = self.query("authz").partition(" ")
        return credentials.strip() or None if scheme.lower() == "bearer" else None

    def query(self, name: str) -> str:
        """The first value of that name in the query, decoded."""
        pairs = (pair.partition("=") for pair in self.target.partition("?")[2].split("&"))
        return next((unquote(value) for key, _, value in pairs if key == name), "")


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The head of a final response."""

    status: int
    phrase: str
    fields: Fields

    @property
    def length(self) -> int | None:
        """The Content-Length; None when there is none that can be read."""
        text = self.fields.get("Content-Length")
        return int(text) if _DECIMAL.match(text) else None

    @property
    def keep_alive(self) -> bool:
        return self.fields.get("Connection").lower() != "close"


def head(first_line: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    """The bytes of a message's head, in the order given."""
    lines = [first_line, *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Wire:
    """One connection, either end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def gone(self) -> bool:
        """Whether the peer has closed its side, and all it sent has been read."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def read_request(self) -> Request | None:
        """The next request; None when the peer has closed the connection between two.

        Raises ProtocolError, or PeerGoneError when the connection ends inside the head.
        """
        lines = await self._head_lines()
        if lines is None:
            return None
        found = _REQUEST_LINE.match(lines[0])
        if found is None:
            raise ProtocolError(f"not a request line: {lines[0][:80]!r}")
        method, target, minor = found.groups()
        if not target.startswith("/") and target != "*":
            # the absolute form, which a client sends to a proxy
            target = "/" + target.partition("://")[2].partition("/")[2]
        return Request(method, target, _fields(lines[1:]), f"1.{minor}")

    async def read_response(self, *, interim: bool = False) -> ResponseHead:
        """The next response's head. Interim ones (1xx) are passed over, unless asked for.

        Raises ProtocolError, or PeerGoneError when the connection ends before the head does.
        """
        while True:
            lines = await self._head_lines()
            if lines is None:
                raise PeerGoneError
            found = _STATUS_LINE.match(lines[0])
            if found is None:
                raise ProtocolError(f"not a status line: {lines[0][:80]!r}")
            response = ResponseHead(int(found[1]), found[2] or "", _fields(lines[1:]))
            if interim or response.status >= 200:
                return response

    def request_body(self, request: Request) -> Body:
        """The body that follows this request. Raises ProtocolError when its length is in doubt."""
        return self._framed(request.fields, until_close=False)

    def response_body(self, response: ResponseHead, method: str) -> Body:
        """The body that follows this response to a request with that method."""
        if method == "HEAD" or response.status in (204, 304):
            return Body(self._reader, 0)
        return self._framed(response.fields, until_close=True)

    async def send(self, *pieces: bytes) -> None:
        """Sends the pieces, each as a TLS record of its own, and waits while the peer is slow.

        Raises ConnectionError when the peer has gone.
        """
        for piece in pieces:
            self._writer.write(piece)
        await self._writer.drain()

    async def send_chunk(self, data: bytes) -> None:
        """Sends one chunk: size line, data and line end, as XRootD writes them (recording pull-ok)."""
        await self.send(f"{len(data):x}\r\n".encode(), data, b"\r\n")

    async def send_last_chunk(self, trailers: tuple[tuple[str, str], ...] = ()) -> None:
        await self.send(b"0\r\n", "".join(f"{name}: {value}\r\n" for name, value in trailers).encode() + b"\r\n")

    async def until_gone(self) -> None:
        """Waits for the peer to close; what it sends meanwhile is read away."""
        try:
            while await self._reader.read(PIECE):
                pass
        except ConnectionError:
            pass

    async def close(self) -> None:
        """Closes in order; whoever does not take the farewell in a second is cut off."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self.cut()

    def cut(self) -> None:
        """Drops the connection as it is, without any farewell."""
        self._writer.transport.abort()

    async def _head_lines(self) -> list[str] | None:
        try:
            block = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial.strip():
                raise PeerGoneError from error
            return None
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("the head is too long") from error
        except ConnectionError as error:
            raise PeerGoneError from error
        lines = block[:-4].decode("latin-1").split("\r\n")
        if len(block) > MAX_HEAD or len(lines) > MAX_FIELDS + 1:
            raise ProtocolError("the head is too long")
        return lines

    def _framed(self, fields: Fields, *, until_close: bool) -> Body:
        encodings, lengths = fields.all("Transfer-Encoding"), set(fields.all("Content-Length"))
        if encodings and lengths:
            raise ProtocolError("both Transfer-Encoding and Content-Length")
        if encodings:
            if [encoding.lower() for encoding in encodings] != ["chunked"]:
                raise ProtocolError("unknown Transfer-Encoding")
            return Body(self._reader, None, chunked=True)
        if not lengths:
            return Body(self._reader, None if until_close else 0)
        length = lengths.pop()
        if lengths or not _DECIMAL.match(length):
            raise ProtocolError("the Content-Length is not one number")
        return Body(self._reader, int(length))


class Body:
    """One message body, read piece by piece.

    `length` None without `chunked` means: until the connection closes.
    """

    def __init__(self, reader: asyncio.StreamReader, length: int | None, *, chunked: bool = False) -> None:
        self._reader = reader
        self._left = 0 if chunked else length
        self._chunked = chunked
        self._begun = False
        self.length = length
        self.received = 0
        self.finished = length == 0

    async def piece(self) -> bytes:
        """The next bytes, at most 256 KiB; empty at the end.

        Raises PeerGoneError when the connection ends too early, ProtocolError for broken chunks.
        """
        if self.finished:
            return b""
        try:
            if self._chunked and self._left == 0 and not await self._next_chunk():
                self.finished = True
                return b""
            data = await self._reader.read(PIECE if self._left is None else min(PIECE, self._left))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise PeerGoneError(self.received) from error
        except asyncio.LimitOverrunError as error:
            raise ProtocolError("a chunk's size line is too long") from error
        if not data:
            if self._left is not None:
                raise PeerGoneError(self.received)
            self.finished = True
            return b""
        self.received += len(data)
        if self._left is not None:
            self._left -= len(data)
            self.finished = self._left == 0 and not self._chunked
        return data

    async def text(self, limit: int = 4096) -> str:
        """At most `limit` bytes as text; what is more stays unread."""
        data = b""
        while len(data) < limit and (piece := await self.piece()):
            data += piece
        return data[:limit].decode("utf-8", "replace")

    async def discard(self, *, limit: int = 64 * 1024 * 1024, seconds: float = 2.0) -> bool:
        """Reads the rest away, within bounds; says whether the end was reached. Never raises for the peer."""
        try:
            async with asyncio.timeout(seconds):
                while self.received < limit and await self.piece():
                    pass
        except (PeerGoneError, ProtocolError, TimeoutError):
            return False
        return self.finished

    async def _next_chunk(self) -> bool:
        if self._begun and await self._line():
            raise ProtocolError("a chunk is longer than its size line says")
        self._begun = True
        size = (await self._line()).partition(";")[0].strip()
        if not _HEX.match(size):
            raise ProtocolError(f"not a chunk size: {size[:40]!r}")
        self._left = int(size, 16)
        if self._left:
            return True
        for _ in range(MAX_FIELDS):
            if not await self._line():
                return False
        raise ProtocolError("too many trailers")

    async def _line(self) -> str:
        line = await self._reader.readuntil(b"\r\n")
        if len(line) > MAX_HEAD:
            raise ProtocolError("a line is too long")
        return line[:-2].decode("latin-1")


def _fields(lines: list[str]) -> Fields:
    pairs = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.match(name) or "\0" in value or "\r" in value or "\n" in value:
            raise ProtocolError(f"not a header field: {line[:80]!r}")
        pairs.append((name, value.strip(" \t")))
    return Fields(tuple(pairs))
