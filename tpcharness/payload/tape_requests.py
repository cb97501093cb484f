"""Requests for staging: only for registered files, written down before they go out, ended whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from time import perf_counter
from urllib.parse import unquote

from tpcharness.diagnosis.tape_verdict import Operation, judge_file
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Clock
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.messages import Answer
from tpcharness.net.trail import Trail
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.removal import see_through
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.payload.tape_polling import PASSING, Polling
from tpcharness.wire.tape.discovery import TapeService
from tpcharness.wire.tape.stage import FileState, Receipt, StageStatus, request_url

READING_SECONDS = 600
"""How much longer than it may take to stage a file we want it on disk.

That is what we ask for, whatever a site's default is (dCache's is two days): a release that gets lost costs little.
Less than the whole would be cheaper still, but a service may count from the request on, and evict what has just come.
"""

POLLING = Polling()

NO_ID = "tpcharness-placeholder-id"


class NotRegistered(ValueError):  # noqa: N818 - reads as what it is
    """A file that is not in the endpoint's list: it is never staged."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request that a service took, and that stands in the ledger. `sent_at` is a time of perf_counter."""

    endpoint: Endpoint
    service: TapeService
    receipt: Receipt
    paths: tuple[str, ...]
    entry: LedgerEntry
    sent_at: float


@dataclass(slots=True)
class Staging:
    """How a request went on. Seconds count from when it was sent; None is what was never seen."""

    started_seconds: float | None = None
    online_seconds: float | None = None
    polls: int = 0
    deviations: dict[str, None] = field(default_factory=dict)
    failure: Failure | None = None


