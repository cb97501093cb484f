"""A running testbed for tests: in the test's own loop, or in a child process as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.raw_https import RawAnswer, exchange
from tpcharness.testbed.grid import Grid, GridSpec, Site

ROOT = Path(__file__).parents[2]
QUICK_MARKERS_SECONDS = 0.05
START_SECONDS = 30.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02


@asynccontextmanager
async def running_grid(**choices: Any) -> AsyncIterator[Grid]:
    """A grid on free ports; `choices` are fields of GridSpec. Markers come quickly unless told otherwise."""
    async with Grid(GridSpec(**{"marker_period_seconds": QUICK_MARKERS_SECONDS} | choices)) as grid:
        yield grid


async def ask(
    grid: Grid,
    site: Site,
    method: str,
    path: str,
    scope: str = "",
    *,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes | None = None,
) -> RawAnswer:
    """One raw request to a path below the site's prefix, with a token of that scope; without scope, without token.

    Follows one redirect with all its headers, as a client of EOS must.
    """
    authorization = (("Authorization", f"Bearer {grid.issuer.mint(scope, site.audience)}"),) if scope else ()
    length = () if body is None else (("Content-Length", str(len(body))),)
    fields = (*authorization, *length, *headers)
    context = grid.authority.client_context()
    port, target = site.storage.port, site.prefix + path
    answer = await exchange(port, context, f"{method} {target} HTTP/1.1", fields, body or b"")
    if answer.status != HTTPStatus.TEMPORARY_REDIRECT:
        return answer
    location = urlsplit(answer.header("Location"))
    line = f"{method} {location.path}?{location.query} HTTP/1.1"
    return await exchange(location.port or 443, context, line, fields, body or b"")


@dataclass(frozen=True, slots=True)
class GridProcess:
    """A testbed in a child process. `config` is its endpoints.toml, `ready` what its ready-file says."""

    process: subprocess.Popen[bytes]
    config: Path
    directory: Path
    ready: dict[str, Any]
    stderr: Path

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it by a signal, as Ctrl-C or a service manager does; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def grid_process(folder: Path, *options: str) -> Iterator[GridProcess]:
    """`tpcharness testbed up` on free ports, with more options; its files lie in `folder`. Gone at the end.

    Raises RuntimeError with its stderr when it does not come up.
    """
    config, ready_file, directory, stderr = (
        folder / name for name in ("endpoints.toml", "ready.json", "grid", "testbed.stderr")
    )
    command = [sys.executable, "-m", "tpcharness", "testbed", "up", "--ephemeral", "--marker-period", "0.05"]
    command += ["--directory", str(directory), "--config", str(config), "--ready-file", str(ready_file), *options]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with (
        stderr.open("wb") as sink,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sink, env=environ) as process,
    ):
        try:
            _wait_for(ready_file, process, stderr)
            yield GridProcess(process, config, directory, json.loads(ready_file.read_bytes()), stderr)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _wait_for(ready_file: Path, process: subprocess.Popen[bytes], stderr: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the testbed did not come up:\n{stderr.read_text(errors='replace')}")
        time.sleep(_POLL_SECONDS)
