"""`python -m bench.history`: what pages ask of a history with millions of results, and whether more of them cost more.

The results are those of a full mesh of 170 endpoints in both modes, each link every six hours: 100 million are 400
days. They are made by SQL, in bulk; what is measured is the product's own reader.
Roll-ups are made up and not summed from the results: only how many there are matters here.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from bench.measure import Measure, table
from tpcharness.model.reason import Reason
from tpcharness.model.settings import MIB, HistorySettings
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.results.history import HistoryQuery, Reader, RollupQuery, Step, open_reader
from tpcharness.results.history.database import FILE_NAME
from tpcharness.results.history.rows import microseconds, pack_phases
from tpcharness.results.history.tables import SCHEMA_VERSION, metadata

ENDPOINTS = 170
PERIOD_MICROSECONDS = 345_600  # 250,000 results in a day
DOOR_EACH = 20
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
VARIANTS = (Variant.DOOR, Variant.HTTPS_PULL, Variant.HTTPS_PUSH)
WITH_EVIDENCE = 100_000
BUDGET = 2.0

_FORBIDDEN = Reason.FORBIDDEN.code(Blame.DESTINATION)
_DOWN = Reason.ENDPOINT_DOWN.code(Blame.NOBODY)

_RESULTS = f"""
WITH RECURSIVE
  n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < :count),
  -- every link in turn, neighbours in time being no neighbours in the mesh; now and then a door
  p(n, door, pair, dice) AS (
    SELECT n, n % {DOOR_EACH} = 0, (n * 7919) % {ENDPOINTS * (ENDPOINTS - 1) * 2}, (n * 2654435761) % 1000 FROM n),
  e(n, door, source, other, push, dice) AS (
    SELECT n, door, pair / {(ENDPOINTS - 1) * 2}, pair / 2 % {ENDPOINTS - 1}, pair % 2, dice FROM p)
INSERT INTO result
SELECT n + 1, 1 + n / 5000000, printf('%07x', n), 1,
  iif(door, 0, source + 1), iif(door, n / {DOOR_EACH} % {ENDPOINTS}, other + (other >= source)) + 1,
  iif(door, 1, 2 + push), iif(dice < 30, 1, iif(dice < 35, 3, 0)),
  :begin + n * {PERIOD_MICROSECONDS}, iif(door, 1024, {MIB}),
  iif(dice < 30, {_FORBIDDEN}, iif(dice < 35, {_DOWN}, 0)), iif(dice < 35, NULL, {MIB}),
  iif(dice < 35, NULL, 0.3 + dice * 1e-4), iif(dice < 35, NULL, {MIB} / (0.3 + dice * 1e-4)),
  :phases, NULL
FROM e"""

_ROLLUPS = """
WITH RECURSIVE
  v(v) AS (VALUES (2), (3)),
  at(at) AS (SELECT :since UNION ALL SELECT at + :seconds FROM at WHERE at + :seconds < :until)
