"""The life of a service: lock, history, what was known, clean-up, web, ready; and the way back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tpcharness.assembly import SystemClock, Wiring, limits_of, make_service, new_run_id, open_state
from tpcharness.config.problems import ConfigErrors
from tpcharness.daemon.downtimes import Downtimes
from tpcharness.daemon.logs import ResultLog, set_level
from tpcharness.daemon.memory import collected_in_part
from tpcharness.daemon.notify import Notifier
from tpcharness.daemon.recorder import Recorder
from tpcharness.daemon.reload import Blueprint, Prepared, TrustUnusable, size_of
from tpcharness.daemon.restoring import restore
from tpcharness.daemon.running import ReloadState, Running
from tpcharness.daemon.signals import orders, stops
from tpcharness.daemon.sweeping import Sweeper
from tpcharness.daemon.tenure import Tenure, open_tenure
from tpcharness.daemon.upkeep import (
    ask_patience,
    come_what_may,
    feed_watchdog,
    keep_findings,
    show_status,
    status_line,
    tell_what_stays,
    tirelessly,
    watch_state,
)
from tpcharness.daemon.web.app import serve
from tpcharness.engine.plan import ScheduleTooLarge
from tpcharness.engine.service import Service
from tpcharness.export.metrics.self_metrics import SelfMetrics
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Subject
from tpcharness.model.seams import Clock
from tpcharness.model.variant import Variant
from tpcharness.payload.ledger import Ledger, LedgerError
from tpcharness.payload.lock import StateUnusable
from tpcharness.results.history import History, open_history
from tpcharness.tokens.desk import TokenRecord

log = logging.getLogger(__name__)

PROBES_SHARE = 0.7
"""Of the time to stop, for the clean-up of probes; the rest is for seeds."""

_MOST_NAMED = 20


class CannotListen(StateUnusable):
    """The address of the web pages is not to be had."""


async def run_daemon(
    prepared: Prepared,
    blueprint: Blueprint,
    notifier: Notifier,
    *,
    run_id: str = "",
    clock: Clock | None = None,
    ready: Callable[[Running], None] = lambda _running: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Runs a service until SIGTERM or SIGINT, or until `stop` is set; `ready` is told when it listens.

    Returns when everything is cleaned up, `daemon.stop_seconds` later at the latest; what is not clean by then stays
    in the ledger. Raises StateUnusable (state directory, ledger or address are not to be had) and HistoryError before
    anything has been sent, and LedgerError, after all clean-up, when the state directory was taken away meanwhile.
    """
    clock = clock or SystemClock()
    harness = prepared.config.harness
    patience = asyncio.create_task(ask_patience(notifier), name="start")
    reload_wanted, stop = asyncio.Event(), stop or asyncio.Event()

    def is_ready(running: Running) -> None:
        patience.cancel()
        ready(running)

    try:
        # From the first moment: who asks in the middle of the start is heard.
        with orders(reload=reload_wanted.set, stop=stop.set):
            async with (
                open_state(harness) as ledger,
                open_history(
                    prepared.config.history,
                    Path(harness.state_dir),
                    clock,
                    confirmations=prepared.config.daemon.confirmations,
                ) as history,
            ):
                known_by = run_id or new_run_id(clock)
                life = _Life(prepared, blueprint, notifier, known_by, clock, ledger, history, stop, reload_wanted)
                with stops(life.on_stop):
                    await life.lead(is_ready)
    finally:
        patience.cancel()
        await asyncio.wait({patience})


