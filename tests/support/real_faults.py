"""Faults of real storages, each with what the harness must find: the rows of the product's truth table that are real.

    seen = asyncio.run(observe(REAL_CELLS))        # {cell name: Seen}, in a process with a network of its own
    wrong = [cell for cell in REAL_CELLS if not cell_matches(cell, seen[cell.name])]
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from tests.support.netns import apart
from tests.support.real_cells import COPY_CELLS
from tests.support.real_copies import CopyCell
from tests.support.real_world import World, open_world
from tpcharness.model.result import Result

ROOT = Path(__file__).parents[2]
CONCURRENCY = 16

RealCell = CopyCell
REAL_CELLS: tuple[RealCell, ...] = COPY_CELLS


@dataclass(frozen=True, slots=True)
class Seen:
    """What the harness found in a cell, and what the storage had said. `blames` are all who may have to act."""

    name: str
    reason: str
    phase: str
    blames: tuple[str, ...]
    said: str
    hint: str
    seconds: float
    links: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def _seen(cell: RealCell, results: tuple[Result, ...], seconds: float) -> Seen:
    result, *links = results
    said = [exchange for exchange in result.evidence.exchanges if exchange.method == "COPY"]
    return Seen(
        cell.name,
        result.reason,
        result.phase,
        tuple(sorted({cause.blame for cause in result.alternatives} or {result.blame})),
        "; ".join(f"{e.status} {e.body_excerpt or e.error}" for e in said),
        result.hint,
        seconds,
        tuple((link.reason, link.blame) for link in links),
        result.warnings,
    )


async def _observe_here(names: frozenset[str]) -> None:
    """Writes a line of JSON for each cell as it is done."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def one(world: World, cell: RealCell) -> None:
        async with places:
            start = perf_counter()
            try:
                results = await cell.observe(world)
            except Exception as e:
                import traceback
                traceback.print_exc()
                return
            print(json.dumps(asdict(_seen(cell, results, perf_counter() - start))), flush=True)

    async with open_world() as world, asyncio.TaskGroup() as group:
        for cell in REAL_CELLS:
            if not names or cell.name in names:
                group.create_task(one(world, cell))


if __name__ == "__main__":
    asyncio.run(_observe_here(frozenset(sys.argv[1:])))
