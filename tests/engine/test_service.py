"""The service on virtual time: what is due runs, within its places, until it is told to stop."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.support.runner_bench import BAD, OK, PULL, FakeProbe, Notes
from tests.support.virtual_time import EPOCH, on_virtual_time
from tpcharness.engine.limits import Limits
from tpcharness.engine.plan import schedule_of
from tpcharness.engine.schedule import Schedule
from tpcharness.engine.service import PATIENCE_SECONDS, TICK_SECONDS, Busy, Service
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import DaemonSettings, ProbeSelection, RunLimits
from tpcharness.model.variant import Outcome, Variant

HOUR = 3600.0
SETTINGS = DaemonSettings(door_interval_seconds=900.0)


class JumpyClock:
    """A wall clock in step with the loop, that somebody may set."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time() + self.ahead_seconds)


def endpoints(count: int, *, max_transfers: int = 4, host: str = "") -> list[Endpoint]:
    return [
        Endpoint(f"S{number}", f"https://{host or f's{number}.example'}/vo{number}", max_transfers=max_transfers)
        for number in range(count)
    ]


def scheduled(storages: list[Endpoint], *, interval: float = HOUR) -> tuple[ScheduledProbe, ...]:
    selection = ProbeSelection(variants=(PULL,))
    return schedule_of(storages, [selection], [interval], (), SETTINGS.door_interval_seconds)


class Bench:
    """A service with fake probes, and everything that it did."""

    def __init__(
        self,
        what: tuple[ScheduledProbe, ...],
        *,
        door: FakeProbe | None = None,
        link: FakeProbe | None = None,
        settings: DaemonSettings = SETTINGS,
        **limits: int,
    ) -> None:
        self.door = door or FakeProbe(Variant.DOOR, seconds=lambda _: 1.0)
        self.link = link or FakeProbe(PULL)
        self.notes = Notes()
        self.clock = JumpyClock()
        self.schedule = Schedule(settings)
        self.what = what
        self.limits = RunLimits(**{"concurrency": 8, "per_host": 8, **limits})
        self.lags: list[float] = []
        self.stop = asyncio.Event()
        numbers = itertools.count()
        self.service = Service(
            self.schedule,
            {Variant.DOOR: self.door, PULL: self.link},
            Limits(self.limits),
            self.notes,
            self.notes,
            self.clock,
            lambda: f"probe-{next(numbers)}",
            "run-1",
            lag=self.lags.append,
        )

    @asynccontextmanager
    async def running(self, *, stop_seconds: float = 60.0) -> AsyncIterator[None]:
        self.schedule.replace(self.what, self.clock.now().timestamp())
        task = asyncio.create_task(self.service.run(self.stop, stop_seconds=stop_seconds))
        try:
            yield
        finally:
            self.stop.set()
            await task

    def count(self, subject: str) -> int:
        return sum(str(result.subject) == subject for result in self.notes.results)

    def planned(self, name: str) -> PlannedProbe:
        return next(each.probe for each in self.what if str(each.probe.subject.subject) == name)


@on_virtual_time
async def test_everything_runs_at_its_interval_and_never_overlaps_itself():
    bench = Bench(scheduled(endpoints(4)))
    async with bench.running():
        await asyncio.sleep(24 * HOUR)
    links = Counter(str(result.subject) for result in bench.notes.results if result.variant is PULL)
    assert len(links) == 12
    assert set(links.values()) <= {24, 25, 26}  # each hour, one early turn, and jitter at both ends
    assert all(90 <= bench.count(f"S{number}") <= 100 for number in range(4))
    assert {result.outcome for result in bench.notes.results} == {Outcome.OK}


@on_virtual_time
async def test_no_more_tasks_than_places():
    bench = Bench(scheduled(endpoints(12), interval=120.0), concurrency=5)
    async with bench.running():
        await asyncio.sleep(HOUR)
        assert bench.link.most_tasks <= 5 + 4  # the test, the service, its watcher, and a moment's change of guard
    assert bench.count("S0 -> S1") > 3


@on_virtual_time
async def test_who_finds_no_place_at_its_host_goes_back_to_the_schedule_and_comes_again():
    storages = endpoints(4, host="one.example")
    bench = Bench(scheduled(storages), link=FakeProbe(PULL, seconds=lambda _: 3 * PATIENCE_SECONDS), per_host=1)
    async with bench.running():
        waiting = 0
        for _ in range(200):
            await asyncio.sleep(PATIENCE_SECONDS / 2)
            waiting = max(waiting, bench.service.status().waiting)
            assert sum(bench.service.status().in_flight.values()) <= 1
    assert waiting > 0
    assert len({result.subject for result in bench.notes.results if result.variant is PULL}) == 12