class _Life:
    """One service from its first probe to its last: everything that changes."""

    def __init__(
        self,
        prepared: Prepared,
        blueprint: Blueprint,
        notifier: Notifier,
        run_id: str,
        clock: Clock,
        ledger: Ledger,
        history: History,
        stop: asyncio.Event,
        reload_wanted: asyncio.Event,
    ) -> None:
        self._prepared = prepared
        self._blueprint = blueprint
        self._notifier = notifier
        self._run_id = run_id
        self._clock = clock
        self._ledger = ledger
        self._history = history
        self._stop = stop
        self._asked_to_stop = 0
        self._leave = asyncio.Event()
        self._state_lost: LedgerError | None = None
        self._reload_wanted = reload_wanted
        self._reloading = asyncio.Lock()
        self._generation = 0
        self._service: Service | None = None
        self._record = TokenRecord()
        self._observer = ResultLog()
        self._retiring: set[asyncio.Task[None]] = set()
        self._downtimes = Downtimes(clock, self._take_downtimes)

    async def lead(self, ready: Callable[[Running], None]) -> None:
        """From what was known to the last clean-up. Nothing is sent before the pages are up."""
        async with asyncio.TaskGroup() as self._group:
            self._tenure = await self._open_tenure(self._prepared)
            _log_warnings(self._prepared)
            try:
                running = self._running = await self._restore(self._tenure.wiring)
                with collected_in_part():
                    async with self._web(running) as running.url:
                        await self._live(running, ready)
            finally:
                await self._tenure.closing.aclose()
        if self._state_lost is not None:
            raise self._state_lost

    async def _live(self, running: Running, ready: Callable[[Running], None]) -> None:
        self._service = running.service
        service = self._group.create_task(self._serve_probes(), name="service")
        beside = [
            self._go_on("findings", lambda: keep_findings(running)),
            self._go_on("event loop", running.self_metrics.watch_loop),
            self._go_on("watchdog", lambda: feed_watchdog(running, self._notifier)),
            self._go_on("status", lambda: show_status(running, self._notifier)),
            self._go_on("reload", self._reload_on_demand),
            self._go_on("state", lambda: watch_state(self._ledger, self._on_state_lost)),
        ]
        self._attend(self._tenure)
        try:
            if not self._stop.is_set():
                running.ready = True
                self._notifier.ready(status_line(running))
                log.info("listening on %s, %s to do", running.url, self._size())
                ready(running)
            await asyncio.wait({service, self._group.create_task(self._say_goodbye(), name="goodbye")})
            await self._take_leave()
        finally:
            for task in (service, *beside, *self._tenure.attendants):
                task.cancel()

    def on_stop(self, number: signal.Signals) -> None:
        """The first time: stop and clean up. Once more: leave at once; what is left stays in the ledger."""
        self._asked_to_stop += 1
        if self._asked_to_stop == 1:
            log.info("%s: stopping; once more to leave our files to the next start", number.name)
            self._stop.set()
            return
        self._leave.set()
        if self._service is not None:
            self._service.abandon()

    def _on_state_lost(self, error: LedgerError) -> None:
        """Stops: another start would neither know what we left at storages, nor that we are still here."""
        log.error("%s; stopping", error)
        self._state_lost = error
        self._stop.set()

    async def _restore(self, wiring: Wiring) -> Running:
        """The service with all that is known from its former lives."""
        now, metrics = self._clock.now(), SelfMetrics()
        memory = await restore(self._history, self._prepared, now)
        sink = Recorder(self._history, memory.latest, memory.counters, metrics)
        service = make_service(
            wiring, memory.schedule, sink, self._observer, self._clock, run_id=self._run_id, lag=metrics.began
        )
        return Running(
            config=self._prepared.config,
            run_id=self._run_id,
            started_at=now,
            clock=self._clock,
            schedule=memory.schedule,
            service=service,
            latest=memory.latest,
            counters=memory.counters,
            history=self._history,
            self_metrics=metrics,
            ledger=self._ledger,
            token_record=self._record,
            reload_state=ReloadState(ok=True, at=now, errors=(), succeeded_at=now),
            reloader=self._reload,
            log_level_setter=set_level,
            offers=self._prepared.offers,
        )

    @asynccontextmanager
    async def _web(self, running: Running) -> AsyncIterator[str]:
        daemon = running.config.daemon
        async with AsyncExitStack() as stack:
            try:
                url = await stack.enter_async_context(serve(running, daemon.listen, daemon.web_config))
            except OSError as error:
                why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
                raise CannotListen(
                    f"cannot listen on {daemon.listen}: {why}; give another address by `listen` in [daemon] or --listen"
                ) from error
            yield url

    async def _say_goodbye(self) -> None:
        await self._stop.wait()
        self._running.ready = False
        self._notifier.stopping("cleaning up")

    async def _serve_probes(self) -> None:
        if self._stop.is_set():  # in the middle of the start: nothing has been sent yet
            return
        await self._running.service.run(
            self._stop, stop_seconds=self._running.config.daemon.stop_seconds * PROBES_SHARE
        )

    async def _take_leave(self) -> None:
        """Takes away what is left, seeds too, as far as the time to stop allows; says what stays."""
        seconds = self._running.config.daemon.stop_seconds * (1 - PROBES_SHARE)
        work = {
            *self._retiring,
            self._go_through("seeds", lambda: self._tenure.remove_seeds(self._observer)),
            self._go_through("leftovers", self._last_sweep),
        }
        impatient = self._group.create_task(self._leave.wait(), name="second signal")
        over = self._group.create_task(asyncio.wait(work), name="last clean-up")
        await asyncio.wait({over, impatient}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (*work, over, impatient):
            task.cancel()
        await asyncio.wait(work)
        tell_what_stays(self._ledger.entries, known=self._state_lost is None)

    async def _last_sweep(self) -> None:
        """In the place of the sweeps before it: two at a time would ask for each file twice."""
        await self._tenure.dismiss()
        await Sweeper(self._running, self._tenure.wiring, self._observer).last()

    async def _open_tenure(self, prepared: Prepared) -> Tenure:
        return await open_tenure(
            prepared.config,
            self._ledger,
            self._clock,
            run_id=self._run_id,
            generation=self._generation,
            token_record=self._record,
        )

    def _attend(self, tenure: Tenure) -> None:
        running, wiring = self._running, tenure.wiring
        tenure.attendants = [
            self._go_on("clean-up", Sweeper(running, wiring, self._observer).run),
            self._go_on("downtimes", lambda: self._downtimes.follow(wiring.config, wiring.client)),
        ]

    def _go_on(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        return self._group.create_task(tirelessly(name, work), name=name)

    def _go_through(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        return self._group.create_task(come_what_may(name, work), name=name)

    def _take_downtimes(self, downtimes: tuple[Downtime, ...]) -> None:
        self._running.downtimes = downtimes
        self._running.schedule.set_downtimes(downtimes)

    async def _reload_on_demand(self) -> None:
        """Several orders that come before a reload begins are one."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            await self._reload()

    async def _reload(self) -> ReloadState:
        """Goes on to its end also when nobody waits for it any more."""
        return await asyncio.shield(self._group.create_task(self._reload_once(), name="reload"))

    async def _reload_once(self) -> ReloadState:
        async with self._reloading:
            running, at = self._running, self._clock.now()
            self._notifier.reloading()
            try:
                read = await asyncio.to_thread(self._blueprint.read, running.config)
                if isinstance(read, ConfigErrors):
                    errors = tuple(problem.one_line for problem in read.errors)
                else:
                    prepared, waiting = read
                    if await self._adopt(prepared):
                        for warning in waiting:
                            log.warning("%s", warning)
                        running.reload_state = ReloadState(ok=True, at=at, errors=waiting, succeeded_at=at)
                        self._notifier.ready(status_line(running))
                        return running.reload_state
                    errors = ("the service is stopping",)
            except (ScheduleTooLarge, TrustUnusable) as error:
                errors = (str(error),)
            except Exception:  # a bug of ours must not end what runs well
                log.exception("bug while the configuration was read again")
                errors = ("an internal error, see the log",)
            for line in errors:
                log.error("the configuration file is not taken, the former one holds: %s", line)
            running.reload_state = ReloadState(False, at, errors, running.reload_state.succeeded_at)
            self._notifier.ready(status_line(running))
            return running.reload_state

    async def _adopt(self, prepared: Prepared) -> bool:
        """Swaps everything that belongs to a configuration, in one step of the event loop; not when it is the end."""
        self._generation += 1
        running, former = self._running, self._tenure
        arrangement = await asyncio.to_thread(running.schedule.arrange, prepared.scheduled)
        tenure = await self._open_tenure(prepared)
        if self._stop.is_set():
            await tenure.closing.aclose()
            return False
        change, over = running.service.adopt(tenure.wiring.probes, limits_of(prepared.config), arrangement)
        running.latest.retain(prepared.keys)
        running.config, running.offers = prepared.config, prepared.offers
        self._prepared, self._tenure = prepared, tenure
        self._attend(tenure)
        task = self._go_through("former configuration", lambda: self._retire(former, over))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
        log.info("configuration taken: %s to do", self._size())
        _log_warnings(prepared)
        _log_cells("added", change.added)
        _log_cells("removed", change.removed)
        return True

    async def _retire(self, former: Tenure, over: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Closes a wiring when the last probe is over that began with it."""
        try:
            await former.dismiss()
            await over()
            await former.remove_seeds(self._observer)
        finally:
            await former.closing.aclose()

    def _size(self) -> str:
        return size_of(self._prepared.scheduled)


def _log_warnings(prepared: Prepared) -> None:
    for warning in prepared.config.warnings:
        log.warning("%s", warning.one_line)


def _log_cells(what: str, cells: Sequence[tuple[Subject, Variant]]) -> None:
    if cells:
        names = ", ".join(f"{subject} {variant}" for subject, variant in cells[:_MOST_NAMED])
        more = f", and {len(cells) - _MOST_NAMED} more" if len(cells) > _MOST_NAMED else ""
        log.info("%s: %s%s", what, names, more)
