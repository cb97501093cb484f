"""Where the cells of xroot are tried: for each a grid of two storages with root doors, and a harness over it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.house import LIMITS
from tests.support.root_bench import RootBench, root_bench
from tests.support.root_grid import RootGrid, fake_cache, root_grid
from tests.truth.root_table import CACHE, RootCell
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome

SIZE = 1024 * 1024
DIRECT_SIZE = 3 * SIZE
"""More pieces than one: faults in the middle of a file bite from the second on."""
AT_ONCE = 4
QUICK = replace(
    LIMITS, request_seconds=3.0, first_byte_seconds=1.5, no_progress_seconds=1.5, transfer_seconds=10.0, tls_seconds=3.0
)


@dataclass(frozen=True, slots=True)
class RootTried:
    """What came of a cell."""

    cell: RootCell
    result: Result

    @property
    def complaint(self) -> str:
        """What the harness got wrong; empty when nothing."""
        result, cell = self.result, self.cell
        blames = {each.blame for each in result.alternatives} or {result.blame}
        if (result.reason, blames) != (cell.reason, set(cell.blames)):
            return f"{result.reason} of {sorted(blames)}, not {cell.reason} of {sorted(cell.blames)}: {result.hint!r}"
        if cell.ambiguous is not (result.blame is Blame.UNDETERMINED):
            return f"blame {result.blame}"
        expected = Outcome.OK if cell.blames == {Blame.NOBODY} else Outcome.FAILURE
        return "" if result.outcome is expected else f"outcome {result.outcome}, not {expected}"


async def try_root_cells(cells: Iterable[RootCell]) -> list[RootTried]:
    """All of them, a few at a time, in their order."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(cell: RootCell) -> RootTried:
        async with places:
            return RootTried(cell, await _try(cell))

    return await asyncio.gather(*map(one, cells))


async def _try(cell: RootCell) -> Result:
    at_source = cell.at not in (Blame.DESTINATION, CACHE)
    with TemporaryDirectory(prefix="tpcharness-truth-") as directory:
        async with (
            root_grid({cell.fault} if at_source else (), {cell.fault} if cell.at == Blame.DESTINATION else ()) as world,
            root_bench(Path(directory), world.grid.issuer, world.grid.authority.ca_file, limits=QUICK) as bench,
        ):
            try:
                return await _run(cell, world, bench)
            finally:
                world.source.faults.clear()
                world.destination.faults.clear()
                await bench.left()


async def _run(cell: RootCell, world: RootGrid, bench: RootBench) -> Result:
    endpoint = world.link.source
    match cell.at:
        case "door":
            return await bench.check(endpoint)
        case "upload":
            return await bench.upload(endpoint, DIRECT_SIZE)
        case "download":
            return await bench.download(endpoint, DIRECT_SIZE)
        case "cache":
            async with fake_cache(world, {cell.fault}) as cached:
                return await bench.through_cache(cached, DIRECT_SIZE)
        case _:
            return await bench.copy(world.link, SIZE)
