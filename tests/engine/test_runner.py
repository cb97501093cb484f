"""The runner on virtual time: one result for every planned subject, however the run ends."""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.support.runner_bench import BAD, NO_TOKEN, OK, PULL, REFUSED, Bench, FakeProbe, Verdict, mesh
from tests.support.virtual_time import on_virtual_time, run_virtual
from tpcharness.engine.runner import RunSummary
from tpcharness.model.plan import Plan
from tpcharness.model.progress import ProbeStarted
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative, Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.run import RunEnd

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"  # codespell:ignore


@on_virtual_time
async def test_a_quiet_run() -> None:
    bench = Bench(mesh(4))
    summary = await bench.run()
    bench.check(summary)
    assert summary.ended is RunEnd.COMPLETE
    assert summary.outcomes == {Outcome.OK: 16}
    started = [event for event in bench.notes.events if isinstance(event, ProbeStarted)]
    assert {event.label for event in started} >= {"S0 door", "S1 -> S2 https-pull"}
    assert {result.run_id for result in bench.notes.results} == {"run-1"}


@on_virtual_time
async def test_an_empty_plan_is_over_at_once() -> None:
    bench = Bench(Plan())
    assert await bench.run(stop=asyncio.Event()) == RunSummary(RunEnd.COMPLETE, {}, 0.0)
    bench.check()


@on_virtual_time
async def test_links_wait_for_their_own_doors_only() -> None:
    door = FakeProbe(Variant.DOOR, seconds=lambda name: 500.0 if name == "S3" else 1.0)
    bench = Bench(mesh(4), door=door)
    bench.check(await bench.run())
    for name, at in bench.link.started.items():
        assert at >= 500.0 if "S3" in name else at < 100.0


@on_virtual_time
async def test_links_without_doors_in_the_plan_start_at_once() -> None:
    plan = Plan(links=mesh(4).links)
    bench = Bench(plan)
    bench.check(await bench.run())
    assert min(bench.link.started.values()) == 0.0


@on_virtual_time
async def test_links_of_a_door_that_failed_are_not_probed() -> None:
    door = FakeProbe(Variant.DOOR, verdict=lambda name, _: REFUSED if name in ("S1", "S2") else OK)
    bench = Bench(mesh(4), door=door)
    summary = await bench.run()
    bench.check(summary)
    assert set(bench.link.started) == {"S0 -> S3", "S3 -> S0"}
    as_source, as_destination, both = map(bench.notes.of, ("S1 -> S0", "S0 -> S1", "S2 -> S1"))
    for result in (as_source, as_destination, both):
        assert (result.outcome, result.reason) == (Outcome.SKIPPED, Reason.ENDPOINT_DOWN)
    sentence = Reason.CONNECTION_REFUSED.info.sentence
    assert (as_source.blame, as_source.hint, as_source.alternatives) == (Blame.SOURCE, f"S1: {sentence}", ())
    assert (as_destination.blame, as_destination.hint) == (Blame.DESTINATION, f"S1: {sentence}")
    assert both.blame is Blame.SOURCE
    assert both.alternatives == (Alternative(Reason.ENDPOINT_DOWN, Blame.DESTINATION),)
    assert both.hint == f"S2: {sentence} S1: {sentence}"


@on_virtual_time
async def test_a_door_that_failed_by_our_own_fault_blames_no_storage() -> None:
    door = FakeProbe(Variant.DOOR, verdict=lambda name, _: NO_TOKEN if name == "S1" else OK)
    bench = Bench(mesh(3), door=door)
    bench.check(await bench.run())
    assert bench.notes.of("S1 -> S0").blame is Blame.CLIENT
    assert bench.notes.of("S1 -> S0").hint.startswith("S1: No token")


@on_virtual_time
async def test_a_probe_knows_how_long_it_was_queued() -> None:
    bench = Bench(mesh(3), concurrency=1)
    bench.check(await bench.run())
    assert [context.queued_seconds for context in bench.door.contexts] == [0.0, 1.0, 2.0]
    for (name, started), context in zip(bench.link.started.items(), bench.link.contexts, strict=True):
        due = 3.0 if "S2" in name else 2.0
        assert context.queued_seconds == started - due


@on_virtual_time
async def test_a_bug_in_a_probe_is_a_result_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def stumble(name: str, _attempt: int) -> Verdict:
        if name == "S0 -> S1":
            raise LookupError(f"the server said {JWT}")
        return OK

    bench = Bench(mesh(3), link=FakeProbe(PULL, verdict=stumble))
    with caplog.at_level(logging.ERROR):
        summary = await bench.run()
    bench.check(summary)
    result = bench.notes.of("S0 -> S1")
    assert (result.outcome, result.reason, result.blame) == (Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT)
    assert "LookupError" in result.hint
    assert JWT not in result.hint
    assert "in stumble" in caplog.text
    assert JWT not in caplog.text
    assert summary.outcomes == {Outcome.ERROR: 1, Outcome.OK: 8}


