"""Parts of a file over HTTP: Range, Content-Range, and bodies of several parts (RFC 9110 14), piece by piece.

A part is as long as its own Content-Range says, so that file bytes that look like a boundary end nothing. What a
storage sends instead of that is a WireError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tpcharness.wire.errors import WireError

MAX_PARTS = 64
MAX_PART_HEAD_BYTES = 8192
MAX_EPILOGUE_BYTES = 8192
_MAX_VALUE = 512

_CONTENT_RANGE = re.compile(r"bytes[ \t]+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)
# RFC 2046 5.1.1; dCache puts it into quotes, XRootD does not.
_BOUNDARY = re.compile(r""";\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The bytes of a file from `start` up to, but not with, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def __str__(self) -> str:
        return f"{self.start}-{self.stop - 1}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a file, and where they belong in it, as the server says."""

    offset: int
    data: bytes


def range_header(spans: Sequence[Span]) -> str:
    """The value of Range that asks for these, in this order."""
    return "bytes=" + ",".join(map(str, spans))


def read_content_range(text: str) -> tuple[Span, int | None]:
    """What a Content-Range names, and how long it says that the whole file is (None: it does not say).

    Raises WireError for all that is no range of a file.
    """
    found = _CONTENT_RANGE.fullmatch(text.strip()[:_MAX_VALUE])
    if found is None:
        raise WireError("a Content-Range that is no range of bytes" if text else "no Content-Range")
    span, total = Span(int(found[1]), int(found[2]) + 1), None if found[3] == "*" else int(found[3])
    if span.length < 1 or (total is not None and span.stop > total):
        raise WireError(f"a Content-Range that cannot be: {found[0]}")
    return span, total


def read_boundary(content_type: str) -> bytes | None:
    """What separates the parts of a body, or None for a body of one part. Raises WireError where it is not named."""
    value = content_type[:_MAX_VALUE]
    if not value.strip().lower().startswith("multipart/byteranges"):
        return None
    found = _BOUNDARY.search(value)
    if found is None:
        raise WireError("multipart/byteranges without a boundary")
    return (found[1] or found[2]).encode("latin-1", "replace")


def uncovered(wanted: Iterable[Span], got: Iterable[Span]) -> tuple[Span, ...]:
    """Those of the wanted spans that the others, taken together, do not hold entirely.

    A server may join neighbouring ranges, and send them in any order (RFC 9110 15.3.7.2).
    """
    have = sorted(got)
    missing = []
    for span in wanted:
        at = span.start
        for each in have:
            if each.start <= at < each.stop:
                at = each.stop
        if at < span.stop:
            missing.append(span)
    return tuple(missing)


