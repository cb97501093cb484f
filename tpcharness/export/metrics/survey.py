"""How many links of each endpoint, and of all, are in which state: on these dashboards and alerts rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeVar

from tpcharness.export.metrics.views import ScheduleView
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.variant import Outcome
from tpcharness.results.counters import DESTINATION, SOURCE
from tpcharness.results.latest import Glance, Key, LatestStore

N = TypeVar("N")

BATCH = 500
"""Links between two breaths: some 3 ms of work."""


class LinkState(StrEnum):
    """What a link counts as. Names are public: values of the label `state`."""

    OK = "ok"
    FAILING = "failing"
    ERROR = "error"
    SKIPPED = "skipped"
    STALE = "stale"
    NEVER_RUN = "never_run"
    DOWNTIME = "downtime"


_OF_OUTCOME = {
    Outcome.OK: LinkState.OK,
    Outcome.FAILURE: LinkState.FAILING,
    Outcome.ERROR: LinkState.ERROR,
    Outcome.SKIPPED: LinkState.SKIPPED,
}

Role = tuple[str, str, str]
"""Endpoint, role and variant."""


class Survey:
    """One count over everything that is scheduled, or, without a schedule, over everything that is known.

    Whatever an endpoint has links for has all states, also those that no link is in.
    """

    def __init__(self) -> None:
        self.states: dict[Role, dict[LinkState, int]] = {}
        self.confirmed_failing: dict[Role, int] = {}
        self.of_variant: dict[str, dict[LinkState, int]] = {}
        self.largest_stale_after: dict[str, float] = {}
        self.doors_confirmed_failing: list[tuple[str, str]] = []

    def take(self, latest: LatestStore, schedule: ScheduleView | None, now: float) -> Iterator[None]:
        """Counts, with a breath after every few links; `now` is epoch seconds.

        A link that is not tried because of a downtime of either end counts as `downtime` whatever is known of it.
        """
        known: Iterable[Key] = (
            ((glance.subject, glance.variant) for glance in latest.glances())
            if schedule is None
            else ((each.probe.subject.subject, each.probe.variant) for each in schedule.scheduled)
        )
        keys: dict[Key, None] = {}  # a probe of several sizes is one link
        for position, key in enumerate(known):
            keys[key] = None
            if position % BATCH == BATCH - 1:
                yield
        resting = _Resting(schedule, now)
        for position, key in enumerate(keys):
            if position % BATCH == BATCH - 1:
                yield
            self._take(key, latest.glance(*key), latest, schedule, resting, now)

    def _take(
        self,
        key: Key,
        glance: Glance | None,
        latest: LatestStore,
        schedule: ScheduleView | None,
        resting: _Resting,
        now: float,
    ) -> None:
        subject, variant = key
        limit = latest.stale_after_seconds(subject, variant)
        if limit is not None:
            self.largest_stale_after[variant.value] = max(limit, self.largest_stale_after.get(variant.value, 0.0))
        confirmed = None if schedule is None else schedule.confirmations.confirmed(subject, variant)
        current = None if glance is None else glance.current(now, limit)
        failing = current is not None and confirmed is not None and not confirmed.ok
        if not isinstance(subject, LinkSubject):
            if failing:
                self.doors_confirmed_failing.append((subject.endpoint, variant.value))
            return
        if resting(subject.source) or resting(subject.destination):
            state = LinkState.DOWNTIME
        elif glance is None:
            state = LinkState.NEVER_RUN
        else:
            state = LinkState.STALE if current is None else _OF_OUTCOME[current.outcome]
        _raise(self.of_variant, variant.value, state)
        for role in ((subject.source, SOURCE, variant.value), (subject.destination, DESTINATION, variant.value)):
            _raise(self.states, role, state)
            self.confirmed_failing[role] = self.confirmed_failing.get(role, 0) + failing


class _Resting:
    """Which endpoints are in a downtime; each is asked for once."""

    def __init__(self, schedule: ScheduleView | None, now: float) -> None:
        self._schedule = schedule
        self._now = now
        self._known: dict[str, bool] = {}

    def __call__(self, endpoint: str) -> bool:
        if self._schedule is None:
            return False
        known = self._known.get(endpoint)
        if known is None:
            known = self._known[endpoint] = self._schedule.downtime_of(endpoint, self._now) is not None
        return known


def _raise(counts: dict[N, dict[LinkState, int]], name: N, state: LinkState) -> None:
    states = counts.get(name)
    if states is None:
        states = counts[name] = dict.fromkeys(LinkState, 0)
    states[state] += 1
