"""The families of endpoints and of the whole matrix, by prometheus_client, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC

from prometheus_client.core import Metric as Family

from tpcharness.export.clean_text import clean_text
from tpcharness.export.metrics import catalogue as metrics
from tpcharness.export.metrics.survey import Survey
from tpcharness.export.metrics.text import BATCH, families, summary
from tpcharness.export.metrics.views import ScheduleView
from tpcharness.model.finding import Finding
from tpcharness.model.reason import Reason
from tpcharness.model.variant import DOOR_VARIANTS, Blame, Outcome
from tpcharness.results import counters as kept
from tpcharness.results.counters import Counters
from tpcharness.results.latest import Glance, LatestStore, duration_seconds
from tpcharness.results.run import EndpointFacts

MAX_CULPRIT = 200
MAX_WORD = 64

Piece = Family | None
"""Some samples of one family, or a breath."""


class EndpointMetrics:
    """What is known of every endpoint, and of all links together; always complete, whatever detail links have.

    `endpoints` are those that are configured now. `schedule` and `counters` are a service's; without them the
    families that rest on them are missing. Remembers what each endpoint last said that it runs, so that an endpoint
    that is down keeps its labels.
    """

    def __init__(
        self,
        latest: LatestStore,
        endpoints: Callable[[], Iterable[EndpointFacts]],
        counters: Counters | None = None,
        schedule: ScheduleView | None = None,
    ) -> None:
        self._latest = latest
        self._endpoints = endpoints
        self._counters = counters
        self._schedule = schedule
        self._software: dict[str, tuple[str, str]] = {}

    def pieces(self, now: float, findings: Sequence[Finding]) -> Iterator[Piece]:
        """All families, contiguous; `now` in epoch seconds. Results may come in between any two pieces."""
        endpoints = tuple(self._endpoints())
        names = frozenset(endpoint.name for endpoint in endpoints)
        doors = []
        for position, glance in enumerate(self._latest.glances()):
            if not glance.variant.of_link:
                doors.append(glance)
            if position % (10 * BATCH) == 0:
                yield None
        survey = Survey()
        yield from survey.take(self._latest, self._schedule, now)
        yield from self._doors(doors, survey, now)
        if self._counters is not None:
            yield from _counted(self._counters, names)
        yield from _surveyed(survey, confirmed=self._schedule is not None)
        yield from self._facts(endpoints, doors)
        if self._schedule is not None:
            yield from _budgets(self._schedule, sorted(names), now)
            yield from families(
                metrics.STALE_AFTER, [((variant,), age) for variant, age in survey.largest_stale_after.items()]
            )
        yield from _found(findings)
        yield from families(metrics.RESULT_CODE_INFO, _CODES)

    def _doors(self, doors: Sequence[Glance], survey: Survey, now: float) -> Iterator[Piece]:
        current = [
            (door, result)
            for door in doors
            if (result := door.current(now, self._latest.stale_after_seconds(door.subject, door.variant))) is not None
            and result.outcome is not Outcome.SKIPPED
        ]
        yield from families(metrics.ENDPOINT_PROBE_SUCCESS, [(door.labels, float(one.ok)) for door, one in current])
        yield from families(metrics.ENDPOINT_PROBE_RESULT_CODE, [(door.labels, one.code) for door, one in current])
        yield from families(
            metrics.ENDPOINT_PROBE_DURATION, [(door.labels, duration_seconds(one)) for door, one in current]
        )
        yield from families(
            metrics.ENDPOINT_PROBE_THROUGHPUT,
            [(door.labels, one.throughput) for door, one in current if one.ok and one.throughput is not None],
        )
        yield from families(
            metrics.ENDPOINT_PROBE_LAST_RUN,
            [(door.labels, door.last_run) for door in doors if door.last_run is not None],
        )
        if self._schedule is not None:
            confirmed = [(labels, 1.0) for labels in survey.doors_confirmed_failing]
            yield from families(metrics.ENDPOINT_CONFIRMED_FAILURE, confirmed)

    def _facts(self, endpoints: Iterable[EndpointFacts], doors: Iterable[Glance]) -> Iterator[Piece]:
        expiries: dict[str, float] = {}
        for door in doors:
            if door.variant not in DOOR_VARIANTS:
                continue  # a cache or a legacy door is another server
            result = door.results[0]
            ends = [tls.not_after for tls in result.evidence.tls if tls.not_after is not None]
            if ends:
                end = min(ends).astimezone(UTC).timestamp()
                expiries[door.labels[0]] = min(end, expiries.get(door.labels[0], end))
            if result.implementation.destination:
                name, _, version = clean_text(result.implementation.destination[0], 2 * MAX_WORD).partition("/")
                self._software[door.labels[0]] = name[:MAX_WORD], version[:MAX_WORD]
        yield from families(metrics.ENDPOINT_CERTIFICATE_EXPIRY, [((name,), end) for name, end in expiries.items()])
        yield from families(
            metrics.ENDPOINT_INFO,
            [((one.name, one.site, one.host, *self._software.get(one.name, ("", ""))), 1.0) for one in endpoints],
        )


def _counted(counters: Counters, names: Collection[str]) -> Iterator[Piece]:
    """Counters of endpoints that are still configured."""
    for metric in (metrics.ENDPOINT_PROBES, metrics.ENDPOINT_FAILURES, metrics.ENDPOINT_BLAMED):
        yield from families(metric, ((key, value) for key, value in counters.items(metric.name) if key[0] in names))
    numbers = counters.values_of(kept.PHASE_COUNT)
    seconds = ((key, numbers[key], value) for key, value in counters.items(kept.PHASE_SUM) if key[0] in names)
    yield from summary(metrics.ENDPOINT_PHASE, seconds)


def _surveyed(survey: Survey, *, confirmed: bool) -> Iterator[Piece]:
    yield from families(
        metrics.ENDPOINT_LINKS,
        (((*role, state.value), count) for role, states in survey.states.items() for state, count in states.items()),
    )
    if confirmed:
        yield from families(metrics.ENDPOINT_CONFIRMED_FAILING_LINKS, survey.confirmed_failing.items())
    yield from families(
        metrics.LINKS,
        (
            ((variant, state.value), count)
            for variant, states in survey.of_variant.items()
            for state, count in states.items()
        ),
    )


def _budgets(schedule: ScheduleView, names: Iterable[str], now: float) -> Iterator[Piece]:
    names = list(names)
    used = {name: schedule.used(name, now) for name in names}
    yield from families(
        metrics.ENDPOINT_DOWNTIME, [((name,), float(schedule.downtime_of(name, now) is not None)) for name in names]
    )
    yield from families(
        metrics.ENDPOINT_PAUSED, [((name,), float(schedule.paused_until(name, now) is not None)) for name in names]
    )
    yield from families(metrics.ENDPOINT_USED_BYTES, [((name,), used[name][0]) for name in names])
    yield from families(metrics.ENDPOINT_USED_TRANSFERS, [((name,), used[name][1]) for name in names])


def _found(findings: Iterable[Finding]) -> Iterator[Piece]:
    """Findings that agree in all labels (two blocks with the same first names) become one sample."""
    cells: dict[tuple[str, ...], float] = {}
    for finding in findings:
        between = " -> " if finding.kind.value == "single_link" else ", "
        culprit = clean_text(between.join(finding.culprits), MAX_CULPRIT)
        labels = (finding.kind.value, culprit, finding.reason.value, finding.blame.value)
        cells[labels] = cells.get(labels, 0.0) + finding.cells
    yield from families(metrics.FINDING_CELLS, cells.items())


_CODES = [
    ((str(reason.code(blame)), reason.value, reason.phase.value, blame.value), 1.0)
    for reason in Reason
    for blame in Blame
    if reason is not Reason.OK or blame is Blame.NOBODY
]
"""Every code that a result can have, whether one has it now or not: a join must never lose a failing link."""
