"""The families of links, by a renderer of our own: a full mesh has half a million samples, and the loop must go on.

Family outside, link inside, as the text format wants all samples of a name together. The set of labels of a link is
made once, and its numbers are kept while it has no new result. One pass goes over a copy of what was known at its
start, so that all families agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from tpcharness.export.metrics import catalogue as metrics
from tpcharness.export.metrics.catalogue import Metric
from tpcharness.export.metrics.text import label_set
from tpcharness.model.endpoint import Subject
from tpcharness.model.result import Result
from tpcharness.model.settings import LinkDetail
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.counters import BYTES, SECONDS, Counters
from tpcharness.results.latest import Glance, LatestStore, duration_seconds

FULL_UP_TO = 20_000
"""Links (of all variants) up to which `auto` means all of them."""

BATCH = 500
"""Lines, or links looked at, between two breaths: some 2 ms of work."""

Samples = Iterable[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class _Row:
    """What a result means in numbers; kept until there is another one."""

    result: Result | None
    labels: str
    success: int = 0
    code: int = 0
    duration: float = 0.0


@dataclass(slots=True)
class _Columns:
    """What one pass says: (set of labels, number) per family."""

    success: list[tuple[str, float]] = field(default_factory=list)
    code: list[tuple[str, float]] = field(default_factory=list)
    duration: list[tuple[str, float]] = field(default_factory=list)
    last_run: list[tuple[str, float]] = field(default_factory=list)
    confirmed: list[tuple[str, float]] = field(default_factory=list)
    shown: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


class LinkMetrics:
    """The text of all link families.

    `confirmed_failing` says whether the confirmed state is failing; without it there is no such family. Without
    `counters` there are no counters: a single run has nothing to continue, and what starts anew each time would lie.
    """

    def __init__(
        self,
        latest: LatestStore,
        counters: Counters | None,
        detail: Callable[[], LinkDetail] = lambda: LinkDetail.FULL,
        confirmed_failing: Callable[[Subject, Variant], bool] | None = None,
    ) -> None:
        self._latest = latest
        self._counters = counters
        self._detail = detail
        self._confirmed_failing = confirmed_failing
        self._rows: dict[tuple[str, ...], _Row] = {}

    def chunks(self, now: float) -> Iterator[bytes]:
        """The text in pieces, `now` in epoch seconds. An empty piece is a breath; results may come in between any two.

        In `failing` detail a link is shown while its current result, or its confirmed state, is a failure or an error:
        one look that goes well does not make it vanish. Skipped and stale links keep the time of their last run and
        their counters, as long as all are shown.
        """
        links = [glance for glance in self._latest.glances() if glance.variant.of_link]
        detail = self._detail()
        if detail is LinkDetail.AUTO:
            detail = LinkDetail.FULL if len(links) <= FULL_UP_TO else LinkDetail.FAILING
        if detail is LinkDetail.NONE:
            return
        columns = _Columns()
        yield from self._look(links, columns, now, everything=detail is LinkDetail.FULL)
        yield from _family(metrics.PROBE_SUCCESS, columns.success)
        yield from _family(metrics.PROBE_RESULT_CODE, columns.code)
        yield from _family(metrics.PROBE_DURATION, columns.duration)
        yield from _family(metrics.PROBE_LAST_RUN, columns.last_run)
        if self._counters is not None:
            yield from _family(metrics.TRANSFER_BYTES, _counted(self._counters.values_of(BYTES), columns))
            yield from _family(metrics.TRANSFER_SECONDS, _counted(self._counters.values_of(SECONDS), columns))
        if self._confirmed_failing is not None:
            yield from _family(metrics.LINK_CONFIRMED_FAILURE, columns.confirmed)

    def _look(self, links: list[Glance], columns: _Columns, now: float, *, everything: bool) -> Iterator[bytes]:
        failing = self._confirmed_failing
        if len(self._rows) > len(links) + BATCH:  # of links that were removed
            self._rows.clear()
        for position, link in enumerate(links):
            if position % BATCH == 0:
                yield b""
            result = link.current(now, self._latest.stale_after_seconds(link.subject, link.variant))
            spoken = result is not None and result.outcome is not Outcome.SKIPPED
            confirmed = result is not None and failing is not None and failing(link.subject, link.variant)
            if not everything and not confirmed and (result is None or result.ok or not spoken):
                continue
            row = self._rows.get(link.labels)
            if row is None or row.result is not result:
                row = self._rows[link.labels] = _row(link, result, row)
            labels = row.labels
            columns.shown.append((labels, link.labels))
            if link.last_run is not None:
                columns.last_run.append((labels, link.last_run))
            if result is None:
                continue
            if confirmed:
                columns.confirmed.append((labels, 1))
            if spoken:
                columns.success.append((labels, row.success))
                columns.code.append((labels, row.code))
                columns.duration.append((labels, row.duration))


def _row(link: Glance, result: Result | None, former: _Row | None) -> _Row:
    labels = label_set(metrics.PROBE_SUCCESS.labels, link.labels) if former is None else former.labels
    if result is None:
        return _Row(None, labels)
    return _Row(result, labels, int(result.ok), result.code, duration_seconds(result))


def _counted(values: Mapping[tuple[str, ...], float], columns: _Columns) -> Samples:
    return ((labels, values[key]) for labels, key in columns.shown if key in values)


def _family(metric: Metric, samples: Samples) -> Iterator[bytes]:
    name = metric.name
    yield metric.header.encode()
    rest = iter(samples)
    while batch := [f"{name}{labels} {value!r}\n" for labels, value in islice(rest, BATCH)]:
        yield "".join(batch).encode()
    if isinstance(samples, list):
        samples.clear()  # now: to free all columns at once takes its time
