"""A runner on virtual time with probes that do as they are told, and notes of all that it did."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.virtual_time import VirtualClock
from tpcharness.engine.limits import Limits
from tpcharness.engine.plan import make_plan
from tpcharness.engine.runner import Runner, RunSummary
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.plan import Plan
from tpcharness.model.progress import Event, ProbeEnded
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import ProbeSelection, RunLimits
from tpcharness.model.variant import Blame, Outcome, Variant

PULL = Variant.HTTPS_PULL
Verdict = tuple[Outcome, Reason, Blame]
OK: Verdict = (Outcome.OK, Reason.OK, Blame.NOBODY)
BAD: Verdict = (Outcome.FAILURE, Reason.NO_VERDICT, Blame.DESTINATION)
REFUSED: Verdict = (Outcome.FAILURE, Reason.CONNECTION_REFUSED, Blame.DESTINATION)
NO_TOKEN: Verdict = (Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)


@dataclass
class FakeProbe:
    """Takes its time, cleans up when cancelled, and says what it was told to say."""

    variant: Variant
    seconds: Callable[[str], float] = lambda _: 10.0
    verdict: Callable[[str, int], Verdict] = lambda *_: OK
    cleanup_seconds: float = 3.0
    started: dict[str, float] = field(default_factory=dict)
    contexts: list[ProbeContext] = field(default_factory=list)
    dirty: set[str] = field(default_factory=set)
    abandoned: set[str] = field(default_factory=set)
    most_tasks: int = 0

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        name = str(subject.subject)
        self.contexts.append(context)
        self.started.setdefault(name, asyncio.get_running_loop().time())
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()))
        self.dirty.add(name)
        try:
            await asyncio.sleep(self.seconds(name))
        except asyncio.CancelledError:
            self.abandoned.add(name)
            await asyncio.sleep(self.cleanup_seconds)
            self.abandoned.discard(name)
            self.dirty.discard(name)
            raise
        self.dirty.discard(name)
        outcome, reason, blame = self.verdict(name, context.attempt)
        return Result(
            run_id=context.run_id,
            probe_id=context.probe_id,
            subject=subject.subject,
            variant=self.variant,
            size_bytes=context.size_bytes,
            started_at=context.clock.now(),
            attempt=context.attempt,
            outcome=outcome,
            reason=reason,
            blame=blame,
        )


@dataclass
class Notes:
    """Sink and observer in one."""

    results: list[Result] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.results.append(result)

    def notice(self, event: Event) -> None:
        self.events.append(event)

    def of(self, subject: str) -> Result:
        (result,) = [result for result in self.results if str(result.subject) == subject]
        return result

    @property
    def reasons(self) -> Counter[Reason]:
        return Counter(result.reason for result in self.results)


def mesh(size: int, *, max_transfers: int = 4, variants: tuple[Variant, ...] = (PULL,)) -> Plan:
    endpoints = [
        Endpoint(f"S{number}", f"https://s{number}.example/vo", max_transfers=max_transfers) for number in range(size)
    ]
    return make_plan(endpoints, [ProbeSelection(variants=variants)])


class Bench:
    """A runner with fake probes, and everything that it did."""

    def __init__(
        self, plan: Plan, *, door: FakeProbe | None = None, link: FakeProbe | None = None, **options: int
    ) -> None:
        self.plan = plan
        self.door = door or FakeProbe(Variant.DOOR, seconds=lambda _: 1.0)
        self.link = link or FakeProbe(PULL)
        self.notes = Notes()
        attempts = options.pop("attempts", 1)
        numbers = itertools.count()
        self.runner = Runner(
            {Variant.DOOR: self.door, PULL: self.link},
            Limits(RunLimits(**{"concurrency": 8, **options})),
            self.notes,
            self.notes,
            VirtualClock(),
            lambda: f"probe-{next(numbers)}",
            "run-1",
            attempts=attempts,
        )

    async def run(
        self,
        *,
        deadline_seconds: float | None = None,
        max_failures: int | None = None,
        stop: asyncio.Event | None = None,
    ) -> RunSummary:
        return await self.runner.run(self.plan, deadline_seconds=deadline_seconds, max_failures=max_failures, stop=stop)

    def check(self, summary: RunSummary | None = None) -> None:
        """What holds for every run: each planned subject has its one result, and nobody is left behind."""
        planned = Counter((str(probe.subject.subject), probe.variant) for probe in (*self.plan.doors, *self.plan.links))
        assert Counter((str(result.subject), result.variant) for result in self.notes.results) == planned
        assert len({result.probe_id for result in self.notes.results}) == len(self.notes.results)
        ended = [event.result for event in self.notes.events if isinstance(event, ProbeEnded)]
        assert ended == self.notes.results
        assert asyncio.all_tasks() == {asyncio.current_task()}
        if summary:
            assert summary.outcomes == Counter(result.outcome for result in self.notes.results)
