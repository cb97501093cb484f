"""How a command runs a plan: event loop, signals, clean-up before and after, findings, and the exit code."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import click
import uvloop

from tpcharness import __version__
from tpcharness.assembly import Harness, SystemClock, assemble, new_run_id
from tpcharness.cli.exits import ExitCode
from tpcharness.config.configuration import Config
from tpcharness.diagnosis.doors import nobody_reached
from tpcharness.diagnosis.findings import find
from tpcharness.engine.runner import RunSummary
from tpcharness.export.formats import Outputs
from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import EndpointSubject
from tpcharness.model.finding import Finding
from tpcharness.model.plan import Plan
from tpcharness.model.progress import Event, Observer
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, Phase
from tpcharness.payload.cleaning import Cleaning
from tpcharness.payload.lock import StateUnusable
from tpcharness.results.run import RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

T = TypeVar("T")

_BEFORE_TOKENS = frozenset({Phase.QUEUED, Phase.RESOLVE, Phase.CONNECT, Phase.TLS})


class StateError(click.ClickException):
    """Our own state directory is in use or unusable: nothing has been touched."""

    exit_code = ExitCode.OUR_SIDE


@dataclass(frozen=True, slots=True)
class Report:
    """A run that is over."""

    facts: RunFacts
    store: MatrixStore
    findings: tuple[Finding, ...]
    exit_code: ExitCode


class Onlookers:
    """Several observers as one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def notice(self, event: Event) -> None:
        for observer in self._observers:
            observer.notice(event)


class Interrupts:
    """What SIGINT and SIGTERM do while a run goes on: the first one stops it, the second one leaves at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.leave = asyncio.Event()
        self.first: signal.Signals | None = None
        self.harness: Harness | None = None

    def __call__(self, number: signal.Signals) -> None:
        if self.first is None:
            self.first = number
            _say("stopping: taking our files away; once more to leave them to `tpcharness clean`")
            self.stop.set()
            return
        self.leave.set()
        if self.harness is not None:
            self.harness.runner.abandon()

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.TERMINATED if self.first is signal.SIGTERM else ExitCode.INTERRUPTED


@asynccontextmanager
async def interrupts() -> AsyncIterator[Interrupts]:
    """Takes the two signals over for as long as the context lasts."""
    loop = asyncio.get_running_loop()
    taken = Interrupts()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, taken, number)
    try:
        yield taken
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def run_plan(
    config: Config,
    plan: Plan,
    outputs: Outputs,
    observers: Sequence[Observer],
    *,
    deadline_seconds: float | None = None,
    max_failures: int | None = None,
    concurrency: int | None = None,
) -> Report:
    """Runs a plan from the lock of the state directory to the last clean-up. Raises StateError before any traffic.

    `concurrency` replaces what is configured.
    """
    if concurrency is not None:
        config = replace(config, limits=replace(config.limits, concurrency=concurrency))
    return _on_a_loop(_run(config, plan, outputs, Onlookers(observers), deadline_seconds, max_failures))


def clean_up(config: Config) -> Cleaning:
    """Removes what former runs left, in a loop of its own; raises StateError when somebody else is at work there."""
    return with_harness(config, Harness.clean)


def with_harness(config: Config, work: Callable[[Harness], Awaitable[T]]) -> T:
    """Does one thing that is no run, in a loop of its own; raises StateError as `clean_up` does."""
    return _on_a_loop(_with_harness(config, work))


def _on_a_loop(work: Coroutine[Any, Any, T]) -> T:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except* StateUnusable as group:
        raise StateError(str(_first(group))) from group


async def _with_harness(config: Config, work: Callable[[Harness], Awaitable[T]]) -> T:
    clock, store = SystemClock(), MatrixStore()
    async with assemble(config, run_id=new_run_id(clock), sink=store, observer=Onlookers(()), clock=clock) as harness:
        return await work(harness)


async def _run(
    config: Config,
    plan: Plan,
    outputs: Outputs,
    observer: Observer,
    deadline_seconds: float | None,
    max_failures: int | None,
) -> Report:
    clock = SystemClock()
    run_id = new_run_id(clock)
    facts = RunFacts.begin(
        plan,
        run_id=run_id,
        started_at=clock.now(),
        version=__version__,
        harness=config.harness.name,
        config_path=str(config.path),
    )
    store = MatrixStore(endpoint.name for endpoint in plan.endpoints)
    async with interrupts() as signals:
        async with assemble(
            config, run_id=run_id, sink=_Sinks(store, outputs), observer=observer, clock=clock
        ) as harness:
            signals.harness = harness
            outputs.begin(facts)
            begin = asyncio.get_running_loop().time()
            if harness.leftovers:
                await _clean_up_after_former_runs(harness, signals, deadline_seconds)
            if deadline_seconds is not None:
                deadline_seconds = max(0.0, deadline_seconds - (asyncio.get_running_loop().time() - begin))
            summary = await harness.runner.run(
                plan, deadline_seconds=deadline_seconds, max_failures=max_failures, stop=signals.stop
            )
            await _until(signals.leave, harness.remove_seeds())
            kept = len(harness.ledger.entries)
        findings = find(store.results())
        facts = facts.finish(summary.ended, clock.now(), _warnings(kept))
        exit_code = signals.exit_code if signals.first is not None else judge_run(summary, store)
    return Report(facts, store, findings, exit_code)


def _say(text: str) -> None:
    """A line on stderr, above the live block if there is one: click.echo would write into the block and be lost."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _warnings(kept: int) -> tuple[str, ...]:
    if not kept:
        return ()
    verb, them = ("is", "it") if kept == 1 else ("are", "them")
    return (f"{count_text(kept, 'file')} of ours {verb} still at the storages; `tpcharness clean` removes {them}",)


