"""Faults of real storages, each with what the harness must find: the part of the product's truth table that is real.

    seen = asyncio.run(observe(REAL_CELLS))
    wrong = {cell.name: text for cell in REAL_CELLS if (text := disagreement(cell, seen[cell.name]))}

All cells run side by side in one child process that has a network and mounts of its own, in about a minute.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

import uvloop

from tests.support.netns import apart
from tests.support.real_cell import Observation, RealCell
from tests.support.real_cells import COPY_CELLS
from tests.support.real_doors import DOOR_CELLS
from tests.support.real_world import World, open_world
from tpcharness.model.result import Result

REAL_CELLS: tuple[RealCell, ...] = (*COPY_CELLS, *DOOR_CELLS)

ROOT = Path(__file__).parents[2]
CONCURRENCY = 16
CELL_SECONDS = 150.0
STOP_SECONDS = 20.0


class RealFaultsError(RuntimeError):
    """The child could not do its work; the message ends with what it wrote."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the harness found in a cell. `blames` are all who may have to act; `said` is what the storages answered;
    `links` are reasons by "to-pull", "from-push" and so on; `broken` is a traceback instead of all that.
    """

    name: str
    reason: str = ""
    phase: str = ""
    blames: Sequence[str] = ()
    hint: str = ""
    said: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    broken: str = ""


def disagreement(cell: RealCell, seen: Seen) -> str:
    """How what was seen differs from what must be found; empty when it does not.

    Raises RealFaultsError for a cell that broke before anything was seen.
    """
    if seen.broken:
        raise RealFaultsError(f"{cell.name}:\n{seen.broken}")
    expected = (cell.reason.value, cell.phase.value, sorted(cell.blames))
    found = (seen.reason, seen.phase, sorted(seen.blames))
    links = {f"{way}-{mode}": reason.value for (way, mode), reason in cell.links.items()}
    if found == expected and seen.links == links:
        return ""
    said = "\n".join(f"  {line}" for line in seen.said)
    return f"expected {expected} {links}\nfound {found} {seen.links}\nhint: {seen.hint}\nthey said:\n{said}"


async def observe(cells: Sequence[RealCell] = REAL_CELLS) -> dict[str, Seen]:
    """What is seen in each of the cells, by name; raises RealFaultsError when the child ends before it tried all."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        names = [cell.name for cell in cells]
        command, environment = apart([sys.executable, "-m", __name__, directory, *names])
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
        )
        try:
            stdout, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                await _stop(process)
    if process.returncode != 0:
        raise RealFaultsError(f"exit code {process.returncode}:\n{stderr.decode(errors='replace')}")
    seen = [Seen(**json.loads(line)) for line in stdout.splitlines()]
    return {row.name: row for row in seen}


async def _stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _observe_here(directory: Path, names: frozenset[str]) -> None:
    """Writes a line of JSON for each cell as it is done."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def try_one(world: World, cell: RealCell) -> None:
        async with places:
            start = perf_counter()
            try:
                async with asyncio.timeout(CELL_SECONDS):
                    row = _seen(cell, await cell.observe(world), perf_counter() - start)
            except Exception:  # one cell that breaks is a line of its own, not the end of the others
                row = Seen(cell.name, broken=traceback.format_exc())
        print(json.dumps(asdict(row)), flush=True)

    async with open_world(directory) as world, asyncio.TaskGroup() as group:
        for cell in REAL_CELLS:
            if cell.name in names:
                group.create_task(try_one(world, cell))


def _seen(cell: RealCell, observation: Observation, seconds: float) -> Seen:
    result = observation.result
    return Seen(
        cell.name,
        result.reason,
        result.phase,
        sorted({cause.blame for cause in result.alternatives} or {result.blame}),
        result.hint,
        _said(result),
        {f"{way}-{mode}": link.reason for (way, mode), link in observation.links.items()},
        seconds,
    )


def _said(result: Result) -> list[str]:
    return [
        f"{exchange.method} {exchange.status or ''} {exchange.body_excerpt.strip() or exchange.error}"
        for exchange in result.evidence.exchanges
    ]


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_observe_here(Path(sys.argv[1]), frozenset(sys.argv[2:])))
