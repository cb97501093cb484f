"""Requests for staging: written down first, ended always, also by the run after a crash."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clocks import NOON, FixedClock, WallClock
from tests.support.tape_bench import DIALECTS, QUICK, TapeBench, TapeWorld, tape_bench, tape_world
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.payload.cleaning import Cleaning, clean, forgotten
from tpcharness.payload.ledger import Ledger, LedgerEntry, LedgerError
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.tape_errands import Discovered
from tpcharness.payload.tape_polling import Polling
from tpcharness.payload.tape_requests import READING_SECONDS, NotRegistered, OpenRequest, TapeRequests
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.wire.tape.discovery import TapeService as FoundService


async def discovered(bench: TapeBench, world: TapeWorld) -> FoundService:
    found = await bench.errands.discover(world.endpoint, bench.trail())
    assert isinstance(found, Discovered)
    return found.document.services[0]


async def opened(bench: TapeBench, world: TapeWorld) -> OpenRequest:
    service = await discovered(bench, world)
    request = await bench.requests.open(world.endpoint, service, (world.registered,), bench.trail())
    assert isinstance(request, OpenRequest)
    return request


def lines(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (directory / "ledger.jsonl").read_text().splitlines()]


async def test_only_what_is_registered(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        service = await discovered(bench, world)
        with pytest.raises(NotRegistered, match="precious is not in the list"):
            await bench.requests.open(world.endpoint, service, (world.registered, world.other), bench.trail())
        assert world.service.requests_seen == []
        assert bench.ledger.entries == ()


async def test_the_ledger_comes_first(tmp_path: Path) -> None:
    async with tape_world("eos") as world, tape_bench(world, tmp_path) as bench:
        service = await discovered(bench, world)
        (tmp_path / "ledger.jsonl").unlink()
        with pytest.raises(LedgerError):
            await bench.requests.open(world.endpoint, service, (world.registered,), bench.trail())
        assert world.service.requests_seen == []


async def test_what_is_sent_and_written(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        request = await opened(bench, world)
        taken = world.service.library.requests[request.receipt.request_id]
        assert taken.lifetime_seconds == 1 + READING_SECONDS
        assert bench.requests.disk_lifetime_seconds == 1 + 20 + READING_SECONDS
        ticket, entry, gone = lines(tmp_path)
        assert str(ticket["url"]).startswith(f"{world.service.uri}/stage#run.")
        assert entry["url"] == f"{world.service.uri}/stage/{request.receipt.request_id}"
        assert entry["tape"] == ticket["tape"] == [world.registered]
        assert gone == {"gone": ticket["url"]}
        assert await bench.requests.close(request, bench.trail()) is None
        assert bench.ledger.entries == ()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_crash_in_mid_stage_leaves_nothing_to_the_next_run(tmp_path: Path, dialect: str) -> None:
    async with tape_world(dialect, {TapeFault.NEVER_ENDS}) as world:
        async with tape_bench(world, tmp_path) as bench:
            await opened(bench, world)  # and nobody closes it
        assert len(world.service.library.open_requests) == 1
        async with tape_bench(world, tmp_path, run_id="next") as bench:
            (entry,) = bench.ledger.entries
            assert await bench.requests.close_entry(entry, world.endpoint, bench.trail()) is None
            assert bench.ledger.entries == ()
        assert world.service.library.open_requests == []


async def test_a_request_without_a_name_waits_for_the_end_of_its_lifetime(tmp_path: Path) -> None:
    clock = FixedClock()
    async with (
        tape_world("dcache", {TapeFault.STAGE_FAILS}) as world,
        tape_bench(world, tmp_path, clock=clock) as bench,
    ):
        service = await discovered(bench, world)
        failure = await bench.requests.open(world.endpoint, service, (world.registered,), bench.trail())
        assert isinstance(failure, Failure)
        (entry,) = bench.ledger.entries
        left = await bench.requests.close_entry(entry, world.endpoint, bench.trail())
        assert left is not None
        assert left.reason is Reason.TAPE_REQUEST_LEFT
        assert entry in bench.ledger.entries
        clock.time += timedelta(seconds=bench.requests.disk_lifetime_seconds + 1)
        assert await bench.requests.close_entry(entry, world.endpoint, bench.trail()) is None
        assert bench.ledger.entries == ()


async def test_what_cannot_be_ended_stays_and_is_ended_later(tmp_path: Path) -> None:
    async with tape_world("storm") as world, tape_bench(world, tmp_path) as bench:
        request = await opened(bench, world)
        world.service.faults.add(TapeFault.NOTHING_ENDS)
        left = await bench.requests.close(request, bench.trail())
        assert left is not None
        assert left.reason is Reason.TAPE_REQUEST_LEFT
        assert bench.ledger.entries == (request.entry,)
        world.service.faults.clear()
        assert await bench.requests.close(request, bench.trail()) is None
        assert await bench.requests.close(request, bench.trail()) is None  # 404: it is gone
        assert world.service.library.requests == {}


async def test_a_service_that_is_gone_is_a_failure_not_an_exception(tmp_path: Path) -> None:
    async with tape_world("eos") as world, tape_bench(world, tmp_path) as bench:
        request = await opened(bench, world)
        await world.service.stop()
        staging = await bench.requests.follow(request, bench.trail())
        assert staging.failure is not None
        assert staging.failure.reason is Reason.CONNECTION_REFUSED
        assert staging.polls == 3
        left = await bench.requests.close(request, bench.trail())
        assert left is not None
        assert bench.ledger.entries == (request.entry,)


async def test_a_service_that_wants_to_be_left_alone_is_obeyed(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        request = await opened(bench, world)
        world.service.faults.add(TapeFault.OVERLOADED)
        polled = await bench.errands.poll(
            world.endpoint, request.service, request.receipt.request_id, request.paths, bench.trail()
        )
        assert isinstance(polled.outcome, Failure)
        assert (polled.outcome.reason, polled.retry_after_seconds) == (Reason.OVERLOADED, 1.0)
        staging = await bench.requests.follow(request, bench.trail())
        assert staging.failure is not None
        assert staging.failure.reason is Reason.OVERLOADED
        assert staging.polls == 2  # in 1.5 s, a second apart
        world.service.faults.clear()
        assert await bench.requests.close(request, bench.trail()) is None


async def test_closing_is_seen_through_a_cancellation(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        request = await opened(bench, world)
        task = asyncio.create_task(bench.requests.close(request, bench.trail()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert world.service.library.requests == {}
        assert bench.ledger.entries == ()


async def test_cleaning_ends_requests_of_former_runs_at_configured_endpoints(tmp_path: Path) -> None:
    async with tape_world("eos", {TapeFault.NEVER_ENDS}) as world:
        async with tape_bench(world, tmp_path) as bench:
            await opened(bench, world)
        async with tape_bench(world, tmp_path, run_id="next") as bench:
            names, endpoints = PayloadNames("bench", "next"), {world.endpoint.name: world.endpoint}

            async def cleaning(known: dict[str, Endpoint], tape: TapeRequests | None) -> Cleaning:
                store = PayloadStore(bench.errands._client, bench.tokens, bench.ledger, names, WallClock(), QUICK)
                return await clean(store, bench.ledger, names, known, tape=tape)

            (kept,) = (await cleaning({}, bench.requests)).kept
            assert kept.why == "endpoint SITE-A is not configured"
            (kept,) = (await cleaning(endpoints, None)).kept
            assert len(world.service.library.open_requests) == 1
            (removed,) = (await cleaning(endpoints, bench.requests)).removed
            assert removed == kept.entry
            assert world.service.library.open_requests == []
            assert bench.ledger.entries == ()


async def test_a_request_of_a_running_service_is_needed_for_a_day(tmp_path: Path) -> None:
    names = PayloadNames("bench", "run")
    async with Ledger(tmp_path / "ledger.jsonl") as ledger:
        entry = LedgerEntry("SITE-A", "https://h/api/v1/stage/7", "run", NOON, ("/vo/a",))
        await ledger.add(entry)
        assert forgotten(ledger, names, NOON + timedelta(hours=23)) == ()
        assert forgotten(ledger, names, NOON + timedelta(hours=25)) == (entry,)
        assert forgotten(ledger, PayloadNames("bench", "next"), NOON) == (entry,)
    async with Ledger(tmp_path / "ledger.jsonl") as ledger:
        assert ledger.entries == (entry,)


def test_pauses_grow_with_some_jitter_and_obey_the_service() -> None:
    polling = Polling()
    pauses = [polling.pause_seconds(polls, 0.0) for polls in range(1, 12)]
    assert pauses[0] == 30.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 600.0
    assert polling.pause_seconds(1, 1.0) == pytest.approx(24.0)
    assert polling.pause_seconds(1, 1.0, 120.0) == 120.0
    assert polling.pause_seconds(10**6, 0.0) == 600.0
