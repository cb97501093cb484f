"""A history that cannot be used says why and what to do, and deletes nothing; one that goes away comes back."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.export.samples import good
from tests.support.clocks import FixedClock
from tests.support.grid import ROOT
from tests.support.netns import apart
from tests.support.postgresql import Postgresql
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import HistoryError, HistoryQuery, open_history
from tpcharness.results.history.database import FILE_NAME, Database

SQLITE = HistorySettings()


async def refusal(settings: HistorySettings, state_dir: Path) -> str:
    """What is said by a history that cannot be opened."""
    with pytest.raises(HistoryError) as caught:
        async with open_history(settings, state_dir, FixedClock()):
            pass
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("damage", ["all of it", "the schema"])
async def test_a_damaged_database_is_kept(tmp_path: Path, damage: str) -> None:
    path = tmp_path / FILE_NAME
    async with open_history(SQLITE, tmp_path, FixedClock()) as history:
        history.journal.add(good())
    data = bytearray(path.read_bytes())
    data[0 if damage == "all of it" else 100 : 4096] = b"\xa5" * (4096 - (0 if damage == "all of it" else 100))
    path.write_bytes(data)
    said = await refusal(SQLITE, tmp_path)
    assert str(path) in said
    assert "nothing was deleted: try `sqlite3 FILE .recover`" in said
    assert path.read_bytes() == data


async def test_results_wait_when_the_database_breaks_under_way(
    tmp_path: Path, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / FILE_NAME
    async with open_history(SQLITE, tmp_path, clock) as history:
        history.journal.add(good(probe_id="before"))
        await history.flush()
        spoilt = sqlite3.connect(path)
        spoilt.execute("DROP TABLE evidence")
        spoilt.close()
        history.journal.add(good(probe_id="after"))
        with pytest.raises(HistoryError, match="no such table: evidence"):
            await history.flush()
        assert (history.healthy, history.write_failures) == (False, 1)
        assert history.journal.bytes > 0
        assert len((await history.results(HistoryQuery())).results) == 1
    assert sum("no such table" in record.message for record in caplog.records) == 1
    (left,) = [path for path in (tmp_path / "journal").glob("*.jsonl") if path.stat().st_size]
    assert b'"probe_id":"after"' in left.read_bytes()


async def test_a_journal_that_takes_nothing_is_no_healthy_history(tmp_path: Path, clock: FixedClock) -> None:
    """The database has nothing to write then, and so nothing to complain of."""
    async with open_history(SQLITE, tmp_path, clock) as history:
        history.journal.add(good())
        room = history.journal.bytes
    async with open_history(SQLITE, tmp_path, clock, journal_bytes=room) as history:
        history.journal.add(good(probe_id="first"))
        history.journal.add(good(probe_id="lost"))
        assert (history.healthy, history.write_failures) == (False, 1)
        await history.flush()
        assert not history.healthy
        history.journal.add(good(probe_id="later"))
        assert history.healthy


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    said = await refusal(HistorySettings(str(tmp_path / "nowhere" / "h.sqlite")), tmp_path)
    assert "nowhere/h.sqlite: No such file or directory; its directory must exist" in said


_READ_ONLY = """
import asyncio, sys
from pathlib import Path
from tests.support.clocks import FixedClock
from tests.support.netns import make_read_only, mount_tmpfs
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import HistoryError, open_history

async def main():
    disk = Path(sys.argv[1])
    await mount_tmpfs(disk)
    for settings in (HistorySettings(), HistorySettings(str(disk / "elsewhere.sqlite"))):
        state = disk if not settings.database else Path("/run")
        async with open_history(settings, state, FixedClock()):
            pass
    await make_read_only(disk)
    for settings, state in ((HistorySettings(), disk), (HistorySettings(str(disk / "elsewhere.sqlite")), Path("/run"))):
        try:
            async with open_history(settings, state, FixedClock()):
                print("opened")
        except HistoryError as error:
            print(error)

