"""Where the cells of direct transfers are tried: a storage for each dialect, one harness, one transfer per cell."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.direct_bench import DirectBench, direct_bench
from tests.support.grid import running_grid
from tests.truth.direct_table import DIRECT_CELLS, DirectCell
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.net.trail import Trail
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.grid import Grid, Site


@dataclass(frozen=True, slots=True)
class DirectTried:
    """What came of a cell."""

    cell: DirectCell
    result: Result

    @property
    def complaint(self) -> str:
        """What the harness got wrong; empty when nothing."""
        result, row = self.result, self.cell.row
        blames = {each.blame for each in result.alternatives} or {result.blame}
        if (result.reason, blames) != (row.reason, set(row.blames)):
            return f"{result.reason} of {sorted(blames)}, not {row.reason} of {sorted(row.blames)}: {result.hint!r}"
        if {each.reason for each in result.alternatives} - self.cell.reasons:
            return f"alternatives {result.alternatives}"
        if (len(row.blames) > 1) is not (result.blame is Blame.UNDETERMINED):
            return f"blame {result.blame}"
        if row.warned and not any(row.warned in warning for warning in result.warnings):
            return f"warnings {result.warnings}, none of {row.warned!r}"
        expected = Outcome.OK if row.blames == {Blame.NOBODY} else Outcome.FAILURE
        return "" if result.outcome is expected else f"outcome {result.outcome}, not {expected}"


async def try_direct_cells(cells: Iterable[DirectCell] = DIRECT_CELLS) -> list[DirectTried]:
    """Row by row, the dialects of a row side by side; in the order of the cells."""
    rows: dict[int, list[DirectCell]] = {}
    for cell in cells:
        rows.setdefault(_key(cell), []).append(cell)
    names = tuple(DIALECTS)
    tried: list[DirectTried] = []
    with TemporaryDirectory(prefix="tpcharness-truth-") as directory:
        async with running_grid(sites=len(names), dialects=names) as grid:
            sites = dict(zip(names, grid.sites, strict=True))
            for number, row in enumerate(rows.values()):
                folder = Path(directory) / str(number)
                folder.mkdir()
                tried += await _try_row(grid, sites, row, folder)
    return tried


def _key(cell: DirectCell) -> int:
    return hash((cell.row.fault, cell.row.variant))


async def _try_row(grid: Grid, sites: dict[str, Site], cells: list[DirectCell], folder: Path) -> list[DirectTried]:
    limits, ca_file = cells[0].row.limits, grid.authority.ca_file
    async with direct_bench(folder, grid.issuer, ca_file, limits=limits, run_id=f"row-{folder.name}") as bench:
        tried = await asyncio.gather(*(_try(bench, sites[cell.dialect], cell) for cell in cells))
        await bench.left()
    return tried


async def _try(bench: DirectBench, site: Site, cell: DirectCell) -> DirectTried:
    row, trail = cell.row, Trail("truth", Nobody())
    assert await bench.payload.ensure_directory(site.endpoint, trail) is None
    if row.variant is Variant.WEBDAV_DOWNLOAD and row.seeded:
        assert not isinstance(await bench.payload.seed(site.endpoint, row.size, trail), Failure)
    site.storage.faults.add(row.fault)
    try:
        return DirectTried(cell, await bench.run(row.variant, site.endpoint, row.size))
    finally:
        site.storage.faults.clear()
        async with asyncio.timeout(5.0):
            while not site.storage.listening:
                await asyncio.sleep(0)
