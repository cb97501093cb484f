"""Bytes that a storage changes on their way, and calls right."""

from __future__ import annotations

from tpcharness.testbed.effects import Spoil, Spoiled


class Spoiler:
    """Passes the pieces of one file on, as they are or as the fault wants them."""

    def __init__(self, fault: Spoil | None) -> None:
        self._how = fault.how if fault else None
        self._begun = False

    def take(self, data: bytes) -> bytes:
        """The next piece, which is not empty."""
        first, self._begun = not self._begun, True
        match self._how:
            case Spoiled.EMPTY:
                return b""
            case Spoiled.SHORT if first:
                return data[:-1]
            case Spoiled.FLIPPED if first:
                return bytes([data[0] ^ 0x01]) + data[1:]
        return data
