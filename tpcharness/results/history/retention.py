"""What is kept how long, and whether the clock can be believed before anything is thrown away for being old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Delete, delete, select

from tpcharness.model.settings import HistorySettings
from tpcharness.results.history.database import upsert
from tpcharness.results.history.rows import microseconds
from tpcharness.results.history.tables import (
    OUTCOMES,
    StepNumber,
    endpoint,
    evidence,
    latest,
    meta,
    result,
    rollup,
    variant,
)

AT_ONCE = 5000
"""Rows in one transaction: results that come meanwhile wait for no more than this."""

LEAP = timedelta(days=7)
DOUBT = timedelta(days=1)
_CLOCK = "clock"
_DOUBTED = "clock_doubted_since"


@dataclass(frozen=True, slots=True)
class Trust:
    """`clock` is the last time that was believed, `doubted_since` the first of those that are not yet."""

    clock: datetime | None = None
    doubted_since: datetime | None = None

    def see(self, now: datetime) -> tuple[Trust, bool]:
        """What is thought of the clock from now on, and whether things may be thrown away by it.

        A clock that has leapt forward by more than `LEAP` is believed when it has gone on for `DOUBT` from there:
        a machine that starts with a wrong year would else throw away all that there is.
        """
        if self.clock is None or now - self.clock <= LEAP:
            return Trust(now), True
        since = self.doubted_since
        if since is None or not timedelta(0) <= now - since <= DOUBT + LEAP:
            return Trust(self.clock, now), False
        return (Trust(now), True) if now - since >= DOUBT else (self, False)


def believe(connection: Connection, now: datetime) -> bool:
    """Sees the clock and writes down what is thought of it: that must outlive the process."""
    rows = connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key.in_([_CLOCK, _DOUBTED])))
    kept = {key: datetime.fromisoformat(value) for key, value in rows}
    trust, believed = Trust(kept.get(_CLOCK), kept.get(_DOUBTED)).see(now)
    for key, moment in ((_CLOCK, trust.clock), (_DOUBTED, trust.doubted_since)):
        if moment is None:
            connection.execute(meta.delete().where(meta.c.key == key))
            continue
        text = moment.astimezone(UTC).isoformat()
        statement = upsert(connection, meta)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value}),
            {"key": key, "value": text},
        )
    return believed


def removals(connection: Connection, settings: HistorySettings, now: datetime) -> Iterator[Delete]:
    """Statements that each remove at most `AT_ONCE` rows (of roll-ups: one endpoint's); each until it finds none."""
    old = microseconds(now - timedelta(seconds=settings.keep_evidence_seconds))
    rows = select(evidence.c.result).where(evidence.c.started < old).order_by(evidence.c.started).limit(AT_ONCE)
    yield delete(evidence).where(evidence.c.result.in_(rows))
    old = microseconds(now - timedelta(seconds=settings.keep_results_seconds))
    for number in connection.execute(select(variant.c.id)).scalars().all():
        for outcome in range(len(OUTCOMES)):
            table = result.c
            rows = (
                select(table.id)
                .where(table.variant == number, table.outcome == outcome, table.started < old)
                .order_by(table.started)
                .limit(AT_ONCE)
            )
            yield delete(result).where(table.id.in_(rows))
    yield delete(latest).where(latest.c.started < old)
    at = int((now - timedelta(seconds=settings.keep_rollups_seconds)).timestamp())
    every = connection.execute(select(endpoint.c.id)).scalars().all()
    table = rollup.c
    for step in StepNumber:
        for source in (0, *every):
            yield delete(rollup).where(
                table.step == step.value,
                table.source == source,
                table.destination.in_([0, *every]),
                table.variant.in_(select(variant.c.id)),
                table.at < at,
            )
