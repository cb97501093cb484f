"""The control: one endpoint alone, on every address it has, before any link is judged by it (design 5.4)."""

from __future__ import annotations

from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.result import Result, TlsFacts
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.net.resolver import Address
from tpcharness.payload.content import Content
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.upload import Upload
from tpcharness.probes.door_check import DoorCheck
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.tokens.roles import Role
from tpcharness.wire.dates import clock_offset_seconds

MAX_CLOCK_OFFSET_SECONDS = 60.0


class DoorProbe:
    """Resolves an endpoint and, at each address: connects, looks at the certificate, asks OPTIONS, writes a payload
    file, reads it back by HEAD with digest and by GET, and deletes it.

    The first failing address decides. An endpoint of many addresses is tried at the first `door_check.MAX_ADDRESSES`.
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
        door = DoorCheck.begin(self.variant, subject, context)
        resolution = await self._client.resolve(subject.https, subject.address_family)
        for number, address in enumerate(door.addresses(resolution)):
            await self._try_address(door, address, number)
            if not door.ok:
                break
        self._servers.learn(subject, door.trail.exchanges)
        return door.result(self._servers)

    async def _try_address(self, door: DoorCheck, address: Address, number: int) -> None:
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
        upload = Upload(Content(door.context.size_bytes))
        try:
            await self._round_trip(door, file, upload, address)
        finally:
            with door.trail.enter(Phase.CLEANUP):
                left = await self._payload.remove_upload(file, door.trail, upload)
            if left is not None:
                door.note_leftover(left)

    async def _hello(self, door: DoorCheck, address: Address) -> bool:
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

    def _note_answer(self, door: DoorCheck, answer: Answer) -> None:
        offset = clock_offset_seconds(answer.headers.get("Date", ""), door.context.clock.now())
        if offset is not None:
            door.clock_offset_seconds = offset
            if abs(offset) > MAX_CLOCK_OFFSET_SECONDS:
                door.warnings.append(f"its clock is {offset:+.0f} s off ours; tokens will be refused")
        allowed = {word.strip().upper() for value in answer.all("Allow") for word in value.split(",")}
        if answer.status == 200 and allowed and "COPY" not in allowed:
            door.warnings.append("OPTIONS does not list COPY: third-party copy may be switched off")

    async def _certificate(self, door: DoorCheck, address: Address) -> None:
        facts = await self._client.tls_facts(door.endpoint.https, address)
        if isinstance(facts, TlsFacts):
            door.note_certificate(facts)

    async def _round_trip(self, door: DoorCheck, file: PayloadFile, upload: Upload, address: Address) -> None:
        """PUT, HEAD with digest, GET: what we wrote is what we get."""
        content = upload.content
        with door.trail.enter(Phase.REQUEST):
            upload.answer = await self._errands.ask(
                Role.SEED,
                "PUT",
                door.endpoint,
                file.path,
                door.trail,
                Phase.REQUEST,
                body=upload,
                address=address.ip,
            )
        if upload.failure is not None:
            door.fail(upload.failure)
            return
        with door.trail.enter(Phase.VERIFY):
            seen = await self._verifier.verify(
                file, content.size, content.adler32, door.trail, address=address.ip, read=True
            )
        door.note_verification(seen)
