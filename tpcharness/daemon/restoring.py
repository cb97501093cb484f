"""What a service knows from its former lives, taken in before its first probe."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from tpcharness.daemon.reload import Prepared
from tpcharness.engine.schedule import Schedule
from tpcharness.results.counters import Counters
from tpcharness.results.history import History
from tpcharness.results.latest import LatestStore

log = logging.getLogger(__name__)

RESTORED_AT_ONCE = 1000
"""So many results of former lives are taken in before others have their turn on the event loop."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What outlives a process: turns and beliefs, the latest results, and what only grows."""

    schedule: Schedule
    latest: LatestStore
    counters: Counters


async def restore(history: History, prepared: Prepared, now: datetime) -> Memory:
    """All that the history has of what is configured. Raises HistoryError."""
    config, at = prepared.config, now.timestamp()
    schedule, counters = Schedule(config.daemon), Counters()
    latest = LatestStore(config.endpoints, stale_after=schedule.stale_after_seconds)
    counters.load(await history.counters())
    known = await history.known()
    latest.retain(prepared.keys)
    schedule.replace(prepared.scheduled, at)
    schedule.believe(known.beliefs, at)
    for start in range(0, len(known.results), RESTORED_AT_ONCE):
        some = known.results[start : start + RESTORED_AT_ONCE]
        latest.restore(some)
        schedule.restore(some, at)
        await asyncio.sleep(0)
    log.info("%d results known from before", len(known.results))
    return Memory(schedule, latest, counters)
