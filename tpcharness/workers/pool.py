"""The gfal2 workers of one configuration: none until somebody asks, few at a time, one job each."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.workers.authorities import GRID_CERTIFICATES, fill_hashed_directory
from tpcharness.workers.interpreter import environment_of_workers, find_interpreter
from tpcharness.workers.messages import Ended, GfalJob
from tpcharness.workers.process import Notice, Worker, WorkerLostError

SCRIPT = Path(__file__).with_name("gfal_script.py")
MAX_WORKERS = 8
IDLE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 600.0
"""After a search for gfal2 that found nothing: somebody may install it while a service runs."""

Trust = tuple[str, ...]
"""Files and directories of authorities that a worker trusts beside the system's; empty means the grid's directory."""


@dataclass(slots=True, eq=False)
class _Member:
    """A worker of the pool. `leaving` is the timer that sends it away while it is idle."""

    worker: Worker
    trust: Trust
    leaving: asyncio.TimerHandle | None = None


class WorkerPool:
    """Copies by gfal2 in child processes. Open as long as `async with` is; then every process is gone.

    A worker that hangs, dies or talks nonsense costs the one job that it had, and a job that no storage can know of
    yet is given to a fresh one. Authorities and environment of a process cannot be changed once gfal2 runs, so a
    worker serves jobs of one trust only.
    """

    def __init__(
        self,
        interpreter: str = "",
        *,
        script: Path = SCRIPT,
        max_workers: int = MAX_WORKERS,
        idle_seconds: float = IDLE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configured = interpreter
        self._script = script
        self._idle_seconds = idle_seconds
        self._places = asyncio.Semaphore(max_workers)
        self._max_workers = max_workers
        self._jobs = 0
        self._busy: set[_Member] = set()
        self._idle: list[_Member] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._monotonic = monotonic
        self._found: str | Failure | None = None
        self._looked_at = 0.0
        self._preparing = asyncio.Lock()
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._trusted: dict[Trust, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for member in self._idle:
            self._hold(member)
        workers = [member.worker for member in self._idle]
        self._idle = []
        try:
            await asyncio.gather(*(worker.end() for worker in workers), *self._leaving)
        finally:
            if self._directory is not None:
                self._directory.cleanup()

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that have a job, the oldest first."""
        return tuple(sorted(member.worker.pid for member in self._busy))

    async def unavailable(self) -> Failure | None:
        """Why there can be no worker; None when there can. Looking costs something: it is done the first time, and
        again `LOOK_AGAIN_SECONDS` after it found nothing.
        """
        interpreter = await self._interpreter()
        return interpreter if isinstance(interpreter, Failure) else None

    async def copy(self, job: GfalJob, notice: Notice, *, trust: Trust = ()) -> Ended | Failure:
        """Has one job done; `notice` is told of every message. No deadline of its own: it is cancelled for one.

        Failure WORKER_UNAVAILABLE when no Python has gfal2, WORKER_LOST when the process did not live to the end; both
        are ours. When cancelled, the process has ended before the cancellation goes on.
        """
        interpreter = await self._interpreter()
        if isinstance(interpreter, Failure):
            return interpreter
        async with self._places:
            self._jobs += 1
            try:
                return await self._copy_twice_at_most(interpreter, job, notice, trust)
            except WorkerLostError as lost:
                return Failure(Reason.WORKER_LOST, f"the gfal2 worker was lost: {lost}", Blame.CLIENT)
            finally:
                self._jobs -= 1

    async def _copy_twice_at_most(
        self, interpreter: str, job: GfalJob, notice: Notice, trust: Trust
    ) -> Ended | Failure:
        try:
            return await self._copy(interpreter, job, notice, trust)
        except WorkerLostError as lost:
            if lost.started:
                raise
        # no storage can know of it: once more, with a fresh one
        return await self._copy(interpreter, job, notice, trust, fresh=True)

    async def _copy(
        self, interpreter: str, job: GfalJob, notice: Notice, trust: Trust, *, fresh: bool = False
    ) -> Ended | Failure:
        try:
            member = await self._take(interpreter, trust, fresh=fresh)
        except (OSError, ValueError) as error:
            return Failure(Reason.WORKER_UNAVAILABLE, f"authorities are not usable: {error}", Blame.CLIENT)
        self._busy.add(member)
        done = False
        try:
            ended = await member.worker.copy(job, notice)
            done = True
        finally:
            self._busy.discard(member)
            if done:
                self._keep(member)
            else:
                await member.worker.end()
        return ended

    async def _interpreter(self) -> str | Failure:
        async with self._preparing:
            found = self._found
            if isinstance(found, Failure) and self._monotonic() - self._looked_at >= LOOK_AGAIN_SECONDS:
                found = None
            if found is None:
                found = self._found = await find_interpreter(self._configured)
                self._looked_at = self._monotonic()
            return found

    async def _take(self, interpreter: str, trust: Trust, *, fresh: bool) -> _Member:
        """An idle worker of this trust, or a new one in the place of one of another."""
        for member in () if fresh else tuple(self._idle):
            if member.trust == trust and member.worker.alive:
                self._idle.remove(member)
                self._hold(member)
                return member
        while self._idle and len(self._idle) + self._jobs > self._max_workers:
            member = self._idle.pop(0)
            self._hold(member)
            await member.worker.end()
        environment = environment_of_workers()
        if trust:
            environment["X509_CERT_DIR"] = await self._hashed(trust, environment.get("X509_CERT_DIR", ""))
        return _Member(await Worker.start((interpreter, str(self._script)), environment), trust)

    async def _hashed(self, trust: Trust, ours: str) -> str:
        """A directory of these authorities and of our own X509_CERT_DIR, or else the grid's.

        Raises OSError or ValueError when they cannot be read.
        """
        async with self._preparing:
            if trust not in self._trusted:
                self._directory = self._directory or tempfile.TemporaryDirectory(prefix="tpcharness-authorities-")
                directory = Path(tempfile.mkdtemp(dir=self._directory.name))
                places = Path(ours or GRID_CERTIFICATES), trust
                filling = asyncio.create_task(asyncio.to_thread(_fill, directory, *places))
                try:
                    await asyncio.shield(filling)
                except (OSError, ValueError):
                    await asyncio.to_thread(shutil.rmtree, directory)
                    raise
                finally:
                    await asyncio.wait({filling})  # no thread can be stopped, and the pool removes what it writes to
                self._trusted[trust] = str(directory)
            return self._trusted[trust]

    def _keep(self, member: _Member) -> None:
        """Lets a worker wait for the next job, for a while."""
        member.leaving = asyncio.get_running_loop().call_later(self._idle_seconds, self._dismiss, member)
        self._idle.append(member)

    def _dismiss(self, member: _Member) -> None:
        self._idle.remove(member)
        leaving = asyncio.create_task(member.worker.end(), name=f"end of idle worker {member.worker.pid}")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    @staticmethod
    def _hold(member: _Member) -> None:
        if member.leaving is not None:
            member.leaving.cancel()
            member.leaving = None


def _fill(directory: Path, grid: Path, trust: Trust) -> None:
    places = (grid,) if grid.is_dir() else ()
    fill_hashed_directory(directory, (*places, *map(Path, trust)))