INSERT INTO rollup
SELECT :step, s.id, d.id, v, at, 0, 0, 4, 4 * 1048576, 1.2
FROM (SELECT 0 AS id UNION ALL SELECT id FROM endpoint) s, (SELECT 0 AS id UNION ALL SELECT id FROM endpoint) d, v, at
WHERE (:links OR s.id = 0 OR d.id = 0) AND (s.id <> d.id OR s.id = 0) ORDER BY 2, 3, 4, 5"""


@dataclass(frozen=True, slots=True)
class Built:
    """A history that was made, and what that took."""

    state_dir: Path
    count: int
    fill_seconds: float
    index_seconds: float
    rollup_seconds: float
    size_bytes: int

    @property
    def until(self) -> datetime:
        """When its last result started."""
        return BEGIN + timedelta(microseconds=self.count * PERIOD_MICROSECONDS)


def build(state_dir: Path, count: int) -> Built:
    """A history of so many results in this directory; indexes are made last, as after any bulk load."""
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / FILE_NAME
    connection = sqlite3.connect(path)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "threads=2"):
            connection.execute(f"PRAGMA {pragma}")
        for each in metadata.sorted_tables:
            connection.execute(str(CreateTable(each).compile(dialect=sqlite.dialect())))
        _words(connection, count)
        begin = perf_counter()
        phases = pack_phases(dict.fromkeys(Phase, 0.0123456))
        connection.execute(_RESULTS, {"count": count, "begin": microseconds(BEGIN), "phases": phases})
        _evidence(connection, count)
        connection.commit()
        filled = perf_counter()
        for each in metadata.sorted_tables:
            for index in sorted(each.indexes, key=lambda index: str(index.name)):
                connection.execute(str(CreateIndex(index).compile(dialect=sqlite.dialect())))
        connection.commit()
        indexed = perf_counter()
        since = int(BEGIN.timestamp())
        until = since + count * PERIOD_MICROSECONDS // 1_000_000
        for step, seconds, links in ((1, 3600, False), (2, 86400, True)):
            words = {"step": step, "seconds": seconds, "links": links, "since": since, "until": until}
            connection.execute(_ROLLUPS, words)
        connection.commit()
        summed = perf_counter()
        connection.execute("PRAGMA journal_mode=WAL")
    finally:
        connection.close()
    return Built(state_dir, count, filled - begin, indexed - filled, summed - indexed, path.stat().st_size)


def _words(connection: sqlite3.Connection, count: int) -> None:
    connection.execute("INSERT INTO history_meta VALUES ('schema_version', ?)", (str(SCHEMA_VERSION),))
    connection.executemany("INSERT INTO endpoint VALUES (?, ?)", [(n + 1, _name(n)) for n in range(ENDPOINTS)])
    runs = [(n + 1, _run(n)) for n in range(count // 5_000_000 + 1)]
    connection.executemany("INSERT INTO run VALUES (?, ?)", runs)
    connection.executemany("INSERT INTO variant VALUES (?, ?)", [(n + 1, name) for n, name in enumerate(VARIANTS)])


def _evidence(connection: sqlite3.Connection, count: int) -> None:
    """Of the newest ones, as large as evidence is; it is not read here, only lain between."""
    connection.execute(
        "INSERT INTO evidence SELECT id, started, randomblob(900) FROM result WHERE id > ?", (count - WITH_EVIDENCE,)
    )


def _name(number: int) -> str:
    return f"SITE-{number:03d}"


def _run(number: int) -> str:
    return f"20260101T000000Z-{number:06x}"


def questions(built: Built, dice: random.Random) -> Iterator[tuple[str, Callable[[Reader], object]]]:
    """What each page asks, about somebody else each time."""
    source, destination = dice.sample(range(ENDPOINTS), 2)
    link = {"source": _name(source), "destination": _name(destination)}
    failures = (Outcome.FAILURE, Outcome.ERROR)
    some = dice.randrange(built.count - WITH_EVIDENCE)
    middle = f"{microseconds(BEGIN) + some * PERIOD_MICROSECONDS}.{some}"
    until, day = built.until, timedelta(days=1)
    yield "link_last", lambda reader: reader.page(HistoryQuery(**link, limit=10))
    yield "link_failures", lambda reader: reader.page(HistoryQuery(**link, outcomes=failures, limit=10))
    yield "endpoint_last", lambda reader: reader.page(HistoryQuery(endpoint=_name(source), limit=50))
    yield (
        "endpoint_failures",
        lambda reader: reader.page(HistoryQuery(endpoint=_name(source), outcomes=failures, limit=50)),
    )
    yield "all_last", lambda reader: reader.page(HistoryQuery(limit=100))
    yield "all_from_the_middle", lambda reader: reader.page(HistoryQuery(limit=100, before=middle))
    yield "one_result", lambda reader: reader.result(_run(some // 5_000_000), f"{some:07x}")
    yield "link_three_days_by_hour", lambda reader: reader.rollups(RollupQuery(until - 3 * day, until, **link))
    yield (
        "link_four_days_by_day",
        lambda reader: reader.rollups(RollupQuery(until - 4 * day, until, **link, step=Step.DAY)),
    )
    yield (
        "endpoint_three_days_by_hour",
        lambda reader: reader.rollups(RollupQuery(until - 3 * day, until, source=_name(source))),
    )


def seconds_of_questions(built: Built, turns: int) -> dict[str, float]:
    """The median time of each question, asked in turns. Raises RuntimeError when one was not answered."""
    dice = random.Random(4)  # the same questions each time
    spent: dict[str, list[float]] = {}
    answered = set[str]()
    with open_reader(HistorySettings(), built.state_dir) as reader:
        for _ in range(turns):
            for name, ask in questions(built, dice):
                begin = perf_counter()
                answer = ask(reader)
                spent.setdefault(name, []).append(perf_counter() - begin)
                if answer and getattr(answer, "results", True):
                    answered.add(name)
    if silent := spent.keys() - answered:
        raise RuntimeError(f"never answered: {', '.join(sorted(silent))}")
    return {name: median(each) for name, each in spent.items()}


def measures(built: Sequence[Built], turns: int) -> Iterator[Measure]:
    """Figures of each history, and how much more the last one costs than the first."""
    times = [seconds_of_questions(each, turns) for each in built]
    for each, spent in zip(built, times, strict=True):
        size = f"{each.count / 1e6:g}M"
        yield Measure(f"fill_{size}", each.fill_seconds, "s")
        yield Measure(f"index_{size}", each.index_seconds, "s")
        yield Measure(f"rollups_{size}", each.rollup_seconds, "s")
        yield Measure(f"file_{size}", each.size_bytes / 1e9, "GB")
        for name, seconds in spent.items():
            yield Measure(f"{name}_{size}", seconds * 1e3, "ms")
    if len(built) > 1:
        first, last = (f"{each.count / 1e6:g}M" for each in (built[0], built[-1]))
        for name, seconds in times[-1].items():
            yield Measure(f"{name}_{last}_vs_{first}", seconds / times[0][name], "x", f"{first} results", BUDGET)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__.partition("\n")[0])
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 10], metavar="N", help="%(default)s")
    parser.add_argument("--directory", type=Path, metavar="DIR", help="where to build; default: a temporary directory")
    parser.add_argument("--turns", type=int, default=200, metavar="N", help="whose median counts (%(default)s)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tpcharness-bench-", dir=given.directory) as directory:
        built = [build(Path(directory) / f"{number:g}", int(number * 1e6)) for number in given.millions]
        found = list(measures(built, given.turns))
    print(table(found), file=sys.stderr)
    print(json.dumps([measure.document() for measure in found], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
