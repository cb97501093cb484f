"""Frames as a server reads and writes them, and as the copy program of a destination does (XProtocol 5.1)."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field

VERSION = 0x511
HELLO_BYTES = 20
HELLO = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\x07\xdc"
MAX_REQUEST = 16 * 1024 * 1024
"""XrdCl writes 8 MiB at once."""

AUTH, QUERY, CLOSE, PROTOCOL, LOGIN, MKDIR, OPEN, PING = 3000, 3001, 3003, 3006, 3007, 3008, 3010, 3011
READ, RM, SYNC, STAT, WRITE, PREPARE, READV, TRUNCATE = 3013, 3014, 3016, 3017, 3019, 3021, 3025, 3028
_OK, _ATTN, _ERROR, _REDIRECT, _WAIT, _WAITRESP = 0, 4001, 4003, 4004, 4005, 4006


class GarbledError(Exception):
    """A peer that does not speak xroot."""


class XrootError(Exception):
    """What is answered in place of success: an error number and its words."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number
        self.text = text


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `path` is what stands before the question mark of its data, `words` the opaque parameters."""

    stream: bytes
    code: int
    body: bytes
    data: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The data as words; XrdCl ends them with a NUL."""
        return self.data.partition(b"\0")[0].decode("utf-8", "replace")

    @property
    def path(self) -> str:
        path = self.text.partition("?")[0]
        return "/" + "/".join(part for part in path.split("/") if part)

    @property
    def words(self) -> dict[str, str]:
        pairs = self.text.partition("?")[2].split("&")
        return {key: value for key, _, value in (pair.partition("=") for pair in pairs)}

    @property
    def options(self) -> int:
        """Of an open request."""
        return int.from_bytes(self.body[2:4], "big")

    @property
    def handle(self) -> bytes:
        """Of a request on an open file; a stat has it at the end."""
        return self.body[12:16] if self.code == STAT else self.body[4:8] if self.code == QUERY else self.body[:4]


@dataclass(frozen=True, slots=True)
class Range:
    """One range of a vector read."""

    handle: bytes
    length: int
    offset: int

    def answered(self, data: bytes, offset: int) -> bytes:
        """The range's part of the answer: a head like that of the request, and the bytes."""
        return self.handle + struct.pack(">iq", len(data), offset) + data


def read_ranges(data: bytes) -> list[Range]:
    """The ranges of a vector read. Raises GarbledError."""
    if not data or len(data) % 16:
        raise GarbledError("a vector of no whole ranges")
    return [Range(*struct.unpack_from(">4siq", data, place)) for place in range(0, len(data), 16)]


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request; None when the client has gone. Raises GarbledError."""
    try:
        head = await reader.readexactly(24)
        length = int.from_bytes(head[20:24], "big", signed=True)
        if not 0 <= length <= MAX_REQUEST:
            raise GarbledError(f"a request of {length} bytes")
        return Asked(head[:2], int.from_bytes(head[2:4], "big"), head[4:20], await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def answer(stream: bytes, data: bytes = b"", status: int = _OK) -> bytes:
    """A good answer, or any other."""
    return stream + status.to_bytes(2, "big") + len(data).to_bytes(4, "big") + data


def refusal(stream: bytes, number: int, text: str) -> bytes:
    """An error; XRootD ends its words with a NUL."""
    return answer(stream, number.to_bytes(4, "big") + text.encode() + b"\0", _ERROR)


def redirect(stream: bytes, port: int, host: str) -> bytes:
    return answer(stream, port.to_bytes(4, "big") + host.encode(), _REDIRECT)


def wait(stream: bytes, seconds: int) -> bytes:
    return answer(stream, seconds.to_bytes(4, "big") + b"busy", _WAIT)


def later(stream: bytes, seconds: int) -> bytes:
    """The promise of an answer that comes by itself: `unasked`."""
    return answer(stream, seconds.to_bytes(4, "big"), _WAITRESP)


def unasked(inner: bytes) -> bytes:
    """An answer that was promised."""
    return answer(b"\0\0", (5008).to_bytes(4, "big") + b"\0\0\0\0" + inner, _ATTN)


def request(stream: int, code: int, body: bytes = b"", data: bytes = b"") -> bytes:
    """What the copy program sends."""
    return struct.pack(">HH", stream, code) + body.ljust(16, b"\0") + struct.pack(">i", len(data)) + data


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and data of the copy program's next answer; promised ones are waited for. Raises as the reader does."""
    while True:
        head = await reader.readexactly(8)
        status, length = struct.unpack(">Hi", head[2:])
        if not 0 <= length <= MAX_REQUEST:
            raise GarbledError("an answer of that length")
        data = await reader.readexactly(length)
        if status == _WAITRESP:
            continue
        if status == _ATTN:
            status, data = int.from_bytes(data[10:12], "big"), data[16:]
        return status, data
