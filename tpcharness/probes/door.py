"""The control: one endpoint alone, on every address it has, before any link is judged by it (design 5.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import AddressFamily, Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Evidence, Implementation, Result, TlsFacts, VerifiedBy
from tpcharness.model.seams import ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.dialer import has_route
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.net.resolver import Address
from tpcharness.net.trail import Trail
from tpcharness.payload.content import Content
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verification, Verifier
from tpcharness.tokens.roles import Role
from tpcharness.wire.dates import clock_offset_seconds

CERTIFICATE_WARNING = timedelta(days=14)
MAX_CLOCK_OFFSET_SECONDS = 60.0
MAX_ADDRESSES = 16
_OK = Verdict(Reason.OK, Blame.NOBODY)


@dataclass(slots=True)
class _Door:
    """What is known of an endpoint while its addresses are tried."""

    endpoint: Endpoint
    context: ProbeContext
    trail: Trail
    verdict: Verdict = _OK
    checksum: Checksum = field(default_factory=Checksum)
    family: AddressFamily | None = None
    clock_offset_seconds: float | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.verdict.reason is Reason.OK

    def fail(self, failure: Failure) -> None:
        """Keeps the first thing that went wrong; what has no blame of its own is the endpoint's."""
        if self.ok:
            issuer = failure.reason.phase is Phase.TOKEN
            self.verdict = of_failure(failure, Blame.ISSUER if issuer else Blame.DESTINATION)


