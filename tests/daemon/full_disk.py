"""A service whose disk becomes full, and has room again. Run as a program, with mounts of its own."""

from __future__ import annotations

import asyncio
import errno
import logging
import sys
from pathlib import Path
from urllib.request import urlopen

from tests.daemon.test_hardships import all_green, one_more_round, one_round
from tests.support.life import life
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Outcome

SAID = "The history cannot be written"
FAILURES = "tpcharness_history_write_failures_total"


def fill(filler: Path) -> None:
    """Takes all the room that there is, or has come since the last time."""
    with filler.open("ab", buffering=0) as stream:
        for size in (65536, 1):
            try:
                while stream.write(bytes(size)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def read(url: str) -> str:
    with urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


async def failures_told(url: str) -> float:
    text = await asyncio.to_thread(read, f"{url}/metrics")
    (value,) = [line.split()[1] for line in text.splitlines() if line.startswith(FAILURES)]
    return float(value)


async def trial(folder: Path) -> None:
    filler = folder / "grid" / "state" / "filler"
    async with life(folder, interval="1s") as service:
        running = service.running
        await all_green(service)
        assert await failures_told(running.url) == 0

        def ill() -> bool:
            fill(filler)
            return not running.history.healthy

        await service.until(ill)
        fill(filler)
        await one_round(service)  # it goes on
        results = running.latest.results()
        assert all(result.outcome is not Outcome.FAILURE for result in results), results  # no storage's fault
        assert {result.reason for result in results} <= {Reason.OK, Reason.STATE_UNWRITABLE, Reason.ENDPOINT_DOWN}
        while not await failures_told(running.url):  # both are kept for a moment
            await one_round(service)
        while SAID not in await asyncio.to_thread(read, running.url):
            await one_round(service)
        filler.unlink()
        await one_more_round(service)
        await service.until(lambda: running.history.healthy and running.history.journal.bytes < 100_000)
        while SAID in await asyncio.to_thread(read, running.url):
            await one_round(service)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(trial(Path(sys.argv[1])))
    print("told and forgiven")
