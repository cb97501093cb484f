"""Whether two root doors do third-party copies, asked of doors of the testbed; and what that makes of gfal2's word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.clocks import WallClock
from tests.support.house import LIMITS
from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, root_grid
from tests.support.scripted_gfal import make_interpreter, rehearse
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Blame, Variant
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile
from tpcharness.probes.gfal_copy import GfalCopyProbe, GfalSettings
from tpcharness.probes.root_ability import RootAbility
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.workers.pool import WorkerPool

SIZE = 1024
UNABLE = frozenset({RootFault.NO_TPC})


@dataclass(slots=True)
class World:
    """Two storages with a file at each, as after a copy that was called a success."""

    grid: RootGrid
    bench: RootBench
    ability: RootAbility
    trail: Trail

    async def file(self, endpoint: Endpoint) -> PayloadFile:
        seed = await self.bench.payload.seed(endpoint, SIZE, self.trail)
        assert not isinstance(seed, Failure)
        return seed.file

    async def files(self) -> tuple[PayloadFile, PayloadFile]:
        link = self.grid.link
        return await self.file(link.source), await self.file(link.destination)

    async def judge(self, *files: PayloadFile) -> Verdict | None:
        source, destination = files or await self.files()
        return await self.ability.judge(source, destination, self.trail)

    def asked(self) -> list[str]:
        return [each.method for each in self.trail.exchanges if each.url.startswith("roots:")]


@asynccontextmanager
async def open_world(
    directory: Path, source: Collection[RootFault] = (), destination: Collection[RootFault] = ()
) -> AsyncIterator[World]:
    async with (
        root_grid(source, destination) as grid,
        root_bench(directory, grid.grid.issuer, grid.grid.authority.ca_file) as bench,
    ):
        yield World(grid, bench, RootAbility(bench.client, bench.probe._tokens), Trail("test", Nobody()))
        assert await bench.left() == []
    assert not any(grid.grid.leftovers().values())


async def test_both_ends_do(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        assert await world.judge() is None
        assert world.asked() == ["open", "query config tpc"] * 2
        assert "eyJ" not in repr(world.trail.exchanges)


@pytest.mark.parametrize(
    ("source", "destination", "blame"),
    [(UNABLE, (), Blame.SOURCE), ((), UNABLE, Blame.DESTINATION), (UNABLE, UNABLE, Blame.SOURCE)],
)
async def test_an_end_that_does_not(
    tmp_path: Path, source: Collection[RootFault], destination: Collection[RootFault], blame: Blame
) -> None:
    async with open_world(tmp_path, source, destination) as world:
        verdict = await world.judge()
        assert verdict is not None
        assert (verdict.reason, verdict.blame) == (Reason.TPC_UNSUPPORTED, blame)


async def test_a_copy_that_nobody_has(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        source, destination = await world.files()
        verdict = await world.judge(source, replace(destination, path=f"{destination.path}-gone"))
        assert verdict is not None
        assert (verdict.reason, verdict.blame) == (Reason.NOT_VISIBLE, Blame.DESTINATION)


@pytest.mark.parametrize("blame", [Blame.SOURCE, Blame.DESTINATION])
async def test_an_end_that_cannot_be_asked_is_no_third_party_copy(tmp_path: Path, blame: Blame) -> None:
    async with open_world(tmp_path) as world:
        files = await world.files()
        await (world.grid.source if blame is Blame.SOURCE else world.grid.destination).stop()
        verdict = await world.judge(*files)
        assert verdict is not None
        assert (verdict.reason, verdict.blame) == (Reason.CONNECTION_REFUSED, blame)


async def copy(world: World, folder: Path, way: str) -> Result:
    """A success of a gfal2 that copies nothing and says that it was done in this way."""
    bench, interpreter = world.bench, make_interpreter(folder)
    rehearse(folder, f"way/{way}")
    async with WorkerPool(interpreter) as pool:
        probe = GfalCopyProbe(
            Variant.GFAL_ROOT_ROOT,
            pool,
            bench.probe._tokens,
            bench.payload,
            bench.names,
            bench.probe._control,
            Verifier(bench.probe._control._errands, (0.0,)),
            ServerBook(),
            world.ability,
            GfalSettings(LIMITS, "test/1", str(world.grid.grid.authority.ca_file)),
        )
        context = ProbeContext("run", "g1", 1, SIZE, 0.0, WallClock(), Nobody())
        return await probe.run(world.grid.link, context)


@pytest.mark.parametrize(
    ("way", "reason", "asked"),
    [
        ("streamed", Reason.TPC_UNSUPPORTED, True),
        ("3rd pull", Reason.NOT_VISIBLE, False),  # gfal2 has insisted, and the source has learned it meanwhile
    ],
)
async def test_what_gfal2_calls_streamed_is_looked_into(tmp_path: Path, way: str, reason: Reason, asked: bool) -> None:
    async with open_world(tmp_path, UNABLE) as world:
        result = await copy(world, tmp_path, way)
        assert result.reason is reason
        assert any("through this machine" in warning for warning in result.warnings) is asked
        assert any(each.method == "query config tpc" for each in result.evidence.exchanges) is asked


async def test_what_gfal2_calls_streamed_may_be_a_third_party_copy(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        result = await copy(world, tmp_path, "streamed")
        assert (result.reason, result.blame) == (Reason.NOT_VISIBLE, Blame.DESTINATION)
        assert not any("through this machine" in warning for warning in result.warnings)
