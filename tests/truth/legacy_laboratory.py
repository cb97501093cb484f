"""Where the cells of legacy doors are tried: a few sites side by side, the faults of each one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from tests.support.grid import running_grid
from tests.support.legacy_bench import audit
from tests.truth.legacy_table import LegacyCell
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome
from tpcharness.testbed.grid import Site

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class LegacyTried:
    """What came of a cell. `other` is what was found at the site's other door, which is shut."""

    cell: LegacyCell
    result: Result
    other: Result

    @property
    def complaint(self) -> str:
        """What the harness got wrong; empty when nothing."""
        result, cell = self.result, self.cell
        alternatives = {(each.reason, each.blame) for each in result.alternatives}
        if (result.reason, result.blame) != (cell.reason, cell.blame):
            return f"{result.reason} of {result.blame}, not {cell.reason} of {cell.blame}: {result.hint!r}"
        if alternatives != cell.alternatives:
            return f"alternatives {sorted(alternatives)}, not {sorted(cell.alternatives)}"
        if not self.other.ok:
            return f"the other door is shut, but {self.other.reason}"
        expected = Outcome.OK if cell.blame is Blame.NOBODY else Outcome.FAILURE
        return "" if result.outcome is expected else f"outcome {result.outcome}, not {expected}"


async def try_legacy_cells(cells: Iterable[LegacyCell]) -> list[LegacyTried]:
    """All of them, in their order."""
    cells = tuple(cells)
    tried: dict[LegacyCell, LegacyTried] = {}

    async def work(site: Site, own: Iterable[LegacyCell]) -> None:
        for cell in own:
            tried[cell] = await _try(site, cell)

    async with running_grid(sites=AT_ONCE, legacy=True) as grid, asyncio.TaskGroup() as group:
        for number, site in enumerate(grid.sites):
            group.create_task(work(site, cells[number::AT_ONCE]))
    return [tried[cell] for cell in cells]


async def _try(site: Site, cell: LegacyCell) -> LegacyTried:
    (other,) = (kind for kind in site.legacy if kind is not cell.kind)
    if cell.fault:
        site.faults.add(cell.fault)
    try:
        result = await audit(site.endpoint, cell.kind)
        return LegacyTried(cell, result, await audit(site.endpoint, other))
    finally:
        site.faults.clear()
