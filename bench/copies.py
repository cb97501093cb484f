"""The contest: COPY exchanges by us, by a bare aiohttp loop and by curl, turn by turn against one responder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from bench import curl
from bench.load import Load, Spent
from bench.measure import Measure, median_ratio
from bench.responder import responder
from tpcharness.testbed.pki import Authority

YARDSTICKS = {"bare": ("bare aiohttp loop", 1.5), "curl": ("curl --parallel", None)}


class ExchangesFailedError(Exception):
    """A client did not do its work, so that what it cost means nothing."""


def copy_measures(directory: Path, exchanges: int, runs: int, profile: Path) -> Iterator[Measure]:
    """Both contests; certificates go to `directory`, profiles of our client to files named after `profile`.

    Raises ExchangesFailedError.
    """
    authority = Authority(directory)
    with responder(authority.issue("responder")) as url:
        for reuse, kind in ((True, "reused"), (False, "fresh")):
            load = Load(url, str(authority.ca_file), exchanges, reuse)
            yield from contest(load, kind, runs)
            here = profile.with_stem(f"{profile.stem}-{kind}").absolute()
            spend("ours", replace(load, profile=str(here)))


def spend(client: str, load: Load) -> Spent:
    """What one run of a client (ours, bare or curl) costs; each is a process of its own."""
    if client == "curl":
        return curl.spend(load)
    command = (sys.executable, "-m", f"bench.{client}", json.dumps(asdict(load)))
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return Spent(**json.loads(said.stdout))


def contest(load: Load, kind: str, runs: int) -> Iterator[Measure]:
    """The clients that there are in turn, `runs` times. Raises ExchangesFailedError."""
    costs: dict[str, list[float]] = {"ours": [], "bare": []}
    if shutil.which("curl"):
        costs["curl"] = []
    for _ in range(runs):
        for client, seconds in costs.items():
            spent = spend(client, load)
            if spent.failed:
                raise ExchangesFailedError(f"{client}: {spent.failed} exchanges on {kind} connections failed")
            seconds.append(spent.cpu_seconds)
    for client, (yardstick, budget) in YARDSTICKS.items():
        if client in costs:
            ratio = median_ratio(costs["ours"], costs[client])
            yield Measure(f"copy_{kind}_vs_{client}", ratio, "x", yardstick, budget)
    for client, seconds in costs.items():
        yield Measure(f"copy_{kind}_{client}", median(seconds) / load.exchanges * 1e6, "us")
