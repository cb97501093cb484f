"""A service in the test's own loop, over a grid in the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.support.grid import running_grid
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors
from tpcharness.daemon.daemon import run_daemon
from tpcharness.daemon.notify import Notifier
from tpcharness.daemon.reload import Blueprint, prepare
from tpcharness.daemon.running import Running
from tpcharness.model.seams import Clock
from tpcharness.testbed.grid import Grid


class Life:
    """A service that listens; `file` is its endpoints.toml."""

    def __init__(self, grid: Grid, file: Path, running: Running) -> None:
        self.grid = grid
        self.file = file
        self.running = running

    def rewrite(self, change: Callable[[str], str]) -> None:
        self.file.write_text(change(self.file.read_text()))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def life(
    folder: Path, *, interval: str = "1h", sites: int = 2, more: str = "", clock: Clock | None = None, tidy: bool = True
) -> AsyncIterator[Life]:
    """A service on a port of its own; its files lie in `folder`, its state in `folder`/grid/state. Told to stop at the
    end; what it then raises comes out. `tidy`: it must have left nothing at the storages.
    """
    (folder / "grid").mkdir(exist_ok=True)
    async with running_grid(sites=sites, dialects=("dcache", "xrootd5"), directory=folder / "grid") as grid:
        file = folder / "endpoints.toml"
        file.write_text(
            grid.config_text().replace('"30s"', f'"{interval}"').replace('"10s"', '"1s"')
            + '[timeouts]\nsettle = "100ms"\n'
            + more
        )
        config = load_config(file, environ={})
        assert not isinstance(config, ConfigErrors), config.text
        blueprint = Blueprint(
            file, {}, lambda config: replace(config, daemon=replace(config.daemon, listen="127.0.0.1:0"))
        )
        up: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        task = asyncio.create_task(
            run_daemon(
                prepare(blueprint.override(config)), blueprint, Notifier(), ready=up.set_result, stop=stop, clock=clock
            )
        )
        try:
            await asyncio.wait({task, up}, return_when=asyncio.FIRST_COMPLETED)
            yield Life(grid, file, task.result() if task.done() else await up)  # type: ignore[arg-type]
        finally:
            stop.set()
            await task
        assert not tidy or sum(map(len, grid.leftovers().values())) == 0
