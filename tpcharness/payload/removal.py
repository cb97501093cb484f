"""Removing our files, and only ours, also when we are being told to stop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from enum import StrEnum
from typing import Any, TypeVar

from tpcharness.diagnosis.plain_verdict import REFUSALS
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Observer
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import ABSENT, Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import OutsidePrefix, PayloadFile, PayloadNames
from tpcharness.tokens.roles import Role

ENDPOINTS_AT_ONCE = 16
WATCH_SECONDS = 5.0  # one marker period of all known storages (http-tpc 1.4)

T = TypeVar("T")


class Absence(StrEnum):
    """How a file came to be away."""

    REMOVED = "removed"
    GONE = "gone"


class Remover:
    """Deletes files that stand in the ledger and lie in our directory, one by one; never a collection."""

    def __init__(
        self,
        errands: Errands,
        ledger: Ledger,
        names: PayloadNames,
        limits: TimeLimits,
        *,
        looks_seconds: tuple[float, ...],
    ) -> None:
        self._errands = errands
        self._ledger = ledger
        self._names = names
        self._limits = limits
        self._looks_seconds = looks_seconds

    async def take_away(self, file: PayloadFile, trail: Trail) -> Absence | Failure:
        """Deletes a file and sees that it is gone; on failure it stays in the ledger.

        Raises OutsidePrefix, before anything is sent, for a file that is not ours to delete.
        """
        self._names.check(file)
        if not self._ledger.holds(file):
            raise OutsidePrefix(f"{file.path} at {file.endpoint.name} is not in the ledger: it is not ours")
        answer = await self._errands.ask(
            Role.CLEANUP, "DELETE", file.endpoint, file.path, trail, Phase.CLEANUP, fine=ABSENT
        )
        if isinstance(answer, Failure):
            return _of_cleanup(answer)
        if answer.status in ABSENT:
            await self._ledger.gone(file)
            return Absence.GONE
        return await self._confirm(file, trail)

    async def _confirm(self, file: PayloadFile, trail: Trail) -> Absence | Failure:
        for pause_seconds in self._looks_seconds:
            await asyncio.sleep(pause_seconds)
            sight = await self._errands.look(Role.VERIFY, file, trail, Phase.CLEANUP, digest=False)
            if isinstance(sight, Failure):
                return _of_cleanup(sight)
            if not sight.present:
                await self._ledger.gone(file)
                return Absence.REMOVED
        waited = sum(self._looks_seconds)
        return Failure(Reason.CLEANUP_FAILED, f"{file.path} is still there {waited:g} s after its DELETE succeeded")

    async def remove_all(self, files: Iterable[PayloadFile], trail: Trail) -> tuple[tuple[PayloadFile, Failure], ...]:
        """Removes files within `cleanup_seconds`; gives back those that stay, and why.

        For a probe's `finally`: a first cancellation is obeyed only when the work is done; a second one (or the
        first, when the probe is being cancelled already) stops it, and what is left stays in the ledger.
        """
        return await see_through(self._remove_each(tuple(files), trail))

    async def _remove_each(
        self, files: tuple[PayloadFile, ...], trail: Trail
    ) -> tuple[tuple[PayloadFile, Failure], ...]:
        limit = self._limits.cleanup_seconds
        left = {file: Failure(Reason.CLEANUP_FAILED, f"not removed within {limit:g} s") for file in files}
        try:
            async with asyncio.timeout(limit):
                for file in files:
                    outcome = await self.take_away(file, trail)
                    if isinstance(outcome, Failure):
                        left[file] = outcome
                    else:
                        del left[file]
        except TimeoutError:
            pass
        return tuple(left.items())

    async def remove_side_by_side(
        self, files: Iterable[PayloadFile], observer: Observer
    ) -> list[tuple[PayloadFile, Failure]]:
        """As `remove_all`, the endpoints side by side, each within `cleanup_seconds` and file after file."""
        queues: dict[Endpoint, list[PayloadFile]] = defaultdict(list)
        for file in files:
            queues[file.endpoint].append(file)
        left: list[tuple[PayloadFile, Failure]] = []
        places = asyncio.Semaphore(ENDPOINTS_AT_ONCE)

        async def clear(queue: list[PayloadFile]) -> None:
            async with places:
                left.extend(await self._remove_each(tuple(queue), Trail("cleanup", observer)))

        async def clear_all() -> None:
            async with asyncio.TaskGroup() as group:
                for queue in queues.values():
                    group.create_task(clear(queue))

        await see_through(clear_all())
        return left

    async def watch_and_remove(
        self, file: PayloadFile, trail: Trail, *, watch_seconds: float = WATCH_SECONDS, may_come_late: bool = False
    ) -> Failure | None:
        """Removes a file that a storage may still be writing, after we gave its copy up (http-tpc 1.9).

        Waits `settle_seconds`, looks twice `watch_seconds` apart, and deletes only what does not grow: else a late
        writer brings it back to life (xrootd#2354). With `may_come_late` a file that is not there yet stays in the
        ledger: a copy that goes on without us may bring it, and the next clean-up looks for it again. When cancelled
        it stops at once, and otherwise `cleanup_seconds` after `settle_seconds`; the file is in the ledger.
        """
        limit = self._limits.cleanup_seconds + self._limits.settle_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._watch_and_remove(file, trail, watch_seconds, may_come_late=may_come_late)
        except TimeoutError:
            return Failure(Reason.CLEANUP_FAILED, f"not removed within {limit:g} s; the file stays in the ledger")

    async def _watch_and_remove(
        self, file: PayloadFile, trail: Trail, watch_seconds: float, *, may_come_late: bool
    ) -> Failure | None:
        await asyncio.sleep(self._limits.settle_seconds)
        sizes: list[int | None] = []
        present = False
        for pause_seconds in (0.0, watch_seconds):
            await asyncio.sleep(pause_seconds)
            sight = await self._errands.look(Role.VERIFY, file, trail, Phase.CLEANUP, digest=False)
            if isinstance(sight, Failure):
                return _of_cleanup(sight)
            present = sight.present
            sizes.append(sight.size if present else 0)
        first, second = sizes
        if first != second:
            grown = f"{file.path} went from {first} to {second} bytes within {watch_seconds:g} s"
            return Failure(Reason.STILL_WRITING, grown)
        if may_come_late and not present:
            return Failure(Reason.STILL_WRITING, f"{file.path} is not there, but its copy may still be going on")
        outcome = await self.take_away(file, trail)
        return outcome if isinstance(outcome, Failure) else None


async def see_through(work: Coroutine[Any, Any, T]) -> T:
    """Awaits the work to its end although we are cancelled meanwhile, once, and then obeys.

    A second cancellation, or the first of a task that is being cancelled already, stops the work.
    """
    current = asyncio.current_task()
    cancellations = 1 if current is not None and current.cancelling() else 0
    job = asyncio.create_task(work)
    obey: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError as error:
            cancellations += 1
            if cancellations > 1:
                job.cancel()
                await asyncio.wait({job})
                raise
            obey = error
    if obey is not None:
        raise obey
    return job.result()


def _of_cleanup(failure: Failure) -> Failure:
    """The failure in the words of the `cleanup` phase; whose it is, is for the caller."""
    reason = Reason.CLEANUP_REFUSED if failure.reason in REFUSALS else Reason.CLEANUP_FAILED
    return Failure(reason, failure.detail or failure.reason.value, failure.blame)
