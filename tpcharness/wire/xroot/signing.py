"""Signed requests, where a server insists on them (xroot 9).

Without an encrypting login, which none of ours is, a signature is a bare SHA-256 that guards against nothing but
accidents; servers set to `sec.level ... force` want it all the same.
"""

from __future__ import annotations

import hashlib
import struct

from tpcharness.wire.xroot.codes import Ask, OpenFlag, Query
from tpcharness.wire.xroot.frames import Request

_SHA256 = 0x01
_DATA_LEFT_OUT = 0x01
_NEVER = 9
_MODIFYING = OpenFlag.DELETE | OpenFlag.NEW | OpenFlag.UPDATE

# The least level at which each request is signed.
_LEVELS: dict[Ask, int] = {
    Ask.RM: 1,
    Ask.TRUNCATE: 1,
    Ask.OPEN: 2,
    Ask.MKDIR: 2,
    Ask.CLOSE: 3,
    Ask.WRITE: 3,
    Ask.QUERY: 4,
    Ask.STAT: 4,
    Ask.READ: 4,
    Ask.READV: 4,
    Ask.SYNC: 4,
    Ask.PREPARE: 4,
}


class Signer:
    """Makes the signatures of one session. `level` is 1 to 4; `data`: what is written is signed too."""

    def __init__(self, level: int, *, data: bool) -> None:
        self._level = level
        self._data = data
        self._number = 0

    def sign(self, request: Request, stream: int, frame: bytes) -> bytes:
        """The frame to send right before the request's, under the same stream id; empty where none is wanted."""
        if _least_level(request) > self._level:
            return b""
        self._number += 1
        left_out = request.ask is Ask.WRITE and not self._data
        signed = frame[:24] if left_out else frame
        digest = hashlib.sha256(struct.pack(">Q", self._number) + signed).digest()
        flags = _DATA_LEFT_OUT if left_out else 0
        body = struct.pack(">HBBQB3x", request.ask, 0, flags, self._number, _SHA256)
        return Request(Ask.SIGVER, body, digest).encode(stream)


def _least_level(request: Request) -> int:
    if request.ask is Ask.OPEN and int.from_bytes(request.body[2:4], "big") & _MODIFYING:
        return 1
    if request.ask is Ask.QUERY and int.from_bytes(request.body[:2], "big") == Query.OPAQUE_HANDLE:
        return 3
    return _LEVELS.get(request.ask, _NEVER)
