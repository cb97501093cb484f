"""No page goes through the results: each question is answered from an index, in its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from bench.history import BEGIN, Built, build
from tests.support.postgresql import Postgresql
from tpcharness.model.settings import HistorySettings
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.history import HistoryQuery, RollupQuery, Step, open_reader
from tpcharness.results.history.database import Database
from tpcharness.results.history.known import standings
from tpcharness.results.history.queries import Numbers, newest_rows
from tpcharness.results.history.writer import Writer

QUERIES = [
    HistoryQuery(**ends, variant=variant, outcomes=outcomes, before=before, since=since)
    for ends in (
        {},
        {"source": "SITE-001"},
        {"destination": "SITE-002"},
        {"source": "SITE-001", "destination": "SITE-002"},
        {"endpoint": "SITE-001"},
    )
    for variant in (None, Variant.HTTPS_PULL)
    for outcomes in ((), (Outcome.FAILURE, Outcome.ERROR))
    for before in (None, "1767225600000000.5")
    for since in (None, datetime(2026, 1, 1, tzinfo=UTC))
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("history"), 120_000)


@pytest.fixture
def plans(built: Built) -> Iterator[tuple[Any, list[str]]]:
    """A reader, and the plans of all that it asks."""
    with open_reader(HistorySettings(), built.state_dir) as reader:
        found: list[str] = []

        def explain(connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
            if statement.startswith("SELECT"):
                raw = connection.connection.cursor()
                rows = raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
                raw.close()
                within = {number: step.split()[0] for number, _, _, step in rows}
                found.extend(f"{within.get(parent, '')} {step}".strip() for _, parent, _, step in rows)

        event.listen(reader._engine, "before_cursor_execute", explain)
        yield reader, found


def scans(plan: list[str]) -> list[str]:
    """The steps that go through a whole table that grows, or sort what has not been cut to a page yet.

    A co-routine is one arm with its limit; what is sorted outside of it are the few rows of all arms together.
    """
    tables = ("SCAN result", "SCAN evidence", "SCAN rollup")
    return [step for step in plan if step.endswith(tables) or step.startswith("CO-ROUTINE USE TEMP B-TREE")]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_pages(plans: tuple[Any, list[str]], query: HistoryQuery) -> None:
    reader, plan = plans
    reader.page(query)
    arms = [step for step in plan if "SEARCH result USING COVERING INDEX" in step]
    assert arms
    assert all("variant=? AND outcome=?" in step for step in arms)
    assert scans(plan) == []


def test_one_result_and_roll_ups(plans: tuple[Any, list[str]], built: Built) -> None:
    reader, plan = plans
    assert reader.result("20260101T000000Z-000000", "0000100") is not None
    for ends in (
        {},
        {"source": "SITE-001"},
        {"destination": "SITE-001"},
        {"source": "SITE-001", "destination": "SITE-002"},
    ):
        for step in Step:
            reader.rollups(RollupQuery(BEGIN, BEGIN + timedelta(days=1), **ends, step=step))
    assert any("result_key" in step for step in plan)
    assert any("rollup" in step for step in plan)
    assert scans(plan) == []


def test_what_is_thought_of_a_few_probes(plans: tuple[Any, list[str]]) -> None:
    """The writer asks that for each batch."""
    reader, plan = plans
    with reader._engine.connect() as connection:
        standings(connection, {(1, 2, 1, 0), (1, 3, 1, 0)})
    steps = [step for step in plan if " latest " in f"{step} "]
    assert len(steps) == 2
    key = "(source=? AND destination=? AND variant=? AND size=?)"
    assert all("SEARCH latest USING INDEX" in step and key in step for step in steps)
    assert scans(plan) == []


_MANY = """
INSERT INTO result (run, probe, attempt, source, destination, variant, outcome, started, size, code, phases)
SELECT 1, n::text, 1, n % 41 + 1, n % 43 + 42, n % 2 + 1, (n % 50 = 0)::int,
  1767225600000000 + n::bigint * 345600, 1, 0, ''
FROM generate_series(1, 100000) n"""


@pytest.fixture(scope="module")
def filled(cluster: Postgresql) -> Iterator[Engine]:
    """A PostgreSQL history with 100,000 results, and statistics about them."""
    settings = HistorySettings(cluster.create("indexes"), str(cluster.password_file))
    writer = Writer(Database.of(settings, Path("/nowhere")), confirmations=3)
    try:
        writer.open()
        with writer.engine.begin() as connection:
            connection.execute(text(_MANY))
            connection.execute(text("ANALYZE"))
        yield writer.engine
    finally:
        writer.close()


@pytest.mark.real
@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_pages_on_postgresql(filled: Engine, query: HistoryQuery) -> None:
    numbers = Numbers({Variant.HTTPS_PULL: 1, Variant.HTTPS_PUSH: 2}, {"SITE-001": 1, "SITE-002": 42})
    statement = newest_rows(query, numbers)
    assert statement is not None
    words = str(statement.compile(filled, compile_kwargs={"literal_binds": True}))
    with filled.connect() as connection:
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {words.replace('%', '%%')}").scalars())
    assert "Seq Scan on result" not in plan, plan
    assert "Index" in plan


def test_the_test_can_fail(plans: tuple[Any, list[str]]) -> None:
    reader, plan = plans
    with reader._connection() as connection:
        connection.execute(text("SELECT id FROM result WHERE size = 1 LIMIT 1")).all()
        connection.execute(text("SELECT * FROM (SELECT id FROM result ORDER BY size LIMIT 1) UNION ALL SELECT 1")).all()
    assert scans(plan) == ["SCAN result", "CO-ROUTINE SCAN result", "CO-ROUTINE USE TEMP B-TREE FOR ORDER BY"]
