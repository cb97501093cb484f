"""What is known of one direct transfer over xroot while it goes on, and the Result that it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from urllib.parse import unquote

from tpcharness.diagnosis.stream_verdict import Broken, judge_root_stream
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Result, VerifiedBy
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.trail import Trail
from tpcharness.net.xroot import XrootClient, XrootVisit
from tpcharness.payload.content import Content
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.removal import see_through
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.door_check import DoorCheck
from tpcharness.probes.root_files import absent, failure_of, remove, root_target
from tpcharness.probes.root_reading import Transfer
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import ALGORITHM
from tpcharness.wire.digest import same_checksum
from tpcharness.wire.xroot.opaque import RootUrl


@dataclass(slots=True)
class RootAttempt(DoorCheck):
    """One attempt at one endpoint. `seconds` is from the opening of the file to its last byte, `count` those bytes."""

    seconds: float | None = None
    count: int | None = None

    def judge(self, verdict: Verdict) -> None:
        """Keeps the first verdict against anybody."""
        if self.ok:
            self.verdict = verdict

    def broke(self, broken: Broken) -> None:
        """Keeps why the bytes stopped."""
        self.judge(judge_root_stream(broken))

    def seed_failed(self, failure: Failure) -> None:
        """A seed's source is the endpoint itself here, which a result calls destination."""
        self.fail(replace(failure, blame=None) if failure.blame is Blame.SOURCE else failure)

    def explain_path(self, file: PayloadFile, path: str) -> None:
        """A refusal may come from the path: tokens are made for the one in `https`."""
        if self.verdict.reason is Reason.FORBIDDEN and path != unquote(file.path):
            hint = f"{self.verdict.hint}; tokens are made for the path in `https`, which differs in `root`"
            self.verdict = self.verdict.with_hint(hint)

    def compare(self, transfer: Transfer, content: Content) -> None:
        """Whether the bytes that came are those that were stored."""
        expected = content.adler32
        self.checksum = Checksum(ALGORITHM, expected, transfer.adler32, VerifiedBy.READBACK)
        wrong = mismatch(transfer, content)
        if wrong is not None:
            self.fail(wrong)

    def record(self, servers: ServerBook) -> Result:
        """The result; throughput is the verified size over `seconds`."""
        size = self.context.size_bytes
        return replace(
            self.result(servers),
            bytes=self.count,
            transfer_seconds=self.seconds,
            throughput=size / self.seconds if self.ok and self.seconds else None,
        )


def mismatch(transfer: Transfer, content: Content) -> Failure | None:
    """What differs between a file that came whole and what was stored; None when nothing does."""
    if transfer.count != content.size:
        given = "more" if transfer.count > content.size else f"{transfer.count} bytes only"
        text = f"it gives {given} where {content.size} bytes were stored"
        return Failure(Reason.CONTENT_MISMATCH, text)
    if not same_checksum(ALGORITHM, content.adler32, transfer.adler32):
        text = f"the adler32 of what it gives is {transfer.adler32}, {content.adler32} was stored"
        return Failure(Reason.CONTENT_MISMATCH, text)
    return None


@asynccontextmanager
async def visiting(client: XrootClient, attempt: DoorCheck, url: RootUrl, token: Secret) -> AsyncIterator[XrootVisit]:
    """Connections to a root door of the endpoint; what had to be got round on the way is warned of."""
    async with client.visit(root_target(attempt.endpoint, url, token), attempt.trail) as visit:
        try:
            yield visit
        finally:
            attempt.warnings.extend(visit.setbacks)


async def take_away(
    payload: PayloadStore, visit: XrootVisit, attempt: DoorCheck, file: PayloadFile, path: str, removing: Secret
) -> None:
    """Removes a file by the root door within `cleanup_seconds`; where that fails, the https door may do better.

    For a probe's `finally`: a first cancellation is obeyed when the work is done, as by `PayloadStore.remove_all`.
    """
    failure = await see_through(_remove(payload, visit, file, path, removing))
    if failure is not None:
        attempt.note_leftover(failure)
        for _, why in await payload.remove_all((file,), attempt.trail):
            attempt.warnings.append(f"{why.reason}: {why.detail}")


async def _remove(
    payload: PayloadStore, visit: XrootVisit, file: PayloadFile, path: str, removing: Secret
) -> Failure | None:
    limit = visit.limits.cleanup_seconds
    try:
        async with asyncio.timeout(limit):
            failure = await remove(visit, path, removing) or await absent(visit, path, removing)
    except TimeoutError:
        return Failure(Reason.CLEANUP_FAILED, f"not removed at the root door within {limit:g} s")
    if failure is None:
        await payload.forget(file)
    return failure


async def enter(visit: XrootVisit, trail: Trail) -> Failure | None:
    """Logs in, so that what is timed afterwards are requests alone; each step has its own phase."""
    trail.announce(Phase.REQUEST)
    begin = perf_counter()
    try:
        return failure_of(await visit.enter())
    finally:
        spent = visit.timings
        steps = {
            Phase.QUEUED: spent.queued,
            Phase.RESOLVE: spent.resolve,
            Phase.CONNECT: spent.connect,
            Phase.TLS: spent.tls,
        }
        for phase, seconds in steps.items():
            trail.add(phase, seconds)
        trail.add(Phase.REQUEST, max(0.0, perf_counter() - begin - sum(steps.values())))