@on_virtual_time
async def test_links_of_a_failed_door_are_skipped_with_the_door_s_blame():
    bench = Bench(
        scheduled(endpoints(3)),
        door=FakeProbe(Variant.DOOR, seconds=lambda _: 1.0, verdict=lambda name, _: BAD if name == "S0" else OK),
    )
    async with bench.running():
        await asyncio.sleep(2 * HOUR)
    down = [result for result in bench.notes.results if result.outcome is Outcome.SKIPPED]
    assert {str(result.subject) for result in down} == {"S0 -> S1", "S0 -> S2", "S1 -> S0", "S2 -> S0"}
    assert {result.reason for result in down} == {Reason.ENDPOINT_DOWN}
    assert {str(result.subject): result.blame.value for result in down}["S0 -> S1"] == "source"
    assert set(bench.link.started) == {"S1 -> S2", "S2 -> S1"}


@on_virtual_time
async def test_a_stop_cleans_up_what_is_under_way_and_tells_nothing_of_it():
    bench = Bench(scheduled(endpoints(4)), link=FakeProbe(PULL, seconds=lambda _: 1e6))
    async with bench.running():
        await asyncio.sleep(HOUR)
        assert bench.service.status().in_flight == {PULL: 8}
    assert bench.link.dirty == set()
    assert not [result for result in bench.notes.results if result.variant is PULL]
    assert bench.service.status().in_flight == {}


@on_virtual_time
async def test_clean_up_that_takes_too_long_is_abandoned():
    stubborn = FakeProbe(PULL, seconds=lambda _: 1e6, cleanup_seconds=500.0)
    bench = Bench(scheduled(endpoints(4)), link=stubborn)
    async with bench.running(stop_seconds=30.0):
        await asyncio.sleep(HOUR)
        begin = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - begin == pytest.approx(30.0, abs=2)
    assert len(stubborn.abandoned) == 8


@on_virtual_time
async def test_a_second_signal_abandons_at_once():
    stubborn = FakeProbe(PULL, seconds=lambda _: 1e6, cleanup_seconds=500.0)
    bench = Bench(scheduled(endpoints(4)), link=stubborn)
    async with bench.running(stop_seconds=300.0):
        await asyncio.sleep(HOUR)
        bench.stop.set()
        await asyncio.sleep(5)
        begin = asyncio.get_running_loop().time()
        bench.service.abandon()
    assert asyncio.get_running_loop().time() - begin < 1
    assert len(stubborn.abandoned) == 8


@on_virtual_time
async def test_a_clock_set_forward_gives_everybody_one_turn_and_set_back_stops_nobody():
    bench = Bench(scheduled(endpoints(3)))
    async with bench.running():
        await asyncio.sleep(2 * HOUR)
        before = bench.count("S0 -> S1")
        bench.clock.ahead_seconds += 100 * 24 * HOUR
        await asyncio.sleep(600)
        after = bench.count("S0 -> S1")
        assert after - before in {1, 2}  # the one turn, and perhaps the regular one
        bench.clock.ahead_seconds -= 200 * 24 * HOUR
        await asyncio.sleep(3 * HOUR)
        assert bench.count("S0 -> S1") - after >= 2


@on_virtual_time
async def test_the_tick_goes_on_although_nothing_is_due():
    bench = Bench(scheduled(endpoints(2), interval=24 * HOUR))
    async with bench.running():
        await asyncio.sleep(HOUR)
        assert asyncio.get_running_loop().time() - bench.service.status().ticked_at <= TICK_SECONDS


@on_virtual_time
async def test_a_bug_in_the_sink_ends_the_service():
    bench = Bench(scheduled(endpoints(2)))

    def fall(_result: Result) -> None:
        raise RuntimeError("no more paper")

    bench.notes.add = fall  # type: ignore[method-assign]
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        async with bench.running():
            await asyncio.wait_for(asyncio.Event().wait(), 5 * HOUR)


async def out_of_turn(bench: Bench, subject: str, seconds: float = 60.0) -> Result:
    return await bench.service.probe_now(bench.planned(subject), seconds)


