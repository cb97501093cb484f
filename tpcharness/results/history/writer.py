"""From the journal into the tables: one transaction for a batch, and the same result twice changes nothing."""

from __future__ import annotations

import json
import os
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.exc import DataError, IntegrityError

from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Result, without_exchanges
from tpcharness.results.counters import increments
from tpcharness.results.fields import DocumentError
from tpcharness.results.history.database import Database, upsert
from tpcharness.results.history.journal import Journal, read_lines
from tpcharness.results.history.known import SUBJECT, Numbers, after, columns_of, standings, subject_of
from tpcharness.results.history.rows import Row, numbers_of
from tpcharness.results.history.tables import (
    NO_ENDPOINT,
    StepNumber,
    counter,
    endpoint,
    evidence,
    latest,
    result,
    rollup,
    run,
    variant,
)
from tpcharness.results.history.versions import prepare
from tpcharness.results.record import parse_json, read_result, result_document, to_json

BATCH = 500
STEP_SECONDS = {StepNumber.HOUR: 3600, StepNumber.DAY: 86400}
_DO_NOT_FIT = (DataError, IntegrityError, OverflowError, UnicodeEncodeError)
_KEY = ("run", "probe", "attempt")
_ROLLUP_KEY = tuple(column.name for column in rollup.primary_key)


class Writer:
    """The one writer of a history. All methods block; they belong to one thread. Raise what the driver raises.

    `confirmations` verdicts in a row confirm a state.
    """

    def __init__(self, database: Database, confirmations: int) -> None:
        self.engine = database.engine(writer=True)
        self._confirmations = confirmations
        self._database = database
        self._words: dict[tuple[Table, str], int] = {}
        self._lock: int | None = None

    def open(self) -> None:
        """Makes the tables, or brings them up to date; raises HistoryError too."""
        if self._database.file is not None:
            self._lock = self._database.lock()
        with self.engine.begin() as connection:
            prepare(connection, self._database.label)

    def close(self) -> None:
        self.engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def drain(self, journal: Journal) -> int:
        """Moves what waits in the journal into the database; gives how many results were new there.

        A file of the journal goes only when all of it is in. Lines that cannot be read or stored are put aside.
        """
        new = 0
        for path in journal.take():
            damaged: list[tuple[int, bytes, str]] = []
            for batch in _batches(enumerate(read_lines(path), start=1)):
                new += self._store_lines(batch, lambda *what: damaged.append(what))  # noqa: B023 - used up at once
            for number, line, why in damaged:
                journal.put_aside(path, number, line, why)
            journal.done(path)
        return new

    def store(self, results: Sequence[Result]) -> int:
        """One transaction with everything that follows from these results; gives how many were not there yet."""
        try:
            with self.engine.begin() as connection:
                return self._store(connection, results)
        except BaseException:
            self._words.clear()  # some of these numbers were taken back
            raise

    def _store_lines(self, lines: Iterable[tuple[int, bytes]], damaged: Callable[[int, bytes, str], None]) -> int:
        readable = []
        for number, line in lines:
            try:
                readable.append((number, line, read_result(parse_json(line.decode(), "the line"))))
            except (DocumentError, UnicodeDecodeError) as error:
                damaged(number, line, str(error))
        try:
            return self.store([each for _, _, each in readable])
        except _DO_NOT_FIT:
            pass  # one of them does not fit into its columns; which one?
        new = 0
        for number, line, each in readable:
            try:
                new += self.store([each])
            except _DO_NOT_FIT as error:
                damaged(number, line, f"the database does not take it: {type(error).__name__}")
        return new

    def _store(self, connection: Connection, results: Sequence[Result]) -> int:
        rows = [self._row(connection, each) for each in results]
        if not rows:
            return 0
        known = (
            upsert(connection, result)
            .on_conflict_do_nothing(index_elements=_KEY)
            .returning(result.c.id, *(result.c[name] for name in _KEY))
        )
        ids = {tuple(found[1:]): found[0] for found in connection.execute(known, rows)}
        new = [(ids.pop(key), row, each) for row, each in zip(rows, results, strict=True) if (key := _key(row)) in ids]
        if not new:
            return 0
        connection.execute(evidence.insert(), [_evidence(number, row, each) for number, row, each in new])
        self._remember_latest(connection, new)
        _add_up(connection, counter, _counters(each for _, _, each in new))
        _add_up(connection, rollup, _rollups((row, each) for _, row, each in new))
        return len(new)

    def _row(self, connection: Connection, each: Result) -> Row:
        subject = each.subject
        if isinstance(subject, LinkSubject):
            source = self._number(connection, endpoint, subject.source)
            destination = self._number(connection, endpoint, subject.destination)
        else:
            source, destination = NO_ENDPOINT, self._number(connection, endpoint, subject.endpoint)
        return {
            "run": self._number(connection, run, each.run_id),
            "source": source,
            "destination": destination,
            "variant": self._number(connection, variant, each.variant.value),
            **numbers_of(each),
        }

    def _number(self, connection: Connection, table: Table, name: str) -> int:
        """The number of a word; it gets one when it has none."""
        found = self._words.get((table, name))
        if found is None:
            found = connection.execute(select(table.c.id).where(table.c.name == name)).scalar()
            if found is None:
                found = int(connection.execute(table.insert().returning(table.c.id), {"name": name}).scalar_one())
            self._words[table, name] = found
        return found

    def _remember_latest(self, connection: Connection, new: Sequence[tuple[int, Row, Result]]) -> None:
        """What arrived last is the latest, whatever its clock says; but no earlier attempt after a later one."""
        known = standings(connection, {subject_of(row) for _, row, _ in new})
        newest: dict[Numbers, tuple[int, Row, Result]] = {}
        for number, row, each in new:
            key = subject_of(row)
            standing = after(known.get(key), number, row, each, self._confirmations)
            if standing is not None:
                known[key], newest[key] = standing, (number, row, each)
        rows = [
            {
                **{name: row[name] for name in (*SUBJECT, *_KEY, "started")},
                "result": number,
                "document": to_json(result_document(without_exchanges(each))),
                **columns_of(known[key].belief),
            }
            for key, (number, row, each) in newest.items()
        ]
        if not rows:
            return
        statement = upsert(connection, latest)
        change = {column.name: statement.excluded[column.name] for column in latest.c if not column.primary_key}
        connection.execute(statement.on_conflict_do_update(index_elements=SUBJECT, set_=change), rows)


