"""The endless sibling of the runner: probes what is due, as long as there is room, until it is told to stop.

What is due, and what is left out, is the schedule's word; this is where it meets the event loop. A probe is a task
only while it has its places. Who finds none at its host waits in a line, but not for long: then the schedule has it
back, so that it is judged anew whether it should run at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from tpcharness.engine.arrangement import Arrangement
from tpcharness.engine.attempts import Attempts, check_variants, label
from tpcharness.engine.limits import Limits
from tpcharness.engine.line import Waiter, WaitingLine
from tpcharness.engine.schedule import Due, Schedule, ScheduleChange, SkipReason
from tpcharness.engine.turns import Key, key_of
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.progress import Observer, ProbeEnded
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import Clock, Probe, Sink
from tpcharness.model.variant import Variant

TICK_SECONDS = 5.0
"""Longest time between two looks at the schedule: the wall clock may have been set meanwhile."""

_LEAST_SECONDS = 0.01  # between two looks, whatever the schedule says

PATIENCE_SECONDS = 60.0
"""How long a probe waits for a place at its host before it goes back to the schedule."""

CHUNK = 100
"""So many skipped probes get their results before others have their turn on the event loop."""

_INSIST_SECONDS = 1.0


class Busy(Exception):  # noqa: N818 - reads as what it is
    """There is no place for one more probe now; the message says where."""


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What a service is doing. `ticked_at` is the loop time of its last look at the schedule.

    `waiting` have their turn but no place at their host yet; `due` are those for whom there is no place in the whole.
    """

    ticked_at: float
    in_flight: Mapping[Variant, int]
    waiting: int
    due: int


@dataclass(slots=True)
class _UnderWay:
    """A probe that has its places; `scheduled` is False for one out of turn."""

    probe: PlannedProbe
    waiter: Waiter
    scheduled: bool


