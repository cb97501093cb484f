from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from itertools import cycle

import pytest

from tests.support.storages import RawAnswer, ask, connect, copy, make_storage, running, trust
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.dialects.vocabulary import Cause
from tpcharness.testbed.effects import (
    Closed,
    Culprit,
    Drip,
    Effect,
    Freeze,
    Full,
    Hang,
    Occasion,
    Party,
    Say,
    ShortBody,
)
from tpcharness.testbed.fault_catalogue import CATALOGUE
from tpcharness.testbed.faults import FaultSet, UnknownFaultError, parse
from tpcharness.testbed.files import File
from tpcharness.testbed.storage import Storage

DATA = bytes(range(256)) * 40
COPY = Occasion("COPY", Party.CLIENT)
PEER_GET = Occasion("GET", Party.PEER)

# --- the machinery ----------------------------------------------------------------------------------------------------


def test_the_catalogue_is_complete_in_itself() -> None:
    for name, fault in CATALOGUE.items():
        assert fault.name == name
        assert fault.sentence.endswith(".")
        assert fault.citation
        assert fault.dialects <= set(DIALECTS)
        assert fault.blame in Culprit


@pytest.mark.parametrize(
    ("text", "effect", "occasion", "expected"),
    [
        ("frozen_bytes", Freeze, COPY, Freeze(1)),
        ("no_first_byte", Freeze, COPY, Freeze(0)),
        ("frozen_bytes:500", Freeze, COPY, Freeze(500)),
        ("passive_slow:9", Drip, PEER_GET, Drip(9)),
        ("passive_cut", ShortBody, PEER_GET, ShortBody(1000)),
        ("passive_cut:after=9", ShortBody, Occasion("GET", Party.CLIENT), ShortBody(9)),
        ("passive_403", Say, Occasion("GET", Party.CLIENT), None),
        ("passive_403@PUT", Say, PEER_GET, None),
        ("passive_403@GET", Say, PEER_GET, Say(Cause.FORBIDDEN, 403)),
        ("refuse@COPY", Closed, COPY, Closed()),
        ("passive_cut", ShortBody, Occasion("HEAD", Party.PEER), None),
        ("passive_cut", Hang, PEER_GET, None),
    ],
)
def test_finds_what_bites(text: str, effect: type[Effect], occasion: Occasion, expected: Effect | None) -> None:
    assert FaultSet([text]).find(effect, occasion) == expected


def test_the_nth_occasion_only() -> None:
    faults = FaultSet(["hang_before_headers:nth=2"])
    assert [faults.find(Hang, COPY) is not None for _ in range(4)] == [False, True, False, False]


def test_chance_is_the_same_every_time() -> None:
    def bites(seed: int) -> list[bool]:
        faults = FaultSet(["active_500:probability=0.5"], seed=seed)
        return [faults.find(Say, COPY) is not None for _ in range(200)]

    assert bites(1) == bites(1) != bites(2)
    assert 60 < sum(bites(1)) < 140


def test_several_at_once_and_off_again() -> None:
    faults = FaultSet(["active_401:nth=2", "active_500"])
    first, second = faults.find(Say, COPY), faults.find(Say, COPY)
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (500, 401)
    faults.clear()
    assert faults.find(Say, COPY) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "active_401:5",
        "no_space:x",
        "no_space:-1",
        "no_space:nth=x",
        "no_space:nth=-1",
        "no_space:odd=1",
        "no_space:probability=p",
        "no_space:probability=1.5",
        "no_space:probability=nan",
        "no_space@GET",
        "no_space@",
        "refuse@copy",
    ],
)
def test_texts_that_are_no_faults(text: str) -> None:
    with pytest.raises(UnknownFaultError):
        FaultSet([text])


def test_arguments_may_be_combined() -> None:
    faults = FaultSet(["no_space:100:nth=1:probability=1.0"])
    assert faults.find(Full, COPY) == Full(100)


def test_parse() -> None:
    assert parse("SITE-B=no_space:nth=2") == ("SITE-B", "no_space:nth=2")
    for text in ("SITE-B", "=x", "SITE-B=", ""):
        with pytest.raises(UnknownFaultError):
            parse(text)


