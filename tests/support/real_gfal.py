"""The faults of real storages once more, copied by gfal2: what it makes of them beside what our own copies find.

    seen = asyncio.run(observe(PULL_CELLS))
    wrong = {cell.name: text for cell in PULL_CELLS if (text := disagreement(cell, seen[cell.name]))}

What the https copies find stands in the cells, and tests/real/test_faults_on_xrootd.py holds them to it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import uvloop

from tests.support.netns import apart
from tests.support.real_cell import RealCell
from tests.support.real_cells import COPY_CELLS
from tests.support.real_faults import CELL_SECONDS, ROOT, RealFaultsError
from tests.support.real_world import Pair, Parts, World, open_world
from tpcharness.model.result import Exchange, Hop, Result
from tpcharness.model.seams import Probe
from tpcharness.model.variant import Phase, Variant
from tpcharness.payload.errands import Errands
from tpcharness.probes.control import Control
from tpcharness.probes.gfal_copy import GfalCopyProbe, GfalSettings
from tpcharness.probes.servers import ServerBook
from tpcharness.wire.copy_request import Mode
from tpcharness.workers.pool import WorkerPool

PULL_CELLS: tuple[RealCell, ...] = tuple(cell for cell in COPY_CELLS if cell.mode is Mode.PULL)
CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What the harness found by gfal2: (reason, blame) of all causes; `broken` is a traceback instead."""

    name: str
    reason: str = ""
    causes: Sequence[Sequence[str]] = ()
    hint: str = ""
    broken: str = ""


@dataclass(slots=True)
class GfalWorld(World):
    """A world in which gfal2 copies."""

    pool: WorkerPool = field(default_factory=WorkerPool)

    def make_probe(self, pair: Pair, parts: Parts, ca_path: str) -> Probe:
        control = Control(Errands(parts.client, parts.tokens), parts.payload, parts.verifier)
        settings = GfalSettings(parts.limits, "faults/1", ca_path)
        servers = ServerBook()
        told = Hop(pair.link.destination.host, 200, "XrootD/v5.5.3")  # by its door, which is looked at before
        servers.learn(
            pair.link.destination, [Exchange(Phase.CONNECT, "HEAD", pair.link.destination.https, hops=(told,))]
        )
        return GfalCopyProbe(
            Variant.GFAL_DAVS_DAVS,
            self.pool,
            parts.tokens,
            parts.payload,
            parts.names,
            control,
            parts.verifier,
            servers,
            settings,
        )


def disagreement(cell: RealCell, seen: Seen) -> str:
    """How gfal2's verdict contradicts that of https-pull; empty if they agree or either leaves the other possible.

    Raises RealFaultsError for a cell that broke before anything was seen.
    """
    if seen.broken:
        raise RealFaultsError(f"{cell.name}:\n{seen.broken}")
    wanted = {(cell.reason.value, blame.value) for blame in cell.blames}
    found = {(reason, blame) for reason, blame in seen.causes}
    if wanted & found:
        return ""
    return f"https-pull: {sorted(wanted)}\ngfal2: {seen.reason} {sorted(found)}\nhint: {seen.hint}"


def same(cell: RealCell, seen: Seen) -> bool:
    """Whether both name the same reason and the same parties, with nothing left open."""
    return seen.reason == cell.reason and {blame for _, blame in seen.causes} == set(cell.blames)


async def observe(cells: Sequence[RealCell] = PULL_CELLS) -> dict[str, Seen]:
    """What gfal2 makes of each of the cells, by name; raises RealFaultsError when the child ends before."""
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
                process.kill()
                await process.wait()
    if process.returncode != 0:
        raise RealFaultsError(f"exit code {process.returncode}:\n{stderr.decode(errors='replace')}")
    return {row.name: row for row in (Seen(**json.loads(line)) for line in stdout.splitlines())}


async def _observe_here(directory: Path, names: frozenset[str]) -> None:
    """Writes a line of JSON for each cell as it is done."""
    places = asyncio.Semaphore(CONCURRENCY)

    async def try_one(world: World, cell: RealCell) -> None:
        async with places:
            try:
                async with asyncio.timeout(CELL_SECONDS):
                    row = _seen(cell, (await cell.observe(world)).result)
            except Exception:  # one cell that breaks is a line of its own, not the end of the others
                row = Seen(cell.name, broken=traceback.format_exc())
        print(json.dumps(asdict(row)), flush=True)

    async with open_world(directory) as plain, WorkerPool() as pool:
        world = GfalWorld(**{part.name: getattr(plain, part.name) for part in fields(plain)}, pool=pool)
        async with asyncio.TaskGroup() as group:
            for cell in PULL_CELLS:
                if cell.name in names:
                    group.create_task(try_one(world, cell))


def _seen(cell: RealCell, result: Result) -> Seen:
    causes = [(cause.reason, cause.blame) for cause in result.alternatives] or [(result.reason, result.blame)]
    return Seen(cell.name, result.reason, causes, result.hint)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_observe_here(Path(sys.argv[1]), frozenset(sys.argv[2:])))
