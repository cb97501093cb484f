"""From disk at the source to tape at the destination: third-party copy in pull mode, then watched. It is dear."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from functools import partial
from itertools import count
from typing import NamedTuple
from urllib.parse import unquote

from tpcharness.diagnosis.tape_verdict import archiving_may_mend, judge_archiving, judge_new_name, remark_on_info
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.messages import Answer
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.tape_archive import archive_of
from tpcharness.payload.tape_errands import TapeErrands, retry_after_seconds
from tpcharness.payload.tape_polling import PASSING, Polling
from tpcharness.payload.tape_requests import POLLING
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.copying import CopyRun
from tpcharness.probes.https_transfer import HttpsTransfer
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.tape_attempt import TapeAttempt
from tpcharness.wire.tape.archive_info import ArchiveInfo
from tpcharness.wire.tape.discovery import TapeService


class TapeArchiveProbe:
    """Copies a seed into the destination's directory for tape, waits until it is on tape, and deletes the file.

    Good is what was verified like any copy and then called TAPE or DISK_AND_TAPE, by a service that did not say so of
    the file before it was written. What has gone to tape stays on the medium until the site reclaims it. In the
    result the phase `transfer` has copy and wait, `transfer_seconds` the copy alone.
    """

    variant = Variant.TAPE_ARCHIVE

    def __init__(
        self,
        transfer: HttpsTransfer,
        errands: TapeErrands,
        payload: PayloadStore,
        names: PayloadNames,
        servers: ServerBook,
        limits: TimeLimits,
        *,
        polling: Polling = POLLING,
    ) -> None:
        self._transfer = transfer
        self._errands = errands
        self._payload = payload
        self._names = names
        self._servers = servers
        self._limits = limits
        self._polling = polling

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result. When cancelled it removes the file first; what could not be removed stays in the ledger.

        Raises TypeError for what is no link, ValueError for a destination without `tape_archive`.
        """
        if not isinstance(subject, Link):
            raise TypeError(f"{self.variant} probes links, not {subject!r}")
        link = replace(subject, destination=archive_of(subject.destination))
        attempt = CopyAttempt[CopyRun].begin(self.variant, link, context)
        tape = TapeAttempt(self.variant, link.destination, context, attempt.trail, attempt.started_at)
        await attempt.go(self._payload, partial(self._archive, tape))
        self._servers.learn(link.source, attempt.trail.exchanges)
        self._servers.learn(link.destination, attempt.trail.exchanges)
        return attempt.result(self._servers)

    async def _archive(self, tape: TapeAttempt, attempt: CopyAttempt[CopyRun], seed: Seed) -> None:
        context, trail = attempt.context, attempt.trail
        file = self._names.archived(attempt.link.destination, context.probe_id, context.attempt)
        path = unquote(file.path)
        service = await tape.discover(self._errands)
        if service is not None:
            await self._ask_before(tape, service, path)
        if service is not None and tape.ok:
            doubt = partial(self._transfer.doubt_seed, seed, trail)
            then = partial(self._wait, tape, attempt, service, path)
            await self._transfer.copy(attempt, seed, file, doubt=doubt, then=then)
        tape.hand_over(attempt)

    async def _ask_before(self, tape: TapeAttempt, service: TapeService, path: str) -> None:
        """Nothing is written to tape for a service that cannot be believed, or that does not let us ask."""
        with tape.trail.enter(Phase.REQUEST):
            infos = await tape.archive_info(self._errands, service, (path,))
        if tape.ok and (failure := judge_new_name(path, infos.get(path))):
            tape.fail(failure)

    async def _wait(self, tape: TapeAttempt, attempt: CopyAttempt[CopyRun], service: TapeService, path: str) -> None:
        with tape.trail.enter(Phase.TRANSFER):
            failure = await self._until_on_tape(tape, service, path)
        if failure is not None:
            tape.fail(failure)
            attempt.verdict = tape.verdict

    async def _until_on_tape(self, tape: TapeAttempt, service: TapeService, path: str) -> Failure | None:
        """Polls archiveinfo until it says so, or that it will not be, or `stage_seconds` are over; why not, if not."""
        limit = self._limits.stage_seconds
        failures, last, seen = 0, None, "nothing of it"
        try:
            async with asyncio.timeout(limit):
                for polls in count(1):
                    heads: list[Answer] = []
                    answer = await self._errands.archive_info(
                        tape.endpoint, service, (path,), tape.trail, Phase.TRANSFER, sent=heads.append
                    )
                    look = _read(tape, path, answer)
                    last = look.failure
                    if look.on_tape:
                        return None
                    failures = failures + 1 if last is not None else 0
                    if last is not None and (not look.may_mend or failures >= self._polling.max_failures):
                        return last
                    seen = seen if last is not None else "DISK"
                    dice = random.random()  # noqa: S311 - a pause, not a secret
                    asked_seconds = retry_after_seconds(heads)
                    await asyncio.sleep(self._polling.pause_seconds(polls, dice, asked_seconds))
        except TimeoutError:
            pass
        return last or Failure(Reason.ARCHIVE_TIMEOUT, f"after {limit:g} s archiveinfo says {seen} of {path}")


class _Look(NamedTuple):
    """What archiveinfo said of the file once; without a failure it is on tape, or on its way."""

    failure: Failure | None
    may_mend: bool
    on_tape: bool


def _read(tape: TapeAttempt, path: str, answer: ArchiveInfo | Failure) -> _Look:
    if not isinstance(answer, ArchiveInfo):
        return _Look(answer, answer.reason in PASSING, on_tape=False)
    tape.warnings.extend(answer.deviations)
    info = answer.of(path)
    failure = judge_archiving(path, info)
    on_tape = failure is None and info is not None and info.locality is not None and info.locality.on_tape
    if on_tape and info is not None and (remark := remark_on_info(path, info)):
        tape.warnings.append(remark)
    return _Look(failure, archiving_may_mend(info), on_tape)