@on_virtual_time
async def test_a_cancellation_that_is_nobodys_is_a_bug_too() -> None:
    def leak(name: str, _attempt: int) -> Verdict:
        if name == "S0 -> S1":
            raise asyncio.CancelledError
        return OK

    bench = Bench(mesh(2), link=FakeProbe(PULL, verdict=leak))
    summary = await bench.run()
    bench.check(summary)
    assert bench.notes.of("S0 -> S1").reason is Reason.INTERNAL
    assert summary.ended is RunEnd.COMPLETE


@on_virtual_time
async def test_a_variant_that_nobody_probes_is_refused_before_anything_is_touched() -> None:
    bench = Bench(mesh(3, variants=(PULL, Variant.HTTPS_PUSH)))
    with pytest.raises(ValueError, match="https-push"):
        await bench.run()
    assert bench.door.started == {}


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 5.0, 11.0, 12.5, 20.0, 21.0])
def test_the_deadline(seconds: float) -> None:
    async def main() -> None:
        bench = Bench(mesh(5))
        summary = await bench.run(deadline_seconds=seconds)
        bench.check(summary)
        assert summary.ended is RunEnd.DEADLINE
        assert summary.seconds <= seconds + bench.link.cleanup_seconds
        assert not bench.link.dirty | bench.door.dirty
        assert set(bench.notes.reasons) <= {Reason.OK, Reason.NOT_REACHED, Reason.CANCELLED}
        assert bench.notes.reasons[Reason.NOT_REACHED] > 0
        assert all(result.blame is Blame.NOBODY for result in bench.notes.results)
        begun = len(bench.link.started) + len(bench.door.started)
        assert begun == len(bench.notes.results) - bench.notes.reasons[Reason.NOT_REACHED]

    run_virtual(main())


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 1.5, 11.0, 17.0, 30.0])
def test_a_stop_does_the_same(seconds: float) -> None:
    async def main() -> None:
        bench = Bench(mesh(5))
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        summary = await bench.run(stop=stop)
        bench.check(summary)
        assert summary.ended is RunEnd.INTERRUPTED
        assert not bench.link.dirty | bench.door.dirty

    run_virtual(main())


@on_virtual_time
async def test_a_stop_from_the_start_touches_nothing() -> None:
    bench = Bench(mesh(3))
    stop = asyncio.Event()
    stop.set()
    bench.check(await bench.run(stop=stop))
    assert bench.door.started == {}
    assert bench.notes.reasons == {Reason.NOT_REACHED: 9}


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 1.5, 11.0, 17.0, 30.0])
def test_cancelling_the_run_cleans_up_and_reports_too(seconds: float) -> None:
    async def main() -> None:
        bench = Bench(mesh(5))
        task = asyncio.create_task(bench.run())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if seconds:  # else the run never began
            bench.check()
        assert not bench.link.dirty | bench.door.dirty

    run_virtual(main())


@on_virtual_time
async def test_a_deadline_or_stop_during_the_clean_up_does_not_cut_that_short() -> None:
    bench = Bench(mesh(5))
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(5.0, stop.set)
    summary = await bench.run(stop=stop, deadline_seconds=6.0)
    bench.check(summary)
    assert (summary.ended, summary.seconds) == (RunEnd.INTERRUPTED, 8.0)
    assert not bench.link.dirty | bench.door.dirty


@pytest.mark.parametrize("after_stop_seconds", [0.0, 1.0, 2.9])
def test_abandoning_cancels_even_the_clean_up(after_stop_seconds: float) -> None:
    async def main() -> None:
        bench = Bench(mesh(5))
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.call_later(5.0, stop.set)
        loop.call_later(5.0 + after_stop_seconds, bench.runner.abandon)
        summary = await bench.run(stop=stop)
        bench.check(summary)
        assert summary.ended is RunEnd.INTERRUPTED
        assert summary.seconds == 5.0 + after_stop_seconds
        assert bench.link.abandoned

    run_virtual(main())


@on_virtual_time
async def test_abandoning_needs_no_stop_before_and_no_run() -> None:
    bench = Bench(mesh(5))
    asyncio.get_running_loop().call_later(5.0, bench.runner.abandon)
    summary = await bench.run()
    bench.check(summary)
    assert summary.seconds == 5.0
    bench.runner.abandon()


@on_virtual_time
async def test_after_too_many_failures_nothing_starts_but_what_runs_may_finish() -> None:
    bench = Bench(mesh(6), link=FakeProbe(PULL, verdict=lambda *_: BAD))
    summary = await bench.run(max_failures=3)
    bench.check(summary)
    assert summary.ended is RunEnd.MAX_FAILURES
    assert 3 <= summary.outcomes[Outcome.FAILURE] <= 3 + 8
    assert bench.notes.reasons[Reason.CANCELLED] == 0
    assert bench.notes.reasons[Reason.NOT_REACHED] > 0


