"""What each client of the contest is given to do, and what it tells of it: the same for all of them."""

from __future__ import annotations

import asyncio
import cProfile
import io
import json
import pstats
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import uvloop

from tpcharness.model.secret import Secret
from tpcharness.wire.copy_request import Header, Mode, copy_headers

CONCURRENCY = 32
USER_AGENT = "tpcharness-bench"
TOKEN = Secret("eyJ" + "0123456789abcdef" * 50)  # as long as a WLCG token
PROFILE_LINES = 30


@dataclass(frozen=True, slots=True)
class Load:
    """So many COPY requests to paths below `url`, CONCURRENCY at a time, on reused or on fresh connections.

    `profile` names the file that a profile is written to; the CPU of such a run counts for nothing.
    """

    url: str
    ca_file: str
    exchanges: int
    reuse: bool
    profile: str = ""

    @property
    def base(self) -> str:
        """The URL below which every request has a path of its own; it tells the responder what to do in the end."""
        return f"{self.url}/{'keep' if self.reuse else 'close'}/bench"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a load cost its client, and how many exchanges came to no success line."""

    cpu_seconds: float
    failed: int


def request_headers(number: int) -> tuple[Header, ...]:
    """The headers of a COPY as our probes send them, but for Authorization and User-Agent."""
    return copy_headers(
        Mode.PULL,
        "https://source.example.org:2880/bench/seed",
        TOKEN,
        client_info=f"job-id=bench;file-id={number:05d};retry=0",
    )


def plain_headers() -> dict[str, str]:
    """All of them, as a client sends them that does not care about secrets, built once for all exchanges."""
    lines = {"User-Agent": USER_AGENT, "Authorization": f"Bearer {TOKEN.reveal()}"}
    for name, value in request_headers(0):
        lines[name] = value.reveal() if isinstance(value, Secret) else value
    return lines


async def drive(load: Load, exchange: Callable[[int], Awaitable[bool]]) -> Spent:
    """Runs `exchange` over all numbers and counts the CPU of this process, system time and threads included.

    What is needed only once (reading certificates, the first connections) is done before the clock starts.
    """
    failed = await _crew(replace(load, exchanges=CONCURRENCY), exchange)
    profiler = cProfile.Profile() if load.profile else None
    if profiler:
        profiler.enable()
    begin = process_time()
    failed += await _crew(load, exchange)
    spent = Spent(process_time() - begin, failed)
    if profiler:
        profiler.disable()
        await asyncio.to_thread(Path(load.profile).write_text, profile_text(profiler))
    return spent


async def _crew(load: Load, exchange: Callable[[int], Awaitable[bool]]) -> int:
    """How many of the exchanges failed."""
    numbers = iter(range(load.exchanges))

    async def work() -> int:
        return sum([not await exchange(number) for number in numbers])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work()) for _ in range(CONCURRENCY)]
    return sum(task.result() for task in tasks)


def profile_text(profiler: cProfile.Profile) -> str:
    text = io.StringIO()
    for order in (pstats.SortKey.TIME, pstats.SortKey.CUMULATIVE):
        pstats.Stats(profiler, stream=text).sort_stats(order).print_stats(PROFILE_LINES)
    return text.getvalue()


def run(client: Callable[[Load], Coroutine[Any, Any, Spent]]) -> None:
    """The whole of a client's process: the load comes as its argument, what it cost goes to stdout, both as JSON."""
    load = Load(**json.loads(sys.argv[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(asdict(runner.run(client(load)))))
