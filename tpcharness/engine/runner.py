"""Runs a plan: doors first, then everything else as soon as the doors that it needs are done; one result for each.

A door that hangs holds up only what its own endpoint takes part in. A probe is a task only while it has its places, so
that there are never more tasks than `RunLimits.concurrency`, however long the plan.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tpcharness.engine.attempts import Attempts, check_variants, label
from tpcharness.engine.gates import Door, doors_of
from tpcharness.engine.limits import Limits
from tpcharness.engine.line import Waiter, WaitingLine
from tpcharness.model.plan import Plan, PlannedProbe
from tpcharness.model.progress import Observer, ProbeEnded
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import Clock, Probe, Sink
from tpcharness.model.variant import DOOR_VARIANTS, Outcome, Variant
from tpcharness.results.run import RunEnd

FAILED = frozenset({Outcome.FAILURE, Outcome.ERROR})


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What came of a run. `outcomes` counts planned probes, of retried ones the last attempt, and adds up to all."""

    ended: RunEnd
    outcomes: dict[Outcome, int]
    seconds: float


class Runner:
    """Runs plans, one at a time, with the probes that it was given.

    `sink` gets every result as it is made, in the order of the ends. `attempts` is how often a probe that ends with
    `failure` is run at most: each attempt gives a result, the last one decides. `limits` must not be in use elsewhere.
    """

    def __init__(
        self,
        probes: Mapping[Variant, Probe],
        limits: Limits,
        sink: Sink,
        observer: Observer,
        clock: Clock,
        new_probe_id: Callable[[], str],
        run_id: str,
        *,
        attempts: int = 1,
    ) -> None:
        self.probes = probes
        self.limits = limits
        self.sink = sink
        self.observer = observer
        self.attempts = attempts
        self.one = Attempts(run_id, clock, observer, new_probe_id)
        self.stand_ins = self.one.stand_ins
        self._current: _Run | None = None

    async def run(
        self,
        plan: Plan,
        *,
        deadline_seconds: float | None = None,
        max_failures: int | None = None,
        stop: asyncio.Event | None = None,
    ) -> RunSummary:
        """Runs the plan to its end, or until something ends it earlier; returns when everything is cleaned up.

        After the deadline, or when `stop` is set, nothing starts, and what is under way is cancelled: it cleans up
        within its own bounds and counts as `cancelled`. After `max_failures` results that are failure or error,
        nothing starts, but what is under way may finish. What never started is `not_reached`. Cancelling `run`
        does the same as `stop`, and raises CancelledError afterwards; a second time, it abandons.

        Raises ValueError for a variant that nobody probes, before anything is touched. An exception of the sink
        or the observer ends the run and comes out, alone or in an ExceptionGroup.
        """
        check_variants(self.probes, {probe.variant for probe in plan.probes})
        if self._current is not None:
            raise RuntimeError("this runner is already running")
        self._current = _Run(self, max_failures)
        try:
            return await self._current.run(plan, deadline_seconds, stop)
        finally:
            self._current = None

    def abandon(self) -> None:
        """Ends the run now: cancels even the clean-up of what is under way, whose files stay in the ledger."""
        if self._current is not None:
            self._current.abandon()


@dataclass(slots=True)
class _Doors:
    """What is known of the doors, and the probes that wait for them."""

    pending: set[Door] = field(default_factory=set)
    failed: dict[Door, Result] = field(default_factory=dict)
    held: dict[Door, dict[int, PlannedProbe]] = field(default_factory=lambda: defaultdict(dict))

    def hold(self, number: int, probe: PlannedProbe) -> bool:
        """Keeps a probe if one of its doors is still to come; whether it did."""
        waited_for = next((door for door in doors_of(probe) if door in self.pending), None)
        if waited_for is not None:
            self.held[waited_for][number] = probe
        return waited_for is not None

    def opened(self, door: Door, result: Result) -> dict[int, PlannedProbe]:
        """Notes a door's result; the probes that waited for it."""
        self.pending.discard(door)
        if result.outcome in FAILED:
            self.failed[door] = result
        return self.held.pop(door, {})

    def failures(self, probe: PlannedProbe) -> list[Result]:
        """The failed doors of those that a probe needs, its source's first."""
        return [self.failed[door] for door in doors_of(probe) if door in self.failed]

    def drain(self) -> dict[int, PlannedProbe]:
        """Gives up waiting; every probe that is still held."""
        waiting = {number: probe for held in self.held.values() for number, probe in held.items()}
        self.held.clear()
        return waiting


