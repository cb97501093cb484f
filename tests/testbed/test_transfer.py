from __future__ import annotations

import asyncio
import os
import resource
import zlib
from pathlib import Path

import pytest
import uvloop

from tests.support.storages import RawAnswer, ask, connect, copy, make_storage, running, trust
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.files import File, FileStore, SparseContent
from tpcharness.testbed.storage import Storage

ALL = list(DIALECTS)
DATA = os.urandom(900_000)
MIB = 1024 * 1024


def pair(
    active: str, passive: str, *, pull: bool = True, data: bytes = DATA, **options: object
) -> tuple[Storage, Storage]:
    """An active and a passive storage; the file is where it is copied from."""
    one, other = make_storage(active, **options), make_storage(passive)  # type: ignore[arg-type]
    for storage in (one, other):
        storage.files.make_directory("/d")
    (other if pull else one).files.add("/d/from", data)
    return one, other


async def run_copy(
    active: Storage, passive: Storage, headers: dict[str, str] | None = None, *, pull: bool = True
) -> RawAnswer:
    """A COPY with full rights; one redirect of the active party is followed with all its headers."""
    ours, theirs = ("/d/to", "/d/from") if pull else ("/d/from", "/d/to")
    answer = await copy(active, ours, passive.url + theirs, headers, pull=pull)
    if answer.status != 307:
        return answer
    fields = {"Source" if pull else "Destination": passive.url + theirs, "Credential": "none"} | (headers or {})
    fields["TransferHeaderAuthorization"] = f"Bearer {trust().token()}"
    return await ask(answer.header("Location"), "COPY", fields, token=trust().token())


async def content(storage: Storage, path: str = "/d/to") -> bytes | None:
    node = storage.files.find(path)
    return await node.read(0, 10 * MIB) if isinstance(node, File) else None


@pytest.mark.parametrize("passive", ALL)
@pytest.mark.parametrize("active", ALL)
async def test_every_dialect_pulls_from_every_other(active: str, passive: str) -> None:
    one, other = pair(active, passive)
    async with running(one, other):
        answer = await run_copy(one, other)
        assert (answer.status, answer.verdict.lower()) == (one.dialect.copy_status, "success: created")
        assert await content(one) == DATA


@pytest.mark.parametrize("passive", ALL)
@pytest.mark.parametrize("active", [name for name in ALL if name != "pelican"])
async def test_every_dialect_pushes_to_every_other(active: str, passive: str) -> None:
    one, other = pair(active, passive, pull=False)
    async with running(one, other):
        answer = await run_copy(one, other, pull=False)
        assert (answer.status, answer.verdict.lower()) == (one.dialect.copy_status, "success: created")
        assert await content(other) == DATA


@pytest.mark.parametrize("pull", [True, False])
@pytest.mark.parametrize("active", [name for name in ALL if name not in ("pelican", "eos")])
async def test_an_empty_file(active: str, pull: bool) -> None:
    one, other = pair(active, "xrootd6", pull=pull, data=b"")
    async with running(one, other):
        answer = await run_copy(one, other, pull=pull)
        assert answer.verdict.lower() == "success: created"
        assert await content(one if pull else other) == b""


async def test_many_copies_at_once() -> None:
    one, other = pair("dcache", "storm")
    async with running(one, other):
        answers = await asyncio.gather(*(copy(one, f"/d/to{number}", f"{other.url}/d/from") for number in range(40)))
        assert {answer.verdict for answer in answers} == {"success: Created"}
    assert len(one.files.paths()) == 40


async def test_a_big_file_needs_no_memory(tmp_path: Path) -> None:
    source, files = FileStore(), FileStore(on_disk=tmp_path)
    size = 256 * MIB
    file = source.add("/d/from", SparseContent(size))
    files.make_directory("/d")
    one, other = make_storage("xrootd6", files=files, stall_seconds=20), make_storage("xrootd6", files=source)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with running(one, other):
        answer = await run_copy(one, other)
        assert answer.verdict == "success: Created"
    copied = files.find("/d/to")
    assert isinstance(copied, File)
    assert copied.size == size
    assert await copied.digest("adler32") == await file.digest("adler32")
    await files.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_all_works_on_uvloop_too() -> None:
    async def scenario() -> None:
        one, other = pair("xrootd6", "dcache")
        async with running(one, other):
            assert (await run_copy(one, other)).verdict == "success: Created"
            refused = await copy(one, "/d/to", "https://localhost:1/x")
            assert refused.status == 500

    uvloop.run(scenario())


