"""Reading the history, also beside a daemon that writes it, by a connection that can change nothing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from tpcharness.diagnosis.belief import Belief
from tpcharness.model.result import Result, without_exchanges
from tpcharness.model.settings import HistorySettings
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.counters import CounterKey
from tpcharness.results.fields import DocumentError
from tpcharness.results.history.database import Database
from tpcharness.results.history.errors import HistoryError
from tpcharness.results.history.known import Known, beliefs
from tpcharness.results.history.queries import (
    HistoryPage,
    HistoryQuery,
    Numbers,
    Place,
    Rollup,
    RollupQuery,
    counts,
    last_of_each,
    newest_rows,
    oldest_rows,
    rows_with_words,
    sums,
)
from tpcharness.results.history.rows import reason_of, result_of
from tpcharness.results.history.tables import OUTCOMES, counter, endpoint, evidence, latest, result, run, variant
from tpcharness.results.history.versions import check
from tpcharness.results.record import parse_json, read_result

_AT_ONCE = 500


class Reader:
    """Answers questions. All methods block and belong to one thread; they raise HistoryError.

    Rows with words of a newer version (a reason, a variant) are left out: what they mean is not known here.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.engine(writer=False)

    def check(self) -> None:
        """Raises HistoryError when there is no history, or one that this version cannot read."""
        with self._connection() as connection:
            check(connection, self._database.label)

    def close(self) -> None:
        self._engine.dispose()

    def known(self) -> Known:
        """What a service has to know of its former life."""
        with self._connection() as connection:
            rows = connection.execute(select(latest.c.result, latest.c.verdict, latest.c.document)).all()
            newest = {number: each for number, _, text in rows if (each := _read(text)) is not None}
            thought = beliefs(connection)
            before_skipped = {verdict for number, verdict, _ in rows if verdict not in (None, number)}
            of_beliefs = {each.id for belief in thought for each in (belief.latest, belief.believed) if each}
            older = self._whole(connection, sorted((before_skipped | of_beliefs) - newest.keys()))
        found = newest | {number: without_exchanges(each) for number, each in older.items()}
        return Known(
            [found[number] for number in sorted(newest.keys() | before_skipped) if number in found],
            [
                Belief(
                    found[belief.latest.id],
                    belief.in_a_row,
                    belief.same_code,
                    found.get(belief.believed.id) if belief.believed else None,
                )
                for belief in thought
                if belief.latest.id in found
            ],
        )

    def counters(self) -> dict[CounterKey, float]:
        with self._connection() as connection:
            rows = connection.execute(select(counter.c.family, counter.c.labels, counter.c.value)).all()
        return {(family, tuple(json.loads(labels))): value for family, labels, value in rows}

    def result(self, run_id: str, probe_id: str, attempt: int | None = None) -> Result | None:
        """One result, with its evidence as long as that is kept; of several attempts the last."""
        if not (_is_word(run_id) and _is_word(probe_id)):
            return None
        asked = (
            select(result.c.id)
            .join(run, run.c.id == result.c.run)
            .where(run.c.name == run_id, result.c.probe == probe_id)
            .order_by(result.c.attempt.desc())
            .limit(1)
        )
        if attempt is not None:
            asked = asked.where(result.c.attempt == attempt)
        with self._connection() as connection:
            number = connection.execute(asked).scalar()
            return None if number is None else self._whole(connection, [number]).get(number)

    def page(self, query: HistoryQuery) -> HistoryPage:
        """One page of results, newest first."""
        with self._connection() as connection:
            names = (query.source, query.destination, query.endpoint)
            statement = newest_rows(query, _numbers(connection, names))
            places = [] if statement is None else _places(connection, statement)
            rest = places[query.limit :]
            places = places[: query.limit]
            found = self._slim(connection, [place.id for place in places])
        return HistoryPage(tuple(found.values()), str(places[-1]) if rest else None)

    def rollups(self, query: RollupQuery) -> list[Rollup]:
        """One for each hour or day and variant in which there was anything, in the order of time."""
        with self._connection() as connection:
            numbers = _numbers(connection, (query.source, query.destination))
            statement = sums(query, numbers)
            rows = [] if statement is None else connection.execute(statement).all()
        words = {number: name for name, number in numbers.variants.items()}
        found: dict[tuple[int, Variant], Rollup] = {}
        for of_variant, at, outcome, number, count, size, seconds in rows:
            key = (int(at), words[of_variant])
            before = found.get(key) or Rollup(datetime.fromtimestamp(int(at), UTC), words[of_variant])
            found[key] = _added(before, OUTCOMES[outcome], int(number), count, int(size or 0), seconds or 0.0)
        return [found[key] for key in sorted(found)]

    def newest(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Result]:
        """What arrived last for each (subject, variant, size) in that time, with evidence where it is kept."""
        with self._connection() as connection:
            ids = connection.execute(last_of_each(since, until, _numbers(connection))).scalars().all()
        rest = iter(ids)
        while some := list(islice(rest, _AT_ONCE)):
            with self._connection() as connection:
                found = self._whole(connection, some)
            yield from found.values()

    def everything(
        self, since: datetime | None = None, until: datetime | None = None, *, whole: bool = True
    ) -> Iterator[Result]:
        """All results of that time, oldest first, page by page: nothing is held open meanwhile.

        `whole`: with evidence where it is kept.
        """
        place: Place | None = None
        while True:
            with self._connection() as connection:
                statement = oldest_rows(since, until, place, _numbers(connection))
                places = [] if statement is None else _places(connection, statement)
                ids = [each.id for each in places]
                found = self._whole(connection, ids) if whole else self._slim(connection, ids)
            if not places:
                return
            yield from found.values()
            place = places[-1]

    def count(self, since: datetime | None = None, until: datetime | None = None) -> dict[Variant, int]:
        """How many results of each variant there are in that time. Costs what the time holds."""
        with self._connection() as connection:
            numbers = _numbers(connection)
            rows = connection.execute(counts(since, until, numbers)).all()
        words = {number: name for name, number in numbers.variants.items()}
        return {words[number]: count for number, count in rows}

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with self._database.errors(), self._engine.connect() as connection:
            yield connection

    def _slim(self, connection: Connection, ids: Sequence[int]) -> dict[int, Result]:
        """The results of rows, in the order of `ids`, without those that cannot be read."""
        found: dict[int, Result | None] = {}
        for start in range(0, len(ids), _AT_ONCE):
            for row in connection.execute(rows_with_words(ids[start : start + _AT_ONCE])).mappings():
                found[row["id"]] = result_of(row)
        return {number: each for number in ids if (each := found.get(number)) is not None}

    def _whole(self, connection: Connection, ids: Sequence[int]) -> dict[int, Result]:
        """The same, with evidence where it is kept."""
        documents: dict[int, bytes] = {}
        for start in range(0, len(ids), _AT_ONCE):
            asked = select(evidence.c.result, evidence.c.document).where(
                evidence.c.result.in_(ids[start : start + _AT_ONCE])
            )
            documents.update((number, document) for number, document in connection.execute(asked))
        slim = self._slim(connection, [number for number in ids if number not in documents])
        found = (
            (number, _read(zlib.decompress(documents[number]).decode()) if number in documents else slim.get(number))
            for number in ids
        )
        return {number: each for number, each in found if each is not None}