@on_virtual_time
async def test_failures_that_cut_nothing_short_leave_a_complete_run() -> None:
    bench = Bench(mesh(2), link=FakeProbe(PULL, verdict=lambda *_: BAD))
    assert (await bench.run(max_failures=2)).ended is RunEnd.COMPLETE


@on_virtual_time
async def test_the_deadline_holds_also_after_too_many_failures() -> None:
    link = FakeProbe(PULL, seconds=lambda name: 2.0 if name.startswith("S0") else 900.0, verdict=lambda *_: BAD)
    bench = Bench(mesh(6), link=link)
    summary = await bench.run(max_failures=1, deadline_seconds=60.0)
    bench.check(summary)
    assert summary.ended is RunEnd.MAX_FAILURES
    assert summary.seconds == 63.0
    assert bench.notes.reasons[Reason.CANCELLED] > 0


@on_virtual_time
async def test_links_of_a_failed_door_are_endpoint_down_also_when_the_run_ends_early() -> None:
    door = FakeProbe(
        Variant.DOOR,
        seconds=lambda name: 100.0 if name == "S2" else 1.0,
        verdict=lambda name, _: REFUSED if name == "S1" else OK,
    )
    bench = Bench(mesh(3), door=door)
    bench.check(await bench.run(deadline_seconds=50.0))
    assert bench.notes.of("S2 -> S1").reason is Reason.ENDPOINT_DOWN
    assert bench.notes.of("S2 -> S0").reason is Reason.NOT_REACHED
    assert bench.notes.of("S2").reason is Reason.CANCELLED


@on_virtual_time
async def test_a_retried_probe_gives_one_result_per_attempt_and_the_last_decides() -> None:
    def verdict(name: str, attempt: int) -> Verdict:
        return BAD if name == "S0 -> S1" and attempt < 3 else REFUSED if name == "S1 -> S0" else OK

    bench = Bench(mesh(2), link=FakeProbe(PULL, verdict=verdict), attempts=3)
    summary = await bench.run()
    first, second, third = [result for result in bench.notes.results if str(result.subject) == "S0 -> S1"]
    assert [first.outcome, second.outcome, third.outcome] == [Outcome.FAILURE, Outcome.FAILURE, Outcome.OK]
    assert [first.attempt, second.attempt, third.attempt] == [1, 2, 3]
    assert first.probe_id == third.probe_id
    assert summary.outcomes == {Outcome.OK: 3, Outcome.FAILURE: 1}


@on_virtual_time
async def test_a_retry_that_is_cancelled_does_not_hide_the_failure_before_it() -> None:
    bench = Bench(mesh(2), link=FakeProbe(PULL, verdict=lambda *_: BAD), attempts=2)
    summary = await bench.run(deadline_seconds=15.0)
    bench.check(summary)
    assert summary.outcomes == {Outcome.OK: 2, Outcome.FAILURE: 2}
    assert len(bench.link.contexts) == 4


@on_virtual_time
async def test_ten_thousand_probes_are_never_more_tasks_than_places() -> None:
    plan = mesh(101, max_transfers=8)
    assert len(plan.links) == 10_100
    link = FakeProbe(PULL, seconds=lambda name: 30.0 if "S7 " in name else 1.0)
    bench = Bench(plan, link=link, concurrency=32)
    summary = await bench.run(stop=asyncio.Event())
    bench.check(summary)
    assert summary.outcomes == {Outcome.OK: 10_201}
    assert max(bench.link.most_tasks, bench.door.most_tasks) <= 32 + 2


@on_virtual_time
async def test_a_sink_that_fails_ends_the_run_without_leaving_anything_behind() -> None:
    bench = Bench(mesh(4))
    taken: list[Result] = []

    def full(result: Result) -> None:
        if len(taken) == 6:
            raise OSError("no space left on device")
        taken.append(result)

    bench.notes.add = full  # type: ignore[method-assign]
    with pytest.raises((ExceptionGroup, OSError)):
        await bench.run()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not bench.link.dirty


@on_virtual_time
async def test_a_runner_runs_one_plan_at_a_time_and_then_the_next() -> None:
    bench = Bench(mesh(2))
    first = asyncio.create_task(bench.run())
    await asyncio.sleep(0.5)
    with pytest.raises(RuntimeError, match="already running"):
        await bench.run()
    assert (await first).ended is RunEnd.COMPLETE
    assert (await bench.run(deadline_seconds=0.5)).ended is RunEnd.DEADLINE
    assert (await bench.run()).ended is RunEnd.COMPLETE
