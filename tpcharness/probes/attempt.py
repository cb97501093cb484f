"""What is known of one attempt to copy while it goes on, and the Result that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.endpoint import Link
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Evidence, Implementation, Markers, Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Variant
from tpcharness.net.trail import Trail
from tpcharness.probes.copying import CopyRun
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verification

GOOD = Verdict(Reason.OK, Blame.NOBODY)


@dataclass(slots=True)
class CopyAttempt:
    """One attempt to copy over a link. The verdict is good until something is found, and final once it is `judged`."""

    variant: Variant
    link: Link
    context: ProbeContext
    trail: Trail
    started_at: datetime
    verdict: Verdict = GOOD
    run: CopyRun | None = None
    verification: Verification | None = None
    warnings: list[str] = field(default_factory=list)
    judged: bool = False

    @property
    def good(self) -> bool:
        return self.verdict.reason is Reason.OK

    def result(self, servers: ServerBook) -> Result:
        """The record of it. Throughput is the verified size over the time from the request to the verdict."""
        verdict, run, verification, size = self.verdict, self.run, self.verification, self.context.size_bytes
        return Result(
            run_id=self.context.run_id,
            probe_id=self.context.probe_id,
            subject=self.link.subject,
            variant=self.variant,
            size_bytes=size,
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
            throughput=size / run.seconds if self.good and run and run.seconds > 0 else None,
            markers=run.markers if run else Markers(),
            address_family=run.head.address_family if run else None,
            checksum=verification.checksum if verification else Checksum(),
            evidence=Evidence(tuple(self.trail.exchanges), tuple(self.trail.tokens)),
            implementation=Implementation(servers.texts(self.link.source), servers.texts(self.link.destination)),
        )


def _implausible(run: CopyRun | None, size: int) -> tuple[str, ...]:
    """Markers that claim more than there is: false at XRootD with several streams (XRootD issue 2874)."""
    claimed = run.markers.bytes_claimed if run else None
    if claimed is None or claimed <= size:
        return ()
    return (f"the markers claim {claimed} bytes of a file of {size}",)
