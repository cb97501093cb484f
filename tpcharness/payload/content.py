"""What stands in a seed: bytes that anybody can make again, and no storage or network can compress."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """The deterministic bytes of a file of `size` bytes; a body that `net` can send, again and again.

    Block n is SHAKE-128 of n: the same on every machine, and no two blocks alike, so that neither a compressing
    link nor a deduplicating storage can cheat.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("a file cannot have less than no bytes")

    @property
    def length(self) -> int:
        return self.size

    @property
    def adler32(self) -> str:
        """Eight lower-case hex digits. Worked out once per size: for a large one off the event loop, please."""
        return _adler32(self.size)

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning, in blocks of 64 KiB; the last one may be shorter."""
        for number, start in enumerate(range(0, self.size, BLOCK_BYTES)):
            yield hashlib.shake_128(number.to_bytes(8, "big")).digest(min(BLOCK_BYTES, self.size - start))

    def at(self, offset: int, length: int) -> bytes:
        """The bytes of a range, and only these blocks are made; fewer at the end."""
        end = min(self.size, offset + length)
        first = offset // BLOCK_BYTES
        blocks = (
            hashlib.shake_128(number.to_bytes(8, "big")).digest(BLOCK_BYTES)
            for number in range(first, -(-end // BLOCK_BYTES))
        )
        skipped = offset - first * BLOCK_BYTES
        return b"".join(blocks)[skipped : skipped + max(0, end - offset)]


@lru_cache(maxsize=256)
def _adler32(size: int) -> str:
    value = 1
    for chunk in Content(size).chunks():
        value = zlib.adler32(chunk, value)
    return f"{value:08x}"
