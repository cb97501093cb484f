"""Vector reads: many small ranges of an open file in one request, as analysis jobs read (XProtocol 5.2, kXR_readv)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import HANDLE_BYTES, Ask
from tpcharness.wire.xroot.frames import Request

MAX_RANGES = 1024
MAX_RANGE_BYTES = 2 * 1024 * 1024 - 16

_HEAD = struct.Struct(">4siq")


@dataclass(frozen=True, slots=True)
class Range:
    """`length` bytes from `offset` on."""

    offset: int
    length: int


def readv(handle: bytes, ranges: Sequence[Range]) -> Request:
    """All these ranges of one file; `read_vector` reads the answer.

    Raises ValueError for none, more than `MAX_RANGES`, or one longer than `MAX_RANGE_BYTES`: servers take no more.
    """
    if not 0 < len(ranges) <= MAX_RANGES or any(not 0 < each.length <= MAX_RANGE_BYTES for each in ranges):
        raise ValueError("not a vector that a server takes")
    if len(handle) != HANDLE_BYTES:
        raise ValueError("a file handle has 4 bytes")
    data = b"".join(_HEAD.pack(handle, each.length, each.offset) for each in ranges)
    return Request(Ask.READV, data=data, max_reply=sum(_HEAD.size + each.length for each in ranges))


def read_vector(data: bytes, handle: bytes, ranges: Sequence[Range]) -> list[bytes]:
    """The bytes of each range, in the order in which they were asked for. Raises WireError for any other answer."""
    pieces, place = [], 0
    for wanted in ranges:
        if len(data) < place + _HEAD.size + wanted.length:
            raise WireError("a vector read was answered by too few bytes")
        got, length, offset = _HEAD.unpack_from(data, place)
        if (got, length, offset) != (handle, wanted.length, wanted.offset):
            raise WireError("a vector read was answered by other ranges than were asked for")
        place += _HEAD.size
        pieces.append(data[place : place + length])
        place += length
    if place != len(data):
        raise WireError("a vector read was answered by too many bytes")
    return pieces
