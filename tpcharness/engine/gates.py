"""Whether a probe whose turn has come may go now, and why not. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from tpcharness.engine.backoff import SLOWER, BackOff
from tpcharness.engine.budgets import Budgets
from tpcharness.engine.refusals import Refusals
from tpcharness.engine.turns import Turn
from tpcharness.model.downtime import Downtime, host_name
from tpcharness.model.endpoint import Endpoint, Link, LinkSubject
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.result import Result


class SkipReason(StrEnum):
    """Why a turn was skipped. The names are public: they stand in metrics."""

    ENDPOINT_DOWN = "endpoint_down"
    DOWNTIME = "downtime"
    BACK_OFF = "back_off"
    BUDGET = "budget"
    REFUSED = "refused"
    ENDPOINT_BUSY = "endpoint_busy"
    SHUTDOWN = "shutdown"


class Doors:
    """The latest verdict of every door that is scheduled."""

    def __init__(self) -> None:
        self._scheduled: frozenset[str] = frozenset()
        self._latest: dict[str, Result] = {}

    def replace(self, scheduled: Iterable[str]) -> None:
        """Takes the endpoints whose doors are probed."""
        self._scheduled = frozenset(scheduled)
        self._latest = {name: result for name, result in self._latest.items() if name in self._scheduled}

    def see(self, endpoint: str, result: Result) -> bool:
        """Takes a door's newest verdict; whether that door was down and is not any more."""
        former = self._latest.get(endpoint)
        self._latest[endpoint] = result
        return result.ok and former is not None and not former.ok

    def failed(self, endpoint: str) -> bool:
        result = self._latest.get(endpoint)
        return result is not None and not result.ok

    def unknown(self, link: Link) -> bool:
        """Whether one of the ends has a door that was not looked at yet."""
        ends = (link.source.name, link.destination.name)
        return any(name in self._scheduled and name not in self._latest for name in ends)

    def failures(self, link: Link) -> tuple[Result, ...]:
        """The failed doors of a link's ends, the source's first."""
        ends = (link.source.name, link.destination.name)
        return tuple(self._latest[name] for name in ends if self.failed(name))


class Downtimes:
    """Which downtimes touch which of the endpoints that we know."""

    def __init__(self) -> None:
        self._all: tuple[Downtime, ...] = ()
        self._endpoints: tuple[Endpoint, ...] = ()
        self._touching: dict[str, list[Downtime]] = {}

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
    """How many probes are under way at each endpoint in each role. A link takes a place at both ends."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, str]] = Counter()

    def full(self, probe: PlannedProbe) -> bool:
        subject = probe.subject
        return isinstance(subject, Link) and (
            self._taken["source", subject.source.name] >= subject.source.max_transfers
            or self._taken["destination", subject.destination.name] >= subject.destination.max_transfers
        )

    def count(self, probe: PlannedProbe, by: int) -> None:
        """Counts a probe that starts (1) or ends (-1)."""
        subject = probe.subject
        if isinstance(subject, Link):
            for place in (("source", subject.source.name), ("destination", subject.destination.name)):
                self._taken[place] += by
                if not self._taken[place]:
                    del self._taken[place]


class Gates:
    """All that can keep a probe from running, in the order in which it is asked."""

    def __init__(self, max_refusals: int, refusal_pause_seconds: float) -> None:
        self.doors = Doors()
        self.downtimes = Downtimes()
        self.refusals = Refusals(max_refusals, refusal_pause_seconds)
        self.budgets = Budgets()
        self.back_off = BackOff()
        self.busy = Busy()

    def know(self, turns: Sequence[Turn]) -> None:
        """Takes the turns that there are from now on."""
        endpoints = {endpoint.name: endpoint for turn in turns for endpoint in turn.endpoints}
        self.doors.replace(turn.endpoints[0].name for turn in turns if turn.link is None)
        self.downtimes.know(endpoints.values())
        self.refusals.retain(endpoints)
        self.budgets.plan(turn.scheduled for turn in turns)
        self.back_off.replace(
            (turn.key[0], turn.key[1], turn) for turn in turns if isinstance(turn.key[0], LinkSubject)
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
