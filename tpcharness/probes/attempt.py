"""What is known of one attempt to copy while it goes on, and the Result that it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import AddressFamily, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Evidence, Implementation, Markers, Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.trail import Trail
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verification

GOOD = Verdict(Reason.OK, Blame.NOBODY)


class Run(Protocol):
    """What every way to copy knows of its one copy. `seconds` is from the request to the verdict, None before it."""

    @property
    def seconds(self) -> float | None: ...

    @property
    def markers(self) -> Markers: ...

    @property
    def address_family(self) -> AddressFamily | None: ...


R = TypeVar("R", bound=Run)


@dataclass(slots=True)
class CopyAttempt(Generic[R]):
    """One attempt to copy over a link. The verdict is good until something is found, and final once it is `judged`.

    `size` is that of the file that is copied, where it is not what the context asks for.
    """

    variant: Variant
    link: Link
    context: ProbeContext
    trail: Trail
    started_at: datetime
    verdict: Verdict = GOOD
    run: R | None = None
    verification: Verification | None = None
    warnings: list[str] = field(default_factory=list)
    judged: bool = False
    size: int | None = None

    @classmethod
    def begin(cls, variant: Variant, link: Link, context: ProbeContext) -> CopyAttempt[R]:
        """One that starts now, and has waited for its places as long as the context says."""
        attempt = cls(variant, link, context, Trail(context.probe_id, context.observer), context.clock.now())
        attempt.trail.add(Phase.QUEUED, context.queued_seconds)
        return attempt

    async def go(self, payload: PayloadStore, copy: Callable[[CopyAttempt[R], Seed], Awaitable[None]]) -> None:
        """Sees to a seed and to our directory, then copies, as `see` does."""
        with self.trail.enter(Phase.PREPARE):
            seed = await payload.seed(self.link.source, self.context.size_bytes, self.trail)
            no_place = await payload.ensure_directory(self.link.destination, self.trail)
        if isinstance(seed, Failure):
            self.verdict = of_failure(seed, Blame.SOURCE)
        elif no_place is not None:
            self.verdict = of_failure(no_place, Blame.DESTINATION)
        else:
            await self.see(copy(self, seed))

    async def see(self, copy: Awaitable[None]) -> None:
        """Awaits a copy. When cancelled it passes the cancellation on only as long as there is no verdict: a verdict
        stands, whatever becomes of the clean-up, and the ledger knows what is left.
        """
        try:
            await copy
        except asyncio.CancelledError:
            if not self.judged:
                raise
            self.warnings.append("interrupted in its clean-up: the file stays in the ledger")

    @property
    def good(self) -> bool:
        return self.verdict.reason is Reason.OK

    def result(self, servers: ServerBook) -> Result:
        """The record of it. Throughput is the verified size over the time from the request to the verdict."""
        verdict, run, verification = self.verdict, self.run, self.verification
        size = self.context.size_bytes if self.size is None else self.size
        return Result(
            run_id=self.context.run_id,
            probe_id=self.context.probe_id,
            subject=self.link.subject,
            variant=self.variant,
            size_bytes=self.context.size_bytes,
            started_at=self.started_at,
            attempt=self.context.attempt,
            outcome=outcome_of(verdict.reason, verdict.blame),
            reason=verdict.reason,
            blame=verdict.blame,
            alternatives=verdict.alternatives,
            hint="" if self.good else redact(verdict.hint or verdict.reason.info.fix),
            warnings=(*self.warnings, *_implausible(run, size)),
            phases=self.trail.phases,
            bytes=verification.size if verification else None,
            transfer_seconds=run.seconds if run else None,
            throughput=size / run.seconds if self.good and run and run.seconds else None,
            markers=run.markers if run else Markers(),
            address_family=run.address_family if run else None,
            checksum=verification.checksum if verification else Checksum(),
            evidence=Evidence(tuple(self.trail.exchanges), tuple(self.trail.tokens)),
            implementation=Implementation(servers.texts(self.link.source), servers.texts(self.link.destination)),
        )


def _implausible(run: Run | None, size: int) -> tuple[str, ...]:
    """Markers that claim more than there is: false at XRootD with several streams (XRootD issue 2874)."""
    claimed = run.markers.bytes_claimed if run else None
    if claimed is None or claimed <= size:
        return ()
    return (f"the markers claim {claimed} bytes of a file of {size}",)
