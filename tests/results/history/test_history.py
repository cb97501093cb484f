"""What goes into the history comes out of it, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.export.samples import NOON, door, failed, good
from tests.support.clocks import FixedClock
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import HistorySettings
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.counters import Counters
from tpcharness.results.history import (
    HistoryError,
    HistoryQuery,
    RollupQuery,
    Step,
    open_history,
    open_reader,
)
from tpcharness.results.history import history as module
from tpcharness.results.record import read_result, result_document

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FORMER = "20261122T000000Z-former"


def as_kept(result: Result) -> Result:
    """The same after a way through JSON, which rounds durations."""
    return read_result(result_document(result))


def series(count: int, **changes: object) -> list[Result]:
    """Results of one link, an hour apart, each with a name of its own."""
    return [good(probe_id=f"{number:05d}", started_at=NOON + number * HOUR, **changes) for number in range(count)]


def names(results: tuple[Result, ...]) -> list[str]:
    return [result.probe_id for result in results]


async def test_a_result_comes_out_whole(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    added = [good(), failed(), door(), door(reason=Reason.TLS_EXPIRED)]
    added = [replace(each, probe_id=f"p{number}") for number, each in enumerate(added)]
    async with open_history(settings, tmp_path, clock) as history:
        for result in added:
            history.journal.add(result)
        await history.flush()
        for result in added:
            assert await history.result(result.run_id, result.probe_id) == as_kept(result)
        for odd in ("nobody", "\0", "\ud800", "x" * 10_000, "'; DROP TABLE result"):
            assert await history.result("r1", odd) is None
            assert (await history.results(HistoryQuery(endpoint=odd))).results == ()
        assert await history.result("nobody", "p1") is None
        assert (history.journal.bytes, history.write_failures, history.healthy) == (0, 0, True)


async def test_the_last_attempt_decides_and_each_can_be_asked_for(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    first, second = good(probe_id="p", attempt=1), replace(failed(), probe_id="p", attempt=2)
    async with open_history(settings, tmp_path, clock) as history:
        history.journal.add(second)
        history.journal.add(first)
        await history.flush()
        assert await history.result("r1", "p") == as_kept(second)
        assert await history.result("r1", "p", 1) == as_kept(first)
        assert await history.result("r1", "p", 3) is None


async def test_what_came_twice_is_there_once(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    results = series(5)
    async with open_history(settings, tmp_path, clock) as history:
        for result in (*results, *results[:2]):
            history.journal.add(result)
        await history.flush()
        once = await history.counters()
        for result in results:
            history.journal.add(result)
        await history.flush()
        assert await history.counters() == once
        assert len((await history.results(HistoryQuery())).results) == 5
        (rollup,) = await history.rollups(RollupQuery(NOON - DAY, NOON + DAY, step=Step.DAY))
        assert rollup.ok == 5


async def test_a_restart_finds_latest_and_counters(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    former = [*series(3), failed("SITE-B", "SITE-A"), door(), good(size=5, probe_id="small")]
    counters = Counters()
    for result in former:
        counters.add(as_kept(result))
    async with open_history(settings, tmp_path, clock) as history:
        for result in former:
            history.journal.add(result)
    async with open_history(settings, tmp_path, clock) as history:
        kept = await history.counters()
        for (family, labels), value in kept.items():
            assert value == pytest.approx(counters.value((family, labels)))
        assert len(kept) == sum(1 for family in {family for family, _ in kept} for _ in counters.items(family))
        latest = (await history.known()).results
        assert [(each.probe_id, each.size_bytes) for each in latest] == [
            (each.probe_id, each.size_bytes) for each in former[2:]
        ]
        assert all(each.evidence.exchanges == () for each in latest)
        assert latest[0].evidence.tokens == as_kept(former[2]).evidence.tokens


async def test_a_clock_that_goes_back_does_not_hide_what_is_new(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    ahead = good(probe_id="ahead", started_at=NOON + 3650 * DAY)
    async with open_history(settings, tmp_path, clock) as history:
        history.journal.add(ahead)
        await history.flush()
        history.journal.add(good(probe_id="now"))
        await history.flush()
        assert names(tuple((await history.known()).results)) == ["now"]


async def test_pages_go_on_where_the_last_one_ended(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    at_once = [good(probe_id=f"same{number}", started_at=NOON) for number in range(10)]
    results = [*series(13), *at_once]
    async with open_history(settings, tmp_path, clock) as history:
        for result in results:
            history.journal.add(result)
        await history.flush()
        found: list[Result] = []
        before: str | None = None
        while True:
            page = await history.results(HistoryQuery(limit=4, before=before))
            found += page.results
            before = page.next
            if before is None:
                break
            assert len(page.results) == 4
        assert Counter(names(tuple(found))) == Counter(names(tuple(results)))
        assert all(one.started_at >= other.started_at for one, other in pairwise(found))


async def test_what_is_asked_for_is_found(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    mesh = [
        replace(
            good(source, destination, variant) if source != "C" else failed(source, destination, variant=variant),
            probe_id=f"{source}{destination}{variant.value}{hour}",
            started_at=NOON + hour * HOUR,
        )
        for hour in range(3)
        for source in "ABC"
        for destination in "ABC"
        if source != destination
        for variant in (Variant.HTTPS_PULL, Variant.HTTPS_PUSH)
    ]
    doors = [replace(door(name), probe_id=f"door{name}") for name in "ABC"]

    def expected(query: HistoryQuery) -> set[str]:
        def fits(result: Result) -> bool:
            ends = set(str(result.subject).split(" -> "))
            link = result.variant.of_link
            source, _, destination = str(result.subject).partition(" -> ")
            return (
                (query.endpoint is None or query.endpoint in ends)
                and (query.source is None or (link and query.source == source))
                and (query.destination is None or (link and query.destination == destination))
                and query.variant in (None, result.variant)
                and (not query.outcomes or result.outcome in query.outcomes)
                and (query.since is None or result.started_at >= query.since)
                and (query.until is None or result.started_at < query.until)
            )

        return {result.probe_id for result in (*mesh, *doors) if fits(result)}

    queries = [
        HistoryQuery(**ends, variant=variant, outcomes=outcomes, **times, limit=1000)
        for ends in (
            {},
            {"source": "A"},
            {"destination": "B"},
            {"source": "C", "destination": "B"},
            {"endpoint": "C"},
            {"endpoint": "nobody"},
            {"source": "nobody"},
        )
        for variant in (None, Variant.DOOR, Variant.HTTPS_PULL)
        for outcomes in ((), (Outcome.OK,), (Outcome.FAILURE, Outcome.ERROR))
        for times in ({}, {"since": NOON + HOUR}, {"since": NOON + HOUR, "until": NOON + 2 * HOUR})
    ]
    async with open_history(settings, tmp_path, clock) as history:
        for result in (*mesh, *doors):
            history.journal.add(result)
        await history.flush()
        for query in queries:
            page = await history.results(query)
            assert set(names(page.results)) == expected(query), query
        row = (await history.results(HistoryQuery(source="C", destination="B", limit=1))).results[0]
    whole = as_kept(next(result for result in mesh if result.probe_id == row.probe_id))
    assert (row.subject, row.reason, row.blame, row.code) == (whole.subject, whole.reason, whole.blame, whole.code)
    assert (row.phases, row.alternatives, row.throughput) == (whole.phases, whole.alternatives, whole.throughput)
    assert (row.started_at, row.size_bytes, row.run_id) == (whole.started_at, whole.size_bytes, whole.run_id)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("ends", [(None, None), ("A", None), (None, "B"), ("A", "B"), ("B", "A"), (None, "nobody")])
async def test_rollups_are_the_sums_of_the_results(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock, step: Step, ends: tuple[str | None, str | None]
) -> None:
    source, destination = ends
    begin = NOON.replace(minute=0, second=0, microsecond=0)
    links = [
        replace(
            good(*pair) if number % 3 else failed(*pair),
            probe_id=f"{pair}{number}",
            started_at=begin + number * timedelta(minutes=20),
        )
        for pair in ("AB", "BA", "AC")
        for number in range(100)
    ]
    results = [*links, *(replace(door("B"), probe_id=f"d{n}", started_at=begin + n * HOUR) for n in range(9))]
    expected: Counter[object] = Counter()
    for each in results:
        source_of, _, target = str(each.subject).rpartition(" -> ")
        if source in (None, source_of) and destination in (None, target):
            at = each.started_at.replace(minute=0, second=0, microsecond=0)
            at = at if step is Step.HOUR else at.replace(hour=0)
            expected[at, each.variant, each.outcome] += 1
            expected["bytes"] += (each.bytes or 0) if each.ok and each.transfer_seconds else 0
            expected[each.reason] += not each.ok
    async with open_history(settings, tmp_path, clock) as history:
        for result in results:
            history.journal.add(result)
        await history.flush()
        found = await history.rollups(RollupQuery(begin - DAY, begin + 3 * DAY, source, destination, step=step))
    counted: Counter[object] = Counter()
    for rollup in found:
        for outcome in Outcome:
            counted[rollup.at, rollup.variant, outcome] += getattr(rollup, outcome.value)
        counted["bytes"] += rollup.bytes
        counted.update(rollup.reasons)
    assert +counted == +expected
    assert [rollup.at for rollup in found] == sorted(rollup.at for rollup in found)


async def test_what_is_old_goes_and_the_rest_stays(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    settings = replace(
        settings, keep_evidence_seconds=86400.0, keep_results_seconds=5 * 86400.0, keep_rollups_seconds=8 * 86400.0
    )
    results = [good(probe_id=f"{day}", started_at=NOON - day * DAY) for day in range(10)]
    async with open_history(settings, tmp_path, clock) as history:
        for result in results:
            history.journal.add(result)
        await history.flush()
        assert await history.prune(NOON) > 0
        assert names((await history.results(HistoryQuery())).results) == ["0", "1", "2", "3", "4", "5"]
        assert (await history.result("r1", "1")) == as_kept(results[1])
        old = await history.result("r1", "2")
        assert old is not None
        assert (old.evidence.exchanges, old.throughput) == ((), as_kept(results[2]).throughput)
        rollups = await history.rollups(RollupQuery(NOON - 20 * DAY, NOON + DAY, step=Step.DAY))
        assert len(rollups) == 8
        assert await history.prune(NOON) == 0


async def test_a_clock_that_leaps_ahead_throws_nothing_away(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_history(settings, tmp_path, clock) as history:
        history.journal.add(good())
        await history.flush()
        assert await history.prune(NOON) == 0
        assert await history.prune(NOON + 3650 * DAY) == 0
        assert "the clock has leapt" in caplog.text
        assert len((await history.results(HistoryQuery())).results) == 1
    async with open_history(settings, tmp_path, clock) as history:
        assert await history.prune(NOON + 3650 * DAY + HOUR) == 0
        assert await history.prune(NOON + HOUR) == 0
        assert len((await history.known()).results) == 1


async def test_a_reader_reads_beside_the_writer_and_changes_nothing(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    async with open_history(settings, tmp_path, clock) as history:
        for result in series(3):
            history.journal.add(result)
        await history.flush()
        with open_reader(settings, tmp_path) as reader:
            stream = reader.everything()
            assert next(stream).probe_id == "00000"
            for result in series(20):
                history.journal.add(result)
            await history.flush()
            assert len(list(reader.everything())) == 20
            assert len(list(stream)) == 19  # it goes on with what has come meanwhile
            with reader._connection() as connection, pytest.raises(Exception, match=r"read-?only"):
                connection.execute(text("DELETE FROM result"))


async def test_newest_of_a_time(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    results = [*series(6), *(replace(failed("SITE-B", "SITE-A"), probe_id=f"b{n}", started_at=NOON) for n in range(2))]
    async with open_history(settings, tmp_path, clock) as history:
        for result in results:
            history.journal.add(result)
        await history.flush()
        with open_reader(settings, tmp_path) as reader:
            assert names(tuple(reader.newest(NOON))) == ["00005", "b1"]
            assert next(reader.newest(NOON)) == as_kept(results[5])
            assert names(tuple(reader.newest(NOON + HOUR, NOON + 3 * HOUR))) == ["00002"]
            assert list(reader.newest(NOON + 300 * DAY)) == []


async def test_lines_that_cannot_be_read_are_put_aside(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_history(settings, tmp_path, clock) as history:
        history.journal.add(good())
        history.journal.add(replace(good(), probe_id="too long ago to count", size_bytes=2**70))
        folder = tmp_path / "journal"
        (current,) = folder.glob("*.jsonl")
        with current.open("ab") as stream:
            stream.write(b'{"no": "result"}\n\xff\n')
        history.journal.add(good(probe_id="after"))
        with current.open("ab") as stream:
            stream.write(b'{"torn')
        await history.flush()
        assert {each.probe_id for each in (await history.results(HistoryQuery())).results} == {good().probe_id, "after"}
    assert len((folder / "damaged").read_bytes().splitlines()) == 3
    assert "line 3: result.run_id is missing" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 3


async def test_it_writes_and_prunes_by_itself(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_SECONDS", 0.01)
    monkeypatch.setattr(module, "FIRST_PRUNE_SECONDS", 0.0)
    async with open_history(replace(settings, keep_results_seconds=7200.0), tmp_path, clock) as history:
        for hours in range(5):
            history.journal.add(good(probe_id=f"{hours}", started_at=clock.now() - hours * HOUR))
        async with asyncio.timeout(30):
            while names((await history.results(HistoryQuery())).results) != ["0", "1", "2"]:
                await asyncio.sleep(0.01)


async def test_it_prunes_soon_after_a_start() -> None:
    assert module.BATCH_SECONDS < module.FIRST_PRUNE_SECONDS <= 600.0 < module.PRUNE_SECONDS


async def test_adding_waits_for_no_database(tmp_path: Path, clock: FixedClock) -> None:
    async with open_history(HistorySettings(), tmp_path, clock) as history:
        other = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        written = asyncio.create_task(history.flush())
        for result in series(50):
            history.journal.add(result)
        assert not written.done()
        assert len((await history.results(HistoryQuery())).results) == 0
        other.execute("ROLLBACK")
        other.close()
        await written
        await history.flush()
        assert len((await history.results(HistoryQuery())).results) == 50


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"limit": 0}, "limit 0"),
        ({"limit": 1001}, "limit 1001"),
        ({"endpoint": "A", "source": "B"}, "endpoint does not go together"),
        ({"before": "yesterday"}, "'yesterday' is no place"),
        ({"before": "1." + "9" * 30}, "is no place"),
        ({"before": "1.2.3"}, "is no place"),
    ],
)
def test_a_query_that_makes_no_sense(words: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HistoryQuery(**words)


def test_a_history_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="there is none yet"), open_reader(HistorySettings(), tmp_path):
        pass
