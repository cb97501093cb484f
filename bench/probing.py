"""A client of the root contest: whole probes of one variant over one link, all at once, wired as the product is.

As in a service's second round, seeds, directories and tokens are there before the clock starts.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

import uvloop

from bench.load import Spent, profile_text
from tpcharness.assembly import SystemClock, Wiring, open_state, wire
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.model.endpoint import Link
from tpcharness.model.progress import Nobody
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Variant

WARM_UP = 8


@dataclass(frozen=True, slots=True)
class Task:
    """So many probes of `variant` at once, from the first endpoint of the file `config` to the second.

    A few more go before them and count for nothing but their failures.

    `profile` names the file that a profile is written to; the CPU of such a run counts for nothing.
    """

    config: str
    variant: str
    probes: int
    size_bytes: int
    profile: str = ""


async def spend(task: Task) -> Spent:
    """What the probes cost this process, threads and system time included, and how many were not ok."""
    config = load_config(Path(task.config), environ=os.environ)
    if not isinstance(config, Config):
        raise SystemExit(f"bench: {task.config} has errors")
    source, destination, *_ = config.endpoints.values()
    link, clock = Link(source, destination), SystemClock()
    async with (
        open_state(config.harness) as ledger,
        wire(config, ledger, clock, run_id=f"bench-{task.variant}-{os.getpid()}") as wiring,
    ):
        failed = [each for each in await _crew(wiring, link, task, range(WARM_UP)) if not each.ok]
        with _profiled(task.profile):
            begin = process_time()
            results = await _crew(wiring, link, task, range(WARM_UP, WARM_UP + task.probes))
            seconds = process_time() - begin
        failed += [each for each in results if not each.ok]
        await wiring.payload.remove_seeds()
    for each in failed[:1]:  # for whoever must find out
        print(f"bench: {each.variant}: {each.reason}, {each.blame}: {each.hint}", file=sys.stderr)
    return Spent(seconds, len(failed))


async def _crew(wiring: Wiring, link: Link, task: Task, numbers: Iterable[int]) -> list[Result]:
    probe, clock, observer = wiring.probes[Variant(task.variant)], SystemClock(), Nobody()
    contexts = (ProbeContext("bench", f"{n:05d}", 1, task.size_bytes, 0.0, clock, observer) for n in numbers)
    return await asyncio.gather(*(probe.run(link, context) for context in contexts))


@contextmanager
def _profiled(file: str) -> Iterator[None]:
    if not file:
        yield
        return
    with cProfile.Profile() as profiler:
        yield
    Path(file).write_text(profile_text(profiler))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(spend(Task(**json.loads(sys.argv[1])))))))
