"""Parts of files: what servers of the field send, cut anywhere, and every kind of rubbish."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.testbed.dialects.multipart import APACHE, DCACHE, GO, XROOTD, Multipart
from tpcharness.wire.errors import WireError
from tpcharness.wire.ranges import (
    MAX_EPILOGUE_BYTES,
    MAX_PART_HEAD_BYTES,
    MAX_PARTS,
    ByteRanges,
    OnePart,
    Piece,
    Span,
    range_header,
    read_boundary,
    read_content_range,
    uncovered,
)

FILE = bytes(range(256)) * 4
SIZE = len(FILE)
SPANS = (Span(0, 5), Span(10, 15), Span(1020, 1024))

# What XRootD 5.5.3 sent on loopback for bytes=0-4,10-14,1020-1023 of a file of 1024 bytes.
REAL_XROOTD = (
    b"\r\n--123456\r\nContent-type: text/plain; charset=UTF-8\r\nContent-range: bytes 0-4/1024\r\n\r\n%b"
    b"\r\n--123456\r\nContent-type: text/plain; charset=UTF-8\r\nContent-range: bytes 10-14/1024\r\n\r\n%b"
    b"\r\n--123456\r\nContent-type: text/plain; charset=UTF-8\r\nContent-range: bytes 1020-1023/1024\r\n\r\n%b"
    b"\r\n--123456--\r\n"
) % (FILE[0:5], FILE[10:15], FILE[1020:1024])


def body(manner: Multipart, *spans: Span) -> bytes:
    parts = [
        manner.head(span.start, span.stop, SIZE, first=number == 0) + FILE[span.start : span.stop]
        for number, span in enumerate(spans)
    ]
    return b"".join(parts) + manner.end


def reader(boundary: bytes = b"123456") -> ByteRanges:
    return ByteRanges(boundary, SIZE, SIZE)


def read_in_sevens(sent: bytes) -> None:
    """All of a body, seven bytes at a time."""
    parts = reader()
    for at in range(0, len(sent), 7):
        parts.feed(sent[at : at + 7])
    parts.finish()


def put_together(pieces: list[Piece]) -> dict[int, int]:
    return {piece.offset + at: value for piece in pieces for at, value in enumerate(piece.data)}


def expected(*spans: Span) -> dict[int, int]:
    return {place: FILE[place] for span in spans for place in range(span.start, span.stop)}


def test_the_request() -> None:
    assert range_header(SPANS) == "bytes=0-4,10-14,1020-1023"


def test_the_testbed_writes_what_xrootd_writes() -> None:
    assert body(XROOTD, *SPANS) == REAL_XROOTD


@pytest.mark.parametrize("manner", [XROOTD, DCACHE, GO, APACHE], ids=["xrootd", "dcache", "go", "apache"])
def test_every_split_in_two(manner: Multipart) -> None:
    boundary = read_boundary(manner.content_type)
    assert boundary is not None
    whole = body(manner, *SPANS)
    for cut in range(len(whole) + 1):
        parts = reader(boundary)
        assert put_together(parts.feed(whole[:cut]) + parts.feed(whole[cut:])) == expected(*SPANS)
        parts.finish()
        assert (parts.spans, parts.complete) == (SPANS, True)


@given(st.data())
def test_any_split(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1))
    parts, pieces, at = reader(), [], 0
    while at < len(REAL_XROOTD):
        size = sizes[len(pieces) % len(sizes)]
        pieces += parts.feed(REAL_XROOTD[at : at + size])
        at += size
    parts.finish()
    assert put_together(pieces) == expected(*SPANS)


def test_bytes_that_look_like_a_boundary_end_nothing() -> None:
    inner = b"\r\n--123456--\r\n--123456\r\n\r\n"
    head = XROOTD.head(0, len(inner), SIZE, first=True)
    parts = reader()
    assert parts.feed(head + inner + XROOTD.end) == [Piece(0, inner)]
    parts.finish()


def test_text_around_the_parts_is_passed_over() -> None:
    parts = reader()
    pieces = parts.feed(b"a preamble" + body(XROOTD, SPANS[1]) + b"an epilogue\r\n")
    parts.finish()
    assert put_together(pieces) == expected(SPANS[1])


def test_a_boundary_may_be_padded() -> None:
    whole = body(APACHE, SPANS[0]).replace(b"a0b2d\r\nContent-type", b"a0b2d \t\r\nContent-type")
    parts = reader(b"53c1f8c6a0b2d")
    assert put_together(parts.feed(whole)) == expected(SPANS[0])


WHOLE = REAL_XROOTD


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n--123456--\r\n"[:-4],
        WHOLE[: WHOLE.rindex(b"\r\n--")],
        WHOLE[: WHOLE.rindex(FILE[1020:1024]) + 2],
        WHOLE[:40],
        WHOLE.replace(FILE[10:15], FILE[10:14], 1),
        WHOLE.replace(FILE[10:15], FILE[10:15] + b"x", 1),
        WHOLE.replace(b"0-4/1024", b"0-4/1025", 1),
        WHOLE.replace(b"0-4/1024", b"4-0/1024", 1),
        WHOLE.replace(b"0-4/1024", b"0-4", 1),
        WHOLE.replace(b"0-4/1024", b"0-4/3", 1),
        WHOLE.replace(b"bytes 0-4/1024", b"lines 0-4/1024", 1),
        WHOLE.replace(b"0-4/1024", b"0-" + b"9" * 30 + b"/1024", 1),
        WHOLE.replace(b"Content-range", b"Content-other", 1),
        b"<html>not what you wanted</html>",
        b"x" * (MAX_PART_HEAD_BYTES + 1),
        b"\r\n--123456\r\n" + b"X: y\r\n" * 5000,
        b"\r\n--123456 and more\r\nContent-range: bytes 0-4/1024\r\n\r\n12345",
        WHOLE + b"x" * (MAX_EPILOGUE_BYTES + 1),
        body(XROOTD, *[Span(0, SIZE)] * 2),
        body(XROOTD, *[Span(0, 1)] * (MAX_PARTS + 1)),
    ],
)
def test_what_is_no_such_body(sent: bytes) -> None:
    with pytest.raises(WireError):
        read_in_sevens(sent)


@given(st.binary(max_size=400))
def test_rubbish_is_an_error_or_nothing(sent: bytes) -> None:
    parts = reader()
    try:
        pieces = parts.feed(b"\r\n--123456\r\nContent-Range: bytes 0-9/1024\r\n\r\n" + sent)
        parts.finish()
    except WireError:
        return
    assert sum(len(piece.data) for piece in pieces) >= 10


def test_no_head_is_kept_without_bound() -> None:
    with pytest.raises(WireError, match="longer than"):
        read_in_sevens(b"--123456\r\n" + b"X: yyyyyyyyyyyyyy\r\n" * 1000)


@pytest.mark.parametrize(
    ("text", "span", "total"),
    [
        ("bytes 0-0/1", Span(0, 1), 1),
        ("bytes 10-19/*", Span(10, 20), None),
        ("Bytes  0-4/1024", Span(0, 5), 1024),
    ],
)
def test_content_range(text: str, span: Span, total: int | None) -> None:
    assert read_content_range(text) == (span, total)
    assert str(span) == f"{span.start}-{span.stop - 1}"


@pytest.mark.parametrize(
    "text", ["", "bytes */10", "bytes 0-10/10", "bytes=0-1/2", "bytes 5-4/10", "bytes -1-2/3", "0-1/2"]
)
def test_what_is_no_content_range(text: str) -> None:
    with pytest.raises(WireError):
        read_content_range(text)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/byteranges; boundary=123456", b"123456"),
        ('multipart/byteranges; boundary="__A A__"', b"__A A__"),
        ("Multipart/ByteRanges;charset=x; BOUNDARY=b", b"b"),
        ("application/octet-stream", None),
        ("", None),
        ("text/plain; boundary=123456", None),
    ],
)
def test_boundaries(content_type: str, boundary: bytes | None) -> None:
    assert read_boundary(content_type) == boundary


@pytest.mark.parametrize("content_type", ["multipart/byteranges", 'multipart/byteranges; boundary=""'])
def test_parts_without_a_boundary_cannot_be_read(content_type: str) -> None:
    with pytest.raises(WireError):
        read_boundary(content_type)


@pytest.mark.parametrize(
    ("got", "missing"),
    [
        (SPANS, ()),
        ((Span(0, 1024),), ()),
        ((Span(8, 20), Span(3, 6), Span(0, 3), Span(1000, 1024)), ()),
        ((Span(0, 5), Span(10, 14), Span(1020, 1024)), (SPANS[1],)),
        ((Span(1, 1024),), (SPANS[0],)),
        ((), SPANS),
    ],
)
def test_what_is_missing(got: tuple[Span, ...], missing: tuple[Span, ...]) -> None:
    assert uncovered(SPANS, got) == missing


def test_one_part() -> None:
    part = OnePart(Span(3, 8))
    assert part.feed(b"ab") == [Piece(3, b"ab")]
    assert part.spans == ()
    assert part.feed(b"cde") == [Piece(5, b"cde")]
    part.finish()
    assert part.spans == (Span(3, 8),)
    with pytest.raises(WireError, match="more bytes"):
        part.feed(b"f")


def test_one_part_that_ends_too_early() -> None:
    part = OnePart(Span(0, 3))
    part.feed(b"ab")
    with pytest.raises(WireError, match="1 bytes too early"):
        part.finish()
