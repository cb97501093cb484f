"""Frames of real servers (reference xroot 17; XRootD 5.5.3), and answers made by hand for what they did not show."""

from __future__ import annotations

import struct

SESSION = bytes(range(16))

HELLO_ANSWER = bytes.fromhex("00000000 00000008 00000511 00000001")
PROTOCOL_PLAIN = bytes.fromhex("00000000 00000008 00000511 00300001")
PROTOCOL_TLS = bytes.fromhex("00000000 00000008 00000511 d7300001")
PROTOCOL_TLS_IF_ASKED = bytes.fromhex("00000000 00000008 00000511 97300001")
LOGIN_OPEN = bytes.fromhex("00010000 00000010") + SESSION
LOGIN_ZTN_UNIX = bytes.fromhex("00010000 00000026") + SESSION + b"&P=ztn,0:16384:&P=unix"
AUTH_OK = bytes.fromhex("00020000 00000000")


def answer(stream: int, status: int, data: bytes = b"") -> bytes:
    """Any answer."""
    return struct.pack(">HHi", stream, status, len(data)) + data


def error(stream: int, number: int, text: str = "") -> bytes:
    """An error as XRootD writes it."""
    return answer(stream, 4003, struct.pack(">i", number) + (text.encode() + b"\x00" if text else b""))


def later(stream: int, status: int, data: bytes = b"") -> bytes:
    """An answer that comes unasked, after a waitresp."""
    return answer(0, 4001, struct.pack(">i4x", 5008) + answer(stream, status, data))


def login_offering(text: bytes) -> bytes:
    """A login answer with this list of ways to authenticate."""
    return answer(1, 0, SESSION + text)
