"""What is known of one legacy door while its addresses are looked at, and the Result that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from tpcharness.diagnosis.legacy_verdict import SHUT, judge_failure, over_all
from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.endpoint import AddressFamily, Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, Exchange, Hop, Implementation, Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.dialer import has_route
from tpcharness.net.messages import Timings
from tpcharness.net.resolver import Address, Resolution
from tpcharness.net.trail import Trail
from tpcharness.probes.door_check import MAX_ADDRESSES
from tpcharness.wire.legacy.address import LegacyUrl

MAX_EXCERPT = 1000


@dataclass(slots=True)
class LegacyAudit:
    """One audit. An address whose fate is unknown keeps the door from being called shut."""

    variant: Variant
    endpoint: Endpoint
    context: ProbeContext
    trail: Trail
    started_at: datetime
    url: LegacyUrl
    verdicts: list[Verdict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    family: AddressFamily | None = None

    @classmethod
    def begin(cls, variant: Variant, subject: Endpoint | Link, context: ProbeContext) -> LegacyAudit:
        """Raises TypeError for what has no such door, and WireError for a URL that is none: plans hold neither."""
        url = "" if isinstance(subject, Link) else subject.gsiftp if variant is Variant.GSIFTP_DOOR else subject.srm
        if isinstance(subject, Link) or not url:
            raise TypeError(f"{variant} is about an endpoint that has such a door, not {subject!r}")
        trail = Trail(context.probe_id, context.observer)
        trail.add(Phase.QUEUED, context.queued_seconds)
        return cls(variant, subject, context, trail, context.clock.now(), LegacyUrl.parse(url))

    def addresses(self, resolution: Resolution) -> tuple[Address, ...]:
        """Those to look at. What stands in the way of looking at all of them is a verdict of its own."""
        self.trail.add(Phase.QUEUED, resolution.queued_seconds)
        self.trail.add(Phase.RESOLVE, resolution.resolve_seconds)
        wanted = self.endpoint.address_family
        chosen = [each for each in resolution.addresses if wanted in (AddressFamily.ANY, each.family)]
        if not resolution.addresses:
            failure = resolution.failure or Failure(Reason.DNS_FAILURE)
            self.record("resolve", None, resolution.resolve_seconds, failure)
            self.verdicts.append(judge_failure(failure))
        elif not chosen:
            text = f"{self.url.host} has addresses, but no {wanted} one: nothing was looked at"
            self.verdicts.append(Verdict(Reason.NO_ADDRESS_IN_FAMILY, Blame.CLIENT, hint=text))
        routed = [each for each in chosen if has_route(each)]
        if len(routed) < len(chosen):
            left = ", ".join(each.ip for each in chosen if each not in routed)
            text = (
                f"not looked at {left}: this machine has no route there; "
                f"audit from one that has, or set address_family for what you have"
            )
            self.verdicts.append(Verdict(Reason.LOCAL_NETWORK, Blame.CLIENT, hint=text))
        if len(routed) > MAX_ADDRESSES:
            text = f"{len(routed)} addresses, of which we look at {MAX_ADDRESSES} only"
            self.verdicts.append(Verdict(Reason.LOCAL_NETWORK, Blame.CLIENT, hint=text))
        return tuple(routed[:MAX_ADDRESSES])

    def no_such_name(self, resolution: Resolution, *, others_known: bool) -> None:
        """A name that is gone is a door that is gone; but a resolver that knows no names at all tells nothing."""
        text = f"our resolver does not know the name {self.url.host}"
        failure = Failure(Reason.DNS_FAILURE, text)
        self.trail.add(Phase.RESOLVE, resolution.resolve_seconds)
        self.record("resolve", None, resolution.resolve_seconds, failure)
        if others_known:
            self.verdicts.append(SHUT)
            self.warnings.append(
                f"{text}, so nothing can answer under it: is it spelt right, and has the server other names?"
            )
        else:
            self.verdicts.append(judge_failure(Failure(failure.reason, f"{text}, nor that of the https door")))

    def conclude(self, address: Address, verdict: Verdict) -> None:
        """Keeps what was found at an address."""
        self.family = self.family or address.family
        if verdict.reason is not Reason.OK:
            verdict = verdict.with_hint(f"{address.ip}: {verdict.hint}")
        self.verdicts.append(verdict)

    def spent(self, timings: Timings) -> None:
        """Adds the times of a connection."""
        self.trail.add(Phase.CONNECT, timings.connect)
        if timings.tls:
            self.trail.add(Phase.TLS, timings.tls)

    def record(
        self, method: str, address: Address | None, seconds: float, failure: Failure | None = None, path: str = ""
    ) -> None:
        """Keeps as evidence what did not come to an answer."""
        self.keep(
            Exchange(
                phase=failure.reason.phase if failure is not None else Phase.REQUEST,
                method=method,
                url=f"{self.url}{path}",
                error=failure.detail if failure is not None else "",
            ),
            address,
            seconds,
        )

    def keep(self, exchange: Exchange, address: Address | None, seconds: float) -> None:
        """Keeps an exchange with an address as evidence, what was said there without credentials and cut."""
        hops = () if address is None else (Hop(self.url.place, exchange.status, exchange.server, address.ip),)
        excerpt = redact(exchange.body_excerpt, cut=True)[:MAX_EXCERPT]
        self.trail.record(replace(exchange, hops=hops, body_excerpt=excerpt), seconds)

    def result(self) -> Result:
        """The record of it: no bytes, no checksum, for nothing is copied."""
        verdict, context = over_all(self.verdicts), self.context
        good = verdict.reason is Reason.OK
        servers = dict.fromkeys(each.server for each in self.trail.exchanges if each.server)
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
            hint="" if good else redact(verdict.hint or verdict.reason.info.fix),
            warnings=(*dict.fromkeys(map(redact, self.warnings)), *self._others(verdict)),
            phases=self.trail.phases,
            address_family=self.family,
            evidence=Evidence(tuple(self.trail.exchanges), (), tuple(self.trail.tls)),
            implementation=Implementation((), tuple(servers)),
        )

    def _others(self, verdict: Verdict) -> list[str]:
        """What was found at other addresses, beside what decides."""
        found = [each for each in self.verdicts if each is not verdict and each.reason is not Reason.OK]
        return list(dict.fromkeys(redact(f"{each.reason}: {each.hint}") for each in found))
