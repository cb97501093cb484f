"""The probe `cache-read` through a fake cache: what can be told of hits, what cannot, and what is left behind.

Its faults stand in the truth table (`tests/truth/root_table.py`), a real XCache in `tests/real/test_cache_read.py`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, fake_cache, root_grid
from tpcharness.diagnosis.cache_verdict import Warmth
from tpcharness.model.progress import ExchangeSeen
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.variant import Blame, Variant
from tpcharness.testbed.xroot.faults import RootFault

MIB = 1024 * 1024


def bench_of(world: RootGrid, directory: Path):  # type: ignore[no-untyped-def]
    return root_bench(directory, world.grid.issuer, world.grid.authority.ca_file)


async def leave(bench: RootBench, world: RootGrid) -> None:
    """Nothing is left, at the storages and in our notes."""
    assert await bench.left() == []
    assert not any(world.grid.leftovers().values())


def reads(result: Result) -> list[str]:
    return [each.method for each in result.evidence.exchanges if each.method.startswith("read ")]


def conclusion(result: Result) -> str:
    return next(each.status_text for each in result.evidence.exchanges if each.method == "compare reads")


@pytest.mark.parametrize("size", [1, MIB, 3 * MIB + 1])
async def test_a_cache_that_is_faster_the_second_time(tmp_path: Path, size: int) -> None:
    async with (
        root_grid() as world,
        fake_cache(world, cold_seconds=0.5) as endpoint,
        bench_of(world, tmp_path) as bench,
    ):
        result = await bench.through_cache(endpoint, size)
        assert (result.reason, result.variant, result.warnings) == (Reason.OK, Variant.CACHE_READ, ()), result
        assert reads(result) == ["read direct", "read cold", "read warm"]
        assert conclusion(result).endswith(Warmth.FASTER)
        assert (result.bytes, result.checksum.verified_by) == (size, VerifiedBy.READBACK)
        assert result.transfer_seconds is not None
        assert result.transfer_seconds >= 0.5
        await leave(bench, world)


async def test_what_is_no_faster_cannot_be_told(tmp_path: Path) -> None:
    async with root_grid() as world, fake_cache(world) as endpoint, bench_of(world, tmp_path) as bench:
        result = await bench.through_cache(endpoint)
        [warning] = result.warnings
        assert result.ok
        assert warning.startswith("warm read not faster than cold: hit or miss cannot be told (bytes in ")
        assert warning.endswith("it does not call itself a cache or a proxy")
        assert conclusion(result).endswith(Warmth.UNKNOWN)
        await leave(bench, world)


async def test_every_attempt_has_a_file_that_the_cache_has_never_seen(tmp_path: Path) -> None:
    async with (
        root_grid() as world,
        fake_cache(world, cold_seconds=0.3) as endpoint,
        bench_of(world, tmp_path) as bench,
    ):
        results = [await bench.through_cache(endpoint) for _ in range(2)]
        assert [conclusion(result).endswith(Warmth.FASTER) for result in results] == [True, True]
        await leave(bench, world)


async def test_an_origin_that_fails_is_blamed_before_its_cache_is_asked(tmp_path: Path) -> None:
    async with (
        root_grid({RootFault.WRONG_CONTENT}) as world,
        fake_cache(world) as endpoint,
        bench_of(world, tmp_path) as bench,
    ):
        result = await bench.through_cache(endpoint)
        assert (result.reason, result.blame) == (Reason.CONTENT_MISMATCH, Blame.DESTINATION), result
        assert reads(result) == ["read direct"]
        await leave(bench, world)


async def test_a_cache_on_the_endpoints_own_host_is_the_endpoints(tmp_path: Path) -> None:
    async with (
        root_grid() as world,
        fake_cache(world, {RootFault.LOGIN_REFUSED}) as endpoint,
        bench_of(world, tmp_path) as bench,
    ):
        result = await bench.through_cache(endpoint)
        assert (result.reason, result.blame) == (Reason.UNAUTHENTICATED, Blame.PATH)
        assert "cache 127.0.0.1:" in result.hint
        own = replace(endpoint, cache=endpoint.cache.replace("127.0.0.1", "localhost"))
        result = await bench.through_cache(own)
        assert (result.reason, result.blame) == (Reason.UNAUTHENTICATED, Blame.DESTINATION)
        assert "cache localhost:" in result.hint
        await leave(bench, world)


async def test_without_a_root_door_the_origins_https_door_is_the_witness(tmp_path: Path) -> None:
    async with (
        root_grid() as world,
        fake_cache(world, {RootFault.WRONG_CONTENT}) as endpoint,
        bench_of(world, tmp_path) as bench,
    ):
        result = await bench.through_cache(replace(endpoint, root=""))
        assert (result.reason, result.blame) == (Reason.CONTENT_MISMATCH, Blame.PATH), result
        assert "the origin's https door serves us the same file" in result.hint
        await leave(bench, world)


async def test_a_cancelled_read_leaves_nothing_at_the_origin(tmp_path: Path) -> None:
    async with (
        root_grid() as world,
        fake_cache(world, {RootFault.STALLS_READERS}) as endpoint,
        bench_of(world, tmp_path) as bench,
    ):
        task = asyncio.create_task(bench.through_cache(endpoint, 9 * MIB))
        while "read direct" not in [e.exchange.method for e in bench.events if isinstance(e, ExchangeSeen)]:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await leave(bench, world)


async def test_no_token_is_seen_anywhere(tmp_path: Path) -> None:
    async with root_grid() as world, fake_cache(world) as endpoint, bench_of(world, tmp_path) as bench:
        assert "eyJ" not in repr((await bench.through_cache(endpoint), bench.events))


async def test_an_endpoint_without_a_cache_is_a_bug_of_ours(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        with pytest.raises(TypeError):
            await bench.through_cache(world.link.source)
