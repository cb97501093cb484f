"""The new file at the destination of a copy, whatever made it: whether it is right, who spoilt it, and away with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tpcharness.diagnosis.verdict import Party, Verdict, blamed, of_failure
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.messages import Answer
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.control import Control, Original
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import MAX_READBACK_BYTES, Verification, Verifier
from tpcharness.wire.copy_request import Mode

Doubt = Callable[[Verdict], Awaitable[Verdict]]
"""Looks again at what a failed copy was to be made from: the same verdict, or a better one."""

_DAMAGE = frozenset({Reason.SIZE_MISMATCH, Reason.CHECKSUM_MISMATCH})


async def no_doubt(verdict: Verdict) -> Verdict:
    """For what the control alone can settle."""
    return verdict


class Arrivals:
    """Looks at what copies have made, and removes it; the verdict goes to the attempt."""

    def __init__(self, payload: PayloadStore, control: Control, verifier: Verifier, servers: ServerBook) -> None:
        self._payload = payload
        self._control = control
        self._verifier = verifier
        self._servers = servers

    async def doubt_seed(self, seed: Seed, trail: Trail, verdict: Verdict) -> Verdict:
        """A storage that says the source file is missing may be right: then it is our seed that was lost."""
        if verdict.reason in (Reason.NOT_FOUND, Reason.PASSIVE_NOT_FOUND):
            with trail.enter(Phase.PREPARE):
                lost = await self._payload.recheck(seed, trail)
            if lost is not None and lost.reason is Reason.SEED_LOST:
                return Verdict(Reason.SEED_LOST, Blame.NOBODY, hint=lost.detail)
        return verdict

    async def verify(
        self, attempt: CopyAttempt[Any], mode: Mode, original: Original, file: PayloadFile, doubt: Doubt = no_doubt
    ) -> None:
        """Whether the destination has what the source has, whatever was said of the copy."""
        with attempt.trail.enter(Phase.VERIFY):
            verification = await self._verifier.verify(file, original.size, original.adler32, attempt.trail)
        attempt.verification = verification
        attempt.warnings.extend(verification.warnings)
        failure = verification.failure
        if failure is None:
            return
        if verification.checksum.verified_by is VerifiedBy.DIGEST and failure.reason is Reason.CHECKSUM_MISMATCH:
            found = await self._read_what_is_there(attempt.trail, original, file)
            if found is not None and found.failure is None:
                hint = f"{failure.detail}; the bytes themselves are right: it tells a wrong checksum"
                attempt.verdict = Verdict(failure.reason, Blame.DESTINATION, hint=hint)
                return
        if failure.reason in _DAMAGE:
            attempt.verdict = await self._settle_damage(attempt, mode, failure, original, doubt)
        else:
            attempt.verdict = of_failure(failure, Blame.DESTINATION)

    async def remove(
        self, attempt: CopyAttempt[Any], file: PayloadFile, active: Endpoint, head: Answer | None, *, may_run_on: bool
    ) -> None:
        """Takes the file away; where the `active` party may still be writing, only once it was seen not to grow.

        `head` is that party's answer, if there was one. A copy that is good but for this is not called good (design 6).
        """
        if may_run_on:
            stops = self._servers.stops_with_its_client(active, head)
            failure = await self._payload.watch_and_remove(file, attempt.trail, may_come_late=not stops)
        else:
            left = await self._payload.remove_all((file,), attempt.trail)
            failure = left[0][1] if left else None
        if failure is None:
            return
        if attempt.good and attempt.judged:
            attempt.verdict = of_failure(failure, Blame.DESTINATION)
        else:
            attempt.warnings.append(f"{failure.reason}: {failure.detail}")

    async def _settle_damage(
        self, attempt: CopyAttempt[Any], mode: Mode, failure: Failure, original: Original, doubt: Doubt
    ) -> Verdict:
        """Who has damaged a copy. What is in doubt is not read again: then the active party called it good."""
        first = blamed(failure.reason, mode, Party.ACTIVE).with_hint(failure.detail)
        doubted = await doubt(first)
        if doubted is not first:
            return first.with_hint(f"{failure.detail}; {doubted.hint}")
        return await self._control.settle_damage(failure, mode, original, attempt.link.destination, attempt.trail)

    async def _read_what_is_there(self, trail: Trail, original: Original, file: PayloadFile) -> Verification | None:
        """The bytes of a file whose checksum is told wrong; None when there are too many."""
        if original.size > MAX_READBACK_BYTES:
            return None
        with trail.enter(Phase.VERIFY):
            return await self._verifier.read_back(file, original.size, original.adler32, trail)
