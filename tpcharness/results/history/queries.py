"""What can be asked of the history, and the statements that answer it from an index, however much there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, func, or_, select, union_all

from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.history.rows import microseconds
from tpcharness.results.history.tables import (
    NO_ENDPOINT,
    OUTCOMES,
    StepNumber,
    endpoint,
    result,
    rollup,
    run,
    variant,
)

MOST = 1000
_PLACE = re.compile(r"(-?[0-9]{1,18})\.([0-9]{1,18})", re.ASCII)  # numbers that a database takes
Where = list[ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which results, newest first. What is None or empty is left open; `since` <= started < `until`.

    `endpoint` is one of either role, and its door; `source` and `destination` speak of links only, and do not go
    together with it. `before` is the `next` of the page before. Raises ValueError for what makes no sense.
    """

    source: str | None = None
    destination: str | None = None
    endpoint: str | None = None
    variant: Variant | None = None
    outcomes: tuple[Outcome, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    before: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST:
            raise ValueError(f"limit {self.limit}: expected 1 to {MOST}")
        if self.endpoint is not None and (self.source is not None or self.destination is not None):
            raise ValueError("endpoint does not go together with source or destination")
        if self.before is not None:
            Place.parse(self.before)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Results without evidence, hint, warnings, markers and checksum. `next` leads to the page after."""

    results: tuple[Result, ...]
    next: str | None = None


class Step(StrEnum):
    """How long a time a roll-up stands for; hours and days begin as in UTC."""

    HOUR = "hour"
    DAY = "day"

    @property
    def number(self) -> StepNumber:
        return StepNumber[self.name]


@dataclass(frozen=True, slots=True)
class RollupQuery:
    """Which sums: of a link, of an endpoint as source or as destination (doors too), or of everything (both None)."""

    since: datetime
    until: datetime
    source: str | None = None
    destination: str | None = None
    variant: Variant | None = None
    step: Step = Step.HOUR


@dataclass(frozen=True, slots=True)
class Rollup:
    """How the results that started within one hour or day from `at` ended. Bytes and seconds are of good copies."""

    at: datetime
    variant: Variant
    ok: int = 0
    failure: int = 0
    error: int = 0
    skipped: int = 0
    bytes: int = 0
    transfer_seconds: float = 0.0
    reasons: Mapping[Reason, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the order of time: where a page ends and the next begins."""

    started: int
    id: int

    @classmethod
    def parse(cls, text: str) -> Place:
        """Raises ValueError."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is no place in the history: use the `next` of the page before")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.started}.{self.id}"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of the words that a query names; None for a word that is not there. `variants` is all there are."""

    variants: Mapping[Variant, int]
    endpoints: Mapping[str, int | None] = field(default_factory=dict)


def arms(query: HistoryQuery, numbers: Numbers) -> Iterator[Where]:
    """The parts of an index that hold the answer: what precedes the time in the index is fixed in each of them."""
    table = result.c
    variants = {name: number for name, number in numbers.variants.items() if query.variant in (None, name)}
    of_links = [number for name, number in variants.items() if name.of_link]
    named = {name: numbers.endpoints.get(name) for name in (query.source, query.destination, query.endpoint) if name}
    if None in named.values():
        return
    ends: list[tuple[Where, Iterable[int]]]
    if query.endpoint:
        number = named[query.endpoint]
        ends = [([table.destination == number], variants.values()), ([table.source == number], of_links)]
    elif query.source and query.destination:
        ends = [([table.source == named[query.source], table.destination == named[query.destination]], of_links)]
    elif query.source:
        ends = [([table.source == named[query.source]], of_links)]
    elif query.destination:
        ends = [([table.destination == named[query.destination]], of_links)]
    else:
        ends = [([], variants.values())]
    for at, those in ends:
        for each in those:
            for outcome in query.outcomes or OUTCOMES:
                yield [*at, table.variant == each, table.outcome == OUTCOMES.index(outcome)]


def newest_rows(query: HistoryQuery, numbers: Numbers) -> CompoundSelect[Any] | None:
    """Ids and times of the rows of a page and of one more, newest first; None when there can be none."""
    place = Place.parse(query.before) if query.before else None
    bounds = _during(query.since, query.until)
    if place is not None:
        table = result.c
        bounds += [table.started <= place.started, or_(table.started < place.started, table.id < place.id)]
    return _merged(arms(query, numbers), bounds, query.limit + 1, newest_first=True)


def oldest_rows(
    since: datetime | None, until: datetime | None, after: Place | None, numbers: Numbers
) -> CompoundSelect[Any] | None:
    """Ids and times of the next rows of everything, oldest first."""
    bounds = _during(since, until)
    if after is not None:
        table = result.c
        bounds += [table.started >= after.started, or_(table.started > after.started, table.id > after.id)]
    return _merged(arms(HistoryQuery(), numbers), bounds, MOST, newest_first=False)


def last_of_each(since: datetime | None, until: datetime | None, numbers: Numbers) -> Select[Any]:
    """The id of what arrived last for each (subject, variant, size) in a time. Costs what the time holds."""
    table = result.c
    return (
        select(func.max(table.id))
        .where(
            table.variant.in_(numbers.variants.values()),
            table.outcome.in_(range(len(OUTCOMES))),
            *_during(since, until),
        )
        .group_by(table.source, table.destination, table.variant, table.size)
        .order_by(func.max(table.id))
    )


def counts(since: datetime | None, until: datetime | None, numbers: Numbers) -> Select[Any]:
    """Rows (variant, count) of a time."""
    table = result.c
    wanted = (table.variant.in_(numbers.variants.values()), table.outcome.in_(range(len(OUTCOMES))))
    return select(table.variant, func.count()).where(*wanted, *_during(since, until)).group_by(table.variant)


def rows_with_words(ids: Iterable[int]) -> Select[Any]:
    """Whole rows by id, with words in place of their numbers; an endpoint's own result has no source."""
    sources, destinations = endpoint.alias("sources"), endpoint.alias("destinations")
    table = result.c
    plain = [column for column in table if column.name not in ("run", "source", "destination", "variant")]
    return (
        select(
            *plain,
            run.c.name.label("run"),
            sources.c.name.label("source"),
            destinations.c.name.label("destination"),
            variant.c.name.label("variant"),
        )
        .select_from(
            result.join(run, run.c.id == table.run)
            .join(variant, variant.c.id == table.variant)
            .join(destinations, destinations.c.id == table.destination)
            .outerjoin(sources, sources.c.id == table.source)
        )
        .where(table.id.in_(list(ids)))
    )


def sums(query: RollupQuery, numbers: Numbers) -> Select[Any] | None:
    """Rows (variant, at, outcome, reason number, count, bytes, transfer seconds); None when there can be none."""
    wanted = [number for name, number in numbers.variants.items() if query.variant in (None, name)]
    source, destination = (
        numbers.endpoints.get(name) if name else NO_ENDPOINT for name in (query.source, query.destination)
    )
    if source is None or destination is None or not wanted:
        return None
    if query.source and query.destination and query.step is Step.HOUR:
        return _hours_of_link(query, source, destination, wanted)
    table = rollup.c
    return select(
        table.variant, table.at, table.outcome, table.reason, table.count, table.bytes, table.transfer_seconds
    ).where(
        table.step == query.step.number.value,
        table.source == source,
        table.destination == destination,
        table.variant.in_(wanted),
        table.at >= int(query.since.timestamp()),
        table.at < query.until.timestamp(),
    )


def _hours_of_link(query: RollupQuery, source: int, destination: int, variants: list[int]) -> Select[Any]:
    """Hours of a link are not kept: they are counted from its results."""
    table = result.c
    hour = (table.started - table.started % 3_600_000_000) / 1_000_000
    good = table.outcome == OUTCOMES.index(Outcome.OK)
    return (
        select(
            table.variant,
            hour.label("at"),
            table.outcome,
            ((table.code - table.code % 10) / 10).label("reason"),
            func.count().label("count"),
            func.sum(table.bytes).filter(good).label("bytes"),
            func.sum(table.transfer_seconds).filter(good).label("transfer_seconds"),
        )
        .where(
            table.source == source,
            table.destination == destination,
            table.variant.in_(variants),
            table.outcome.in_(range(len(OUTCOMES))),
            *_during(query.since, query.until),
        )
        .group_by("variant", "at", "outcome", "reason")
    )


def _during(since: datetime | None, until: datetime | None) -> Where:
    bounds: Where = []
    if since is not None:
        bounds.append(result.c.started >= microseconds(since))
    if until is not None:
        bounds.append(result.c.started < microseconds(until))
    return bounds


def _merged(parts: Iterable[Where], bounds: Where, limit: int, *, newest_first: bool) -> CompoundSelect[Any] | None:
    """The first rows of all parts together: each part gives no more than are wanted in all."""
    table = result.c
    order = [column.desc() if newest_first else column.asc() for column in (table.started, table.id)]
    picked = [
        select(select(table.id, table.started).where(and_(*part, *bounds)).order_by(*order).limit(limit).subquery())
        for part in parts
    ]
    if not picked:
        return None
    whole = union_all(*picked)
    columns = [whole.selected_columns.started, whole.selected_columns.id]
    return whole.order_by(*(column.desc() if newest_first else column.asc() for column in columns)).limit(limit)
