"""What is thought of every probe, as the table `latest` holds it: so that a restart changes no verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from tpcharness.diagnosis.belief import Belief, seen
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome
from tpcharness.results.history.rows import Row
from tpcharness.results.history.tables import OUTCOMES, latest, result

SUBJECT = ("source", "destination", "variant", "size")

Numbers = tuple[Any, ...]
"""What a probe, or a result, is found by."""

_MOST_IN_A_ROW = 10_000  # what a SMALLINT takes, and more than anybody asks for


_VERDICTS, _BELIEVED = result.alias("verdicts"), result.alias("beliefs")
_ALL = select(
    *(latest.c[name] for name in ("run", "probe", "attempt", "verdict", "believed", "in_a_row", "same_code")),
    _VERDICTS.c.outcome.label("verdict_outcome"),
    _VERDICTS.c.code.label("verdict_code"),
    _BELIEVED.c.outcome.label("believed_outcome"),
    _BELIEVED.c.code.label("believed_code"),
).select_from(
    latest.outerjoin(_VERDICTS, _VERDICTS.c.id == latest.c.verdict).outerjoin(
        _BELIEVED, _BELIEVED.c.id == latest.c.believed
    )
)
_ONE = _ALL.where(*(latest.c[name] == bindparam(name) for name in SUBJECT))


@dataclass(frozen=True, slots=True)
class Known:
    """What a service has to know of its former life.

    `results`, in the order in which they came, are the newest of each (subject, variant, size), and where that one was
    skipped, the newest before it that was not; without exchanges. `beliefs` are what these results do not say by
    themselves: of every probe that fails, or failed before and is not yet believed to be well.
    """

    results: list[Result]
    beliefs: list[Belief[Result]]


@dataclass(frozen=True, slots=True)
class Stored:
    """A result in the table `result`: its id, and what is asked of a verdict."""

    id: int
    outcome: Outcome
    code: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of `latest`: which attempt came last, and what is thought of the probe; None before its first verdict."""

    run: int
    probe: str
    attempt: int
    belief: Belief[Stored] | None


def after(before: Standing | None, number: int, row: Row, each: Result, confirmations: int) -> Standing | None:
    """What it is with one more result, stored under this number; None when that comes later than its own retry."""
    run, probe, attempt = row["run"], row["probe"], row["attempt"]
    belief = None
    if before is not None:
        if (before.run, before.probe) == (run, probe) and before.attempt > attempt:
            return None
        belief = before.belief
    if each.outcome is not Outcome.SKIPPED:
        belief = seen(belief, Stored(number, each.outcome, each.code), confirmations)
    return Standing(run, probe, attempt, belief)


def subject_of(row: Row) -> Numbers:
    return tuple(row[name] for name in SUBJECT)


def columns_of(belief: Belief[Stored] | None) -> Row:
    """The columns of `latest` that hold it."""
    if belief is None:
        return {"verdict": None, "believed": None, "in_a_row": 0, "same_code": 0}
    return {
        "verdict": belief.latest.id,
        "believed": None if belief.believed is None else belief.believed.id,
        "in_a_row": min(belief.in_a_row, _MOST_IN_A_ROW),
        "same_code": min(belief.same_code, _MOST_IN_A_ROW),
    }


def standings(connection: Connection, subjects: Iterable[Numbers]) -> dict[Numbers, Standing]:
    """What is there of these probes.

    Asked one by one: of a list of keys SQLite would go over the whole table, and it is mostly a few.
    """
    found = {}
    for subject in subjects:
        row = connection.execute(_ONE, dict(zip(SUBJECT, subject, strict=True))).mappings().one_or_none()
        if row is not None:
            found[subject] = Standing(row["run"], row["probe"], row["attempt"], _belief(row))
    return found


def beliefs(connection: Connection) -> list[Belief[Stored]]:
    """All that are not unshaken."""
    thought = (_belief(row) for row in connection.execute(_ALL).mappings())
    return [belief for belief in thought if belief is not None and not belief.unshaken]


def _belief(row: Any) -> Belief[Stored] | None:
    """None also when the verdict is so old that it was thrown away."""
    newest = _stored(row["verdict"], row["verdict_outcome"], row["verdict_code"])
    if newest is None:
        return None
    believed = (
        newest
        if row["believed"] == row["verdict"]
        else _stored(row["believed"], row["believed_outcome"], row["believed_code"])
    )
    return Belief(newest, row["in_a_row"], row["same_code"], believed)


def _stored(number: int | None, outcome: int | None, code: int | None) -> Stored | None:
    if number is None or outcome is None or code is None:
        return None
    return Stored(number, OUTCOMES[outcome], code)
