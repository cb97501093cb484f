from __future__ import annotations

import asyncio
import os
import zlib

import pytest

from tests.support.storages import RawAnswer, ask, connect, make_storage, read_answer, running, trust
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.storage import Storage

ALL = list(DIALECTS)


def stocked(dialect: str) -> Storage:
    files = FileStore()
    files.add("/d/f", b"0123456789")
    return make_storage(dialect, files=files)


async def follow(
    url: str, method: str, headers: dict[str, str] | None = None, *, body: bytes | None = None
) -> RawAnswer:
    """Asks with full rights, and follows one redirect without the header of the token, as curl does."""
    answer = await ask(url, method, headers, token=trust().token(), body=body)
    return await ask(answer.header("Location"), method, headers, body=body) if answer.status == 307 else answer


@pytest.mark.parametrize("dialect", ALL)
async def test_a_file_comes_and_goes(dialect: str) -> None:
    storage = make_storage(dialect)
    storage.files.make_directory("/d")
    data = os.urandom(700_000)
    async with running(storage):
        url, token = f"{storage.url}/d/f", trust().token()
        assert (await follow(url, "PUT", body=data)).status == storage.dialect.put_created
        head = await ask(url, "HEAD", token=token)
        assert (head.status, head.header("Content-Length"), head.payload) == (200, "700000", b"")
        assert (await follow(url, "GET")).body == data
        assert (await follow(url, "PUT", body=b"again")).status == storage.dialect.put_replaced
        moved = await ask(url, "MOVE", {"Destination": f"{storage.url}/d/g"}, token=token)
        assert moved.status == 201
        assert (await ask(url, "HEAD", token=token)).status == 404
        url = f"{storage.url}/d/g"
        assert (await follow(url, "GET")).body == b"again"
        assert (await ask(url, "DELETE", token=token)).status == storage.dialect.deleted
        assert (await ask(url, "DELETE", token=token)).status == 404
    assert storage.files.paths() == ()


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-1,20-", 206, b"01", "bytes 0-1/10"),
        ("bytes=0-1,x", 200, b"0123456789", ""),
        ("lines=1-2", 200, b"0123456789", ""),
        ("bytes=5-2", 200, b"0123456789", ""),
        ("bytes=-", 200, b"0123456789", ""),
    ],
)
async def test_ranges(dialect: str, asked: str, status: int, body: bytes, told: str) -> None:
    storage = stocked(dialect)
    async with running(storage):
        answer = await follow(f"{storage.url}/d/f", "GET", {"Range": asked})
        assert (answer.status, answer.body, answer.header("Content-Range")) == (status, body, told)


async def test_a_range_beyond_the_end() -> None:
    storage = stocked("xrootd5")
    async with running(storage):
        assert (await follow(f"{storage.url}/d/f", "GET", {"Range": "bytes=10-"})).status == 416


@pytest.mark.parametrize("dialect", ALL)
async def test_rights_are_checked_path_by_path(dialect: str) -> None:
    storage = stocked(dialect)
    refused = {401, 403}
    async with running(storage):
        url = f"{storage.url}/d/f"
        for method in ("GET", "HEAD", "PUT", "DELETE", "PROPFIND", "MKCOL"):
            body = b"x" if method == "PUT" else None
            assert (await ask(url, method, body=body)).status in refused, method
            other = trust().token("storage.read:/e storage.modify:/e")
            assert (await ask(url, method, token=other, body=body)).status in refused, method
        creator = trust().token("storage.create:/d")
        assert (await ask(url, "PUT", token=creator, body=b"over")).status in refused
        assert (await ask(url, "DELETE", token=creator)).status in refused
    file = storage.files.find("/d/f")
    assert file is not None
    assert storage.files.paths() == ("/d/f",)


@pytest.mark.parametrize("path", ["/d/../d/f", "/d/%2e%2e/f", "//d/f", "/d%2ff", "/d/%00"])
async def test_ambiguous_paths_are_refused(path: str) -> None:
    storage = stocked("dcache")
    async with running(storage):
        answer = await ask(f"{storage.url}{path}", "GET", token=trust().token())
        assert answer.status in (400, 403)


@pytest.mark.parametrize(
    ("dialect", "status"),
    [("dcache", 201), ("xrootd5", 200), ("xrootd6", 201), ("storm", 409), ("pelican", 409), ("dpm", 409)],
)
async def test_whether_put_makes_parents(dialect: str, status: int) -> None:
    storage = make_storage(dialect)
    async with running(storage):
        answer = await ask(f"{storage.url}/new/f", "PUT", token=trust().token(), body=b"x")
        assert answer.status == status
    assert (storage.files.find("/new") is not None) == (status < 300)


@pytest.mark.parametrize(
    ("dialect", "again"), [("xrootd5", 201), ("xrootd6", 201), ("eos", 201), ("dcache", 405), ("storm", 405)]
)
async def test_mkcol_of_what_is_there(dialect: str, again: int) -> None:
    storage = stocked(dialect)
    async with running(storage):
        url, token = f"{storage.url}/new", trust().token()
        assert (await ask(url, "MKCOL", token=token)).status == 201
        assert (await ask(url, "MKCOL", token=token)).status == again
        assert (await ask(f"{storage.url}/d/f", "MKCOL", token=token)).status == 405


