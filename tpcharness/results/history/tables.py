"""The tables. Narrow, since there is a row for each result of a year; words are written once and numbered.

Every page asks for the newest rows of one kind, so each index ends with the time, and what stands before it is always
given: a question that leaves the variant or the outcome open is asked once for each of them (`arms`). Then its cost
does not depend on how much there is, nor on how rare a failure is.

A result's `started` is microseconds since 1970. `source` 0 means that the result is about one endpoint, which is then
the `destination`, as in a result's blame. Ids grow in the order of arrival; the clock may have jumped, they do not.
"""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

from tpcharness.model.variant import Outcome

SCHEMA_VERSION = 2
NO_ENDPOINT = 0

OUTCOMES: tuple[Outcome, ...] = (Outcome.OK, Outcome.FAILURE, Outcome.ERROR, Outcome.SKIPPED)
"""A row holds the place of its outcome in here. Frozen."""


class StepNumber(IntEnum):
    """How long the time is that a row of roll-ups stands for, as it is stored."""

    HOUR = 1
    DAY = 2


metadata = MetaData()
_ID = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER is SQLite's own row id


def _words(name: str) -> Table:
    return Table(
        name, metadata, Column("id", Integer, primary_key=True), Column("name", Text, nullable=False, unique=True)
    )


meta = Table(
    "history_meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)
endpoint = _words("endpoint")
run = _words("run")
variant = _words("variant")

result = Table(
    "result",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("probe", Text, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("source", Integer, nullable=False),
    Column("destination", Integer, nullable=False),
    Column("variant", SmallInteger, nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("code", SmallInteger, nullable=False),
    Column("bytes", BigInteger),
    Column("transfer_seconds", Double),
    Column("throughput", Double),
    Column("phases", LargeBinary, nullable=False),
    Column("alternatives", Text),
)
Index("result_key", result.c.run, result.c.probe, result.c.attempt, unique=True)
Index(
    "result_by_link",
    result.c.source,
    result.c.destination,
    result.c.variant,
    result.c.outcome,
    result.c.started,
)
Index("result_by_source", result.c.source, result.c.variant, result.c.outcome, result.c.started)
Index("result_by_destination", result.c.destination, result.c.variant, result.c.outcome, result.c.started)
Index("result_by_time", result.c.variant, result.c.outcome, result.c.started)

# The whole public record, deflated JSON, kept for a shorter time.
evidence = Table(
    "evidence",
    metadata,
    Column("result", _ID, primary_key=True, autoincrement=False),
    Column("started", BigInteger, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
Index("evidence_by_time", evidence.c.started)

# The newest result of each (subject, variant, size), without its exchanges, and what is thought of it: what a restart
# begins with. `verdict` is the newest result that was not skipped, `believed` that of the confirmed state (both by id,
# NULL where there is none); the numbers are those of `diagnosis.belief`.
latest = Table(
    "latest",
    metadata,
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("variant", SmallInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("result", BigInteger, nullable=False),
    Column("run", Integer, nullable=False),
    Column("probe", Text, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("document", Text, nullable=False),
    Column("verdict", BigInteger),
    Column("believed", BigInteger),
    Column("in_a_row", SmallInteger, nullable=False, server_default="0"),
    Column("same_code", SmallInteger, nullable=False, server_default="0"),
)

counter = Table(
    "counter",
    metadata,
    Column("family", String(80), primary_key=True),
    Column("labels", Text, primary_key=True),  # a JSON list
    Column("value", Double, nullable=False),
)

# Sums by hour and by day (`at`: epoch seconds in UTC): of everything, of each source, of each destination (0 where it
# is not told apart), by day also of each link. A link's hours are counted from its results: there are hardly more.
rollup = Table(
    "rollup",
    metadata,
    Column("step", SmallInteger, primary_key=True, autoincrement=False),
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("destination", Integer, primary_key=True, autoincrement=False),
    Column("variant", SmallInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("outcome", SmallInteger, primary_key=True, autoincrement=False),
    Column("reason", SmallInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("transfer_seconds", Double, nullable=False),
    sqlite_with_rowid=False,
)
