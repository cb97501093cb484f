"""The history as the daemon has it: adding never waits, writing and reading each have a thread of their own."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy import Delete

from tpcharness.model.result import Result
from tpcharness.model.seams import Clock
from tpcharness.model.settings import DaemonSettings, HistorySettings
from tpcharness.results.counters import CounterKey
from tpcharness.results.history.database import Database
from tpcharness.results.history.errors import HistoryError
from tpcharness.results.history.journal import MAX_BYTES, Journal
from tpcharness.results.history.known import Known
from tpcharness.results.history.queries import HistoryPage, HistoryQuery, Rollup, RollupQuery
from tpcharness.results.history.reader import Reader
from tpcharness.results.history.retention import believe, removals
from tpcharness.results.history.writer import Writer

BATCH_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
PRUNE_SECONDS = 3600.0
FIRST_PRUNE_SECONDS = 300.0
"""After a start: a service that is restarted every hour must prune as well, but a start has enough to do."""

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class History:
    """Made by `open_history`. A result is given to `journal`; about a second later it can be asked for.

    `healthy` is False while the database takes nothing, and results gather in the journal, or while the journal takes
    nothing, and results are lost. `write_failures` counts results that the journal could not take, and failed attempts
    to write to the database. Questions raise HistoryError while the database cannot answer.
    """

    def __init__(
        self, settings: HistorySettings, clock: Clock, journal: Journal, database: Database, confirmations: int
    ) -> None:
        self.journal = journal
        self._settings = settings
        self._clock = clock
        self._database = database
        self._writer = Writer(database, confirmations)
        self._reader = Reader(database)
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history-writer")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history-reader")
        self._failures = 0
        self._failing = False
        self._opened = False

    @property
    def healthy(self) -> bool:
        return not self._failing and not self.journal.refusing

    @property
    def write_failures(self) -> int:
        return self._failures + self.journal.write_failures

    async def known(self) -> Known:
        """What a service has to know of its former life."""
        return await self._read(self._reader.known)

    async def counters(self) -> dict[CounterKey, float]:
        """What the counters stand at, by all results that ever came."""
        return await self._read(self._reader.counters)

    async def result(self, run_id: str, probe_id: str, attempt: int | None = None) -> Result | None:
        """One result, with its evidence as long as that is kept; of several attempts the last."""
        return await self._read(self._reader.result, run_id, probe_id, attempt)

    async def results(self, query: HistoryQuery) -> HistoryPage:
        """One page of results, newest first."""
        return await self._read(self._reader.page, query)

    async def rollups(self, query: RollupQuery) -> list[Rollup]:
        """One for each hour or day and variant in which there was anything, in the order of time."""
        return await self._read(self._reader.rollups, query)

    async def flush(self) -> None:
        """Everything that was added before is in the database when this returns. Raises HistoryError."""
        try:
            await self._write(self._drain)
        except HistoryError as error:
            self._failed(error)
            raise
        self._well()

    async def prune(self, now: datetime) -> int:
        """Removes what is older than it is kept; gives how many rows went. Raises HistoryError.

        Does nothing while the clock cannot be believed, and leaves room for writing between its steps.
        """
        gone = 0
        for removal in await self._write(self._removals, now):
            while removed := await self._write(self._remove, removal):
                gone += removed
        return gone

    def _drain(self) -> None:
        try:
            self._writer.drain(self.journal)
        except OSError as error:
            raise HistoryError(f"journal: {error.strerror or error}; what is in it stays there") from error

    def _removals(self, now: datetime) -> list[Delete]:
        with self._writer.engine.begin() as connection:
            if not believe(connection, now):
                _log.warning(
                    "history: the clock has leapt to %s; nothing is removed until it has gone on for a day", now
                )
                return []
            return list(removals(connection, self._settings, now))

    def _remove(self, removal: Delete) -> int:
        with self._writer.engine.begin() as connection:
            return int(connection.execute(removal).rowcount)

    async def _pump(self) -> None:
        """Writes what comes, once in a second; while the database is away ever more seldom. Prunes now and then."""
        loop = asyncio.get_running_loop()
        pause = BATCH_SECONDS
        prune_at = loop.time() + FIRST_PRUNE_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                await self.flush()
                pause = BATCH_SECONDS
                if loop.time() >= prune_at:
                    prune_at = loop.time() + PRUNE_SECONDS
                    await self.prune(self._clock.now())
            except HistoryError:
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            except Exception:
                _log.exception("history: a bug of ours; what comes waits in the journal")
                pause = LONGEST_PAUSE_SECONDS

    def _failed(self, error: HistoryError) -> None:
        self._failures += 1
        if not self._failing:
            self._failing = True
            _log.error("%s (%d bytes wait in the journal)", error, self.journal.bytes)

    def _well(self) -> None:
        if self._failing:
            self._failing = False
            _log.warning("history %s: is written again", self._database.label)

    async def _write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._in_thread(self._writing, functools.partial(work, *args, **kwargs))

    async def _read(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._in_thread(self._reading, functools.partial(work, *args, **kwargs))

    async def _in_thread(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        def guarded() -> T:
            with self._database.errors():
                return work()

        return await asyncio.get_running_loop().run_in_executor(thread, guarded)

    async def _open(self) -> None:
        await self._write(self.journal.open)
        await self._write(self._writer.open)
        await self.flush()
        self._opened = True

    async def _close(self) -> None:
        """What cannot be written any more stays in the journal, for the next start."""
        if self._opened:
            with suppress(HistoryError):
                await self.flush()
        await self._write(self._writer.close)
        await self._read(self._reader.close)
        self.journal.close()
        for thread in (self._writing, self._reading):
            thread.shutdown()


@asynccontextmanager
async def open_history(
    settings: HistorySettings,
    state_dir: Path,
    clock: Clock,
    *,
    confirmations: int = DaemonSettings().confirmations,
    journal_bytes: int = MAX_BYTES,
) -> AsyncIterator[History]:
    """The history, with everything in it that a former process had added. Under the lock of the state directory.

    `confirmations` verdicts in a row confirm a state; what is thought of each probe is kept for the next start.
    Raises HistoryError with the remedy when the database is damaged, of a newer version, not to be written or not
    there to be asked. Nothing is ever deleted for that.
    """
    journal = Journal(state_dir, max_bytes=journal_bytes)
    history = History(settings, clock, journal, Database.of(settings, state_dir), confirmations)
    try:
        await history._open()  # noqa: SLF001 - its maker
        pump = asyncio.create_task(history._pump(), name="history")  # noqa: SLF001
        try:
            yield history
        finally:
            pump.cancel()
            with suppress(asyncio.CancelledError):
                await pump
    finally:
        await history._close()  # noqa: SLF001
