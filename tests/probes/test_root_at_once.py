"""Five hundred xroot copies at once in one process: all good, everything bounded, nothing left."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from tests.support.grid import grid_process
from tpcharness.assembly import SystemClock, assemble
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.engine.plan import make_plan
from tpcharness.model.progress import Event, ProbeEnded, ProbeStarted
from tpcharness.model.variant import Variant
from tpcharness.results.store import MatrixStore

SITES = 23
AT_ONCE = 500
SOCKETS_EACH = 3  # one to each root door, one by https
TASKS_EACH = 2
OF_THE_HOUSE = 150
MEMORY_EACH = 512 * 1024
ENOUGH_FILES = 8192


@dataclass(slots=True)
class Watch:
    """How much there was of everything at most, by looks at each of the events of a run."""

    files: int = 0
    tasks: int = 0
    memory: int = 0
    probes: int = 0
    at_once: int = 0

    def notice(self, event: Event) -> None:
        self.probes += isinstance(event, ProbeStarted) - isinstance(event, ProbeEnded)
        self.at_once = max(self.at_once, self.probes)
        self.look()

    def look(self) -> None:
        self.files = max(self.files, len(os.listdir("/proc/self/fd")))
        self.tasks = max(self.tasks, len(asyncio.all_tasks()))
        self.memory = max(self.memory, _memory())


@contextmanager
def enough_files() -> Iterator[None]:
    """Room for them in us and in the testbed, as a service has by its unit file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= ENOUGH_FILES, "too few open files are allowed here: ulimit -Hn"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, ENOUGH_FILES), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_five_hundred_copies_at_once(tmp_path: Path) -> None:
    """On the product's own loop: asyncio's TLS takes a quarter of a mebibyte for each connection."""
    with enough_files(), grid_process(tmp_path, "--sites", str(SITES), "--dialect", "xrootd5", "--root") as grid:
        uvloop.run(_scenario(_raised(grid.config)))


async def _scenario(config: Config) -> None:
    store, watch, memory = MatrixStore(), Watch(), _memory()
    async with assemble(config, run_id="run", sink=store, observer=watch, clock=SystemClock()) as harness:
        await harness.runner.run(make_plan([*config.endpoints.values()], config.probes))
        left = await harness.remove_seeds()
        entries = [entry.url for entry in harness.ledger.entries]
    assert [result for result in store.results() if not result.ok] == []
    assert sum(result.variant is Variant.ROOT_PULL for result in store.results()) == SITES * (SITES - 1)
    assert (left, entries) == ([], [])
    assert watch.at_once == AT_ONCE
    assert watch.files < AT_ONCE * SOCKETS_EACH + OF_THE_HOUSE
    assert watch.tasks < AT_ONCE * TASKS_EACH + OF_THE_HOUSE
    assert watch.memory - memory < AT_ONCE * MEMORY_EACH


def _raised(file: Path) -> Config:
    """The testbed's own file with limits for so many at once, and only root-pull to do."""
    text = file.read_text()
    text, _, _ = text.partition("[[probes]]")
    text = text.replace("[defaults]", f"[defaults]\nmax_transfers = {SITES}", 1)
    limits = f"[limits]\nconcurrency = {AT_ONCE}\nper_host = {2 * SITES}\n"
    file.write_text(f'{text}{limits}[[probes]]\nvariant = "root-pull"\nsizes = ["64KiB"]\n')
    config = load_config(file, environ=os.environ)
    assert isinstance(config, Config), config
    return config


def _memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
