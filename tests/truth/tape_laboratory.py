"""Where the cells of tape are tried: one grid per system, its faults switched one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.tape_links import TapeLinks, tape_links
from tests.truth.tape_table import SYSTEMS, TapeCell
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant


@dataclass(frozen=True, slots=True)
class TapeTried:
    """What came of a cell. `left` is what stayed although the fault was gone when it was cleaned up."""

    cell: TapeCell
    result: Result
    left: str = ""

    @property
    def complaint(self) -> str:
        """What the harness got wrong; empty when nothing."""
        result, cell = self.result, self.cell
        if (result.reason, result.blame, result.alternatives) != (cell.reason, cell.blame, ()):
            return f"{result.reason} of {result.blame}, not {cell.reason} of {cell.blame}: {result.hint!r}"
        expected = Outcome.OK if cell.blame is Blame.NOBODY else Outcome.FAILURE
        return self.left if result.outcome is expected else f"outcome {result.outcome}, not {expected}"


async def try_tape_cells(cells: Iterable[TapeCell]) -> list[TapeTried]:
    """All of them, the systems side by side, in their order."""
    cells = tuple(cells)
    every = await asyncio.gather(*(_try_system(system, cells) for system in SYSTEMS))
    tried = {one.cell: one for some in every for one in some}
    return [tried[cell] for cell in cells]


async def _try_system(system: str, cells: tuple[TapeCell, ...]) -> list[TapeTried]:
    with TemporaryDirectory(prefix="tpcharness-truth-") as directory:
        async with tape_links(system, Path(directory)) as links:
            return [await _try(links, cell) for cell in cells if cell.system == system]


async def _try(links: TapeLinks, cell: TapeCell) -> TapeTried:
    links.faults.add(cell.fault)
    try:
        result = await _run(links, cell.variant)
    finally:
        links.faults.clear()
    return TapeTried(cell, result, await _tidy(links))


async def _run(links: TapeLinks, variant: Variant) -> Result:
    match variant:
        case Variant.TAPE_RECALL:
            return await links.recall()
        case Variant.TAPE_ARCHIVE:
            return await links.archive()
        case _:
            return await links.alone(variant)


async def _tidy(links: TapeLinks) -> str:
    """Ends what the fault kept open, puts the file back on tape; says what no clean-up could take away."""
    for entry in links.ledger.entries:
        if entry.tape_paths:
            await links.requests.close_entry(entry, links.site.endpoint, links.trail())
    for path in links.site.endpoint.tape_files:
        links.library.evict(path)
    copies = [path for paths in links.grid.leftovers().values() for path in paths if "/seed-" not in path]
    return f"left: {copies + links.library.open_requests}" if copies or links.library.open_requests else ""