# --- on the wire ------------------------------------------------------------------------------------------------------


async def copied(active: Storage, passive: Storage, *, pull: bool = True) -> RawAnswer:
    for storage in (active, passive):
        storage.files.make_directory("/d")
    (passive if pull else active).files.add("/d/from", DATA)
    ours, theirs = ("/d/to", "/d/from") if pull else ("/d/from", "/d/to")
    async with running(active, passive):
        return await copy(active, ours, passive.url + theirs, pull=pull)


async def arrived(storage: Storage) -> bytes | None:
    node = storage.files.find("/d/to")
    return await node.read(0, len(DATA) + 1) if isinstance(node, File) else None


@pytest.mark.parametrize(
    ("fault", "active", "status", "verdict"),
    [
        ("active_401", "xrootd5", 401, "Unable to create /d/to; permission denied"),
        ("active_403", "dcache", 403, "Permission denied"),
        ("active_500", "storm", 500, "Internal Server Error"),
        ("active_503", "xrootd6", 503, "Service Unavailable"),
        ("tpc_unsupported", "dpm", 405, "Method Not Allowed"),
        ("aborted", "xrootd5", 201, "aborted: transfer aborted"),
        ("no_space", "dcache", 507, '<D:error xmlns:D="DAV:"><D:quota-not-exceeded/></D:error>'),
        ("no_space:1000", "dcache", 202, "failure: No space left on device"),
        (
            "no_space:1000",
            "xrootd5",
            201,
            (
                "failure: Error when interacting with local filesystem: Unable to write /d/to;"
                " no space left on device (code=28)"
            ),
        ),
        ("no_space", "pelican", 201, "failure: write to destination failed: no space left on device"),
    ],
)
async def test_faults_of_the_active_party(fault: str, active: str, status: int, verdict: str) -> None:
    answer = await copied(make_storage(active, faults=(fault,)), make_storage("dcache"))
    assert (answer.status, answer.verdict) == (status, verdict)


async def test_the_refusal_of_loopback() -> None:
    active = make_storage("xrootd6", faults=("loopback_forbidden",))
    answer = await copied(active, make_storage("dcache"))
    assert answer.status == 403
    assert answer.verdict.startswith(
        "failure: connection to local/private addresses is forbidden, local=/d/to, remote="
    )


@pytest.mark.parametrize(
    ("fault", "active", "verdict"),
    [
        ("passive_401", "dcache", "failure: rejected GET: 401 Unknown"),
        ("passive_403", "storm", "failure: Error fetching {url}: 403 Forbidden"),
        ("missing_file", "dcache", "failure: rejected GET: 404 Not Found"),
        ("passive_500", "dpm", "failure: Remote server returned 500 Internal Server Error"),
        ("passive_503", "pelican", "Source returned HTTP 503"),
        (
            "passive_cut",
            "storm",
            (
                "failure: ConnectionClosedException while fetching {url}: Premature end of Content-Length delimited"
                f" message body (expected: {len(DATA)}; received: 1000)"
            ),
        ),
        ("passive_cut:0", "xrootd5", "failure: Transferred a partial file"),
        (
            "passive_stall:500",
            "dcache",
            f"failure: socket timeout on GET (received 500 B of data; {len(DATA) - 500} B pending)",
        ),
        ("passive_hang", "storm", "failure: SocketTimeoutException while fetching {url}: Read timed out"),
    ],
)
async def test_faults_of_the_passive_party(fault: str, active: str, verdict: str) -> None:
    passive = make_storage("xrootd5", faults=(fault,))
    answer = await copied(make_storage(active), passive)
    assert answer.verdict == verdict.format(url=f"{passive.url}/d/from")


async def test_a_peer_is_told_what_a_client_is_not() -> None:
    storage = make_storage("xrootd5", faults=("missing_file",))
    storage.files.add("/f", b"there")
    async with running(storage):
        for agent, status in (("tpcharness/1", 200), ("xrootd-tpc/v5.6.9", 404), ("dCache/10.2.1", 404)):
            answer = await ask(f"{storage.url}/f", "HEAD", token=trust().token(), agent=agent)
            assert answer.status == status


