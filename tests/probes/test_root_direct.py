"""The probes `root-upload` and `root-download` at root doors of the testbed: sound ones, and what only a look tells.

Their faults stand in the truth table (`tests/truth/root_table.py`), one by one.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.house import LIMITS
from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, root_grid
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import MarkerSeen, PhaseEntered
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.probes.root_direct import spread
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.tokens.roles import Role
from tpcharness.wire.xroot.vectors import Range

MIB = 1024 * 1024
QUICK = replace(LIMITS, request_seconds=1.0, first_byte_seconds=0.5, no_progress_seconds=0.5)


def bench_of(world: RootGrid, directory: Path, **more: object):  # type: ignore[no-untyped-def]
    return root_bench(directory, world.grid.issuer, world.grid.authority.ca_file, **more)  # type: ignore[arg-type]


async def leave(bench: RootBench, world: RootGrid) -> None:
    """Nothing is left, at the storages and in our notes."""
    assert await bench.left() == []
    assert not any(world.grid.leftovers().values())


def verbs(result: Result) -> list[str]:
    return [exchange.method for exchange in result.evidence.exchanges if exchange.url.startswith("root")]


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, 5 * MIB + 3])
async def test_an_upload(tmp_path: Path, size: int) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        result = await bench.upload(world.link.source, size)
        assert (result.outcome, result.variant, result.warnings) == (Outcome.OK, Variant.ROOT_UPLOAD, ()), result
        assert result.subject == world.link.source.subject
        assert (result.bytes, result.checksum.verified_by) == (size, VerifiedBy.DIGEST)
        assert verbs(result) == ["open", "write", "sync", "close", "stat", "query checksum", "rm", "stat"]
        assert bool(result.throughput) is (size > 0)
        await leave(bench, world)


@pytest.mark.parametrize("size", [0, 1, 7, MIB, 5 * MIB + 3])
async def test_a_download(tmp_path: Path, size: int) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        result = await bench.download(world.link.source, size)
        assert (result.outcome, result.variant, result.warnings) == (Outcome.OK, Variant.ROOT_DOWNLOAD, ()), result
        assert (result.bytes, result.checksum.verified_by) == (size, VerifiedBy.READBACK)
        assert result.checksum.found == result.checksum.expected != ""
        assert verbs(result) == (["open", "read", "readv"] if size else ["open", "read"])
        assert {Phase.PREPARE, Phase.TOKEN, Phase.CONNECT, Phase.TLS, Phase.REQUEST, Phase.TRANSFER} <= set(
            result.phases
        )
        await leave(bench, world)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 4096, 32768, MIB])
def test_ranges_lie_in_the_file_and_reach_both_its_ends(size: int) -> None:
    ranges = spread(size)
    assert 0 < len(ranges) <= 8
    assert ranges[0].offset == 0
    assert ranges[-1].offset + ranges[-1].length == size
    assert all(each.length > 0 for each in ranges)
    assert ranges == sorted(ranges, key=lambda each: each.offset)


def test_no_ranges_of_nothing() -> None:
    assert spread(0) == []
    assert spread(1) == [Range(0, 1)]


async def test_refused_vector_reads_are_warned_of(tmp_path: Path) -> None:
    async with root_grid({RootFault.NO_READV}) as world, bench_of(world, tmp_path) as bench:
        result = await bench.download(world.link.source)
        assert result.ok
        [warning] = result.warnings
        assert warning.startswith("vector reads, as analysis jobs make them, are refused: error 3013")


async def test_a_server_that_answers_a_ping_is_the_one_that_stalls(tmp_path: Path) -> None:
    async with root_grid({RootFault.STALLS_READERS}) as world, bench_of(world, tmp_path, limits=QUICK) as bench:
        result = await bench.download(world.link.source, 3 * MIB)
        assert (result.reason, result.blame, result.alternatives) == (Reason.STREAM_STALLED, Blame.DESTINATION, ())
        assert "it still answers a ping" in result.hint
        assert f"after {MIB} bytes" in result.hint
        assert result.bytes == MIB
        await leave(bench, world)


async def test_slow_is_not_stalled_but_has_an_end(tmp_path: Path) -> None:
    """A deadline may be too short: we are among those who may have to act."""
    hasty = replace(LIMITS, transfer_seconds=0.5)
    async with root_grid({RootFault.STALLS_WRITERS}) as world, bench_of(world, tmp_path, limits=hasty) as bench:
        result = await bench.upload(world.link.source, 3 * MIB)
        assert result.reason is Reason.DEADLINE, result
        assert {each.blame for each in result.alternatives} == {Blame.DESTINATION, Blame.PATH, Blame.CLIENT}
        await leave(bench, world)


async def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        site = world.grid.sites[0]
        path = f"{bench.names.directory(world.link.source)}/door-run-p1-1"
        site.storage.files.add(path, b"somebody's")
        scope = "storage.read:/ storage.modify:/"
        bench.forges[Role.SEED] = lambda issuer, request: issuer.mint(scope, request.endpoint.audience)
        result = await bench.upload(world.link.source)
        assert (result.reason, result.blame) == (Reason.DESTINATION_EXISTS, Blame.DESTINATION), result
        assert path in site.storage.files.paths()
        assert [entry.url for entry in bench.ledger.entries] == []


async def test_missing_rights(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        endpoint = world.link.source
        bench.forges[Role.SEED] = lambda issuer, request: issuer.mint("storage.read:/", request.endpoint.audience)
        result = await bench.upload(endpoint)
        assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.DESTINATION)
        bench.forges.clear()
        bench.forges[Role.READ] = lambda issuer, request: issuer.mint("storage.create:/", request.endpoint.audience)
        result = await bench.download(endpoint)
        assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.DESTINATION)
        bench.forges.clear()
        result = await bench.upload(replace(endpoint, scope_base="/elsewhere"))
        assert (result.reason, result.blame) == (Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
        await leave(bench, world)


async def test_a_source_of_seeds_that_is_down_is_the_endpoint(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        world.grid.sites[0].storage.faults.add("refuse")
        result = await bench.download(world.link.source)
        assert result.blame is Blame.DESTINATION, result
        assert verbs(result) == []


async def test_a_seed_that_is_only_at_the_other_door(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        bench.forges[Role.READ] = lambda issuer, request: issuer.mint("storage.read:/", request.endpoint.audience)
        elsewhere = replace(world.link.source, root=f"{world.link.source.root}/elsewhere")
        result = await bench.download(elsewhere)
        assert (result.reason, result.blame) == (Reason.NOT_FOUND, Blame.DESTINATION)
        assert "is the path in `root` right?" in result.hint


async def test_a_seed_that_vanished_is_nobodys_failure(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        assert (await bench.download(world.link.source)).ok
        files = world.grid.sites[0].storage.files
        for path in files.paths():
            files.remove(path)
        result = await bench.download(world.link.source)
        assert (result.reason, result.blame) == (Reason.SEED_LOST, Blame.NOBODY)


@pytest.mark.parametrize("fault", [RootFault.STALLS_READERS, RootFault.STALLS_WRITERS])
async def test_a_cancelled_transfer_leaves_nothing(tmp_path: Path, fault: RootFault) -> None:
    async with root_grid({fault}) as world, bench_of(world, tmp_path) as bench:
        reading = fault is RootFault.STALLS_READERS
        transfer = bench.download if reading else bench.upload
        task = asyncio.create_task(transfer(world.link.source, 9 * MIB))
        while not any(isinstance(event, MarkerSeen) and event.bytes_claimed for event in bench.events):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await leave(bench, world)


async def test_a_cancellation_in_the_clean_up_is_obeyed_after_it(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        task = asyncio.create_task(bench.upload(world.link.source))
        while PhaseEntered("p1", Phase.CLEANUP) not in bench.events:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await leave(bench, world)


async def test_a_file_that_the_root_door_does_not_remove_goes_by_the_other(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        asked = 0

        def once(issuer, request):  # type: ignore[no-untyped-def]
            nonlocal asked
            asked += 1
            scope = "storage.modify:/ storage.read:/" if asked > 1 else "storage.read:/"
            return issuer.mint(scope, request.endpoint.audience)

        bench.forges[Role.CLEANUP] = once
        result = await bench.upload(world.link.source)
        assert (result.reason, result.blame) == (Reason.CLEANUP_REFUSED, Blame.DESTINATION)
        await leave(bench, world)


async def test_no_token_is_seen_anywhere(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        results = [await bench.upload(world.link.source), await bench.download(world.link.source)]
        assert "eyJ" not in repr((results, bench.events))


async def test_links_and_endpoints_without_a_root_door_are_bugs_of_ours(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        bare = Endpoint("SITE-X", "https://localhost/x")
        for transfer in (bench.upload, bench.download):
            with pytest.raises(TypeError):
                await transfer(bare)