# --- what goes wrong between the two ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "verdict"),
    [
        ("dcache", "failure: rejected GET: 404 Not Found"),
        (
            "xrootd5",
            'failure: Remote side failed with status code 404; error message: "The requested resource was not found. "',
        ),
        ("storm", "failure: Error fetching {url}: 404 Not Found"),
        ("pelican", "Source returned HTTP 404"),
        ("dpm", "failure: Remote server returned 404 Not Found"),
    ],
)
async def test_a_missing_source(active: str, verdict: str) -> None:
    one, other = pair(active, "dcache")
    async with running(one, other):
        url = f"{other.url}/d/none"
        answer = await copy(one, "/d/to", url)
        assert answer.verdict == verdict.format(url=url)
        left = await content(one)
        assert left == (b"" if active in ("xrootd5", "storm") else None)


@pytest.mark.parametrize(
    ("active", "verdict"),
    [
        ("dcache", "failure: rejected PUT: 401 Unauthorized"),
        ("xrootd5", "failure: Remote side failed with status code 401"),
        ("storm", "failure: Error pushing {url}: 401 Unauthorized"),
    ],
)
async def test_a_passive_party_that_refuses_the_token(active: str, verdict: str) -> None:
    one, other = pair(active, "dcache", pull=False)
    async with running(one, other):
        url = f"{other.url}/d/to"
        answer = await copy(one, "/d/from", url, pull=False, passive_token="")
        assert (answer.status, answer.verdict) == (one.dialect.copy_status, verdict.format(url=url))


@pytest.mark.parametrize("pull", [True, False])
@pytest.mark.parametrize(
    ("active", "status", "words"),
    [
        ("dcache", 400, "Unknown {side} hostname"),
        (
            "storm",
            202,
            "failure: UnknownHostException while {doing} https://nowhere.invalid/x: nowhere.invalid: Name or",
        ),
        ("xrootd5", 201, "failure: Couldn't resolve host name"),
    ],
)
async def test_a_passive_party_without_an_address(active: str, status: int, words: str, pull: bool) -> None:
    one, other = pair(active, "dcache", pull=pull)
    async with running(one, other):
        path = "/d/to" if pull else "/d/from"
        answer = await copy(one, path, "https://nowhere.invalid/x", pull=pull)
        side, doing = ("source", "fetching") if pull else ("destination", "pushing")
        assert answer.status == status
        assert answer.verdict.startswith(words.format(side=side, doing=doing))


@pytest.mark.parametrize("active", [name for name in ALL if name not in ("pelican", "eos")])
async def test_nobody_follows_a_circle_for_ever(active: str) -> None:
    async def turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /round\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    one, _ = pair(active, "dcache")
    server = await asyncio.start_server(turn, "127.0.0.1", 0)
    async with server, running(one):
        port = server.sockets[0].getsockname()[1]
        answer = await copy(one, "/d/to", f"http://127.0.0.1:{port}/x", {"RequireChecksumVerification": "false"})
        assert answer.verdict.lower() != "success: created"
        assert "redirect" in answer.verdict.lower()


async def test_the_token_stays_behind_when_a_redirect_leads_elsewhere() -> None:
    seen: list[bytes] = []

    async def away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        location = f"{other.url}/d/from".encode()
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    one, other = pair("dcache", "dcache")
    server = await asyncio.start_server(away, "127.0.0.1", 0)
    async with server, running(one, other):
        port = server.sockets[0].getsockname()[1]
        answer = await copy(one, "/d/to", f"http://127.0.0.1:{port}/x")
        assert answer.verdict == "failure: rejected GET: 401 Unauthorized"
        assert b"Authorization: Bearer" in seen[0]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "failed to respond"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "valid HTTP response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "Premature end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "Premature end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "valid HTTP response"),
        (b"HTTP/1.1 307 Go\r\nLocation: https://[broken\r\nContent-Length: 0\r\n\r\n", "valid HTTP response"),
        (b"HTTP/1.1 307 Go\r\nLocation: https://h:99999999/x\r\nContent-Length: 0\r\n\r\n", "No address"),
        (b"HTTP/1.1 307 Go\r\nLocation: ftp://h/x\r\nContent-Length: 0\r\n\r\n", "scheme"),
    ],
)
async def test_a_passive_party_that_breaks_off(raw: bytes, word: str) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    one, _ = pair("dcache", "dcache")
    server = await asyncio.start_server(break_off, "127.0.0.1", 0)
    async with server, running(one):
        port = server.sockets[0].getsockname()[1]
        answer = await copy(one, "/d/to", f"http://127.0.0.1:{port}/x")
        assert word in answer.verdict
        assert await content(one) is None