def _key(row: Row) -> tuple[Any, ...]:
    return row["run"], row["probe"], row["attempt"]


def _evidence(number: int, row: Row, each: Result) -> Row:
    document = zlib.compress(to_json(result_document(each)).encode())
    return {"result": number, "started": row["started"], "document": document}


def _counters(results: Iterable[Result]) -> list[Row]:
    sums: defaultdict[tuple[str, tuple[str, ...]], float] = defaultdict(float)
    for each in results:
        for key, step in increments(each).items():
            sums[key] += step
    return [
        {"family": family, "labels": json.dumps(labels), "value": value} for (family, labels), value in sums.items()
    ]


def _rollups(new: Iterable[tuple[Row, Result]]) -> list[Row]:
    sums: dict[tuple[Any, ...], list[float]] = {}
    for row, each in new:
        for step, source, destination in _levels(row["source"], row["destination"]):
            at = row["started"] // 1_000_000 // STEP_SECONDS[step] * STEP_SECONDS[step]
            key = (step.value, source, destination, row["variant"], at, row["outcome"], row["code"] // 10)
            total = sums.setdefault(key, [0, 0, 0.0])
            total[0] += 1
            if each.ok and each.bytes is not None and each.transfer_seconds is not None:
                total[1] += each.bytes
                total[2] += each.transfer_seconds
    return [
        {**dict(zip(_ROLLUP_KEY, key, strict=True)), "count": count, "bytes": size, "transfer_seconds": seconds}
        for key, (count, size, seconds) in sums.items()
    ]


def _levels(source: int, destination: int) -> Iterator[tuple[StepNumber, int, int]]:
    """The sums that a result belongs to: everything, its source, its destination, and by day its link."""
    for step in StepNumber:
        yield step, NO_ENDPOINT, NO_ENDPOINT
        yield step, NO_ENDPOINT, destination
        if source != NO_ENDPOINT:
            yield step, source, NO_ENDPOINT
            if step is StepNumber.DAY:
                yield step, source, destination


def _add_up(connection: Connection, table: Table, rows: list[Row]) -> None:
    """Adds the columns that are not the key to what is there."""
    statement = upsert(connection, table)
    sums = [column.name for column in table.columns if not column.primary_key]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(table.primary_key),
            set_={name: table.c[name] + statement.excluded[name] for name in sums},
        ),
        rows,
    )


def _batches(lines: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """So many lines at a time."""
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        yield batch
