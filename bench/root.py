"""The root contest: whole `root-pull` probes beside whole `https-pull` ones, hundreds at once, turn by turn.

Both copy between two storages of one testbed, which is a process of its own, as each turn's client is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench.copies import ExchangesFailedError
from bench.load import Spent
from bench.measure import Measure, median_ratio
from bench.probing import Task
from tpcharness.cli.testbed_child import running_testbed
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Variant

PROBES = 500
BUDGET = 2.0
_OURS, _YARDSTICK = Variant.ROOT_PULL, Variant.HTTPS_PULL


def root_measures(probes: int, runs: int, profile: Path) -> Iterator[Measure]:
    """CPU of a root-pull as a ratio, and that of both; the profile goes to a file named after `profile`.

    Raises ExchangesFailedError when a probe was not ok.
    """
    costs: dict[Variant, list[float]] = {_OURS: [], _YARDSTICK: []}
    with running_testbed(2, ("--dialect", "xrootd5", "--root")) as config:
        for _ in range(runs):
            for variant, seconds in costs.items():
                seconds.append(spend(Task(str(config.path), variant, probes, MIB)).cpu_seconds)
        here = profile.with_stem(f"{profile.stem}-{_OURS}").absolute()
        spend(Task(str(config.path), _OURS, probes, MIB, str(here)))
    ratio = median_ratio(costs[_OURS], costs[_YARDSTICK])
    yield Measure("root_pull_vs_https_pull", ratio, "x", f"{_YARDSTICK} probes", BUDGET)
    for variant, seconds in costs.items():
        yield Measure(f"{variant.replace('-', '_')}_cpu", median(seconds) / probes * 1e3, "ms")


def spend(task: Task) -> Spent:
    """What one run costs. Raises ExchangesFailedError when not all of its probes were ok."""
    command = (sys.executable, "-m", "bench.probing", json.dumps(asdict(task)))
    spent = Spent(**json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
    if spent.failed:
        raise ExchangesFailedError(f"{spent.failed} {task.variant} probes failed")
    return spent
