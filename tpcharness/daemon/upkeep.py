"""What a service does beside probing, each an endless task: findings, its state, and signs of life."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from tpcharness.daemon.notify import Notifier
from tpcharness.daemon.running import Running
from tpcharness.diagnosis.doors import NO_NETWORK, nobody_reached
from tpcharness.diagnosis.findings import find
from tpcharness.engine.service import TICK_SECONDS
from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import Subject
from tpcharness.model.finding import Finding
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome, Variant
from tpcharness.payload.ledger import Ledger, LedgerEntry, LedgerError
from tpcharness.results.latest import Glance, Key, StaleAfter

log = logging.getLogger(__name__)

RETRY_SECONDS = 60.0
FINDINGS_SECONDS = 5.0
AGEING_SECONDS = 30.0
SLICE = 2000
STATUS_SECONDS = 10.0
STATE_SECONDS = 5.0
START_SECONDS = 120.0
STARTS_TOLD = 10
FEEDS_PER_WATCHDOG = 3

_BAD = (Outcome.FAILURE, Outcome.ERROR)


async def tirelessly(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Does the work for as long as it takes, also after a bug in it: what stands beside the probes never ends them."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("%s failed; again in %.0f s", name, RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


async def come_what_may(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Does the work once; a bug in it is told, and ends nothing else."""
    try:
        await work()
    except Exception:
        log.exception("%s failed", name)


async def keep_findings(running: Running) -> None:
    """Works out the findings anew when there are new results, and now and then, for what was known becomes too old.

    In a thread: for a full mesh it takes its time.
    """
    loop = asyncio.get_running_loop()
    seen, again_at = -1, 0.0
    while True:
        if running.latest.version != seen or loop.time() >= again_at:
            seen, again_at = running.latest.version, loop.time() + AGEING_SECONDS
            glances = running.latest.glances()
            confirmed = await _confirmed(running, glances)
            now, limit = running.clock.now().timestamp(), running.latest.stale_after_seconds
            found = await asyncio.to_thread(causes, confirmed, glances, now, limit)
            running.findings, running.explained = found
        await asyncio.sleep(FINDINGS_SECONDS)


async def _confirmed(running: Running, glances: Sequence[Glance]) -> list[Result]:
    """Every confirmed state, asked in slices: all at once would hold the event loop."""
    found: list[Result] = []
    for start in range(0, len(glances), SLICE):
        for glance in glances[start : start + SLICE]:
            found += running.schedule.confirmations.states(glance.subject, glance.variant)
        await asyncio.sleep(0)
    return found


def causes(
    confirmed: Iterable[Result], glances: Iterable[Glance], now: float, stale_after: StaleAfter
) -> tuple[tuple[Finding, ...], frozenset[Key]]:
    """The causes of what is confirmed and not stale, and the failing probes among that; `now` is epoch seconds.

    Links that are skipped for a down endpoint count as its cells. What was seen last says whether a probe is stale:
    its confirmed state may be older, and is believed until it is contradicted often enough. Not so for names and ways:
    doors are confirmed one by one, and where the last looks at all of them met none it is no endpoint's trouble, nor
    when the first of them are met again.
    """
    fresh: set[tuple[Subject, Variant, int]] = set()
    down = []
    doors: dict[Subject, Result] = {}
    for glance in glances:
        limit = stale_after(glance.subject, glance.variant)
        for result, start in zip(glance.results, glance.starts, strict=True):
            if limit is not None and start < now - limit:
                continue
            fresh.add((result.subject, result.variant, result.size_bytes))
            if result.variant is Variant.DOOR:
                doors.setdefault(result.subject, result)
            if result.reason is Reason.ENDPOINT_DOWN:
                down.append(result)
    believed = [each for each in confirmed if (each.subject, each.variant, each.size_bytes) in fresh]
    if nobody_reached(doors.values()):
        believed = [each for each in believed if each.variant is not Variant.DOOR] + list(doors.values())
    else:
        believed = [each for each in believed if not (_without_way(each) and doors[each.subject].ok)]
    failing = frozenset((each.subject, each.variant) for each in believed if each.outcome in _BAD)
    return find([*believed, *down]), failing


def _without_way(result: Result) -> bool:
    return result.variant is Variant.DOOR and result.reason in NO_NETWORK


async def watch_state(ledger: Ledger, lost: Callable[[LedgerError], None]) -> None:
    """Tells once when the ledger is not where it should be any more: the state directory was removed, or replaced."""
    while True:
        try:
            await ledger.check()
        except LedgerError as error:
            lost(error)
            return
        await asyncio.sleep(STATE_SECONDS)


def tell_what_stays(entries: Sequence[LedgerEntry], *, known: bool) -> None:
    """The last word about our files at storages: the next start takes them away if it will have the ledger."""
    if not entries:
        return
    number = count_text(len(entries), "file")
    if known:
        log.warning("%s of ours left in the ledger for the next start", number)
        return
    log.error("%s of ours left at storages, known to no ledger any more:", number)
    for entry in entries:
        log.error("left at %s: %s", entry.endpoint, entry.url)


async def ask_patience(notifier: Notifier) -> None:
    """Keeps the service manager waiting for as long as the start takes: a year's history is read in it."""
    while True:
        notifier.starting(START_SECONDS, "reading what was known before")
        await asyncio.sleep(START_SECONDS / STARTS_TOLD)


async def feed_watchdog(running: Running, notifier: Notifier) -> None:
    """Tells the service manager that the schedule is looked at: a process that only breathes is not alive."""
    seconds = notifier.watchdog_seconds
    if seconds is None:
        return
    loop = asyncio.get_running_loop()
    patience_seconds = max(2 * TICK_SECONDS, seconds / 2)
    while True:
        if loop.time() - running.service.status().ticked_at < patience_seconds:
            notifier.watchdog()
        else:
            log.error("the schedule has not been looked at for %.0f s", patience_seconds)
        await asyncio.sleep(seconds / FEEDS_PER_WATCHDOG)


async def show_status(running: Running, notifier: Notifier) -> None:
    """Keeps the line that `systemctl status` shows."""
    while True:
        await asyncio.sleep(STATUS_SECONDS)
        notifier.status(status_line(running))


def status_line(running: Running) -> str:
    """What is going on, in one line."""
    latest = running.latest
    kinds = {"doors": latest.door_tally(), "endpoints alone": latest.alone_tally(), "links": latest.links()}
    told = [
        f"{name}: {each.ok} of {each.total} ok"
        for name, each in kinds.items()
        if each.total or name != "endpoints alone"
    ]
    under_way = sum(running.service.status().in_flight.values())
    line = f"{'; '.join(told)}; {under_way} under way"
    return line if running.reload_state.ok else f"{line}; the configuration file has errors, the former one holds"
