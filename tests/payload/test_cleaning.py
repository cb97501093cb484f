"""What former runs left is removed, and only that."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clocks import NOON
from tests.support.payload_bench import ScriptedBench, new_trail, scripted_bench, site_bench
from tests.support.scripted_server import answer, never
from tpcharness.model.endpoint import Endpoint
from tpcharness.payload.cleaning import Cleaning, clean, leftovers
from tpcharness.payload.ledger import LedgerEntry
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.seeds import Seed


async def left_behind(bench: ScriptedBench, path: str, *, endpoint: str = "SITE-A", run_id: str = "r0") -> LedgerEntry:
    entry = LedgerEntry(endpoint, bench.endpoint.url(path), run_id, NOON)
    await bench.ledger.add(entry)
    return entry


async def cleaned(bench: ScriptedBench, *endpoints: Endpoint) -> Cleaning:
    known = {endpoint.name: endpoint for endpoint in endpoints or (bench.endpoint,)}
    return await clean(bench.store, bench.ledger, bench.names, known)


async def test_former_files_go_and_those_of_this_run_stay(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        there = await left_behind(bench, "/vo/tpcharness/bench/copy-r0-p1-1")
        vanished = await left_behind(bench, "/vo/tpcharness/bench/copy-r0-p2-1")
        mine = await bench.registered()
        bench.server.on("DELETE *p2-1", answer(404)).on("DELETE *", answer(204)).on("HEAD *", answer(404))
        assert leftovers(bench.ledger, bench.names) == (there, vanished)
        outcome = await cleaned(bench)
        assert (outcome.removed, outcome.gone, outcome.kept) == ([there], [vanished], [])
        assert bench.noted == [mine.url]
        assert not any(mine.path in line for line in bench.server.lines)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/vo/tpcharness/bench/f", "SITE-X"),
        ("/vo/tpcharness/other-harness/f", "SITE-A"),
        ("/vo/precious", "SITE-A"),
        ("/vo/tpcharness/bench/../../precious", "SITE-A"),
        ("/vo/tpcharness/bench/%2e%2e", "SITE-A"),
        ("/vo/tpcharness/bench/", "SITE-A"),
        ("/vo/tpcharness/bench/f?authz=x", "SITE-A"),
        ("", "SITE-A"),
        ("@evil.example/vo/tpcharness/bench/f", "SITE-A"),
    ],
)
async def test_entries_that_are_not_plainly_ours_are_kept_and_nothing_is_sent(
    tmp_path: Path, path: str, endpoint: str
) -> None:
    async with scripted_bench(tmp_path) as bench:
        entry = await left_behind(bench, path, endpoint=endpoint)
        outcome = await cleaned(bench)
        (kept,) = outcome.kept
        assert kept.entry == entry
        assert kept.why
        assert bench.noted == [entry.url]
        assert bench.server.requests == []
        assert bench.tokens.asked == []


async def test_an_endpoint_that_moved_is_not_touched(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        await left_behind(bench, "/vo/tpcharness/bench/f")
        for https, why in (
            ("https://elsewhere.example/vo", "another address"),
            (f"{bench.server.url}0/vo", "another address"),
            (f"{bench.server.url}/other", "not a payload file below /other/"),
        ):
            outcome = await cleaned(bench, replace(bench.endpoint, https=https, scope_base=""))
            assert why in outcome.kept[0].why
        assert bench.server.requests == []


async def test_an_endpoint_that_fails_again_and_again_is_left_in_peace(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        for number in range(10):
            await left_behind(bench, f"/vo/tpcharness/bench/f{number}")
        bench.server.on("DELETE *", answer(403, "no"))
        outcome = await cleaned(bench)
        assert len(outcome.kept) == len(bench.noted) == 10
        assert len(bench.server.requests) == 3
        assert "cleanup_refused" in outcome.kept[0].why
        assert "not tried" in outcome.kept[-1].why


async def test_one_refusal_does_not_keep_the_rest(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        for number in range(10):
            await left_behind(bench, f"/vo/tpcharness/bench/f{number}")
        for number in (1, 3, 5, 7):
            bench.server.on(f"DELETE *f{number}", answer(500))
        bench.server.on("DELETE *", answer(404))
        outcome = await cleaned(bench)
        assert (len(outcome.gone), len(outcome.kept)) == (6, 4)


async def test_what_somebody_else_took_off_the_ledger_meanwhile_is_gone(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        first = await left_behind(bench, "/vo/tpcharness/bench/f1")
        second = await left_behind(bench, "/vo/tpcharness/bench/f2")
        third = await left_behind(bench, "/vo/tpcharness/bench/f3")
        await bench.ledger.gone(second)
        bench.server.on("DELETE *", answer(404))
        known = {bench.endpoint.name: bench.endpoint}
        outcome = await clean(bench.store, bench.ledger, bench.names, known, entries=[first, second, third])
        assert (outcome.removed, outcome.gone, outcome.kept) == ([], [first, second, third], [])
        assert not any("f2" in line for line in bench.server.lines)


async def test_cancelled_cleaning_keeps_what_it_did_not_do(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        await left_behind(bench, "/vo/tpcharness/bench/f1")
        await left_behind(bench, "/vo/tpcharness/bench/f2")
        bench.server.on("DELETE *f1", answer(404)).on("DELETE *", never)
        task = asyncio.create_task(cleaned(bench))
        while len(bench.server.requests) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(bench.noted) == 1


async def test_the_next_run_removes_what_a_killed_one_left_at_a_storage(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "dcache") as bench:
        for size in (1, 1000):
            assert isinstance(await bench.store.seed(bench.endpoint, size, new_trail()), Seed)
        names = PayloadNames("bench", "r2")
        bench.site.storage.files.add(f"{names.directory(bench.endpoint)}/not-in-the-ledger", b"precious")
        outcome = await clean(bench.store, bench.ledger, names, {bench.endpoint.name: bench.endpoint})
        assert len(outcome.removed) == 2
        assert bench.noted == []
        assert [path.rpartition("/")[2] for path in bench.leftovers] == ["not-in-the-ledger"]
