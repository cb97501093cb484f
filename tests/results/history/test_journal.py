"""The journal: what `add` has returned for survives a kill, whatever the disk does never reaches the caller."""

from __future__ import annotations

import logging
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.export.samples import good
from tests.support.clocks import FixedClock
from tests.support.grid import ROOT
from tests.support.netns import apart
from tpcharness.model.result import Result
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import HistoryError, HistoryQuery, Journal, open_history
from tpcharness.results.history.journal import read_lines

KILLS = 12

_ADDING = """
import asyncio, os, sys
from dataclasses import replace
from pathlib import Path
from tests.export.samples import good
from tests.support.clocks import FixedClock
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import open_history

async def main():
    async with open_history(HistorySettings(), Path(sys.argv[1]), FixedClock()) as history:
        number = 0
        while True:
            history.journal.add(replace(good(), probe_id=f"{sys.argv[2]}-{number}"))
            os.write(1, b"%d\\n" % number)
            number += 1
            if number % 50 == 0:
                await history.flush()

asyncio.run(main())
"""


def results(count: int) -> list[Result]:
    return [replace(good(), probe_id=f"{number}") for number in range(count)]


@pytest.mark.slow
async def test_a_kill_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path, clock: FixedClock) -> None:
    added: set[str] = set()
    for turn in range(KILLS):
        command = [sys.executable, "-c", _ADDING, str(tmp_path), str(turn)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout is not None
            while int(process.stdout.readline()) < 40 + 37 * turn:
                pass
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read().decode().split("\n")[:-1]
        assert process.returncode == -signal.SIGKILL
        last = int(said[-1]) if said else 40 + 37 * turn
        added |= {f"{turn}-{number}" for number in range(last + 1)}
    async with open_history(HistorySettings(), tmp_path, clock) as history:
        found: list[str] = []
        before: str | None = None
        while True:
            page = await history.results(HistoryQuery(limit=1000, before=before))
            found += [result.probe_id for result in page.results]
            if (before := page.next) is None:
                break
        counters = await history.counters()
    assert added <= set(found)
    assert len(found) == len(set(found))
    assert len(set(found) - added) <= KILLS  # one may have been added and not yet told
    (copies,) = [value for key, value in counters.items() if key[0].endswith("probes_total") and "source" in key[1]]
    assert copies == len(found)


def test_it_holds_no_more_than_it_may(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(tmp_path, max_bytes=20_000)
    journal.open()
    for result in results(30):
        journal.add(result)
    assert 10_000 < journal.bytes <= 20_000
    (path,) = journal.take()
    kept = len(read_lines(path))
    assert (kept + journal.write_failures, path.stat().st_size) == (30, journal.bytes)
    assert len(caplog.records) == 1
    assert "full" in caplog.text
    journal.done(path)
    assert journal.bytes == 0
    journal.add(good())
    assert (journal.write_failures, journal.bytes > 0) == (30 - kept, True)
    journal.close()


def test_a_limit_of_the_disk_is_counted_and_leaves_whole_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path)
    journal.open()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        for result in results(20):
            journal.add(result)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, former)
    lost = journal.write_failures
    assert 0 < lost < 20
    journal.add(replace(good(), probe_id="after"))
    assert journal.write_failures == lost
    (path,) = journal.take()
    assert len(read_lines(path)) == 21 - lost
    assert path.read_bytes().endswith(b"\n")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    journal.close()


_FULL_DISK = """
import asyncio, logging, sys
from dataclasses import replace
from pathlib import Path
from tests.export.samples import good
from tests.support.clocks import FixedClock
from tests.support.netns import mount_tmpfs
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import HistoryError, HistoryQuery, open_history

async def main():
    disk = Path(sys.argv[1])
    await mount_tmpfs(disk, size_bytes=1 << 20)
    ballast = disk / "ballast"
    async with open_history(HistorySettings(), disk, FixedClock()) as history:
        history.journal.add(replace(good(), probe_id="before"))
        await history.flush()
        with ballast.open("wb", buffering=0) as stream:
            try:
                while stream.write(bytes(4096)):
                    pass
            except OSError:
                pass
        for number in range(200):
            history.journal.add(replace(good(), probe_id=f"full{number}"))
        lost = history.journal.write_failures
        assert 0 < lost <= 200, lost
        try:
            await history.flush()
        except HistoryError as error:
            print(error)
            assert not history.healthy
        ballast.unlink()
        history.journal.add(replace(good(), probe_id="after"))
        await history.flush()
        assert history.healthy
        found = [result.probe_id for result in (await history.results(HistoryQuery(limit=1000))).results]
        assert len(found) == 202 - lost and {"before", "after"} <= set(found), (lost, found)

logging.basicConfig()
asyncio.run(main())
"""


def test_a_full_disk_stops_nobody_and_all_goes_on_when_there_is_room(tmp_path: Path) -> None:
    command, environ = apart([sys.executable, "-c", _FULL_DISK, str(tmp_path)])
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "No space left on device; results are missing from the history until that is mended" in done.stderr


def test_a_journal_that_cannot_be_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("in the way")
    with pytest.raises(HistoryError, match=r"journal .*/journal: File exists; .* name another state_dir"):
        Journal(tmp_path).open()


async def test_what_waited_is_in_the_database_when_the_history_opens(tmp_path: Path, clock: FixedClock) -> None:
    journal = Journal(tmp_path)
    journal.open()
    for result in results(3):
        journal.add(result)
    journal.close()
    async with open_history(HistorySettings(), tmp_path, clock) as history:
        assert len((await history.known()).results) == 1
        assert len((await history.results(HistoryQuery())).results) == 3