@pytest.mark.parametrize("dialect", ALL)
async def test_propfind_lists_one_level(dialect: str) -> None:
    storage = stocked(dialect)
    storage.files.add("/d/e/deep", b"")
    storage.files.add("/d/a&b c", b"")
    async with running(storage):
        url, token = f"{storage.url}/d", trust().token()
        body = b'<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>'
        listing = (await ask(url, "PROPFIND", {"Depth": "1"}, token=token, body=body)).body.decode()
        assert listing.count("<D:response") == 4
        assert "/d/a%26b%20c" in listing
        assert "deep" not in listing
        assert (await ask(url, "PROPFIND", {"Depth": "0"}, token=token)).body.count(b"<D:response") == 1
        assert (await ask(f"{storage.url}/none", "PROPFIND", token=token)).status == 404


async def test_the_body_waits_for_an_invitation() -> None:
    storage = make_storage("xrootd5")
    async with running(storage):
        reader, writer = await connect(storage.url)
        head = f"PUT /f HTTP/1.1\r\nAuthorization: Bearer {trust().token()}\r\nContent-Length: 3\r\n"
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
        interim = await reader.readuntil(b"\r\n\r\n")
        assert interim == b"HTTP/1.1 100 Continue\r\nConnection: Close\r\nServer: XrootD/v5.5.3\r\n\r\n"
        writer.write(b"abc")
        assert (await read_answer(reader, "PUT")).status == 200
        writer.transport.abort()
    assert storage.files.paths() == ("/f",)


async def test_a_refused_body_is_never_invited() -> None:
    storage = make_storage("dcache")
    async with running(storage):
        reader, writer = await connect(storage.url)
        writer.write(b"PUT /f HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        answer = await read_answer(reader, "PUT")
        assert (answer.status, answer.header("Connection")) == (401, "close")
        assert await reader.read() == b""
        writer.transport.abort()


async def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    storage = make_storage("dcache")
    async with running(storage):
        answer = await ask(f"{storage.url}/f", "PUT", body=bytes(3_000_000))
        assert answer.status == 401


async def test_one_connection_serves_many_requests() -> None:
    storage = stocked("dcache")
    async with running(storage):
        reader, writer = await connect(storage.url)
        request = f"HEAD /d/f HTTP/1.1\r\nAuthorization: Bearer {trust().token()}\r\n\r\n".encode()
        for _ in range(3):
            writer.write(request)
            assert (await read_answer(reader, "HEAD")).status == 200
        writer.transport.abort()


@pytest.mark.parametrize(("dialect", "left"), [("xrootd5", ("/f",)), ("dcache", ()), ("storm", ("/f",))])
async def test_an_upload_that_breaks_off(dialect: str, left: tuple[str, ...]) -> None:
    storage = make_storage(dialect)
    async with running(storage):
        reader, writer = await connect(storage.url)
        head = f"PUT /f HTTP/1.1\r\nAuthorization: Bearer {trust().token()}\r\nContent-Length: 10\r\n\r\n"
        writer.write(head.encode() + b"half")
        writer.close()
        await reader.read()
    assert storage.files.paths() == left


async def test_uploads_may_be_chunked() -> None:
    storage = make_storage("storm")
    async with running(storage):
        reader, writer = await connect(storage.url)
        head = f"PUT /f HTTP/1.1\r\nAuthorization: Bearer {trust().token()}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert (await read_answer(reader, "PUT")).status == 201
        answer = await ask(f"{storage.url}/f", "HEAD", token=trust().token())
        assert answer.header("Digest") == f"adler32={zlib.adler32(b'abcde'):08x}"
        writer.transport.abort()


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nbad\r\n\r\n"])
async def test_nonsense_is_a_bad_request(nonsense: bytes) -> None:
    storage = make_storage("dcache")
    async with running(storage):
        reader, writer = await connect(storage.url)
        writer.write(nonsense)
        assert (await read_answer(reader, "GET")).status == 400
        writer.transport.abort()


async def test_unknown_methods() -> None:
    storage = make_storage("dcache")
    async with running(storage):
        assert (await ask(f"{storage.url}/", "POST", body=b"{}")).status == 405


async def test_stopping_ends_running_requests() -> None:
    storage = make_storage("xrootd5", faults=("passive_hang",))
    await storage.start()
    waiting = asyncio.create_task(ask(f"{storage.url}/f", "GET", agent="xrootd-tpc/v5.5.3"))
    while not storage.busy:
        await asyncio.sleep(0)
    await storage.stop()
    assert (await waiting).raw == b""
    with pytest.raises(ConnectionRefusedError):
        await connect(storage.url)


async def test_listens_on_every_address_of_a_name() -> None:
    storage = make_storage("eos")
    await storage.start("localhost")
    try:
        assert storage.port != storage.data_port
        assert (await ask(f"{storage.url}/", "OPTIONS")).status == 200
    finally:
        await storage.stop()


async def test_a_port_in_use_is_said() -> None:
    first, second = make_storage("dcache"), make_storage("dcache")
    async with running(first):
        with pytest.raises(OSError, match="in use"):
            await second.start(port=first.port)
        await second.stop()


async def test_the_prefix_is_there_from_the_beginning() -> None:
    storage = make_storage("storm", prefix="/a/b/")
    async with running(storage):
        assert (await ask(f"{storage.url}/a/b/f", "PUT", token=trust().token(), body=b"")).status == 201
