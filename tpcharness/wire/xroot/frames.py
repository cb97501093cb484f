"""Frames: a request is 24 bytes and its data, an answer 8 bytes and its data; integers are big-endian (xroot 2)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import Ask

BODY_BYTES = 16
MAX_TEXT = 8 * 1024
MAX_DATA = 1024 * 1024
"""The longest data that one request of ours may carry: servers' buffers end at 2 MiB."""

_REQUEST = struct.Struct(">HH16si")
_ANSWER = struct.Struct(">HHi")


@dataclass(frozen=True, slots=True)
class Request:
    """One request without its stream id, which the session gives it.

    `max_reply` bounds the data of a good answer, all its parts together. `secret`: the data hold a token, so that it
    may go out under TLS only. Raises ValueError for what does not fit into a frame: that is a bug of ours.
    """

    ask: Ask
    body: bytes = bytes(BODY_BYTES)
    data: bytes = field(default=b"", repr=False)
    max_reply: int = MAX_TEXT
    secret: bool = False

    def __post_init__(self) -> None:
        if len(self.body) != BODY_BYTES or len(self.data) > MAX_DATA:
            raise ValueError(f"a frame of {len(self.body)} and {len(self.data)} bytes")

    def encode(self, stream: int) -> bytes:
        """The bytes for the wire."""
        return _REQUEST.pack(stream, self.ask, self.body, len(self.data)) + self.data


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer as it came. `status` is a number of `codes.Status`, or one that we do not know."""

    stream: int
    status: int
    data: bytes = field(repr=False)


class FrameReader:
    """Cuts a stream of bytes into frames; how the bytes come in pieces never changes what is read.

    `limit(stream, status)` says how long the data of such an answer may be; it is asked before they are waited for.
    """

    def __init__(self, limit: Callable[[int, int], int]) -> None:
        self._limit = limit
        self._bytes = bytearray()
        self._need = _ANSWER.size
        self._head: tuple[int, int, int] | None = None

    @property
    def pending(self) -> int:
        """Bytes that belong to no frame yet."""
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Takes the next bytes from the wire."""
        self._bytes += data

    def next_frame(self) -> Frame | None:
        """The next whole frame, if there is one. Raises WireError for a length that no answer may have."""
        if len(self._bytes) < self._need:
            return None
        if self._head is None:
            self._head = stream, status, length = _ANSWER.unpack_from(self._bytes)
            if not 0 <= length <= self._limit(stream, status):
                raise WireError(f"an answer of status {status} says that it has {length} bytes")
            self._need = _ANSWER.size + length
            if len(self._bytes) < self._need:
                return None
        stream, status, _ = self._head
        data = bytes(memoryview(self._bytes)[_ANSWER.size : self._need])
        del self._bytes[: self._need]
        self._head, self._need = None, _ANSWER.size
        return Frame(stream, status, data)


def inner_frame(data: bytes) -> Frame:
    """The answer that is wrapped into an unasked one: 4 bytes of nothing, a head, data. Raises WireError."""
    start = 4 + _ANSWER.size
    if len(data) < start:
        raise WireError("an unasked answer is too short")
    stream, status, length = _ANSWER.unpack_from(data, 4)
    if not 0 <= length <= len(data) - start:
        raise WireError("an unasked answer is shorter than it says")
    return Frame(stream, status, data[start : start + length])