@pytest.mark.parametrize("pull", [True, False])
@pytest.mark.parametrize(
    ("fault", "spoilt"),
    [("wrong_content", lambda data: bytes([data[0] ^ 1]) + data[1:]), ("success_zero_bytes", lambda _: b"")],
)
@pytest.mark.parametrize("active", ["dcache", "xrootd5", "storm"])
async def test_success_that_is_none(active: str, fault: str, spoilt: Callable[[bytes], bytes], pull: bool) -> None:
    one, other = make_storage(active, faults=(fault,)), make_storage("storm")
    answer = await copied(one, other, pull=pull)
    assert answer.verdict == "success: Created"
    assert await arrived(one if pull else other) == spoilt(DATA)


@pytest.mark.parametrize(("fault", "moved"), [("frozen_bytes", len(DATA)), ("no_first_byte", 0)])
@pytest.mark.parametrize("active", ["dcache", "xrootd5", "storm", "dpm"])
async def test_bytes_that_stand_still(active: str, fault: str, moved: int) -> None:
    one, other = make_storage(active, faults=(fault,), marker_period_seconds=0.02), make_storage("dcache")
    async with asyncio.timeout(10):
        await stand_still(one, other, moved)


async def stand_still(active: Storage, passive: Storage, moved: int) -> None:
    """Reads markers of a copy until three in a row have told just these bytes, and leaves."""
    for storage in (active, passive):
        storage.files.make_directory("/d")
    passive.files.add("/d/from", DATA)
    async with running(active, passive):
        reader, writer = await connect(active.url)
        fields = f"Authorization: Bearer {trust().token()}\r\nTransferHeaderAuthorization: Bearer {trust().token()}\r\n"
        writer.write(f"COPY /d/to HTTP/1.1\r\n{fields}Source: {passive.url}/d/from\r\n\r\n".encode())
        told: list[int] = []
        while told[-3:] != [moved] * 3:
            marker = (await reader.readuntil(b"End\n")).decode()
            told += [int(text) for text in re.findall(r"Bytes Transferred: (\d+)", marker)]
            assert set(told) <= {0, moved}
        writer.transport.abort()


async def test_silence_after_a_marker() -> None:
    one, other = make_storage("xrootd5", faults=("marker_silence",), marker_period_seconds=0.02), make_storage("dcache")
    for storage in (one, other):
        storage.files.make_directory("/d")
    other.files.add("/d/from", DATA)
    async with running(one, other):
        asking = asyncio.create_task(copy(one, "/d/to", f"{other.url}/d/from"))
        done, _ = await asyncio.wait({asking}, timeout=0.3)
        assert not done
        asking.cancel()
        await asyncio.wait({asking})
        async with asyncio.timeout(5):
            while one.busy:
                await asyncio.sleep(0)
    assert await arrived(one) == DATA


@pytest.mark.parametrize(("fault", "complete"), [("cut_without_verdict", False), ("end_without_verdict", True)])
async def test_no_verdict(fault: str, complete: bool) -> None:
    answer = await copied(make_storage("xrootd5", faults=(fault,)), make_storage("dcache"))
    assert answer.raw.endswith(b"\r\n0\r\n\r\n") is complete
    assert answer.verdict == "End"


async def test_hanging_before_the_head() -> None:
    storage = make_storage("dcache", faults=("hang_before_headers",))
    async with running(storage):
        asking = asyncio.create_task(copy(storage, "/f", "https://localhost:1/f"))
        done, _ = await asyncio.wait({asking}, timeout=0.2)
        assert not done
        asking.cancel()
        await asyncio.wait({asking})


@pytest.mark.parametrize(
    ("dialect", "status"), [("xrootd5", None), ("xrootd6", 507), ("dcache", 507), ("storm", 507), ("pelican", 507)]
)
async def test_put_on_a_full_disk(dialect: str, status: int | None) -> None:
    storage = make_storage(dialect, faults=("no_space:3",))
    async with running(storage):
        answer = await ask(f"{storage.url}/f", "PUT", token=trust().token(), body=b"hello")
        assert answer.raw == b"" if status is None else answer.status == status