class Service:
    """Runs the probes of a schedule until `run` is told to stop.

    `sink` gets every result as it is made; an exception of the sink or the observer ends the service and comes out
    of `run`. A probe that is cancelled, at the end or because its caller has gone, gives no result: nothing was found
    out, and what is known of its subject stands. `lag` is told, in seconds, how late each probe starts.
    """

    def __init__(
        self,
        schedule: Schedule,
        probes: Mapping[Variant, Probe],
        limits: Limits,
        sink: Sink,
        observer: Observer,
        clock: Clock,
        new_probe_id: Callable[[], str],
        run_id: str,
        *,
        lag: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._schedule = schedule
        self._probes = probes
        self._limits = limits
        self._sink = sink
        self._observer = observer
        self._clock = clock
        self._one = Attempts(run_id, clock, observer, new_probe_id)
        self._lag = lag
        self._line = WaitingLine(limits)
        self._turn = 0
        self._waiting: deque[Waiter] = deque()
        self._due: dict[int, Due] = {}
        self._under_way: dict[asyncio.Task[Any], _UnderWay] = {}
        self._busy_with: Counter[Key] = Counter()
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False
        self._ticked_at = 0.0

    def status(self) -> ServiceStatus:
        """At this moment."""
        in_flight = Counter(each.probe.variant for each in self._under_way.values())
        return ServiceStatus(self._ticked_at, in_flight, len(self._line), self._schedule.due(self._now()))

    async def run(self, stop: asyncio.Event, *, stop_seconds: float) -> None:
        """Runs until `stop` is set; returns when everything is cleaned up, or `stop_seconds` later at the latest.

        Then nothing new starts, and what is under way is cancelled and cleans up; what has not done so in time is
        abandoned, and its files stay in the ledger. Cancelling `run` cancels what is under way and waits for its
        clean-up.
        """
        check_variants(self._probes, {scheduled.probe.variant for scheduled in self._schedule.scheduled})
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as self._group:
                watcher = self._group.create_task(self._watch(stop))
                while not self._stopping:
                    await self._tick(loop)
                    await self._sleep(loop)
                watcher.cancel()
                await self._wind_up(stop_seconds)
        finally:
            self._stopping = True
            self._group = None
            self._give_up_waiting()

    def abandon(self) -> None:
        """Ends the winding-up now: cancels even the clean-up of what is under way, whose files stay in the ledger."""
        self._cancel_all()

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stopping = True
        self._wake.set()

    async def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Until something is due, has ended or lost its patience; not longer than a tick."""
        now = self._now()
        next_at = self._schedule.next_at(now)
        seconds = TICK_SECONDS if next_at is None else min(TICK_SECONDS, max(_LEAST_SECONDS, next_at - now))
        if self._limits.exhausted:
            seconds = TICK_SECONDS  # whatever is due must wait for a place
        if self._waiting:
            seconds = min(seconds, max(_LEAST_SECONDS, self._waiting[0].due_at + PATIENCE_SECONDS - loop.time()))
        timer = loop.call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        self._wake.clear()

    async def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes what is due, starts what has a place, and settles what is skipped."""
        self._ticked_at = loop.time()
        self._lose_patience(loop.time())
        self._start()
        while not self._stopping and not self._limits.exhausted:
            now = self._now()
            for due in self._schedule.take_due(now, self._limits.free):
                self._offer(due, loop.time())
            self._start()
            await self._settle_skipped()
            next_at = self._schedule.next_at(now)
            if next_at is None or next_at > now:
                break
            await asyncio.sleep(0)

    def _offer(self, due: Due, now: float) -> None:
        probe = due.scheduled.probe
        if self._busy_with[key_of(probe)]:  # out of turn, on somebody's word: a subject never overlaps itself
            self._schedule.ended(probe, None, self._now())
            return
        self._turn += 1
        waiter = self._line.join(self._turn, probe, now)
        self._due[waiter.number] = due
        self._waiting.append(waiter)

    def _start(self) -> None:
        while not self._stopping and (waiter := self._line.admit()):
            due = self._due.pop(waiter.number)
            self._lag(max(0.0, self._now() - due.due_at))
            self._launch(waiter, self._scheduled(waiter), scheduled=True)

    def _launch(self, waiter: Waiter, work: Coroutine[Any, Any, Result], *, scheduled: bool) -> asyncio.Task[Result]:
        assert self._group is not None  # noqa: S101 - for the type checker: both callers have looked
        task = self._group.create_task(work, name=label(waiter.probe))
        self._under_way[task] = _UnderWay(waiter.probe, waiter, scheduled)
        self._busy_with[key_of(waiter.probe)] += 1
        task.add_done_callback(self._landed)
        return task

    def _landed(self, task: asyncio.Task[Any]) -> None:
        """Also for a task that was cancelled before its first step, which never ran at all."""
        under_way = self._under_way.pop(task)
        key = key_of(under_way.probe)
        self._busy_with[key] -= 1
        if not self._busy_with[key]:
            del self._busy_with[key]
        self._line.release(under_way.waiter)
        if under_way.scheduled and task.cancelled():
            self._schedule.ended(under_way.probe, None, self._now())
        self._wake.set()

    async def _scheduled(self, waiter: Waiter) -> Result:
        loop = asyncio.get_running_loop()
        result = await self._one.attempt(
            self._probes,
            waiter.probe,
            self._one.new_probe_id(),
            queued_seconds=loop.time() - waiter.due_at,
        )
        cancelled = result.reason is Reason.CANCELLED
        self._schedule.ended(waiter.probe, None if cancelled else result, self._now())
        if not cancelled:
            self._tell(result)
        return result

    async def probe_now(self, planned: PlannedProbe, timeout_seconds: float) -> Result:
        """One probe out of turn, in the limits of all others; its result goes to the sink as well.

        Raises Busy at once when there is no place, when the same is under way already, or when the service is not
        running; TimeoutError after `timeout_seconds`. Then, and when the caller is cancelled, the probe is cancelled
        too, and cleans up behind the caller's back.
        """
        if self._group is None or self._stopping:
            raise Busy("the service is not running")
        check_variants(self._probes, {planned.variant})
        if self._busy_with[key_of(planned)]:
            raise Busy(f"{label(planned)} is being probed")
        if not self._limits.try_acquire(planned):
            raise Busy(f"too much is under way for {label(planned)}")
        waiter = Waiter(0, planned, asyncio.get_running_loop().time(), self._limits.places(planned), left=True)
        task = self._launch(waiter, self._out_of_turn(planned), scheduled=False)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await asyncio.shield(task)
        except (TimeoutError, asyncio.CancelledError):
            task.cancel()
            raise

    async def _out_of_turn(self, planned: PlannedProbe) -> Result:
        result = await self._one.attempt(self._probes, planned, self._one.new_probe_id())
        if result.reason is not Reason.CANCELLED:
            self._schedule.ended(planned, result, self._now())
            self._tell(result)
        return result

    def adopt(
        self,
        probes: Mapping[Variant, Probe],
        limits: Limits,
        arrangement: Arrangement,
    ) -> tuple[ScheduleChange, Callable[[], Coroutine[Any, Any, None]]]:
        """Goes on with another configuration, in mid-run; what is under way ends with what it began with.

        `limits` are new, and know the endpoints; `arrangement` is what `Schedule.arrange` made of the new list, in a
        thread for a full mesh. Gives back what changed, and what to await until the last of those
        is over: until then the former probes, and all that they rest on, must live. Who waits for a place is as if it
        had never had its turn.
        """
        check_variants(probes, {each.probe.variant for each in arrangement.scheduled})
        self._give_up_waiting()
        before = set(self._under_way)
        for under_way in self._under_way.values():
            under_way.waiter.places = limits.places(under_way.probe)
            limits.take(under_way.waiter.places)
        self._probes, self._limits, self._line = probes, limits, WaitingLine(limits)
        change = self._schedule.adopt(arrangement, self._now())
        self._wake.set()

        async def over() -> None:
            if before:
                await asyncio.wait(before)

        return change, over

    def _lose_patience(self, now: float) -> None:
        waiting = self._waiting
        while waiting and (waiting[0].left or now >= waiting[0].due_at + PATIENCE_SECONDS):
            waiter = waiting.popleft()
            if self._line.leave(waiter):
                del self._due[waiter.number]
                self._schedule.ended(waiter.probe, None, self._now())

    def _give_up_waiting(self) -> None:
        for probe in self._line.drain():
            self._schedule.ended(probe, None, self._now())
        self._waiting.clear()
        self._due.clear()

    async def _settle_skipped(self) -> None:
        for number, (probe, why, doors) in enumerate(self._schedule.take_skipped()):
            if why is SkipReason.ENDPOINT_DOWN and doors:
                self._tell(self._one.stand_ins.endpoint_down(probe, doors))
            if number % CHUNK == CHUNK - 1:
                await asyncio.sleep(0)

    async def _wind_up(self, stop_seconds: float) -> None:
        """Cancels what is under way: once, so that it cleans up; after `stop_seconds` again, so that it does not."""
        self._give_up_waiting()
        self._cancel_all()
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=stop_seconds)
        while self._under_way:
            self._cancel_all()
            await asyncio.wait(set(self._under_way), timeout=_INSIST_SECONDS)

    def _cancel_all(self) -> None:
        for task in self._under_way:
            task.cancel()

    def _tell(self, result: Result) -> None:
        self._sink.add(result)
        self._observer.notice(ProbeEnded(result))

    def _now(self) -> float:
        return self._clock.now().timestamp()