class TapeRequests:
    """Opens, follows and ends requests for staging.

    Raises LedgerError when our own disk does not take a line, and NotRegistered: in both cases nothing was sent.
    """

    def __init__(
        self,
        errands: TapeErrands,
        ledger: Ledger,
        names: PayloadNames,
        clock: Clock,
        limits: TimeLimits,
        *,
        polling: Polling = POLLING,
    ) -> None:
        self._errands = errands
        self._ledger = ledger
        self._names = names
        self._clock = clock
        self._limits = limits
        self._polling = polling
        self._tickets = count(1)
        self._turns: dict[str, asyncio.Lock] = {}

    @property
    def disk_lifetime_seconds(self) -> int:
        """For how long a request wants its files on disk at most: until they have come, and have been copied."""
        return int(self._limits.stage_seconds) + self.copying_seconds

    @property
    def copying_seconds(self) -> int:
        """How long a copy of a staged file may need it."""
        return int(self._limits.transfer_seconds) + READING_SECONDS

    @asynccontextmanager
    async def turn(self, endpoint: Endpoint, trail: Trail) -> AsyncIterator[None]:
        """Waits, as `queued`, until no other request of ours is open at the endpoint, and holds its place.

        One at a time is what a tape system is asked for; and EOS evicts a file by its path, whoever else wants it, so
        that the release of one request would take the file away from the next.
        """
        async with AsyncExitStack() as stack:
            with trail.enter(Phase.QUEUED):
                await stack.enter_async_context(self._turns.setdefault(endpoint.name, asyncio.Lock()))
            yield

    async def open(
        self,
        endpoint: Endpoint,
        service: TapeService,
        paths: Sequence[str],
        trail: Trail,
        *,
        use_seconds: int = READING_SECONDS,
    ) -> OpenRequest | Failure:
        """Asks for files on disk, and to keep them there for `use_seconds` once they have come.

        What may have been taken stays in the ledger, whatever was answered. When cancelled meanwhile, waits for the
        answer and ends the request: without it nobody knows its name.
        """
        taken: list[OpenRequest] = []
        try:
            return await see_through(self._open(endpoint, service, paths, trail, taken, use_seconds))
        except asyncio.CancelledError:
            for request in taken:
                await self.close(request, trail)
            raise

    async def _open(
        self,
        endpoint: Endpoint,
        service: TapeService,
        paths: Sequence[str],
        trail: Trail,
        taken: list[OpenRequest],
        use_seconds: int,
    ) -> OpenRequest | Failure:
        if foreign := [path for path in paths if path not in endpoint.tape_files]:
            raise NotRegistered(f"{foreign[0]} is not in the list [endpoints.{endpoint.name}.tape] files")
        answers: list[Answer] = []
        ticket = self._entry(endpoint, f"{service.stage_url}#{self._names.run_id}.{next(self._tickets)}", paths)
        await self._ledger.add(ticket)
        sent_at = perf_counter()
        lifetime_seconds = int(self._limits.stage_seconds) + use_seconds
        receipt = await self._errands.stage(endpoint, service, paths, lifetime_seconds, trail, answers.append)
        if isinstance(receipt, Failure):
            if not answers or _refused_for_good(answers[-1]):
                await self._ledger.gone(ticket)
            return receipt
        entry = self._entry(endpoint, request_url(service, receipt.request_id), paths)
        await self._ledger.add(entry)
        await self._ledger.gone(ticket)
        taken.append(OpenRequest(endpoint, service, receipt, tuple(paths), entry, sent_at))
        return taken[-1]

    async def follow(self, request: OpenRequest, trail: Trail) -> Staging:
        """Polls until every file is on disk, one has failed, or `stage_seconds` are over."""
        staging = Staging()
        failures, last = 0, None
        try:
            async with asyncio.timeout(self._limits.stage_seconds):
                while True:
                    polled = await self._errands.poll(
                        request.endpoint, request.service, request.receipt.request_id, request.paths, trail
                    )
                    staging.polls += 1
                    if not isinstance(polled.outcome, Failure):
                        failures, last = 0, None
                        if self._note(staging, request, polled.outcome, perf_counter() - request.sent_at):
                            return staging
                    elif polled.outcome.reason not in PASSING or failures + 1 >= self._polling.max_failures:
                        staging.failure = polled.outcome
                        return staging
                    else:
                        failures, last = failures + 1, polled.outcome
                    dice = random.random()  # noqa: S311 - a pause, not a secret
                    await asyncio.sleep(self._polling.pause_seconds(staging.polls, dice, polled.retry_after_seconds))
        except TimeoutError:
            limit = self._limits.stage_seconds
            state = "waits for a drive" if staging.started_seconds is None else "is being staged"
            staging.failure = last or Failure(Reason.STAGE_TIMEOUT, f"after {limit:g} s the file still {state}")
            return staging

    def _note(self, staging: Staging, request: OpenRequest, status: StageStatus, seconds: float) -> bool:
        """Takes a status in; whether there is nothing more to wait for."""
        staging.deviations.update(dict.fromkeys(status.deviations))
        files = [(path, status.of(path)) for path in request.paths]
        staging.failure = next((failure for each in files if (failure := judge_file(*each))), None)
        if staging.failure is not None:
            return True
        states = {file.state for _, file in files if file is not None}
        if staging.started_seconds is None and states - {FileState.SUBMITTED, FileState.UNKNOWN}:
            staging.started_seconds = seconds
        if states == {FileState.COMPLETED}:
            staging.online_seconds = seconds
            return True
        return False

    async def close(self, request: OpenRequest, trail: Trail) -> Failure | None:
        """Releases and deletes a request, for a probe's `finally`; what stays is in the ledger.

        Bounded by `cleanup_seconds`. A first cancellation is obeyed only when the work is done.
        """
        return await see_through(self._close(request.entry, request.endpoint, trail))

    async def close_entry(self, entry: LedgerEntry, endpoint: Endpoint, trail: Trail) -> Failure | None:
        """The same for an entry of a former run."""
        return await self._close(entry, endpoint, trail)

    async def _close(self, entry: LedgerEntry, endpoint: Endpoint, trail: Trail) -> Failure | None:
        limit = self._limits.cleanup_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._end(entry, endpoint, trail)
        except TimeoutError:
            return Failure(Reason.TAPE_REQUEST_LEFT, f"{entry.url} was not ended within {limit:g} s")

    async def _end(self, entry: LedgerEntry, endpoint: Endpoint, trail: Trail) -> Failure | None:
        """Cancel, release, delete: the last one counts, since a service that has deleted a request holds nothing.

        Cancel comes first because a delete is a best-effort cancel only (specification); what has ended already
        ignores it.
        """
        service, request_id = _place(entry.url)
        if not request_id:
            return await self._end_nameless(entry, endpoint, service, trail)
        failure: Failure | None = None
        for operation in (Operation.CANCEL, Operation.RELEASE, Operation.DELETE):
            failure = await self._errands.end(operation, endpoint, service, request_id, entry.tape_paths, trail)
        if failure is not None:
            return Failure(Reason.TAPE_REQUEST_LEFT, failure.detail or failure.reason.value, failure.blame)
        await self._ledger.gone(entry)
        return None

    async def _end_nameless(
        self, entry: LedgerEntry, endpoint: Endpoint, service: TapeService, trail: Trail
    ) -> Failure | None:
        """A request of which nobody told us the name: we died before the answer, or it had none.

        The API knows no list of requests. A release by path is all that can be done (EOS looks at paths only); where
        that does nothing, the disk lifetime ends it.
        """
        await self._errands.end(Operation.RELEASE, endpoint, service, NO_ID, entry.tape_paths, trail)
        left = self.disk_lifetime_seconds - self._age_seconds(entry.created_at)
        if 0 < left <= self.disk_lifetime_seconds:
            detail = f"the name of our request at {service.stage_url} is not known; its lifetime ends in {left:.0f} s"
            return Failure(Reason.TAPE_REQUEST_LEFT, detail)
        await self._ledger.gone(entry)
        return None

    def _entry(self, endpoint: Endpoint, url: str, paths: Sequence[str]) -> LedgerEntry:
        return LedgerEntry(endpoint.name, url, self._names.run_id, self._clock.now(), tuple(paths))

    def _age_seconds(self, moment: datetime) -> float:
        return (self._clock.now() - moment).total_seconds()


def _refused_for_good(answer: Answer) -> bool:
    """Whether the service certainly did not take the request: an error of ours, or no connection at all."""
    if answer.failure is not None:
        return answer.failure.reason.phase in (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)
    return answer.status is not None and 400 <= answer.status < 500


def _place(url: str) -> tuple[TapeService, str]:
    """Service and request id of an entry's URL; without an id where it was never told."""
    uri, ticket, _ = url.partition("/stage#")
    if ticket:
        return TapeService(uri, "v1", 1), ""
    uri, _, last = url.rpartition("/stage/")
    return TapeService(uri, "v1", 1), unquote(last)
