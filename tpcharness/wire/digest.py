"""Checksums as storages write them, brought to one form: lower-case hex of full width (http-tpc 1.7).

RFC 3230 gives adler32 in hex and md5 in base64, RFC 9530 everything in base64 between colons; servers mix these,
drop leading zeros, answer for another algorithm than they were asked for, and call adler32 adler. What stays
ambiguous is kept as several candidates, and a checksum is found to be right if one of them is.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

_ALIASES = {
    "adler": "adler32",  # labkode/wlcg-tpc: to be read as the same; XRootD takes both
    "sha": "sha-1",
    "sha1": "sha-1",
    "sha256": "sha-256",
    "sha512": "sha-512",
}
_WIDTHS = {"adler32": 4, "crc32": 4, "crc32c": 4, "md5": 16, "sha-1": 20, "sha-256": 32, "sha-512": 64}
_SHORT = 4  # bytes: checksums that are numbers, so that their leading zeros get lost
_MAX_CHARACTERS = 4096
_MEMBER = re.compile(r"""(?:"[^"]*"|[^,"])+""")
_HEX = re.compile(r"[0-9a-f]+")


def want_digest(algorithms: Sequence[str]) -> str:
    """The value of Want-Digest that asks for these, the first one most; XRootD answers with one of them only."""
    if len(algorithms) == 1:
        return algorithms[0]
    return ", ".join(f"{name};q={max(1.0 - 0.1 * place, 0.1):.1f}" for place, name in enumerate(algorithms))


def parse_digest(values: Iterable[str]) -> dict[str, str]:
    """Algorithm to hex from the values of all Digest headers; what cannot be read is left out, the first one wins."""
    found: dict[str, str] = {}
    for name, text in _members(values):
        if hexes := _candidates(name, text):
            found.setdefault(name, hexes[0])
    return found


def parse_repr_digest(values: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Algorithm to every hex that its Repr-Digest can mean, the standard's reading first.

    dCache writes hex between the colons, and the labkode proposal shows bare numbers there.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, text in _members(values):
        if hexes := tuple(reversed(_candidates(name, text))):
            found.setdefault(name, hexes)
    return found


@dataclass(frozen=True, slots=True)
class FoundDigest:
    """A checksum that an answer named: the header it stood in, and what it can mean, likeliest first."""

    algorithm: str
    header: str
    candidates: tuple[str, ...]

    @property
    def hex(self) -> str:
        return self.candidates[0]

    def matches(self, expected: str) -> bool:
        """Whether the answer can mean the expected hex."""
        return any(same_checksum(self.algorithm, expected, candidate) for candidate in self.candidates)


def find_digest(all_values: Callable[[str], Iterable[str]], algorithm: str) -> FoundDigest | None:
    """The checksum of one algorithm in an answer's headers, or None.

    `all_values` gives every value of a header name. Read are Digest, Repr-Digest, Content-MD5 and OC-Checksum, in
    this order; dCache reads the last two as well (http-tpc 1.7). An answer for another algorithm is no answer.
    """
    algorithm = _canonical(algorithm)
    if found := parse_digest(all_values("Digest")).get(algorithm):
        return FoundDigest(algorithm, "Digest", (found,))
    if several := parse_repr_digest(all_values("Repr-Digest")).get(algorithm):
        return FoundDigest(algorithm, "Repr-Digest", several)
    if algorithm == "md5":
        for value in all_values("Content-MD5"):
            if hexes := _candidates(algorithm, value.strip()):
                return FoundDigest(algorithm, "Content-MD5", hexes)
    for value in all_values("OC-Checksum"):
        name, _, text = value[:_MAX_CHARACTERS].partition(":")
        if _canonical(name) == algorithm and (hexes := _candidates(algorithm, text.strip())):
            return FoundDigest(algorithm, "OC-Checksum", hexes)
    return None


def same_checksum(algorithm: str, a: str, b: str) -> bool:
    """Whether two hexes are the same checksum: case and lost leading zeros do not count; nothing equals no checksum.

    Raises ValueError for an algorithm that is not known here.
    """
    algorithm = _canonical(algorithm)
    if algorithm not in _WIDTHS:
        raise ValueError(f"unknown checksum algorithm {algorithm!r}")
    left, right = (_significant(text) for text in (a, b))
    return left is not None and left == right


class Adler32:
    """The checksum of a stream of bytes."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value = 1

    def update(self, data: bytes) -> None:
        """Takes the next bytes."""
        self._value = zlib.adler32(data, self._value)

    def hexdigest(self) -> str:
        """Eight lower-case hex digits; 00000001 for nothing."""
        return f"{self._value:08x}"


def _canonical(name: str) -> str:
    name = name.strip().lower()
    return _ALIASES.get(name, name)


def _members(values: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The `name=value` members of known algorithms; parameters, quotes and colons around a value are taken off."""
    for value in values:
        for member in _MEMBER.findall(value[:_MAX_CHARACTERS]):
            name, _, text = member.partition("=")
            algorithm = _canonical(name)
            if algorithm in _WIDTHS:
                yield algorithm, text.partition(";")[0].strip(' \t":')


def _candidates(algorithm: str, text: str) -> tuple[str, ...]:
    """What a value can mean, hex first. Only six characters without padding are ever both (four bytes, or hex)."""
    width = _WIDTHS[algorithm]
    readings = (_from_hex(text, width), _from_base64(text, width))
    return tuple(reading for reading in readings if reading is not None)


def _from_hex(text: str, width: int) -> str | None:
    text = text.lower()
    if not _HEX.fullmatch(text):
        return None
    if width == _SHORT:
        text = text.zfill(2 * width)
    return text if len(text) == 2 * width else None


def _from_base64(text: str, width: int) -> str | None:
    bare = text.rstrip("=")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        return None
    return raw.hex() if len(raw) == width else None


def _significant(text: str) -> str | None:
    """The digits that count; None for what is no hex at all."""
    text = text.strip().lower()
    return text.lstrip("0") if _HEX.fullmatch(text) else None
