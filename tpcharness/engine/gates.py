"""Whether a probe whose turn has come may go now, and why not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from tpcharness.engine.arrangement import Arrangement
from tpcharness.engine.backoff import SLOWER, BackOff
from tpcharness.engine.budgets import Budgets
from tpcharness.engine.refusals import Refusals
from tpcharness.engine.turns import Turn
from tpcharness.model.downtime import Downtime, host_name
from tpcharness.model.endpoint import Endpoint, LinkSubject
from tpcharness.model.plan import PlannedProbe, Role
from tpcharness.model.result import Result
from tpcharness.model.variant import Variant


class SkipReason(StrEnum):
    """Why a turn was skipped. The names are public: they stand in metrics."""

    ENDPOINT_DOWN = "endpoint_down"
    DOWNTIME = "downtime"
    BACK_OFF = "back_off"
    BUDGET = "budget"
    REFUSED = "refused"
    ENDPOINT_BUSY = "endpoint_busy"
    SHUTDOWN = "shutdown"


Door = tuple[str, Variant]
"""Which door of which endpoint."""


class Doors:
    """The latest verdict of every door that is scheduled."""

    def __init__(self) -> None:
        self._scheduled: frozenset[Door] = frozenset()
        self._latest: dict[Door, Result] = {}

    def replace(self, scheduled: Iterable[Door]) -> None:
        """Takes the doors that are probed."""
        self._scheduled = frozenset(scheduled)
        self._latest = {door: result for door, result in self._latest.items() if door in self._scheduled}

    def see(self, endpoint: str, result: Result) -> bool:
        """Takes a door's newest verdict; whether that door was down and is not any more."""
        door = (endpoint, result.variant)
        former = self._latest.get(door)
        self._latest[door] = result
        return result.ok and former is not None and not former.ok

    def failed(self, endpoint: str, variant: Variant) -> bool:
        result = self._latest.get((endpoint, variant))
        return result is not None and not result.ok

    def unknown(self, probe: PlannedProbe) -> bool:
        """Whether one of the doors that the probe needs was not looked at yet."""
        return any(door in self._scheduled and door not in self._latest for door in doors_of(probe))

    def failures(self, probe: PlannedProbe) -> tuple[Result, ...]:
        """The failed doors of those that the probe needs, the source's first."""
        return tuple(self._latest[door] for door in doors_of(probe) if self.failed(*door))


def doors_of(probe: PlannedProbe) -> tuple[Door, ...]:
    """The doors that must be open for a probe, its source's first; none for a door itself."""
    return tuple((end.name, door) for end in probe.ends for door in probe.variant.doors)


class Downtimes:
    """Which downtimes touch which of the endpoints that we know."""

    def __init__(self) -> None:
        self._all: tuple[Downtime, ...] = ()
        self._endpoints: tuple[Endpoint, ...] = ()
        self._touching: dict[str, list[Downtime]] = {}
        self._resting: frozenset[str] = frozenset()

    def replace(self, downtimes: Sequence[Downtime]) -> None:
        self._all = tuple(downtimes)
        self._match()

    def know(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)
        self._match()

    def of(self, endpoint: str, now: float) -> Downtime | None:
        """The downtime that an endpoint is in; of several the one that ends last."""
        touching = self._touching.get(endpoint)
        if not touching:
            return None
        at = datetime.fromtimestamp(now, UTC)
        return max((each for each in touching if each.active(at)), key=lambda each: each.end, default=None)

    def begun(self, now: float) -> frozenset[str]:
        """The endpoints that are in a downtime, and were not when this was asked the last time."""
        before = self._resting
        self._resting = frozenset(name for name in self._touching if self.of(name, now) is not None)
        return self._resting - before

    def _match(self) -> None:
        """As Downtime.touches, but each host of a document of thousands is looked up once."""
        by_host: dict[str, list[Downtime]] = {}
        for downtime in self._all:
            for host in downtime.hosts:
                by_host.setdefault(host, []).append(downtime)
        named = [downtime for downtime in self._all if downtime.endpoints]
        self._touching = {}
        for endpoint in self._endpoints:
            touching = list(by_host.get(host_name(endpoint), ()))
            touching += (
                downtime for downtime in named if any(fnmatchcase(endpoint.name, glob) for glob in downtime.endpoints)
            )
            if touching:
                self._touching[endpoint.name] = touching


class Busy:
    """How many probes are under way at each endpoint in each role, as `PlannedProbe.roles` has them."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[Role, str]] = Counter()

    def full(self, probe: PlannedProbe) -> bool:
        return any(self._taken[role, endpoint.name] >= endpoint.max_transfers for role, endpoint in probe.roles)

    def count(self, probe: PlannedProbe, by: int) -> None:
        """Counts a probe that starts (1) or ends (-1)."""
        for role, endpoint in probe.roles:
            self._taken[role, endpoint.name] += by
            if not self._taken[role, endpoint.name]:
                del self._taken[role, endpoint.name]


class Gates:
    """All that can keep a probe from running, in the order in which it is asked."""

    def __init__(self, max_refusals: int, refusal_pause_seconds: float) -> None:
        self.doors = Doors()
        self.downtimes = Downtimes()
        self.refusals = Refusals(max_refusals, refusal_pause_seconds)
        self.budgets = Budgets()
        self.back_off = BackOff()
        self.busy = Busy()

    def take(self, arrangement: Arrangement) -> None:
        """Takes what there is from now on."""
        self.doors.replace(arrangement.doors)
        self.downtimes.know(arrangement.endpoints.values())
        self.refusals.retain(arrangement.endpoints)
        self.budgets.take(arrangement.shares)
        gone = ((turn.key[0], turn.key[1], turn.seed) for turn in arrangement.removed)
        self.back_off.take(
            arrangement.groups,
            ((subject, variant, seed) for subject, variant, seed in gone if isinstance(subject, LinkSubject)),
        )

    def away(self, turn: Turn, now: float) -> SkipReason | None:
        """Whether one of the ends is not to be talked to at all."""
        for endpoint in turn.endpoints:
            if self.downtimes.of(endpoint.name, now) is not None:
                return SkipReason.DOWNTIME
        for endpoint in turn.endpoints:
            if self.refusals.paused_until(endpoint.name, now) is not None:
                return SkipReason.REFUSED
        return None

    def share(self, turn: Turn) -> tuple[float, SkipReason]:
        """The part of its slots that a probe may use at present, and what to call it when it may not."""
        share = self.budgets.share(turn.probe)
        subject, variant, _ = turn.key
        if isinstance(subject, LinkSubject) and self.back_off.slowed(subject, variant, turn.seed):
            return share / SLOWER, SkipReason.BACK_OFF
        return share, SkipReason.BUDGET
