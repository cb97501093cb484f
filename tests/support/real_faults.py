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
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop

from tests.support.netns import apart
from tests.support.real_cell import RealCell
from tests.support.real_cells import COPY_CELLS
from tests.support.real_doors import DOOR_CELLS
from tests.support.real_world import World, open_world
from tpcharness.model.result import Result
from tpcharness.wire.copy_request import Mode

REAL_CELLS: tuple[RealCell, ...] = (*COPY_CELLS, *DOOR_CELLS)

ROOT = Path(__file__).parents[2]
CONCURRENCY = 16
CELL_SECONDS = 150.0
STOP_SECONDS = 20.0


class RealFaultsError(RuntimeError):
    """The child could not do its work; the message ends with what it wrote."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the harness found in a cell by one variant. `causes` are (reason, blame) of all that it may be; `said` is
    what the storages answered; `links` are reasons by "to-pull", "from-push" and so on; `broken` is a traceback instead
    of all that.
    """

    name: str
    variant: str = ""
    reason: str = ""
    phase: str = ""
    causes: Sequence[Sequence[str]] = ()
    hint: str = ""
    said: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    broken: str = ""

    @property
    def blames(self) -> list[str]:
        """All who may have to act."""
        return sorted({blame for _, blame in self.causes})


def disagreement(cell: RealCell, seen: Seen) -> str:
    """How what was seen differs from what must be found; empty when it does not.

    Raises RealFaultsError for a cell that broke before anything was seen.
    """
    if seen.broken:
        raise RealFaultsError(f"{cell.name}:\n{seen.broken}")
    expected = (cell.reason.value, cell.phase.value, sorted(cell.blames))
    found = (seen.reason, seen.phase, seen.blames)
    links = {f"{way}-{mode}": reason.value for (way, mode), reason in cell.links.items()}
    if found == expected and seen.links == links:
        return ""
    said = "\n".join(f"  {line}" for line in seen.said)
    return f"expected {expected} {links}\nfound {found} {seen.links}\nhint: {seen.hint}\nthey said:\n{said}"


async def observe(cells: Sequence[RealCell] = REAL_CELLS) -> dict[str, Seen]:
    """What our own probes see in each of the cells, by name; raises RealFaultsError when the child ends before it tried
    all.
    """
    return {seen.name: seen for seen in await observed_by(__name__, cells)}


async def observed_by(module: str, cells: Sequence[RealCell]) -> list[Seen]:
    """What is seen in the cells by a module that calls `main`, run in a child process with a network of its own."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        names = [cell.name for cell in cells]
        command, environment = apart([sys.executable, "-m", module, directory, *names])
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
    return [Seen(**json.loads(line)) for line in stdout.splitlines()]


async def _stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def main(try_cells: Callable[[Path, Sequence[RealCell]], Coroutine[Any, Any, None]]) -> None:
    """What the child process does: tries the cells of its command line in the directory that is named before them."""
    directory, *names = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(try_cells(Path(directory), [cell for cell in REAL_CELLS if cell.name in names]))


async def tell_all(world: World, cells: Sequence[RealCell]) -> None:
    """Writes a line of JSON for each cell and variant as the cell is done."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def tell(cell: RealCell) -> None:
        async with places:
            start = perf_counter()
            try:
                async with asyncio.timeout(CELL_SECONDS):
                    observation = await cell.observe(world)
                seconds = perf_counter() - start
                results = (observation.result, *observation.beside)
                rows = [_seen(cell, result, observation.links, seconds) for result in results]
            except Exception:  # one cell that breaks is a line of its own, not the end of the others
                rows = [Seen(cell.name, broken=traceback.format_exc())]
        for row in rows:
            print(json.dumps(asdict(row)), flush=True)

    async with asyncio.TaskGroup() as group:
        for cell in cells:
            group.create_task(tell(cell))


async def _observe_here(directory: Path, cells: Sequence[RealCell]) -> None:
    async with open_world(directory) as world:
        await tell_all(world, cells)


def _seen(cell: RealCell, result: Result, links: Mapping[tuple[str, Mode], Result], seconds: float) -> Seen:
    return Seen(
        cell.name,
        result.variant,
        result.reason,
        result.phase,
        [(cause.reason, cause.blame) for cause in result.alternatives] or [(result.reason, result.blame)],
        result.hint,
        _said(result),
        {f"{way}-{mode}": link.reason for (way, mode), link in links.items()},
        seconds,
    )


def _said(result: Result) -> list[str]:
    return [
        f"{exchange.method} {exchange.status or ''} {exchange.body_excerpt.strip() or exchange.error}"
        for exchange in result.evidence.exchanges
    ]


if __name__ == "__main__":
    main(_observe_here)
