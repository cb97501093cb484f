"""Direct transfers over WebDAV: every storage, every size, what is measured, what is left, and how they end early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.direct_bench import DOWNLOAD, UPLOAD, DirectBench, direct_bench
from tests.support.grid import running_grid
from tests.support.house import LIMITS
from tests.support.scripted_server import ScriptedServer, SeenRequest, answer, never
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.payload.content import Content
from tpcharness.probes.webdav_reading import MAX_RANGE_BYTES, middle_span, vector_spans
from tpcharness.probes.webdav_transfer import Summed
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.grid import Grid
from tpcharness.tokens.roles import Role

KIB, MIB = 1024, 1024 * 1024
R = Reason
BOTH = pytest.mark.parametrize("variant", [UPLOAD, DOWNLOAD])
TIMED = {Phase.QUEUED, Phase.TOKEN, Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.PREPARE, Phase.REQUEST}


@pytest.fixture
async def grid() -> AsyncIterator[Grid]:
    async with running_grid(sites=len(DIALECTS), dialects=tuple(DIALECTS)) as grid:
        yield grid


@pytest.fixture
async def bench(grid: Grid, tmp_path: Path) -> AsyncIterator[DirectBench]:
    async with direct_bench(tmp_path, grid.issuer, grid.authority.ca_file) as bench:
        yield bench


def of_dialect(grid: Grid, name: str) -> Endpoint:
    return next(site.endpoint for site in grid.sites if site.storage.dialect.name == name)


async def nothing_is_left(grid: Grid, bench: DirectBench) -> None:
    assert await bench.left() == []
    assert not any(grid.leftovers().values())


@BOTH
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_storage_and_size(grid: Grid, bench: DirectBench, dialect: str, variant: Variant) -> None:
    endpoint = of_dialect(grid, dialect)
    for size in (0, 1, 2, 3, KIB, 3 * MIB):
        result = await bench.run(variant, endpoint, size)
        assert (result.outcome, result.reason, result.blame) == (Outcome.OK, R.OK, Blame.NOBODY), (size, result.hint)
        assert (result.warnings, result.bytes, result.subject) == ((), size, endpoint.subject)
        assert result.checksum.found == result.checksum.expected == Content(size).adler32
        assert result.checksum.verified_by is not VerifiedBy.NONE
        assert result.transfer_seconds is not None
        assert result.transfer_seconds > 0
        assert result.throughput == pytest.approx(size / result.transfer_seconds)
        assert result.phases.keys() >= TIMED | {Phase.TRANSFER}
        assert result.phases[Phase.TLS] > 0
        assert result.implementation.source == ()
        assert result.implementation.destination
        assert result.address_family is not None
    await nothing_is_left(grid, bench)


async def test_the_disk_server_behind_a_manager_is_named_and_timed_alone(grid: Grid, bench: DirectBench) -> None:
    endpoint = of_dialect(grid, "eos")
    for variant, method in ((UPLOAD, "PUT"), (DOWNLOAD, "GET")):
        result = await bench.run(variant, endpoint, MIB)
        sent = [each for each in result.evidence.exchanges if each.method == method]
        assert sent
        assert {len(each.hops) for each in sent} == {2}
        assert sent[0].hops[0].host == endpoint.host != sent[0].hops[1].host


async def test_what_is_asked_in_a_download(grid: Grid, bench: DirectBench) -> None:
    result = await bench.download(of_dialect(grid, "xrootd6"), 64 * KIB)
    asked = [dict(each.request_headers).get("Range", "") for each in result.evidence.exchanges if each.method == "GET"]
    assert asked[0] == ""
    assert asked[1] == "bytes=16384-49151"
    assert asked[2].count("-") == 8
    assert asked[2].startswith("bytes=0-2047,")
    assert asked[2].endswith("-65535")


@BOTH
async def test_each_role_has_the_least_right(grid: Grid, bench: DirectBench, variant: Variant) -> None:
    result = await bench.run(variant, of_dialect(grid, "storm"), KIB)
    roles = {facts.role for facts in result.evidence.tokens}
    wanted = {Role.DIRECTORY, Role.WRITE, Role.VERIFY, Role.CLEANUP} if variant is UPLOAD else {Role.SEED, Role.READ}
    assert roles >= {role.value for role in wanted}
    assert "eyJ" not in repr((result, bench.events))


@BOTH
async def test_without_a_token_no_file_is_sent(grid: Grid, bench: DirectBench, variant: Variant) -> None:
    endpoint = replace(of_dialect(grid, "dcache"), scope_base="/elsewhere")
    result = await bench.run(variant, endpoint)
    assert (result.outcome, result.reason, result.blame) == (Outcome.ERROR, R.TOKEN_SOURCE_FAILED, Blame.CLIENT)
    assert not any(grid.leftovers().values())
    assert {each.method for each in result.evidence.exchanges} <= {"MKCOL"}


@BOTH
async def test_a_link_is_no_subject(grid: Grid, bench: DirectBench, variant: Variant) -> None:
    one, other, *_ = grid.sites
    context = ProbeContext("run", "p", 1, 1, 0.0, bench.payload._clock, Nobody())
    with pytest.raises(TypeError, match="is about an endpoint"):
        await bench.probes[variant].run(Link(one.endpoint, other.endpoint), context)


async def test_a_seed_that_is_gone_is_nobodys_failure(grid: Grid, bench: DirectBench) -> None:
    site = grid.sites[0]
    assert (await bench.download(site.endpoint)).ok
    (seed,) = grid.leftovers()[site.name]
    site.storage.files.remove(seed)
    gone = await bench.download(site.endpoint)
    assert (gone.outcome, gone.reason, gone.blame) == (Outcome.SKIPPED, R.SEED_LOST, Blame.NOBODY)
    assert (await bench.download(site.endpoint)).ok
    await nothing_is_left(grid, bench)


async def test_whether_bytes_are_damaged_on_disk_or_when_read(grid: Grid, bench: DirectBench) -> None:
    site = next(site for site in grid.sites if site.storage.dialect.name == "xrootd6")
    assert (await bench.download(site.endpoint, 4 * KIB)).ok
    site.storage.faults.add("download_wrong")
    read = await bench.download(site.endpoint, 4 * KIB)
    site.storage.faults.clear()
    (seed,) = grid.leftovers()[site.name]
    site.storage.files.add(seed, b"x" * 4 * KIB)
    lying = await bench.download(site.endpoint, 4 * KIB)
    assert (read.reason, lying.reason) == (R.CONTENT_MISMATCH, R.CONTENT_MISMATCH)
    assert "damaged when they are read" in read.hint
    assert "it says so itself" in lying.hint
    assert (read.bytes, read.throughput) == (4 * KIB, None)


async def test_a_wrong_checksum_of_right_bytes_is_told_from_damage(grid: Grid, bench: DirectBench) -> None:
    site = grid.sites[0]
    hints = {}
    for fault in ("checksum_wrong", "upload_wrong", "upload_wrong+checksum_absent"):
        for each in fault.split("+"):
            site.storage.faults.add(each)
        result = await bench.upload(site.endpoint)
        hints[fault] = (result.reason, "the bytes themselves are right" in result.hint)
        site.storage.faults.clear()
    assert hints == {
        "checksum_wrong": (R.CHECKSUM_MISMATCH, True),
        "upload_wrong": (R.CONTENT_MISMATCH, False),
        "upload_wrong+checksum_absent": (R.CONTENT_MISMATCH, False),
    }


async def test_an_upload_that_is_not_read_is_a_stall_at_the_endpoint(grid: Grid, tmp_path: Path) -> None:
    """The kernel has all that was sent acknowledged: it is the program that does not read."""
    site = grid.sites[0]
    site.storage.faults.add("upload_unread")
    limits = replace(LIMITS, no_progress_seconds=0.5)
    async with direct_bench(tmp_path, grid.issuer, grid.authority.ca_file, limits=limits) as bench:
        result = await bench.upload(site.endpoint, 24 * MIB)
        site.storage.faults.clear()
    assert (result.reason, result.blame, result.alternatives) == (R.STREAM_STALLED, Blame.DESTINATION, ())
    assert "all acknowledged" in result.hint
    (put,) = [each for each in result.evidence.exchanges if each.method == "PUT"]
    assert put.hops[0].address
    assert put.error == result.hint


async def test_a_small_upload_that_is_not_read_has_no_answer(grid: Grid, tmp_path: Path) -> None:
    site = grid.sites[0]
    site.storage.faults.add("upload_unread")
    limits = replace(LIMITS, response_seconds=0.5)
    async with direct_bench(tmp_path, grid.issuer, grid.authority.ca_file, limits=limits) as bench:
        result = await bench.upload(site.endpoint, KIB)
        site.storage.faults.clear()
        assert (result.reason, result.blame) == (R.NO_RESPONSE, Blame.DESTINATION)
        assert "after all 1024 bytes" in result.hint
        assert any("its copy may still be going on" in each for each in result.warnings)
        assert len(await bench.left()) == 1  # it may still come


@pytest.mark.parametrize(
    ("variant", "fault", "phase"),
    [
        (UPLOAD, "passive_hang@PUT", Phase.TRANSFER),
        (UPLOAD, "upload_unread", Phase.TRANSFER),
        (DOWNLOAD, "passive_hang@GET", Phase.REQUEST),
        (DOWNLOAD, "passive_stall", Phase.TRANSFER),
    ],
)
async def test_cancelled_it_cleans_up_and_has_no_result(
    grid: Grid, bench: DirectBench, variant: Variant, fault: str, phase: Phase
) -> None:
    site = grid.sites[0]
    if variant is DOWNLOAD:
        assert (await bench.download(site.endpoint, 24 * MIB)).ok
    bench.entered.clear()
    site.storage.faults.add(fault)
    task = asyncio.create_task(bench.run(variant, site.endpoint, 24 * MIB))
    async with asyncio.timeout(5.0):
        await bench.entered[phase].wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    site.storage.faults.clear()
    await nothing_is_left(grid, bench)


@pytest.mark.parametrize("variant", [UPLOAD, Variant.DOOR])
async def test_interrupted_after_the_last_byte_it_stays_noted(grid: Grid, bench: DirectBench, variant: Variant) -> None:
    """A server that has all of it may make the file when we have gone: that it is not there yet proves nothing."""
    heard = asyncio.Event()

    async def silent(_request: SeenRequest) -> bytes:
        heard.set()
        return await never(_request)

    async with ScriptedServer() as server:
        server.on("OPTIONS *", answer(200)).on("MKCOL *", answer(201)).on("PUT *", silent)
        server.on("HEAD *", answer(404)).on("DELETE *", answer(404))
        endpoint = replace(grid.sites[0].endpoint, https=f"{server.url}/vo", scope_base="")
        task = asyncio.create_task(bench.run(variant, endpoint, KIB))
        async with asyncio.timeout(5.0):
            await heard.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        asked = [line.split()[0] for line in server.lines]
        assert asked[asked.index("PUT") :] == ["PUT", "HEAD", "HEAD"]
        assert len(await bench.left()) == 1


@BOTH
async def test_twenty_at_once(grid: Grid, bench: DirectBench, variant: Variant) -> None:
    results = await asyncio.gather(*(bench.run(variant, grid.sites[0].endpoint, 256 * KIB) for _ in range(20)))
    assert {result.reason for result in results} == {R.OK}
    await nothing_is_left(grid, bench)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 15, 16, 17, 1000, KIB, 64 * KIB, MIB, 10**10])
def test_the_parts_lie_in_the_file(size: int) -> None:
    spans = vector_spans(size)
    assert len(spans) == min(8, size // 2 if size > 3 else 0)
    assert all(0 <= span.start < span.stop <= size for span in spans)
    assert all(one.stop < other.start for one, other in pairwise(spans))
    middle = middle_span(size)
    assert (middle is None) is (size == 0)
    if spans and middle:
        assert (spans[0].start, spans[-1].stop) == (0, size)
        assert 0 < middle.length <= min(MAX_RANGE_BYTES, size // 2)


def test_a_body_is_summed_anew_after_a_redirect() -> None:
    body = Summed(Content(200 * KIB))
    first = iter(body.chunks())
    next(first)
    list(body.chunks())
    assert (body.adler32, body.length) == (Content(200 * KIB).adler32, 200 * KIB)
