"""Vector reads byte by byte, and answers that are none."""

from __future__ import annotations

import struct

import pytest

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.vectors import MAX_RANGE_BYTES, MAX_RANGES, Range, read_vector, readv

HANDLE = bytes.fromhex("01020304")
RANGES = [Range(5, 2), Range(0, 3)]
GOOD = HANDLE + struct.pack(">iq", 2, 5) + b"fg" + HANDLE + struct.pack(">iq", 3, 0) + b"abc"


def test_the_request() -> None:
    request = readv(HANDLE, RANGES)
    assert request.encode(1) == bytes.fromhex("00010bd1") + bytes(16) + bytes.fromhex(
        "00000020 01020304 00000002 0000000000000005 01020304 00000003 0000000000000000"
    )
    assert request.max_reply == len(GOOD)


def test_the_answer() -> None:
    assert read_vector(GOOD, HANDLE, RANGES) == [b"fg", b"abc"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:-1],
        GOOD + b"x",
        GOOD[:16],
        b"\xff" + GOOD[1:],
        HANDLE + struct.pack(">iq", 2, 6) + GOOD[16:],
        HANDLE + struct.pack(">iq", -2, 5) + GOOD[16:],
        GOOD[18:] + GOOD[:18],
    ],
)
def test_what_is_no_answer_to_it(data: bytes) -> None:
    with pytest.raises(WireError):
        read_vector(data, HANDLE, RANGES)


@pytest.mark.parametrize(
    "ranges", [[], [Range(0, 0)], [Range(0, MAX_RANGE_BYTES + 1)], [Range(0, 1)] * (MAX_RANGES + 1)]
)
def test_what_no_server_takes_is_not_sent(ranges: list[Range]) -> None:
    with pytest.raises(ValueError, match="not a vector"):
        readv(HANDLE, ranges)
    with pytest.raises(ValueError, match="4 bytes"):
        readv(b"", RANGES)