class _Sinks:
    def __init__(self, store: MatrixStore, outputs: Outputs) -> None:
        self._store = store
        self._outputs = outputs

    def add(self, result: Result) -> None:
        self._store.add(result)
        self._outputs.add(result)


async def _clean_up_after_former_runs(harness: Harness, signals: Interrupts, limit_seconds: float | None) -> None:
    _say(f"an earlier run left {count_text(harness.leftovers, 'file')}; cleaning up first")
    try:
        async with asyncio.timeout(limit_seconds):
            await _until(signals.stop, harness.clean())
    except TimeoutError:
        _say("the deadline came before all was clean; the rest stays in the ledger")


async def _until(event: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    """Awaits the work, or gives it up as soon as the event is set."""
    job = asyncio.create_task(work)
    watcher = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({job, watcher}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watcher.cancel()
        if not job.done():
            job.cancel()
        await asyncio.wait({job, watcher})
    if not job.cancelled():
        job.result()


def judge_run(summary: RunSummary, store: MatrixStore) -> ExitCode:
    """The exit code of a run that nobody interrupted (design 9)."""
    results = _deciding(store.results())
    if _is_our_side(_alone(results)):
        return ExitCode.OUR_SIDE
    if summary.ended is not RunEnd.COMPLETE:
        return ExitCode.CUT_SHORT
    return ExitCode.OK if all(result.ok for result in results) else ExitCode.FAILED


def _is_our_side(doors: Sequence[Result]) -> bool:
    """Whether nothing can work because of us: no token for anybody who was asked, or no network.

    A door that was closed before a token was asked for says nothing about tokens. That no name resolves and no
    network is reachable is about us when several hosts say so.
    """
    asked = [door for door in doors if door.ok or door.phase not in _BEFORE_TOKENS]
    if asked:
        return all(door.phase is Phase.TOKEN for door in asked)
    return nobody_reached(doors) or (len(doors) > 0 and all(door.reason is Reason.LOCAL_NETWORK for door in doors))


def _alone(results: Sequence[Result]) -> list[Result]:
    """The doors; of a run without any, what else was asked of endpoints."""
    found = [result for result in results if isinstance(result.subject, EndpointSubject)]
    return [result for result in found if result.variant in DOOR_VARIANTS] or found


def _deciding(results: Sequence[Result]) -> list[Result]:
    """The last attempt of each probe."""
    return list({result.probe_id: result for result in results}.values())


def explain_our_side(report: Report) -> str:
    """One error for a run in which nothing worked because of us: what is missing, and how to get it."""
    door = _alone(report.store.results())[0]
    lines = [f"error: {door.reason.info.sentence} ({door.reason}, the same for every endpoint)"]
    if door.hint:
        lines.append(f"  detail: {door.hint}")
    lines.append(f"  remedy: {door.reason.info.fix}")
    if door.phase is Phase.TOKEN:
        lines.append(
            "  tokens come from the [tokens.NAME] sections: `tpcharness config show` says which and where from"
        )
    return "\n".join(lines)


def _first(group: BaseExceptionGroup[StateUnusable]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
