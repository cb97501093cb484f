"""The probe `root-door` at root doors of the testbed: sound ones, and every fault that shows at a door."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.house import LIMITS
from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, root_grid
from tests.truth.root_table import AT_THE_DOOR
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.tokens.roles import Role

QUICK = replace(LIMITS, request_seconds=1.0, tls_seconds=1.0)


async def leave(bench: RootBench, world: RootGrid) -> None:
    """Nothing is left, at the storages and in our notes."""
    assert [entry.url for entry in bench.ledger.entries] == []
    assert not any(world.grid.leftovers().values())


def bench_of(world: RootGrid, directory: Path, **more: object):  # type: ignore[no-untyped-def]
    return root_bench(directory, world.grid.issuer, world.grid.authority.ca_file, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 300_000])
async def test_a_sound_door(tmp_path: Path, size: int) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        result = await bench.check(world.link.source, size)
        assert (result.outcome, result.variant, result.hint) == (Outcome.OK, Variant.ROOT_DOOR, ""), result
        assert result.subject == world.link.source.subject
        assert (result.bytes, result.checksum.verified_by, result.warnings) == (size, VerifiedBy.DIGEST, ())
        assert {
            Phase.TOKEN,
            Phase.RESOLVE,
            Phase.CONNECT,
            Phase.TLS,
            Phase.REQUEST,
            Phase.VERIFY,
            Phase.CLEANUP,
        } <= set(result.phases)
        verbs = [exchange.method for exchange in result.evidence.exchanges]
        writes = -(-size // (64 * 1024))
        assert verbs[: writes + 5] == ["open", *["write"] * writes, "sync", "close", "stat", "query checksum"]
        assert verbs[writes + 5 :] == ["open", "rm", "stat"]
        assert [facts.issuer for facts in result.evidence.tls] != []
        assert "eyJ" not in repr((result, bench.events))
        await leave(bench, world)


async def test_the_https_door_is_not_asked(tmp_path: Path) -> None:
    """Each door is found well or ill for itself."""
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        world.grid.sites[0].storage.faults.add("refuse")
        result = await bench.check(world.link.source)
        assert result.ok, result
        assert {exchange.url.partition(":")[0] for exchange in result.evidence.exchanges} == {"roots"}
        await leave(bench, world)


@pytest.mark.parametrize("fault", RootFault)
async def test_every_fault_that_shows_at_a_door_is_found_there(tmp_path: Path, fault: RootFault) -> None:
    async with root_grid({fault}) as world, bench_of(world, tmp_path, limits=QUICK) as bench:
        result = await bench.check(world.link.source)
        reason = AT_THE_DOOR.get(fault, Reason.OK)
        blame = Blame.NOBODY if reason is Reason.OK else Blame.DESTINATION
        assert (result.reason, result.blame) == (reason, blame), (result.hint, result.evidence)
        assert result.ok or result.evidence.exchanges
        assert "eyJ" not in repr((result, bench.events))
        await leave(bench, world)


@pytest.mark.parametrize("fault", [RootFault.NO_TPC, RootFault.IGNORES_TPC])
async def test_a_door_that_does_no_copies_is_well_and_says_so(tmp_path: Path, fault: RootFault) -> None:
    async with root_grid({fault}) as world, bench_of(world, tmp_path) as bench:
        result = await bench.check(world.link.source)
        assert result.ok
        assert result.warnings == ("it says that it does no xroot copies (ofs.tpc)",)


async def test_bytes_are_read_back_where_no_checksum_is_told(tmp_path: Path) -> None:
    async with root_grid({RootFault.NO_CHECKSUM}) as world, bench_of(world, tmp_path) as bench:
        result = await bench.check(world.link.source)
        assert (result.ok, result.checksum.verified_by) == (True, VerifiedBy.READBACK)


async def test_a_door_that_is_not_there(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        await world.source.stop()
        result = await bench.check(world.link.source)
        assert (result.reason, result.blame) == (Reason.CONNECTION_REFUSED, Blame.DESTINATION)
        await leave(bench, world)


async def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        result = await bench.check(replace(world.link.source, root="roots://door.invalid//x"))
        assert (result.reason, result.blame) == (Reason.DNS_FAILURE, Blame.DESTINATION)
        assert bench.ledger.entries == ()


async def test_a_token_that_is_refused_and_one_that_there_is_not(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        bench.forges[Role.SEED] = lambda issuer, request: issuer.mint("storage.read:/", request.endpoint.audience)
        result = await bench.check(world.link.source)
        assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.DESTINATION)
        result = await bench.check(replace(world.link.source, scope_base="/elsewhere"))
        assert (result.reason, result.blame) == (Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
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
        result = await bench.check(world.link.source)
        assert (result.reason, result.blame) == (Reason.CLEANUP_REFUSED, Blame.DESTINATION)
        await leave(bench, world)


async def test_a_cancelled_check_leaves_nothing(tmp_path: Path) -> None:
    async with root_grid() as world, bench_of(world, tmp_path) as bench:
        task = asyncio.create_task(bench.check(world.link.source, 20_000_000))
        while not any(world.grid.leftovers().values()):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await leave(bench, world)