# --- dCache verifies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "pull", "required", "verdict"),
    [
        ("checksum_wrong", True, True, "failure: Checksum mismatch"),
        ("checksum_wrong", True, False, "success"),
        ("checksum_absent", True, True, "failure: checksum verification failed: file has no checksum"),
        ("checksum_absent", True, False, "success"),
        ("checksum_wrong", False, True, "failure: verification failed: adler32"),
        ("checksum_absent", False, True, "failure: no useful checksum in HEAD response: {}"),
        ("checksum_absent", False, False, "success"),
    ],
)
async def test_dcache_checks_digests(fault: str, pull: bool, required: bool, verdict: str) -> None:
    one, other = pair("dcache", "dcache", pull=pull)
    other.faults.add(fault)
    async with running(one, other):
        headers = {"RequireChecksumVerification": str(required).lower()}
        answer = await run_copy(one, other, headers, pull=pull)
        assert answer.verdict.startswith(verdict)
        arrived = await content(one if pull else other)
        assert arrived == (DATA if verdict == "success" else None)


async def test_dcache_tells_the_digest_in_a_trailer() -> None:
    one, other = pair("dcache", "dcache")
    async with running(one, other):
        answer = await run_copy(one, other, {"Want-Digest": "adler32", "TE": "trailers"})
        assert answer.header("Trailer") == "Digest"
        assert answer.raw.endswith(f"\r\n0\r\nDigest: adler32={zlib.adler32(DATA):08x}\r\n\r\n".encode())


# --- the client -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("active", "left"),
    [("xrootd5", 1000), ("xrootd6", 1000), ("dcache", None), ("storm", len(DATA)), ("pelican", None)],
)
async def test_what_is_left_when_the_client_leaves(active: str, left: int | None) -> None:
    one, other = pair(active, "dcache")
    other.faults.add("passive_stall:1000" if active != "storm" else "passive_slow:3000000")
    async with running(one, other):
        reader, writer = await connect(one.url)
        lines = {"Source": f"{other.url}/d/from", "TransferHeaderAuthorization": f"Bearer {trust().token()}"}
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"COPY /d/to HTTP/1.1\r\nAuthorization: Bearer {trust().token()}\r\n{fields}\r\n".encode())
        while not one.busy:
            await asyncio.sleep(0)
        if active in ("xrootd5", "xrootd6", "pelican"):
            await reader.readuntil(b"Stripe Bytes Transferred: 1000")
        elif active == "storm":
            await reader.readuntil(b"Stripe Bytes Transferred:")
        else:
            await reader.readuntil(b"End\n")
        writer.transport.abort()
        async with asyncio.timeout(5):
            while one.busy:
                await asyncio.sleep(0)
    found = await content(one)
    assert (None if found is None else len(found)) == left


async def test_stopping_in_the_middle_of_copies() -> None:
    one, other = pair("xrootd6", "dcache", stall_seconds=30.0)
    other.faults.add("passive_stall")
    await one.start()
    await other.start()
    waiting = [asyncio.create_task(copy(one, f"/d/to{number}", f"{other.url}/d/from")) for number in range(5)]
    while len(one.files.paths()) < 5:
        await asyncio.sleep(0)
    await one.stop()
    await other.stop()
    answers = await asyncio.gather(*waiting)
    assert all("success" not in answer.raw.decode() for answer in answers)
    assert one.busy == other.busy == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Credential": "gridsite"}, 400),
        ({"Overwrite": "F"}, 500),
        ({"Source": "gopher://x/y"}, 400),
        ({"Source": "https://[broken"}, 400),
        ({"Source": "no url at all"}, 400),
        ({"Destination": "https://localhost:1/x"}, 400),
    ],
)
async def test_orders_that_dcache_does_not_take(headers: dict[str, str], status: int) -> None:
    one, other = pair("dcache", "dcache")
    one.files.add("/d/to", b"there")
    async with running(one, other):
        answer = await run_copy(one, other, headers)
        assert answer.status == status
        assert await content(one) == b"there"


async def test_headers_for_the_passive_party() -> None:
    seen: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    one, _ = pair("storm", "dcache")
    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server, running(one):
        port = server.sockets[0].getsockname()[1]
        extra = {"TransferHeaderX-Yes": "1", "transferheaderSciTag": "66", "TransferHeaderHost": "evil", "X-No": "2"}
        await copy(one, "/d/to", f"http://127.0.0.1:{port}/x", extra)
    assert "\r\nX-Yes: 1\r\n" in "\r\n" + seen[0].partition("\r\n")[2]
    assert "SciTag: 66" in seen[0]
    assert "evil" not in seen[0]
    assert "X-No" not in seen[0]
