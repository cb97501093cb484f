"""One look at the whole matrix, shared by all who ask in the same moments."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tpcharness.daemon.running import Running
from tpcharness.export.standing import BAD, Key
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.finding import Finding
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS, Variant
from tpcharness.results.run import EndpointFacts
from tpcharness.results.store import Cell

FRESH_SECONDS = 2.0
OLD_SECONDS = 30.0
"""What nothing was added to is looked at again after this: cells become stale, downtimes begin and end."""

_SLICE = 400  # cells between two turns of the loop: about a millisecond


@dataclass(frozen=True, slots=True)
class Look:
    """What was there at one moment. Frozen, so that a page can be made of it in a thread.

    `cells`, `doors` and `alone` leave out what is in downtime: that says nothing about anybody; `resting` holds those
    links. `alone` is what was asked of endpoints besides their doors, by name, in the order of the variants.
    `explained` are the failing ones that the findings were made from; `unconfirmed` counts those of the others that
    were not seen often enough to be confirmed.
    """

    at: datetime
    version: int
    endpoints: tuple[EndpointFacts, ...]
    cells: tuple[Cell, ...]
    resting: tuple[Cell, ...]
    doors: Mapping[str, Cell]
    downtimes: Mapping[str, Downtime]
    findings: tuple[Finding, ...]
    explained: Collection[Key]
    unconfirmed: int
    alone: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)

    def typical_results(self) -> dict[Finding, Result]:
        """The result that each finding points at. Numbers of probes begin anew with each run, so the reason decides."""
        wanted: dict[str, list[Finding]] = {}
        for finding in self.findings:
            wanted.setdefault(finding.probe_id, []).append(finding)
        found: dict[Finding, Result] = {}
        alone = (cell for cells in self.alone.values() for cell in cells)
        for cell in (*self.doors.values(), *self.cells, *alone):
            for result in cell.results:
                for finding in wanted.get(result.probe_id, ()):
                    if result.reason is finding.reason:
                        found.setdefault(finding, result)
        return found


class Sight:
    """Makes looks in slices, so that the loop is never held by a big matrix, and keeps the last one.

    A look is used again for two seconds, or ten times as long as it took, whichever is longer.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self._look: Look | None = None
        self._until = 0.0
        self._old_at = 0.0
        self._lock = asyncio.Lock()

    async def look(self) -> Look:
        """The matrix as it is now, or was a moment ago."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            now = loop.time()
            known = self._look
            if known is not None and (now < self._until or (self._is_current(known) and now < self._old_at)):
                return known
            found = await self._make()
            took = loop.time() - now
            self._until = loop.time() + max(FRESH_SECONDS, 10 * took)
            self._old_at = max(self._until, now + OLD_SECONDS)
            self._look = found
            return found

    def _is_current(self, look: Look) -> bool:
        return look.version == self._running.latest.version and look.findings is self._running.findings

    async def _make(self) -> Look:
        running = self._running
        latest, findings, explained = running.latest, running.findings, running.explained
        version, at = latest.version, running.clock.now()
        endpoints = tuple(EndpointFacts.of(endpoint) for endpoint in running.config.endpoints.values())
        downtimes = {
            facts.name: found
            for facts in endpoints
            if (found := running.schedule.downtime_of(facts.name, at.timestamp())) is not None
        }
        cells: list[Cell] = []
        resting: list[Cell] = []
        doors: dict[str, Cell] = {}
        alone: dict[str, dict[Variant, Cell]] = {}
        unconfirmed = 0
        for number, glance in enumerate(latest.glances()):
            if number % _SLICE == 0:
                await asyncio.sleep(0)
            cell = _cell(running, glance.subject, glance.variant, at)
            if cell is None:
                continue
            if isinstance(glance.subject, LinkSubject):
                rests = glance.subject.source in downtimes or glance.subject.destination in downtimes
                (resting if rests else cells).append(cell)
                if not rests and cell.state in BAD and (cell.subject, cell.variant) not in explained:
                    unconfirmed += not _is_confirmed(running, cell)
            elif glance.subject.endpoint in downtimes:
                continue
            elif glance.variant is Variant.DOOR:
                doors[glance.subject.endpoint] = cell
            else:
                alone.setdefault(glance.subject.endpoint, {})[glance.variant] = cell
        links, rest, others = tuple(cells), tuple(resting), {name: _ordered(each) for name, each in alone.items()}
        return Look(at, version, endpoints, links, rest, doors, downtimes, findings, explained, unconfirmed, others)


def _ordered(cells: Mapping[Variant, Cell]) -> tuple[Cell, ...]:
    return tuple(cells[variant] for variant in ENDPOINT_VARIANTS if variant in cells)


def _is_confirmed(running: Running, cell: Cell) -> bool:
    confirmed = running.schedule.confirmations.confirmed(cell.subject, cell.variant)
    return confirmed is not None and not confirmed.ok


def _cell(running: Running, subject: Subject, variant: Variant, now: datetime) -> Cell | None:
    if isinstance(subject, LinkSubject):
        return running.latest.cell(subject.source, subject.destination, variant, now=now)
    if variant is Variant.DOOR:
        return running.latest.door(subject.endpoint, now=now)
    return None if variant in DOOR_VARIANTS else running.latest.endpoint_cell(subject.endpoint, variant, now=now)
