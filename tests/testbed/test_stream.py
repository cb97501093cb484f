from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.testbed.stream import MAX_FIELDS, Body, Fields, PeerGoneError, ProtocolError, Request, Wire, head


def reader_of(data: bytes, *, ended: bool = True) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=64 * 1024)
    reader.feed_data(data)
    if ended:
        reader.feed_eof()
    return reader


def wire_of(data: bytes) -> Wire:
    return Wire(reader_of(data), None)  # type: ignore[arg-type]  # only read from


async def everything(body: Body) -> bytes:
    data = b""
    while piece := await body.piece():
        data += piece
    return data


async def test_reads_a_request() -> None:
    request = await wire_of(b"GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-A:  spaced \r\nx-a: two\r\n\r\n").read_request()
    assert request is not None
    assert (request.method, request.path, request.query("x")) == ("GET", "/a%20b", "1")
    assert request.fields.all("X-a") == ("spaced", "two")
    assert next(iter(request.fields)) == ("Host", "h")


async def test_a_closed_connection_between_requests_is_no_error() -> None:
    assert await wire_of(b"").read_request() is None


async def test_a_head_that_is_cut_is_told_apart_from_an_end() -> None:
    with pytest.raises(PeerGoneError):
        await wire_of(b"GET / HTTP/1.1\r\nHost:").read_request()


async def test_takes_the_absolute_form() -> None:
    request = await wire_of(b"GET https://h:1/p?q HTTP/1.1\r\n\r\n").read_request()
    assert request is not None
    assert request.target == "/p?q"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 100_000,
    ],
)
async def test_hostile_heads_are_protocol_errors(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        await wire_of(data).read_request()


@pytest.mark.parametrize(
    "fields",
    [
        (("Content-Length", "1"), ("Content-Length", "2")),
        (("Content-Length", "-1"),),
        (("Content-Length", "1x"),),
        (("Content-Length", "9" * 30),),
        (("Content-Length", "1"), ("Transfer-Encoding", "chunked")),
        (("Transfer-Encoding", "gzip"),),
        (("Transfer-Encoding", "gzip, chunked"),),
    ],
)
async def test_a_body_whose_length_is_in_doubt_is_refused(fields: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ProtocolError):
        wire_of(b"").request_body(Request("PUT", "/", Fields(fields)))


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=5), cut=st.integers(0, 400))
def test_chunked_bodies_survive_every_split(chunks: list[bytes], cut: int) -> None:
    raw = b"".join(f"{len(chunk):x};ext=1\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    raw += b"0\r\nDigest: x\r\n\r\n"
    cut = min(cut, len(raw))

    async def read() -> bytes:
        reader = reader_of(raw[:cut], ended=False)
        task = asyncio.ensure_future(everything(Body(reader, None, chunked=True)))
        await asyncio.sleep(0)
        reader.feed_data(raw[cut:])
        return await task

    assert asyncio.run(read()) == b"".join(chunks)


@pytest.mark.parametrize(
    "data", [b"x\r\n", b"5\r\nabcdeXX\r\n0\r\n\r\n", b"-1\r\n", b"\r\n", b"0\r\n" + b"a: b\r\n" * 200, b"1" * 70_000]
)
async def test_broken_chunks_are_protocol_errors(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        await everything(Body(reader_of(data), None, chunked=True))


@pytest.mark.parametrize("raw", [b"5\r\nab", b"5\r\nabcde\r\n", b"5", b"5\r\nabcde\r\n0\r\n"])
async def test_a_cut_chunked_body_is_not_an_end(raw: bytes) -> None:
    with pytest.raises(PeerGoneError):
        await everything(Body(reader_of(raw), None, chunked=True))


async def test_a_short_body_tells_how_much_came() -> None:
    with pytest.raises(PeerGoneError) as caught:
        await everything(Body(reader_of(b"abc"), 5))
    assert caught.value.received == 3


async def test_a_body_without_length_ends_with_the_connection() -> None:
    body = Body(reader_of(b"abc"), None)
    assert await everything(body) == b"abc"
    assert body.finished


async def test_a_body_takes_no_byte_of_the_next_message() -> None:
    wire = wire_of(b"PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n")
    first = await wire.read_request()
    assert first is not None
    assert await everything(wire.request_body(first)) == b"abc"
    second = await wire.read_request()
    assert second is not None
    assert second.path == "/b"


async def test_interim_responses_are_passed_over_unless_asked_for() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 \r\nContent-Length: 0\r\n\r\n"
    assert (await wire_of(data).read_response()).status == 201
    assert (await wire_of(data).read_response(interim=True)).status == 100


async def test_no_body_follows_a_head_or_a_204() -> None:
    wire = wire_of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    response = await wire.read_response()
    assert wire.response_body(response, "HEAD").finished
    assert not wire.response_body(response, "GET").finished


async def test_discarding_is_bounded() -> None:
    body = Body(reader_of(b"x" * 1000), 1000)
    assert not await body.discard(limit=0)
    assert await body.discard()
    assert not await Body(reader_of(b"", ended=False), 5).discard(seconds=0.01)


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [
        ("1.1", "", True),
        ("1.1", "Close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
        ("1.1", "TE, close", False),
    ],
)
def test_keep_alive(version: str, connection: str, expected: bool) -> None:
    fields = Fields((("Connection", connection),) if connection else ())
    assert Request("GET", "/", fields, version).keep_alive is expected


@pytest.mark.parametrize(
    ("target", "fields", "token"),
    [
        ("/", (("Authorization", "Bearer abc"),), "abc"),
        ("/", (("authorization", "bearer  abc "),), "abc"),
        ("/?authz=Bearer%20abc&x=1", (), "abc"),
        ("/?authz=Bearer%20old", (("Authorization", "Bearer new"),), "new"),
        ("/", (("Authorization", "Basic abc"),), None),
        ("/", (), None),
        ("/?authz=abc", (), None),
    ],
)
def test_where_the_token_is_found(target: str, fields: tuple[tuple[str, str], ...], token: str | None) -> None:
    assert Request("GET", target, Fields(fields)).token == token


def test_heads_are_written_as_given() -> None:
    assert head("HTTP/1.1 200 OK", (("B", "1"), ("a", "2"))) == b"HTTP/1.1 200 OK\r\nB: 1\r\na: 2\r\n\r\n"
