"""What the checks of an endpoint's doors have in common: the addresses to try, the first failure, the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import AddressFamily, Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Evidence, Implementation, Result, TlsFacts, VerifiedBy
from tpcharness.model.seams import ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.dialer import has_route
from tpcharness.net.resolver import Address, Resolution
from tpcharness.net.trail import Trail
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verification

CERTIFICATE_WARNING = timedelta(days=14)
MAX_ADDRESSES = 16
_OK = Verdict(Reason.OK, Blame.NOBODY)


@dataclass(slots=True)
class DoorCheck:
    """What is known of one door of an endpoint while its addresses are tried."""

    variant: Variant
    endpoint: Endpoint
    context: ProbeContext
    trail: Trail
    started_at: datetime
    verdict: Verdict = _OK
    checksum: Checksum = field(default_factory=Checksum)
    family: AddressFamily | None = None
    clock_offset_seconds: float | None = None
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, variant: Variant, endpoint: Endpoint, context: ProbeContext) -> Self:
        """A check that starts now, and has waited for its place as long as the context says."""
        check = cls(variant, endpoint, context, Trail(context.probe_id, context.observer), context.clock.now())
        check.trail.add(Phase.QUEUED, context.queued_seconds)
        return check

    @property
    def ok(self) -> bool:
        return self.verdict.reason is Reason.OK

    def fail(self, failure: Failure) -> None:
        """Keeps the first thing that went wrong; what has no blame of its own is the endpoint's."""
        if self.ok:
            issuer = failure.reason.phase is Phase.TOKEN
            self.verdict = of_failure(failure, Blame.ISSUER if issuer else Blame.DESTINATION)

    def addresses(self, resolution: Resolution) -> tuple[Address, ...]:
        """Those to try: at most `MAX_ADDRESSES`, and none to which this machine has no route, unless it has to none."""
        self.trail.add(Phase.QUEUED, resolution.queued_seconds)
        self.trail.add(Phase.RESOLVE, resolution.resolve_seconds)
        if resolution.failure is not None:
            self.fail(resolution.failure)
            return ()
        if len(resolution.addresses) > MAX_ADDRESSES:
            self.warnings.append(f"{len(resolution.addresses)} addresses; the first {MAX_ADDRESSES} were tried")
        routed = tuple(address for address in resolution.addresses if has_route(address))
        if routed and len(routed) < len(resolution.addresses):
            left_out = ", ".join(each.ip for each in resolution.addresses if each not in routed)
            self.warnings.append(f"not checked at {left_out}: this machine has no route there")
        return (routed or resolution.addresses)[:MAX_ADDRESSES]

    def note_certificate(self, facts: TlsFacts) -> None:
        """Keeps what a certificate says, and warns when it is about to end."""
        self.trail.tls.append(facts)
        if facts.not_after is not None:
            left = facts.not_after - self.context.clock.now()
            if timedelta(0) < left < CERTIFICATE_WARNING:
                self.warnings.append(f"the certificate at {facts.address} expires in {left.days} days")

    def note_verification(self, seen: Verification) -> None:
        """Keeps what became of the bytes that we have stored there."""
        self.checksum = seen.checksum
        self.warnings.extend(seen.warnings)
        if seen.failure is not None:
            self.fail(door_failure(seen))

    def note_leftover(self, failure: Failure) -> None:
        """A file that stays is a failure of its own, or a warning beside the one that came before."""
        if not self.ok:
            self.warnings.append(f"{failure.reason}: {failure.detail}")
        self.fail(failure)

    def result(self, servers: ServerBook) -> Result:
        """The record of it."""
        verdict, context = self.verdict, self.context
        return Result(
            run_id=context.run_id,
            probe_id=context.probe_id,
            subject=self.endpoint.subject,
            variant=self.variant,
            size_bytes=context.size_bytes,
            started_at=self.started_at,
            attempt=context.attempt,
            outcome=outcome_of(verdict.reason, verdict.blame),
            reason=verdict.reason,
            blame=verdict.blame,
            alternatives=verdict.alternatives,
            hint="" if self.ok else redact(verdict.hint or verdict.reason.info.fix),
            warnings=tuple(dict.fromkeys(self.warnings)),
            phases=self.trail.phases,
            bytes=context.size_bytes if self.ok else None,
            address_family=self.family,
            checksum=self.checksum,
            evidence=Evidence(tuple(self.trail.exchanges), tuple(self.trail.tokens), tuple(self.trail.tls)),
            implementation=Implementation((), servers.texts(self.endpoint)),
            clock_offset_seconds=self.clock_offset_seconds,
        )


def door_failure(seen: Verification) -> Failure:
    """The failure in the words of a door: bytes that came back differ from those that we had stored there."""
    failure = seen.failure or Failure(Reason.VERIFY_FAILED)
    damaged = failure.reason in (Reason.CHECKSUM_MISMATCH, Reason.SIZE_MISMATCH)
    if damaged and seen.checksum.verified_by is VerifiedBy.READBACK and seen.checksum.found != seen.checksum.expected:
        return Failure(Reason.CONTENT_MISMATCH, failure.detail)
    return failure
