"""The probe `root-pull` against root doors of the testbed: sound ones, and every fault that they can have."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.house import LIMITS
from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, root_grid
from tpcharness.model.progress import MarkerSeen
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.variant import Blame, Phase
from tpcharness.testbed.xroot.faults import CATALOGUE, RootFault, Row

KIB, MIB = 1024, 1024 * 1024
QUICK = replace(
    LIMITS, request_seconds=1.0, first_byte_seconds=1.0, no_progress_seconds=1.0, transfer_seconds=8.0, tls_seconds=1.0
)


async def leave(bench: RootBench, world: RootGrid) -> None:
    """Nothing is left, at the storages and in our notes."""
    assert await bench.left() == []
    assert not any(world.grid.leftovers().values())


def bench_of(world: RootGrid, directory: Path, **more: object):  # type: ignore[no-untyped-def]
    return root_bench(directory, world.grid.issuer, world.grid.authority.ca_file, **more)  # type: ignore[arg-type]


def blames(result: Result) -> set[Blame]:
    return {each.blame for each in result.alternatives} or {result.blame}


@pytest.mark.parametrize("size", [0, 1, KIB, MIB, 3 * MIB + 1])
async def test_sound_doors(tmp_path: Path, size: int) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        result = await bench.copy(world.link, size)
        assert result.reason is Reason.OK, result
        assert result.checksum.verified_by is VerifiedBy.DIGEST
        assert (result.bytes, result.warnings) == (size, ())
        assert result.throughput or size == 0
        assert result.markers.bytes_claimed == size
        assert result.phases[Phase.TLS] > 0
        await leave(bench, world)


def _id(row: Row) -> str:
    return f"{row.fault} at the {row.at}"


@pytest.mark.parametrize("row", CATALOGUE, ids=_id)
async def test_every_fault_is_found_and_its_bearer_named(tmp_path: Path, row: Row) -> None:
    at_source = row.at is Blame.SOURCE
    faults = {row.fault}
    async with (
        root_grid(faults if at_source else (), () if at_source else faults) as world,
        bench_of(world, tmp_path, limits=QUICK) as bench,
    ):
        result = await bench.copy(world.link, MIB)
        assert (result.reason, blames(result)) == (row.reason, set(row.blames)), (result.hint, result.evidence)
        assert "eyJ" not in repr((result, bench.events))
        world.source.faults.clear()
        world.destination.faults.clear()
        await leave(bench, world)


def test_few_faults_leave_us_without_a_culprit() -> None:
    certain = [row for row in CATALOGUE if len(row.blames) == 1]
    assert len(certain) / len(CATALOGUE) > 0.75
    assert {row.fault for row in CATALOGUE} == set(RootFault)


async def test_a_stalled_copy_is_cancelled_and_the_file_removed(tmp_path: Path) -> None:
    async with root_grid({RootFault.STALLS}) as world, bench_of(world, tmp_path, limits=QUICK) as bench:
        result = await bench.copy(world.link, MIB)
        assert result.reason is Reason.NO_PROGRESS
        assert result.markers.bytes_claimed == 256 * KIB
        assert [event.bytes_claimed for event in bench.events if isinstance(event, MarkerSeen)][-1] == 256 * KIB
        assert "cancel" in [exchange.method for exchange in result.evidence.exchanges]
        await leave(bench, world)


async def test_a_source_that_is_down_for_us_as_well_bears_it_alone(tmp_path: Path) -> None:
    """After the copy has stalled we read the source ourselves."""
    async with root_grid({RootFault.STALLS}) as world, bench_of(world, tmp_path, limits=QUICK) as bench:
        task = asyncio.create_task(bench.copy(world.link, MIB))
        while not any(isinstance(event, MarkerSeen) and event.bytes_claimed for event in bench.events):
            await asyncio.sleep(0.01)
        await world.source.stop()
        result = await task
        assert blames(result) == {Blame.SOURCE}, result
        assert "does not serve us either" in result.hint
        await leave(bench, world)


async def test_a_cancelled_probe_leaves_nothing(tmp_path: Path) -> None:
    async with root_grid({RootFault.STALLS}) as world, bench_of(world, tmp_path) as bench:
        task = asyncio.create_task(bench.copy(world.link, MIB))
        while not any(isinstance(event, MarkerSeen) and event.bytes_claimed for event in bench.events):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await leave(bench, world)


async def test_a_seed_that_vanished_is_nobodys_failure(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        await bench.copy(world.link)
        files = world.grid.sites[0].storage.files
        for path in files.paths():
            files.remove(path)
        result = await bench.copy(world.link)
        assert (result.reason, result.blame) == (Reason.SEED_LOST, Blame.NOBODY)
        assert (await bench.copy(world.link)).ok
        await leave(bench, world)


async def test_other_numbers_of_our_process_at_both_ends(tmp_path: Path) -> None:
    """The fake compares what we say of ourselves, as the real ones do: one pid for both ends, or nothing moves."""
    async with root_grid() as world, bench_of(world, tmp_path, pid=4242) as bench:
        assert (await bench.copy(world.link)).ok
        await leave(bench, world)


@pytest.mark.slow
async def test_five_hundred_at_once(tmp_path: Path) -> None:
    async with (
        root_grid(ttl_seconds=60.0) as world,
        bench_of(
            world, tmp_path, limits=replace(LIMITS, request_seconds=60.0, tls_seconds=60.0, transfer_seconds=90.0)
        ) as bench,
    ):
        results = await asyncio.gather(*(bench.copy(world.link) for _ in range(500)))
        assert {result.reason for result in results} == {Reason.OK}
        await leave(bench, world)
