"""What an endpoint bears in one day: bytes and transfers, both roles together, by days of UTC. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.settings import DAY_SECONDS

HEADROOM = 0.9
"""Of a budget that does not suffice for all, this part is planned; the rest is for looking again at changes."""


def bearers(probe: PlannedProbe) -> tuple[Endpoint, ...]:
    """The endpoints on whose budgets a probe is: both of a link, that of a direct transfer, none for what moves no
    bytes that count.
    """
    return tuple(endpoint for _, endpoint in probe.roles)


@dataclass(slots=True)
class _Day:
    number: int
    bytes: int = 0
    transfers: int = 0


class Budgets:
    """Where the schedule wants more than a budget gives, all its transfers run in an equal share of their rounds.

    So nobody starves because others come earlier in the day. The budget itself is the last word for what comes on top.
    Counted is what a copy is to move, once per endpoint, whatever became of it. Doors do not count and are never held
    back: they are small, and without them nothing else can be judged.
    """

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._days: dict[str, _Day] = {}

    def take(self, shares: dict[str, float]) -> None:
        """Takes the `shares_of` what is to run from now on; days of endpoints that are not in it are forgotten."""
        self._shares = shares
        self._days = {name: day for name, day in self._days.items() if name in shares}

    def share(self, probe: PlannedProbe) -> float:
        """The part of its rounds in which the probe may run, more than 0 and at most 1."""
        return min((self._shares.get(endpoint.name, 1.0) for endpoint in bearers(probe)), default=1.0)

    def has_room(self, probe: PlannedProbe, now: float) -> bool:
        """Whether the day's budget of every end still bears the probe."""
        for endpoint in bearers(probe):
            day = self._day(endpoint.name, now)
            if endpoint.bytes_per_day and day.bytes + probe.size_bytes > endpoint.bytes_per_day:
                return False
            if endpoint.transfers_per_day and day.transfers >= endpoint.transfers_per_day:
                return False
        return True

    def book(self, probe: PlannedProbe, now: float, times: int = 1) -> None:
        """Counts a probe; `times` -1 takes it back, because it did not run after all."""
        for endpoint in bearers(probe):
            day = self._day(endpoint.name, now)
            day.bytes = max(0, day.bytes + times * probe.size_bytes)
            day.transfers = max(0, day.transfers + times)

    def learn(self, probe: PlannedProbe, moved: int, now: float) -> None:
        """Counts what a copy has moved whose size nobody knew before: a file from tape comes as it is."""
        if not probe.size_bytes:
            for endpoint in bearers(probe):
                self._day(endpoint.name, now).bytes += moved

    def used(self, endpoint: str, now: float) -> tuple[int, int]:
        """Bytes and transfers of the running day."""
        day = self._day(endpoint, now)
        return day.bytes, day.transfers

    def _day(self, endpoint: str, now: float) -> _Day:
        number = int(now // DAY_SECONDS)
        day = self._days.get(endpoint)
        if day is None or day.number != number:
            day = self._days[endpoint] = _Day(number)
        return day


def shares_of(scheduled: Iterable[ScheduledProbe]) -> dict[str, float]:
    """The part of its transfers' rounds that each endpoint's budget gives, more than 0 and at most 1."""
    bytes_wanted: defaultdict[str, float] = defaultdict(float)
    transfers_wanted: defaultdict[str, float] = defaultdict(float)
    endpoints: dict[str, Endpoint] = {}
    for one in scheduled:
        per_day = DAY_SECONDS / one.interval_seconds
        for endpoint in bearers(one.probe):
            endpoints[endpoint.name] = endpoint
            bytes_wanted[endpoint.name] += per_day * one.probe.size_bytes
            transfers_wanted[endpoint.name] += per_day
    return {
        name: min(
            _share(bytes_wanted[name], endpoint.bytes_per_day),
            _share(transfers_wanted[name], endpoint.transfers_per_day),
        )
        for name, endpoint in endpoints.items()
    }


def _share(wanted: float, budget: int) -> float:
    return 1.0 if not budget or wanted <= budget else HEADROOM * budget / wanted
