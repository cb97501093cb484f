"""Copies by xroot that go other ways than straight: round a server that is down, and with a token for the source."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, root_grid
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.testbed.xroot.faults import RootFault


@asynccontextmanager
async def between(tmp_path: Path, *dialects: str, source: set[RootFault]) -> AsyncIterator[tuple[RootGrid, RootBench]]:
    async with (
        root_grid(source, dialects=dialects) as world,
        root_bench(tmp_path, world.grid.issuer, world.grid.authority.ca_file) as bench,
    ):
        yield world, bench


async def test_a_server_that_was_got_round_is_named(tmp_path: Path) -> None:
    async with between(tmp_path, "xrootd5", source={RootFault.POOL_DOWN}) as (world, bench):
        result = await bench.copy(world.link)
        assert result.ok, result
        [warning] = result.warnings
        assert warning.startswith("localhost:1: connection refused; ")
        hops = [[hop.host for hop in each.hops] for each in result.evidence.exchanges if len(each.hops) > 1]
        place = f"localhost:{world.source.port}"
        assert hops == [[place, "localhost:1", place]]
        assert await bench.left() == []


async def test_the_server_behind_the_door_is_named(tmp_path: Path) -> None:
    async with between(tmp_path, "xrootd5", source={RootFault.POOLS_DOWN}) as (world, bench):
        result = await bench.copy(world.link)
        assert (result.reason, result.blame) == (Reason.CONNECTION_REFUSED, Blame.SOURCE)
        assert result.hint == "localhost:1: connection refused"
        assert await bench.left() == []


async def test_a_dcache_source_is_shown_a_token(tmp_path: Path) -> None:
    # It forgets the key, so that without the token nobody would be let in.
    async with between(tmp_path, "dcache", "xrootd5", source={RootFault.FORGETS_KEYS}) as (world, bench):
        result = await bench.copy(world.link)
        assert result.ok, result
        assert await bench.left() == []


async def test_other_sources_are_shown_none(tmp_path: Path) -> None:
    async with between(tmp_path, "xrootd5", source={RootFault.FORGETS_KEYS}) as (world, bench):
        result = await bench.copy(world.link)
        assert result.reason is Reason.PASSIVE_FORBIDDEN
        assert await bench.left() == []
