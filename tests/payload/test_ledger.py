"""What we created and have not seen gone, whatever happens to us."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tpcharness.model.endpoint import Endpoint
from tpcharness.payload.ledger import Ledger, LedgerEntry, LedgerError
from tpcharness.payload.names import PayloadFile

ENDPOINT = Endpoint("SITE-A", "https://a.example/vo")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def file(number: int) -> PayloadFile:
    return PayloadFile(ENDPOINT, f"/vo/tpcharness/h/f{number}")


def entry(number: int, run_id: str = "r1") -> LedgerEntry:
    return LedgerEntry("SITE-A", file(number).url, run_id, NOW)


async def reread(path: Path) -> tuple[LedgerEntry, ...]:
    async with Ledger(path) as ledger:
        return ledger.entries


async def test_what_is_added_is_there_at_the_next_start_and_what_is_gone_is_not(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:
        for number in range(4):
            await ledger.add(entry(number))
        await ledger.gone(file(1))
        await ledger.gone(file(99))
        assert ledger.entries == (entry(0), entry(2), entry(3))
        assert ledger.holds(file(0))
        assert not ledger.holds(file(1))
    assert await reread(path) == (entry(0), entry(2), entry(3))


async def test_opening_writes_the_file_anew_without_what_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:
        for number in range(50):
            await ledger.add(entry(number))
            await ledger.gone(file(number))
        await ledger.add(entry(50))
    assert path.read_text().count("\n") == 101
    await reread(path)
    assert path.read_text().count("\n") == 1
    assert [item.name for item in tmp_path.iterdir()] == ["ledger.jsonl"]


async def test_a_file_that_was_gone_and_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:
        await ledger.add(entry(1))
        await ledger.gone(file(1))
        await ledger.add(entry(1))
    assert await reread(path) == (entry(1),)


async def test_many_writers_at_once_tear_no_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:

        async def probe(number: int) -> None:
            await ledger.add(entry(number))
            if number % 3 == 0:
                await ledger.gone(file(number))

        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(probe(number))
        expected = set(ledger.entries)
    assert len(expected) == 200
    assert set(await reread(path)) == expected


async def test_cancelled_writers_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:
        tasks = [asyncio.create_task(ledger.add(entry(number))) for number in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    done = {entry(number) for number, outcome in enumerate(outcomes) if outcome is None}
    assert len(done) >= 50
    assert done <= set(await reread(path))


@pytest.mark.parametrize("keep", range(1, 40, 3))
async def test_a_torn_last_line_is_dropped(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:
        await ledger.add(entry(1))
        whole = path.read_bytes()
        await ledger.add(entry(2))
    path.write_bytes(path.read_bytes()[: len(whole) + keep])
    async with Ledger(path) as ledger:
        assert ledger.entries == (entry(1),)
        await ledger.add(entry(3))
    assert await reread(path) == (entry(1), entry(3))


@pytest.mark.parametrize(
    "line",
    [b"garbage", b"{}", b"5", b"null", b'"gone"', b'{"gone": []}', b'{"endpoint": "A", "url": 5, "run": "r", "at": ""}',
     b'{"endpoint": "A", "url": "u", "run": "r", "at": "yesterday"}', b"\xff\xfe", b""],
    ids=repr,
)  # fmt: skip
async def test_a_damaged_ledger_is_left_alone_and_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path) as ledger:
        await ledger.add(entry(1))
    damaged = line + b"\n" + path.read_bytes()
    path.write_bytes(damaged)
    ledger = Ledger(path)
    with pytest.raises(LedgerError, match=r"ledger\.jsonl"):
        await ledger.open()
    await ledger.close()
    assert path.read_bytes() == damaged


async def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "missing" / "ledger.jsonl")
    with pytest.raises(LedgerError, match="No such file"):
        await ledger.open()
    await ledger.close()


async def test_a_full_disk_is_an_error_before_the_request_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    real_write = os.write

    def half_then_full(descriptor: int, data: bytes) -> int:
        if len(data) > 20:
            return real_write(descriptor, data[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with Ledger(path) as ledger:
        await ledger.add(entry(1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half_then_full)
            with pytest.raises(LedgerError, match="No space left"):
                await ledger.add(entry(2))
            await ledger.gone(file(1))
        assert not ledger.holds(file(2))
        await ledger.add(entry(3))
    assert await reread(path) == (entry(1), entry(3)), "a 'gone' that was lost only means to ask once more"


@pytest.mark.parametrize("how", ["removed", "replaced"])
async def test_a_ledger_that_is_taken_away_is_missed_and_takes_nothing_more(tmp_path: Path, how: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    path = state / "ledger.jsonl"
    async with Ledger(path) as ledger:
        await ledger.add(entry(1))
        await ledger.check()
        shutil.rmtree(state)
        if how == "replaced":  # by another harness, which believes that it is alone
            state.mkdir()
            path.write_text("")
        with pytest.raises(LedgerError, match=r"ledger\.jsonl: it was removed or replaced while we were using it"):
            await ledger.check()
        with pytest.raises(LedgerError, match="it was removed"):
            await ledger.add(entry(2))
        await ledger.gone(file(1))
        assert ledger.entries == ()
    assert not path.exists() or path.read_text() == ""


async def test_a_ledger_that_was_moved_away_is_missed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    async with Ledger(tmp_path / "state" / "ledger.jsonl") as ledger:
        (tmp_path / "state").rename(tmp_path / "state.old")
        with pytest.raises(LedgerError, match="it was removed or replaced"):
            await ledger.check()


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from tpcharness.payload.ledger import Ledger, LedgerEntry

async def main():
    async with Ledger(Path(sys.argv[1])) as ledger:
        for number in range(1_000_000):
            await ledger.add(LedgerEntry("A", f"https://a.example/f{number}", "r1", datetime.now(UTC)))
            print(number, flush=True)

asyncio.run(main())
"""