class OnePart:
    """Reads a body that is one part of a file, as its head's Content-Range says, or the whole of it."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._at = span.start

    @property
    def spans(self) -> tuple[Span, ...]:
        """The part, once it has come to its end."""
        return (self._span,) if self._at == self._span.stop else ()

    def feed(self, data: bytes) -> list[Piece]:
        """The next bytes and their place. Raises WireError when they are too many."""
        if self._at + len(data) > self._span.stop:
            raise WireError(f"more bytes than the part {self._span} has")
        self._at += len(data)
        return [Piece(self._at - len(data), data)]

    def finish(self) -> None:
        """Says that the body is over. Raises WireError when it should not be."""
        if self._at < self._span.stop:
            raise WireError(f"the part {self._span} ends {self._span.stop - self._at} bytes too early")


class ByteRanges:
    """Reads a multipart/byteranges body, however it is cut into pieces.

    `size` is the length of the whole file, which every part must agree to; more than `max_bytes` of parts, or
    `MAX_PARTS`, are not taken. `spans` are the parts that have come to their end.
    """

    def __init__(self, boundary: bytes, size: int, max_bytes: int) -> None:
        self._delimiter = b"--" + boundary
        self._size = size
        self._room = max_bytes
        self._buffer = bytearray()
        self._span: Span | None = None
        self._at = 0
        self._begun = False
        self._ended = False
        self._after = 0
        self._spans: list[Span] = []

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(self._spans)

    @property
    def complete(self) -> bool:
        """Whether the last boundary has come."""
        return self._ended

    def feed(self, data: bytes) -> list[Piece]:
        """The bytes of the file in the next bytes of the body. Raises WireError when it is not such a body."""
        pieces: list[Piece] = []
        self._buffer += data
        while self._buffer and not self._ended:
            if self._span is not None and self._at < self._span.stop:
                pieces.append(self._take(self._span))
            elif not self._next_part():
                break
        if self._ended:
            self._after += len(self._buffer)
            self._buffer.clear()
            if self._after > MAX_EPILOGUE_BYTES:
                raise WireError(f"more than {MAX_EPILOGUE_BYTES} bytes after the last part")
        return pieces

    def finish(self) -> None:
        """Says that the body is over. Raises WireError when it should not be."""
        if self._span is not None and self._at < self._span.stop:
            raise WireError(f"the part {self._span} ends {self._span.stop - self._at} bytes too early")
        if not self._ended:
            raise WireError("the parts end without their last boundary" if self._begun else "no part at all")

    def _take(self, span: Span) -> Piece:
        """Bytes of the part that has begun."""
        piece = Piece(self._at, bytes(self._buffer[: span.stop - self._at]))
        del self._buffer[: len(piece.data)]
        self._at += len(piece.data)
        if self._at == span.stop:
            self._spans.append(span)
        return piece

    def _next_part(self) -> bool:
        """Reads a boundary and a part's head, once all of it is there; False asks for more bytes."""
        lines = self._lines()
        if lines is None:
            return False
        if self._ended:
            return True
        if len(self._spans) >= MAX_PARTS:
            raise WireError(f"more than {MAX_PARTS} parts")
        fields = (line.partition(b":") for line in lines)
        values = [value for name, _, value in fields if name.strip().lower() == b"content-range"]
        span, total = read_content_range(values[0].decode("latin-1") if values else "")
        if (self._size if total is None else total) != self._size or span.stop > self._size:
            raise WireError(f"the part {span} is of a file of {total} bytes, not of {self._size}")
        self._room -= span.length
        if self._room < 0:
            raise WireError("the parts hold more than was asked for and more than the file")
        self._span, self._at, self._begun = span, span.start, True
        return True

    def _lines(self) -> list[bytes] | None:
        """The head's lines after its boundary; none at the last boundary, None while bytes are missing."""
        start = self._boundary()
        if start is None:
            return None
        after = start + len(self._delimiter)
        if self._buffer[after : after + 2] == b"--":
            del self._buffer[: after + 2]
            self._ended = True
            return []
        end = self._buffer.find(b"\r\n\r\n", after)
        if end < 0 or len(self._buffer) < after + 2:
            self._bound("the head of a part is longer than")
            return None
        head = bytes(self._buffer[after:end])
        if len(head) > MAX_PART_HEAD_BYTES or not head.lstrip(b" \t").startswith(b"\r\n"):
            raise WireError("a part's head is no head")
        del self._buffer[: end + 4]
        return head.split(b"\r\n")

    def _boundary(self) -> int | None:
        """Where the next boundary stands: after a line end, or at the very beginning. None while it may still come.

        Only before the first part may there be something else (RFC 2046 5.1.1, the preamble).
        """
        if not self._begun and self._buffer.startswith(self._delimiter):
            return 0
        mark = b"\r\n" + self._delimiter
        if not self._begun:
            found = self._buffer.find(mark)
            if found < 0:
                self._bound("no boundary within")
                return None
            return found + 2
        seen = bytes(self._buffer[: len(mark)])
        if not mark.startswith(seen):
            raise WireError(f"after the part {self._span} there is no boundary: it is longer than it says")
        return 2 if len(seen) == len(mark) else None

    def _bound(self, what: str) -> None:
        if len(self._buffer) > MAX_PART_HEAD_BYTES:
            raise WireError(f"{what} {MAX_PART_HEAD_BYTES} bytes")
