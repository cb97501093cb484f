"""Histories of other versions: an old one is brought up and keeps what it holds, a newer one is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from tests.export.samples import good
from tests.support.clocks import FixedClock
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import HistoryError, HistoryQuery, open_history, open_reader
from tpcharness.results.history.database import FILE_NAME, Database
from tpcharness.results.history.tables import SCHEMA_VERSION, metadata
from tpcharness.results.history.versions import MIGRATIONS, prepare, version_of

OLD = Path(__file__).with_name("version-1.sql")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The state directory of a harness whose history is of version 1."""
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.executescript(OLD.read_text())
    connection.close()
    return tmp_path


async def test_a_history_of_version_1_goes_on(old: Path, clock: FixedClock) -> None:
    async with open_history(HistorySettings(), old, clock) as history:
        known = await history.known()
        assert [result.probe_id for result in known.results] == ["p0", "p1", "p2"]
        (belief,) = known.beliefs  # a failure that has to be seen again, as when it was new
        assert (belief.latest.probe_id, belief.in_a_row, belief.believed) == ("p1", 1, None)
        first = await history.result("r1", "p0")
        assert first is not None
        assert first.evidence.exchanges
        history.journal.add(good(probe_id="p3"))
        await history.flush()
        assert len((await history.results(HistoryQuery())).results) == 4
        counters = await history.counters()
    assert counters["tpcharness_endpoint_probes_total", ("SITE-A", "source", "https-pull", "ok")] == 2


def test_an_old_one_has_the_same_tables_afterwards_as_a_new_one(old: Path) -> None:
    def tables(path: str) -> dict[str, object]:
        engine = create_engine(path)
        try:
            with engine.begin() as connection:
                prepare(connection, "x")
                look = inspect(connection)
                return {
                    name: (
                        {
                            column["name"]: (str(column["type"]), column["nullable"])
                            for column in look.get_columns(name)
                        },
                        sorted(
                            (str(index["name"]), tuple(index["column_names"]), index["unique"])
                            for index in look.get_indexes(name)
                        ),
                    )
                    for name in look.get_table_names()
                }
        finally:
            engine.dispose()

    found = tables(f"sqlite:///{old / FILE_NAME}")
    assert found == tables("sqlite://")
    assert set(found) == set(metadata.tables)


def test_there_is_a_step_from_each_old_version() -> None:
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))


async def test_a_step_to_the_next_version(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    async with open_history(settings, tmp_path, clock) as history:
        history.journal.add(good(probe_id="old"))

    def widen(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE result ADD COLUMN flavour TEXT"))
        connection.execute(text("UPDATE result SET flavour = 'plain'"))

    def stumble(connection: Connection) -> None:
        widen(connection)
        connection.execute(text("SELECT nothing FROM nowhere"))

    database = Database.of(settings, tmp_path)
    engine = database.engine(writer=True)
    try:
        newest = SCHEMA_VERSION + 1
        with pytest.raises(Exception, match="nowhere"), engine.begin() as connection:
            prepare(connection, "x", newest=newest, migrations={**MIGRATIONS, SCHEMA_VERSION: stumble})
        with engine.begin() as connection:
            assert version_of(connection) == SCHEMA_VERSION
            assert "flavour" not in {column["name"] for column in inspect(connection).get_columns("result")}
            prepare(connection, "x", newest=newest, migrations={**MIGRATIONS, SCHEMA_VERSION: widen})
        with engine.begin() as connection:
            assert version_of(connection) == newest
            assert connection.execute(text("SELECT probe, flavour FROM result")).all() == [("old", "plain")]
    finally:
        engine.dispose()
    with pytest.raises(HistoryError, match=f"is of version {newest}, and this tpcharness knows versions up to"):
        async with open_history(settings, tmp_path, clock):
            pass
    with pytest.raises(HistoryError, match="install the newer tpcharness"), open_reader(settings, tmp_path):
        pass


async def test_a_newer_one_is_not_written_to(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    async with open_history(settings, tmp_path, clock):
        pass
    engine = Database.of(settings, tmp_path).engine(writer=True)
    with engine.begin() as connection:
        connection.execute(text("UPDATE history_meta SET value = '99' WHERE key = 'schema_version'"))
    engine.dispose()
    async with open_history(HistorySettings(), tmp_path / "other", clock) as history:
        history.journal.add(good())
        waiting = next(path for path in (tmp_path / "other/journal").glob("*.jsonl")).read_bytes()
    (tmp_path / "journal" / "0000000999.jsonl").write_bytes(waiting)
    with pytest.raises(HistoryError, match="is of version 99"):
        async with open_history(settings, tmp_path, clock):
            pass
    assert (tmp_path / "journal" / "0000000999.jsonl").read_bytes() == waiting


async def test_a_database_of_somebody_else(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    engine = Database.of(settings, tmp_path).engine(writer=True)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE result (theirs TEXT)"))
    engine.dispose()
    with pytest.raises(HistoryError, match="has somebody else's tables \\(result\\): name an empty database"):
        async with open_history(settings, tmp_path, clock):
            pass