@on_virtual_time
async def test_a_probe_out_of_turn_shares_the_limits_and_is_recorded():
    bench = Bench(scheduled(endpoints(3), interval=24 * HOUR), concurrency=1)
    async with bench.running():
        await asyncio.sleep(5 * HOUR)
        before = bench.count("S0 -> S1")
        one = asyncio.create_task(out_of_turn(bench, "S0 -> S1"))
        await asyncio.sleep(1)
        with pytest.raises(Busy, match="S1 -> S0"):
            await out_of_turn(bench, "S1 -> S0")
        with pytest.raises(Busy, match="is being probed"):
            await out_of_turn(bench, "S0 -> S1")
        assert (await one).ok
        assert bench.count("S0 -> S1") == before + 1
    with pytest.raises(Busy, match="not running"):
        await out_of_turn(bench, "S0 -> S1")


@on_virtual_time
async def test_a_probe_out_of_turn_that_takes_too_long_is_cancelled_and_cleans_up():
    bench = Bench(scheduled(endpoints(2), interval=24 * HOUR))
    async with bench.running():
        await asyncio.sleep(5 * HOUR)
        before = len(bench.notes.results)
        with pytest.raises(TimeoutError):
            await out_of_turn(bench, "S0 -> S1", 4.0)
        assert bench.link.dirty == {"S0 -> S1"}
        await asyncio.sleep(4)
        assert bench.link.dirty == set()
        assert len(bench.notes.results) == before
        assert bench.service.status().in_flight == {}


@on_virtual_time
async def test_a_reload_in_mid_run_lets_end_what_is_under_way_with_what_it_began_with():
    bench = Bench(scheduled(endpoints(3)), link=FakeProbe(PULL, seconds=lambda _: 2 * HOUR), concurrency=3)
    async with bench.running():
        await asyncio.sleep(HOUR)
        assert sum(bench.service.status().in_flight.values()) == 3
        what = scheduled(endpoints(2))
        new = {Variant.DOOR: FakeProbe(Variant.DOOR), PULL: FakeProbe(PULL)}
        arrangement = bench.schedule.arrange(what)
        change, over = bench.service.adopt(new, Limits(replace(bench.limits, concurrency=3)), arrangement)
        assert {str(subject) for subject, variant in change.removed if variant is PULL} == {
            "S0 -> S2", "S2 -> S0", "S1 -> S2", "S2 -> S1",
        }  # fmt: skip
        begun = len(bench.link.contexts)
        await asyncio.sleep(1)
        assert sum(bench.service.status().in_flight.values()) == 3  # the limit is one, old and new together
        await over()
        assert bench.link.dirty == set()
        assert len(bench.link.contexts) == begun
        await asyncio.sleep(2 * HOUR)
        assert set(new[PULL].started) == {"S0 -> S1", "S1 -> S0"}


@on_virtual_time
async def test_lag_is_told_and_small_where_there_is_room():
    bench = Bench(scheduled(endpoints(3)))
    async with bench.running():
        await asyncio.sleep(6 * HOUR)
    assert len(bench.lags) == len(bench.notes.results)
    assert max(bench.lags) <= TICK_SECONDS


@on_virtual_time
async def test_a_service_refuses_a_variant_that_nobody_probes():
    bench = Bench(scheduled(endpoints(2)))
    bench.schedule.replace(bench.what, 0.0)
    service = Service(
        bench.schedule, {}, Limits(bench.limits), bench.notes, bench.notes, bench.clock, lambda: "x", "run-1"
    )
    with pytest.raises(ValueError, match="no probe for"):
        await service.run(asyncio.Event(), stop_seconds=1.0)


@pytest.mark.parametrize("seconds", [0.5, 4.0])
@on_virtual_time
async def test_a_caller_who_goes_away_takes_its_probe_along(seconds: float):
    bench = Bench(scheduled(endpoints(2), interval=24 * HOUR))
    async with bench.running():
        await asyncio.sleep(5 * HOUR)
        caller = asyncio.create_task(out_of_turn(bench, "S1 -> S0"))
        await asyncio.sleep(seconds)
        caller.cancel()
        await asyncio.wait({caller})
        assert caller.cancelled()
        await asyncio.sleep(5)
        assert bench.service.status().in_flight == {}


@on_virtual_time
async def test_sizes_of_one_link_may_run_side_by_side():
    selection = ProbeSelection(variants=(PULL,), sizes=(1, 2, 3))
    what = schedule_of(endpoints(2), [selection], [HOUR], (), SETTINGS.door_interval_seconds)
    bench = Bench(what, link=FakeProbe(PULL, seconds=lambda _: 1e6))
    async with bench.running():
        await asyncio.sleep(HOUR)
        assert bench.service.status().in_flight == {PULL: 6}