async def test_kill_9_loses_nothing_that_was_promised(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    with writer:
        assert writer.stdout is not None
        for _ in range(50):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        promised = 50 + len(writer.stdout.readlines())
    urls = {item.url for item in await reread(path)}
    assert {f"https://a.example/f{number}" for number in range(promised)} <= urls


async def test_a_long_run_does_not_make_a_long_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    longest = 0
    async with Ledger(path, compact_lines=50) as ledger:
        await ledger.add(entry(0))
        for number in range(1, 1000):
            await ledger.add(entry(number))
            await ledger.gone(file(number))
            longest = max(longest, path.read_text().count("\n"))
        expected = ledger.entries
    assert 40 < longest <= 50
    assert await reread(path) == expected == (entry(0),)
    assert [item.name for item in tmp_path.iterdir()] == ["ledger.jsonl"]


async def test_a_ledger_of_files_that_are_all_there_is_not_written_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path, compact_lines=10) as ledger:
        files = set()
        for number in range(200):
            await ledger.add(entry(number))
            files.add(path.stat().st_ino)
    assert len(files) < 5
    assert len(await reread(path)) == 200


async def test_many_writers_while_it_is_written_anew_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path, compact_lines=20) as ledger:

        async def probe(number: int) -> None:
            await ledger.add(entry(number))
            assert file(number).url in path.read_text()
            if number % 7:
                await ledger.gone(file(number))

        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(probe(number))
        expected = set(ledger.entries)
    assert set(await reread(path)) == expected
    assert len(expected) == 43


async def test_a_disk_without_room_for_a_new_file_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Ledger(path, compact_lines=5) as ledger:
        path.with_suffix(".new").mkdir()  # whatever the reason is why it cannot be written
        for number in range(20):
            await ledger.add(entry(number))
            await ledger.gone(file(number))
        await ledger.add(entry(20))
    path.with_suffix(".new").rmdir()
    assert await reread(path) == (entry(20),)