class _Run:
    """One run of one plan: everything that changes."""

    def __init__(self, runner: Runner, max_failures: int | None) -> None:
        self._runner = runner
        self._max_failures = max_failures
        self._line = WaitingLine(runner.limits)
        self._doors = _Doors()
        self._under_way: dict[asyncio.Task[None], Waiter] = {}
        self._outcomes: Counter[Outcome] = Counter()
        self._ended: RunEnd | None = None
        self._over = asyncio.Event()  # nothing more will start
        self._loop = asyncio.get_running_loop()

    async def run(self, plan: Plan, deadline_seconds: float | None, stop: asyncio.Event | None) -> RunSummary:
        started = self._loop.time()
        timer = (
            None if deadline_seconds is None else self._loop.call_later(deadline_seconds, self._cut, RunEnd.DEADLINE)
        )
        self._doors.pending = {(end.name, probe.variant) for probe in plan.doors for end in probe.ends}
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(self._watch(stop)) if stop else None
                for number, probe in enumerate(plan.probes):
                    self._offer(number, probe)
                self._start(group)
                try:
                    await self._over.wait()
                except asyncio.CancelledError:
                    self._close(RunEnd.INTERRUPTED)  # the group itself cancels its tasks
                    raise
                finally:
                    if watcher:
                        watcher.cancel()
        finally:
            if timer:
                timer.cancel()
            all_started = self._settle_the_rest()
        # Failures that were counted too late to prevent anything have cut nothing short.
        if all_started and self._ended is RunEnd.MAX_FAILURES:
            self._ended = None
        return RunSummary(self._ended or RunEnd.COMPLETE, dict(self._outcomes), self._loop.time() - started)

    def abandon(self) -> None:
        self._cut(RunEnd.INTERRUPTED)
        # A probe that is cancelled only now begins to clean up; the second cancellation reaches it there.
        self._loop.call_soon(self._cancel_all)

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._cut(RunEnd.INTERRUPTED)

    def _cut(self, why: RunEnd) -> None:
        """Ends the run early. Only the first call cancels: a second one would cancel the clean-up."""
        if not self._over.is_set():
            self._close(why)
            self._cancel_all()

    def _close(self, why: RunEnd) -> None:
        self._ended = self._ended or why
        self._over.set()

    def _cancel_all(self) -> None:
        for task in self._under_way:
            task.cancel()

    def _offer(self, number: int, probe: PlannedProbe) -> None:
        """Lets a probe wait for its doors, or in the line, or settles it when a door has failed."""
        if self._doors.hold(number, probe):
            return
        if failures := self._doors.failures(probe):
            self._settle(probe, self._runner.stand_ins.endpoint_down(probe, failures))
            return
        self._line.join(number, probe, self._loop.time())

    def _start(self, group: asyncio.TaskGroup) -> None:
        """Starts whatever can start now."""
        while not self._ended and (waiter := self._line.admit()):
            task = group.create_task(self._probe(waiter, group), name=label(waiter.probe))
            self._under_way[task] = waiter
        if not self._under_way:
            self._over.set()

    async def _probe(self, waiter: Waiter, group: asyncio.TaskGroup) -> None:
        """Runs one probe to its last attempt, and goes on to whatever that makes possible."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: we are in a coroutine
        try:
            result = await self._attempts(waiter)
            self._settle(waiter.probe, result)
            self._note_door(waiter.probe, result)
        except BaseException:  # the sink's, most likely; the group is about to fall and takes no new tasks
            self._close(RunEnd.INTERRUPTED)
            raise
        finally:
            del self._under_way[task]
            self._line.release(waiter)
            self._start(group)

    async def _attempts(self, waiter: Waiter) -> Result:
        runner, probe = self._runner, waiter.probe
        probe_id = runner.one.new_probe_id()
        queued_seconds = self._loop.time() - waiter.due_at
        result = await runner.one.attempt(runner.probes, probe, probe_id, queued_seconds=queued_seconds)
        for attempt in range(2, runner.attempts + 1):
            if result.outcome is not Outcome.FAILURE or self._ended:
                break
            again = await runner.one.attempt(runner.probes, probe, probe_id, attempt=attempt)
            if again.reason is Reason.CANCELLED:
                break  # the failure that is known stands
            self._tell(result)
            result = again
        return result

    def _note_door(self, probe: PlannedProbe, result: Result) -> None:
        if probe.variant not in DOOR_VARIANTS:
            return
        for end in probe.ends:
            for number, waiting in self._doors.opened((end.name, probe.variant), result).items():
                self._offer(number, waiting)

    def _settle(self, probe: PlannedProbe, result: Result) -> None:
        """Takes the result that decides a planned probe."""
        self._outcomes[result.outcome] += 1
        self._tell(result)
        failed = sum(self._outcomes[outcome] for outcome in FAILED)
        if self._max_failures is not None and failed >= self._max_failures:
            self._ended = self._ended or RunEnd.MAX_FAILURES

    def _tell(self, result: Result) -> None:
        self._runner.sink.add(result)
        self._runner.observer.notice(ProbeEnded(result))

    def _settle_the_rest(self) -> bool:
        """Gives a result to everything that never started; whether there was nothing of that kind."""
        # A task that is cancelled before its first step never runs at all.
        rest = [waiter.probe for waiter in self._under_way.values()]
        for waiter in self._under_way.values():
            self._line.release(waiter)
        self._under_way.clear()
        rest += [*self._line.drain(), *self._doors.drain().values()]
        for probe in rest:
            doors = self._doors.failures(probe)
            stand_ins = self._runner.stand_ins
            self._settle(probe, stand_ins.endpoint_down(probe, doors) if doors else stand_ins.not_reached(probe))
        return not rest
