"""One copy by gfal2 as it went, and the clocks that watch it: like those of the https copies, as far as gfal2 tells."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from tpcharness.diagnosis.copy_verdict import Stall
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.failure import Failure
from tpcharness.model.progress import MarkerSeen, TerminalSeen
from tpcharness.model.result import Markers
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.workers.messages import Ended, GfalJob, Message, Progress, Stage, Started
from tpcharness.workers.pool import Trust, WorkerPool

_FAMILIES = {"IPV4": AddressFamily.IPV4, "IPV6": AddressFamily.IPV6}


@dataclass(frozen=True, slots=True)
class GfalRun:
    """`ended` is gfal2's own end of it; without that, `stall` or `failure` say why there was none.

    `started`: the storages may know of it. `seconds` is from then to the end. `ways` are the ways in which gfal2 says
    that it copied.
    """

    ended: Ended | None
    failure: Failure | None
    stall: Stall | None
    started: bool
    seconds: float | None
    markers: Markers
    ways: tuple[str, ...]
    address_family: AddressFamily | None


async def run_gfal(pool: WorkerPool, job: GfalJob, trust: Trust, limits: TimeLimits, trail: Trail) -> GfalRun:
    """Follows a job to its end or to the end of our patience; its worker has ended then, or waits for another job.

    The wait for a worker is `queued`, what comes then `transfer`: gfal2 does not tell its steps apart.
    """
    watch = _Watch(limits, trail)
    trail.announce(Phase.TRANSFER)
    ended: Ended | Failure | None = None
    try:
        async with asyncio.timeout(None) as watch.clock:
            ended = await pool.copy(job, watch.notice, trust=trust)
    except TimeoutError:
        pass
    run = watch.run(ended)
    trail.add(Phase.QUEUED, watch.asked_seconds - (run.seconds or 0.0))
    trail.add(Phase.TRANSFER, run.seconds or 0.0)
    return run


class _Watch:
    """Hears all that a worker says, and sets the clock for the next thing that must happen."""

    clock: asyncio.Timeout

    def __init__(self, limits: TimeLimits, trail: Trail) -> None:
        self._limits = limits
        self._trail = trail
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()
        self._begin: float | None = None
        self._grown_at: float | None = None
        self._last_at = 0.0
        self._markers = Markers()
        self._ways: dict[str, None] = {}
        self._family: AddressFamily | None = None

    @property
    def asked_seconds(self) -> float:
        """Since the job was handed over."""
        return self._loop.time() - self._asked_at

    def notice(self, message: Message) -> None:
        """Takes one message of the worker."""
        now = self._loop.time()
        match message:
            case Started():
                self._begin = self._last_at = now
            case Progress(count):
                self._progress(count, now)
            case Stage("TRANSFER:TYPE", text):
                self._ways[text] = None
            case Stage(name, _) if name in _FAMILIES:
                self._family = _FAMILIES[name]
            case Ended(_, text):
                self._trail.observer.notice(TerminalSeen(self._trail.probe_id, text, self._since(now)))
            case _:
                pass
        if self._begin is not None:
            self.clock.reschedule(min(self._dues(self._begin))[0])

    def run(self, ended: Ended | Failure | None) -> GfalRun:
        """What became of it."""
        now = self._loop.time()
        timed_out = ended is None and self._begin is not None
        return GfalRun(
            ended=ended if isinstance(ended, Ended) else None,
            failure=ended if isinstance(ended, Failure) else None,
            stall=min(self._dues(self._begin))[1] if timed_out and self._begin is not None else None,
            started=self._begin is not None,
            seconds=None if self._begin is None else now - self._begin,
            markers=self._markers,
            ways=tuple(self._ways),
            address_family=self._family,
        )

    def _progress(self, count: int, now: float) -> None:
        seconds, before = self._since(now), self._markers
        self._trail.observer.notice(MarkerSeen(self._trail.probe_id, count, "", seconds))
        first = before.first_byte_seconds
        if count > (before.bytes_claimed or 0):
            self._grown_at = now
            first = seconds if first is None else first
        self._markers = replace(
            before,
            count=before.count + 1,
            bytes_claimed=count,
            first_byte_seconds=first,
            longest_silence_seconds=max(before.longest_silence_seconds or 0.0, now - self._last_at),
        )
        self._last_at = now

    def _since(self, now: float) -> float:
        return 0.0 if self._begin is None else now - self._begin

    def _dues(self, begin: float) -> list[tuple[float, Stall]]:
        """When each clock strikes. Where gfal2 tells no bytes at all, only the last one can be set."""
        dues = [(begin + self._limits.transfer_seconds, Stall.DEADLINE)]
        if self._grown_at is not None:
            dues.append((self._grown_at + self._limits.no_progress_seconds, Stall.PROGRESS))
        elif self._markers.count:
            dues.append((begin + self._limits.first_byte_seconds, Stall.FIRST_BYTE))
        if self._markers.count and self._limits.marker_silence_seconds:
            dues.append((self._last_at + self._limits.marker_silence_seconds, Stall.SILENCE))
        return dues