@contextmanager
def open_reader(settings: HistorySettings, state_dir: Path) -> Iterator[Reader]:
    """The history for a command that only reads. Raises HistoryError when there is none that can be read."""
    database = Database.of(settings, state_dir)
    if database.file is not None and not database.file.exists():
        raise HistoryError(f"history {database.label}: there is none yet; the daemon makes it when it starts")
    reader = Reader(database)
    try:
        reader.check()
        yield reader
    finally:
        reader.close()


def _numbers(connection: Connection, names: Iterable[str | None] = ()) -> Numbers:
    known = {each.value: each for each in Variant}
    variants = {
        known[name]: number
        for number, name in connection.execute(select(variant.c.id, variant.c.name).order_by(variant.c.id))
        if name in known
    }
    wanted = [name for name in names if name and _is_word(name)]
    if not wanted:
        return Numbers(variants)
    rows = connection.execute(select(endpoint.c.name, endpoint.c.id).where(endpoint.c.name.in_(wanted)))
    return Numbers(variants, {row.name: row.id for row in rows})


def _is_word(text: str) -> bool:
    """Whether a database can be asked for it: whoever asks may be a stranger with odd characters."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _places(connection: Connection, statement: Any) -> list[Place]:
    return [Place(started, number) for number, started in connection.execute(statement)]


def _read(text: str) -> Result | None:
    try:
        return read_result(parse_json(text, "the history"))
    except DocumentError:
        return None


def _added(before: Rollup, outcome: Outcome, number: int, count: int, size: int, seconds: float) -> Rollup:
    reason = reason_of(number)
    reasons = dict(before.reasons)
    if reason is not None and outcome is not Outcome.OK:
        reasons[reason] = reasons.get(reason, 0) + count
    return replace(
        before,
        ok=before.ok + count * (outcome is Outcome.OK),
        failure=before.failure + count * (outcome is Outcome.FAILURE),
        error=before.error + count * (outcome is Outcome.ERROR),
        skipped=before.skipped + count * (outcome is Outcome.SKIPPED),
        bytes=before.bytes + size,
        transfer_seconds=before.transfer_seconds + seconds,
        reasons=reasons,
    )
