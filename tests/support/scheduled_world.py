"""A schedule on paper time: storages that answer as they are told, and a service that takes what is due."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from tpcharness.engine.schedule import Schedule
from tpcharness.engine.turns import Key, key_of
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import DaemonSettings
from tpcharness.model.variant import Blame, Outcome, Variant

PULL, PUSH, DOOR = Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.DOOR
MIB = 1024 * 1024
START = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

Answer = tuple[Reason, Blame]
FINE: Answer = (Reason.OK, Blame.NOBODY)


def endpoint(name: str, **settings: int) -> Endpoint:
    return Endpoint(name, f"https://{name.lower()}.example:1094/vo", **settings)


def endpoints(number: int, **settings: int) -> list[Endpoint]:
    return [endpoint(f"SITE-{each:03}", **settings) for each in range(number)]


def door(at: Endpoint, interval: float = 900.0) -> ScheduledProbe:
    return ScheduledProbe(PlannedProbe(at, DOOR, 65536), interval)


def link(
    source: Endpoint, destination: Endpoint, variant: Variant = PULL, size: int = MIB, interval: float = 6 * HOUR
) -> ScheduledProbe:
    return ScheduledProbe(PlannedProbe(Link(source, destination), variant, size), interval)


def mesh(sites: list[Endpoint], interval: float = 6 * HOUR, *variants: Variant) -> list[ScheduledProbe]:
    links = [
        link(source, destination, variant, interval=interval)
        for variant in variants or (PULL,)
        for source in sites
        for destination in sites
        if source is not destination
    ]
    return [*(door(each) for each in sites), *links]


def result(probe: PlannedProbe, answer: Answer = FINE, at: float = START) -> Result:
    reason, blame = answer
    outcome = Outcome.OK if reason is Reason.OK else Outcome.ERROR if blame is Blame.CLIENT else Outcome.FAILURE
    return Result(
        run_id="r1",
        probe_id="00001",
        subject=probe.subject.subject,
        variant=probe.variant,
        size_bytes=probe.size_bytes,
        started_at=datetime.fromtimestamp(at, UTC),
        attempt=1,
        outcome=outcome,
        reason=reason,
        blame=blame,
    )


def downtime(start: float, end: float, *names: str) -> Downtime:
    """One from a manual list, in seconds since the epoch."""
    moments = [datetime.fromtimestamp(at, UTC) for at in (start, end)]
    return Downtime(*moments, endpoints=names, text="work")


@dataclass
class World:
    """Drives a schedule: takes what is due, up to `room` at once, and answers after `seconds` each.

    `runs` has the starts of every probe, `results` its newest result.
    """

    scheduled: list[ScheduledProbe]
    settings: DaemonSettings = field(default_factory=DaemonSettings)
    answers: Callable[[PlannedProbe, float], Answer] = lambda _probe, _now: FINE
    seconds: float = 20.0
    room: int = 64
    now: float = START
    runs: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    results: dict[Key, Result] = field(default_factory=dict)
    latest_lag: float = 0.0

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.settings)
        self.schedule.replace(self.scheduled, self.now)
        self._ends: list[tuple[float, int, PlannedProbe, float]] = []
        self._numbers = count()

    def until(self, end: float) -> None:
        """Lets the time pass up to `end`, from event to event."""
        while True:
            free = self.room - len(self._ends)
            for due in self.schedule.take_due(self.now, free):
                self.latest_lag = max(self.latest_lag, self.now - due.due_at)
                probe = due.scheduled.probe
                self.runs[key_of(probe)].append(self.now)
                heapq.heappush(self._ends, (self.now + self.seconds, next(self._numbers), probe, self.now))
            next_at = self.schedule.next_at(self.now) if len(self._ends) < self.room else None
            times = [at for at in (next_at, self._ends[0][0] if self._ends else None) if at is not None]
            if not times or min(times) > end:
                self.now = end
                return
            self.now = max(self.now, min(times))
            while self._ends and self._ends[0][0] <= self.now:
                _, _, probe, began = heapq.heappop(self._ends)
                found = result(probe, self.answers(probe, began), began)
                self.results[key_of(probe)] = found
                self.schedule.ended(probe, found, self.now)

    def for_(self, seconds: float) -> None:
        self.until(self.now + seconds)

    def jump(self, seconds: float) -> None:
        """Sets the wall clock; what is under way ends as many seconds later as it would have."""
        self.now += seconds
        self._ends = [(at + seconds, number, probe, began + seconds) for at, number, probe, began in self._ends]

    @property
    def under_way(self) -> int:
        return len(self._ends)

    def links(self) -> dict[Key, list[float]]:
        return {key: starts for key, starts in self.runs.items() if key[1] is not DOOR}