class DoorProbe:
    """Resolves an endpoint and, at each address: connects, looks at the certificate, asks OPTIONS, writes a payload
    file, reads it back by HEAD with digest and by GET, and deletes it.

    The first failing address decides. An endpoint of many addresses is tried at the first `MAX_ADDRESSES`.
    """

    variant = Variant.DOOR

    def __init__(
        self,
        client: HttpClient,
        errands: Errands,
        payload: PayloadStore,
        names: PayloadNames,
        verifier: Verifier,
        servers: ServerBook,
    ) -> None:
        self._client = client
        self._errands = errands
        self._verifier = verifier
        self._payload = payload
        self._names = names
        self._servers = servers

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint. Cancellation as for every probe: cleans up first."""
        if not isinstance(subject, Endpoint):
            raise TypeError(f"a door is an endpoint's, not {subject!r}")
        door = _Door(subject, context, Trail(context.probe_id, context.observer))
        door.trail.add(Phase.QUEUED, context.queued_seconds)
        started_at = context.clock.now()
        for number, address in enumerate(await self._addresses(door)):
            await self._try_address(door, address, number)
            if not door.ok:
                break
        self._servers.learn(subject, door.trail.exchanges)
        return self._result(door, started_at)

    async def _addresses(self, door: _Door) -> tuple[Address, ...]:
        resolution = await self._client.resolve(door.endpoint.https, door.endpoint.address_family)
        door.trail.add(Phase.QUEUED, resolution.queued_seconds)
        door.trail.add(Phase.RESOLVE, resolution.resolve_seconds)
        if resolution.failure is not None:
            door.fail(resolution.failure)
            return ()
        if len(resolution.addresses) > MAX_ADDRESSES:
            door.warnings.append(f"{len(resolution.addresses)} addresses; the first {MAX_ADDRESSES} were tried")
        routed = tuple(address for address in resolution.addresses if has_route(address))
        if routed and len(routed) < len(resolution.addresses):
            left_out = ", ".join(each.ip for each in resolution.addresses if each not in routed)
            door.warnings.append(f"not checked at {left_out}: this machine has no route there")
        return (routed or resolution.addresses)[:MAX_ADDRESSES]

    async def _try_address(self, door: _Door, address: Address, number: int) -> None:
        """All checks at one address, in order, until one fails."""
        door.family = address.family
        if not await self._hello(door, address):
            return
        file = self._names.door(door.endpoint, f"{door.context.probe_id}-{number}")
        with door.trail.enter(Phase.PREPARE):
            failure = await self._payload.ensure_directory(door.endpoint, door.trail)
        if failure is not None:
            door.fail(failure)
            return
        await self._payload.register(file)
        try:
            await self._round_trip(door, file, address)
        finally:
            with door.trail.enter(Phase.CLEANUP):
                await self._clean(door, file)

    async def _hello(self, door: _Door, address: Address) -> bool:
        """OPTIONS without a token: connection, TLS, who answers, and what its clock says."""
        request = HttpRequest.for_endpoint(door.endpoint, "OPTIONS", door.endpoint.path or "/", address=address.ip)
        answer = await self._client.exchange(request, trail=door.trail, phase=Phase.REQUEST)
        timings = answer.timings
        for phase, seconds in (
            (Phase.CONNECT, timings.connect),
            (Phase.TLS, timings.tls),
            (Phase.REQUEST, timings.request),
        ):
            door.trail.add(phase, seconds)
        if answer.failure is None or answer.failure.reason.phase is Phase.TLS:
            await self._certificate(door, address)
        if answer.failure is not None:
            door.fail(answer.failure)
            return False
        self._note_answer(door, answer)
        return True

    def _note_answer(self, door: _Door, answer: Answer) -> None:
        offset = clock_offset_seconds(answer.headers.get("Date", ""), door.context.clock.now())
        if offset is not None:
            door.clock_offset_seconds = offset
            if abs(offset) > MAX_CLOCK_OFFSET_SECONDS:
                door.warnings.append(f"its clock is {offset:+.0f} s off ours; tokens will be refused")
        allowed = {word.strip().upper() for value in answer.all("Allow") for word in value.split(",")}
        if answer.status == 200 and allowed and "COPY" not in allowed:
            door.warnings.append("OPTIONS does not list COPY: third-party copy may be switched off")

    async def _certificate(self, door: _Door, address: Address) -> None:
        facts = await self._client.tls_facts(door.endpoint.https, address)
        if not isinstance(facts, TlsFacts):
            return
        door.trail.tls.append(facts)
        if facts.not_after is not None:
            left = facts.not_after - door.context.clock.now()
            if timedelta(0) < left < CERTIFICATE_WARNING:
                door.warnings.append(f"the certificate at {address.ip} expires in {left.days} days")

    async def _round_trip(self, door: _Door, file: PayloadFile, address: Address) -> None:
        """PUT, HEAD with digest, GET: what we wrote is what we get."""
        content = Content(door.context.size_bytes)
        with door.trail.enter(Phase.REQUEST):
            put = await self._errands.ask(
                Role.SEED,
                "PUT",
                door.endpoint,
                file.path,
                door.trail,
                Phase.REQUEST,
                body=content,
                address=address.ip,
            )
        if isinstance(put, Failure):
            door.fail(put)
            return
        with door.trail.enter(Phase.VERIFY):
            seen = await self._verifier.verify(
                file, content.size, content.adler32, door.trail, address=address.ip, read=True
            )
        door.checksum = seen.checksum
        door.warnings.extend(seen.warnings)
        if seen.failure is not None:
            door.fail(door_failure(seen))

    async def _clean(self, door: _Door, file: PayloadFile) -> None:
        left = await self._payload.remove_all((file,), door.trail)
        for _, failure in left:
            if not door.ok:
                door.warnings.append(f"{failure.reason}: {failure.detail}")
            door.fail(failure)

    def _result(self, door: _Door, started_at: datetime) -> Result:
        verdict = door.verdict
        context = door.context
        return Result(
            run_id=context.run_id,
            probe_id=context.probe_id,
            subject=door.endpoint.subject,
            variant=Variant.DOOR,
            size_bytes=context.size_bytes,
            started_at=started_at,
            attempt=context.attempt,
            outcome=outcome_of(verdict.reason, verdict.blame),
            reason=verdict.reason,
            blame=verdict.blame,
            alternatives=verdict.alternatives,
            hint="" if door.ok else redact(verdict.hint or verdict.reason.info.fix),
            warnings=tuple(dict.fromkeys(door.warnings)),
            phases=door.trail.phases,
            bytes=context.size_bytes if door.ok else None,
            address_family=door.family,
            checksum=door.checksum,
            evidence=Evidence(tuple(door.trail.exchanges), tuple(door.trail.tokens), tuple(door.trail.tls)),
            implementation=Implementation((), self._servers.texts(door.endpoint)),
            clock_offset_seconds=door.clock_offset_seconds,
        )


def door_failure(seen: Verification) -> Failure:
    """The failure in the words of a door: bytes that came back differ from those that we had stored there."""
    failure = seen.failure or Failure(Reason.VERIFY_FAILED)
    damaged = failure.reason in (Reason.CHECKSUM_MISMATCH, Reason.SIZE_MISMATCH)
    if damaged and seen.checksum.verified_by is VerifiedBy.READBACK and seen.checksum.found != seen.checksum.expected:
        return Failure(Reason.CONTENT_MISMATCH, failure.detail)
    return failure