asyncio.run(main())
"""


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    command, environ = apart([sys.executable, "-c", _READ_ONLY, str(tmp_path)])
    script = command.index(sys.executable)
    inner = ["sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]
    command[script:script] = inner
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    journal, database = done.stdout.splitlines()
    assert "Read-only file system; results must be written there before they are anywhere else" in journal
    assert "elsewhere.sqlite: " in database
    assert "must be writable for us" in database


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (HistorySettings("mysql://a@b/c"), "mysql:// is not known: name a file or postgresql://"),
        (HistorySettings("postgresql://u:canary@h/n"), "the URL holds a password"),
        (HistorySettings("postgresql://u@h:port/n"), "not a URL"),
        (HistorySettings("postgresql://u@h/n", "/nowhere/secret"), "password_file /nowhere/secret: No such file"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, settings: HistorySettings, message: str) -> None:
    with pytest.raises(HistoryError) as caught:
        Database.of(settings, tmp_path)
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_password_stands_in_no_message_and_no_repr(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary-5f2a\n")
    database = Database.of(HistorySettings("postgresql://u@127.0.0.1:1/n", str(tmp_path / "secret")), tmp_path)
    engine = database.engine(writer=True)
    with pytest.raises(HistoryError) as caught, database.errors():
        engine.connect()
    assert database.url.password == "canary-5f2a"
    assert "canary" not in f"{caught.value}{database!r}{engine!r}{caught.value.__cause__}"
    assert "see that the database server runs" in str(caught.value)


@pytest.fixture
def own_cluster() -> Iterator[Postgresql]:
    with tempfile.TemporaryDirectory(prefix="tpcharness-postgresql-") as directory, Postgresql(Path(directory)) as it:
        yield it


@pytest.mark.real
async def test_a_server_that_goes_away_and_comes_back(
    own_cluster: Postgresql, tmp_path: Path, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    settings = HistorySettings(own_cluster.create("history"), str(own_cluster.password_file))
    async with open_history(settings, tmp_path, clock) as history:
        history.journal.add(good(probe_id="before"))
        await history.flush()
        own_cluster.stop()
        for number in range(700):
            history.journal.add(good(probe_id=f"meanwhile{number}"))
        with pytest.raises(HistoryError, match="see that the database server runs"):
            await history.flush()
        with pytest.raises(HistoryError):
            await history.known()
        assert not history.healthy
        assert history.journal.write_failures == 0
        own_cluster.start()
        await history.flush()
        assert history.healthy
        assert history.journal.bytes == 0
        assert len((await history.results(HistoryQuery(limit=1000))).results) == 701
    own_cluster.stop()
    assert "password" not in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.ERROR, logging.WARNING}
    said = await refusal(settings, tmp_path)
    assert own_cluster.url("history") in said


@pytest.mark.real
async def test_a_server_that_does_not_let_us_in(cluster: Postgresql, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("canary-wrong")
    said = await refusal(HistorySettings(cluster.create("closed"), str(tmp_path / "wrong")), tmp_path)
    assert "password authentication failed" in said
    assert "see history.password_file" in said
    assert "canary" not in said


async def test_two_writers_on_one_database(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    settings = replace(settings, database=settings.database or str(tmp_path / "shared.sqlite"))
    async with open_history(settings, tmp_path / "one", clock):
        said = await refusal(settings, tmp_path / "two")
    assert "another tpcharness writes to it: give each a database of its own" in said
    async with open_history(settings, tmp_path / "two", clock) as history:
        assert history.healthy


def test_the_number_of_descriptors_is_what_it_was(tmp_path: Path) -> None:
    """A refused history leaves no connection open."""
    import asyncio

    (tmp_path / FILE_NAME).write_bytes(b"not a database, and longer than a header of one is" * 100)
    asyncio.run(refusal(SQLITE, tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        asyncio.run(refusal(SQLITE, tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before