@pytest.mark.parametrize(("fault", "digest"), [("checksum_wrong", "adler32=f9a60229"), ("checksum_absent", "")])
async def test_digests(fault: str, digest: str) -> None:
    storage = make_storage("xrootd5", faults=(fault,))
    storage.files.add("/f", b"world")  # adler32 06a60229
    async with running(storage):
        answer = await ask(f"{storage.url}/f", "HEAD", {"Want-Digest": "adler32"}, token=trust().token())
        assert answer.header("Digest") == digest


@pytest.mark.parametrize(("fault", "status"), [("delete_refused", 403), ("token_refused_direct", 403)])
async def test_deleting_refused(fault: str, status: int) -> None:
    storage = make_storage("xrootd6", faults=(fault,))
    storage.files.add("/f", b"")
    async with running(storage):
        assert (await ask(f"{storage.url}/f", "DELETE", token=trust().token())).status == status
    assert storage.files.paths() == ("/f",)


async def test_a_dropped_connection() -> None:
    storage = make_storage("dcache", faults=("drop_direct",))
    async with running(storage):
        assert (await ask(f"{storage.url}/f", "HEAD", token=trust().token())).raw == b""


async def test_a_closed_port_opens_again() -> None:
    storage = make_storage("eos", faults=("refuse",))
    async with running(storage):
        port = storage.port
        assert port
        with pytest.raises(ConnectionRefusedError):
            await connect(storage.url)
        storage.faults.clear()
        async with asyncio.timeout(5):
            while not storage.listening:
                await asyncio.sleep(0)
        assert storage.port == port
        assert (await ask(f"{storage.url}/", "OPTIONS")).status == 200
        storage.faults.add("refuse")
        with pytest.raises(ConnectionRefusedError):
            await connect(storage.url)


@pytest.mark.parametrize(("fault", "dialect"), list(zip(CATALOGUE, cycle(DIALECTS), strict=False)))
async def test_every_fault_leaves_storages_that_can_be_stopped(dialect: str, fault: str) -> None:
    """Whatever is wrong, nothing is left running (the test's own fixture looks for tasks and sockets)."""
    one, other = make_storage(dialect, faults=(fault,)), make_storage(dialect, faults=(fault,))
    for storage in (one, other):
        storage.files.add("/d/from", DATA)
    async with running(one, other):
        requests = [
            asyncio.create_task(copy(one, "/d/to", f"{other.url}/d/from")),
            asyncio.create_task(copy(one, "/d/from", f"{other.url}/d/to", pull=False)),
            asyncio.create_task(ask(f"{one.url}/d/from", "HEAD", token=trust().token())),
        ]
        await asyncio.wait(requests, timeout=0.05)
        for request in requests:
            request.cancel()
        await asyncio.wait(requests)


@pytest.mark.parametrize(("fault", "complete"), [("runs_on", True), ("long_line", False)])
async def test_a_copy_whose_client_has_gone(fault: str, complete: bool) -> None:
    """It stops, as XRootD does it, or goes on to its end; markers are what shows that nobody listens."""
    one = make_storage("xrootd5", faults=(fault,), marker_period_seconds=0.02)
    other = make_storage("dcache", faults=("passive_slow:20000",))
    for storage in (one, other):
        storage.files.make_directory("/d")
    other.files.add("/d/from", DATA)
    async with running(one, other):
        reader, writer = await connect(one.url)
        fields = f"Authorization: Bearer {trust().token()}\r\nTransferHeaderAuthorization: Bearer {trust().token()}\r\n"
        writer.write(f"COPY /d/to HTTP/1.1\r\n{fields}Source: {other.url}/d/from\r\n\r\n".encode())
        await reader.readuntil(b"End\n")
        writer.transport.abort()
        async with asyncio.timeout(10):
            while one.busy:
                await asyncio.sleep(0)
    assert (await arrived(one) == DATA) is complete
