"""The control for xroot: the root door of one endpoint alone, on every address it has, before any link is judged by it.

It asks nothing of the https door, so that each of the two is found well or ill for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from tpcharness.diagnosis.xroot_verdict import is_before_asking
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext, Token, TokenSource
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.resolver import Address
from tpcharness.net.xroot import Reply, XrootClient, XrootVisit
from tpcharness.payload.content import Content
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.door_check import DoorCheck
from tpcharness.probes.role_token import token_for
from tpcharness.probes.root_attempt import take_away
from tpcharness.probes.root_files import failure_of, read_back, root_path, root_target, store, verify
from tpcharness.probes.servers import ServerBook
from tpcharness.tokens.roles import Role
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import does_tpc, read_config
from tpcharness.wire.xroot.opaque import RootUrl
from tpcharness.wire.xroot.operations import query_config


class RootDoorProbe:
    """At each address: connects, changes to TLS, logs in, writes a small file, looks at its size and checksum, reads
    it back, asks whether the server does third-party copies, and removes the file.

    The first failing address decides, as for every door.
    """

    variant = Variant.ROOT_DOOR

    def __init__(
        self,
        client: XrootClient,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        servers: ServerBook,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._payload = payload
        self._names = names
        self._servers = servers

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint. Cancellation as for every probe: cleans up first."""
        if not isinstance(subject, Endpoint) or not subject.root:
            raise TypeError(f"a root door is an endpoint's that has one, not {subject!r}")
        door = DoorCheck.begin(self.variant, subject, context)
        url = RootUrl.parse(subject.root)
        resolution = await self._client.resolve(url, subject.address_family)
        for number, address in enumerate(door.addresses(resolution)):
            await self._try_address(door, url, address, number)
            if not door.ok:
                break
        return door.result(self._servers)

    async def _try_address(self, door: DoorCheck, url: RootUrl, address: Address, number: int) -> None:
        """All checks at one address, in order, until one fails."""
        door.family = address.family
        file = self._names.door(door.endpoint, f"{door.context.probe_id}-{number}")
        with door.trail.enter(Phase.TOKEN):
            token = await token_for(self._tokens, door, Role.SEED, file)
            removing = await token_for(self._tokens, door, Role.CLEANUP, file)
        if token is None or removing is None:
            return
        await self._payload.register(file)
        target = root_target(door.endpoint, url, token.secret, address.ip)
        async with self._client.visit(target, door.trail) as visit:
            made, path = True, root_path(file, url)
            try:
                made = await self._round_trip(door, visit, path, token)
            finally:
                door.warnings.extend(visit.setbacks)
                with door.trail.enter(Phase.CLEANUP):
                    if made:
                        await take_away(self._payload, visit, door, file, path, removing.secret)
                    else:
                        await self._payload.forget(file)

    async def _round_trip(self, door: DoorCheck, visit: XrootVisit, path: str, token: Token) -> bool:
        """What we wrote is what we get. False when there is certainly no file."""
        content = Content(door.context.size_bytes)
        with _requesting(door, visit):
            stored = await store(visit, path, token.secret, content.chunks())
        self._note_certificate(door, stored)
        failure = failure_of(stored)
        if failure is not None:
            door.fail(failure)
            refused_to_open = stored.refusal is not None and stored.request is not None
            return not (refused_to_open or is_before_asking(failure))
        with door.trail.enter(Phase.VERIFY):
            seen = await verify(visit, path, token.secret, content.size, content.adler32)
            if seen.failure is None:
                back = await read_back(visit, path, token.secret, content.size, content.adler32)
                if back.failure is not None:
                    seen = back
            await self._look_for_copies(door, visit, stored)
        door.note_verification(seen)
        return True

    def _note_certificate(self, door: DoorCheck, stored: Reply) -> None:
        if stored.server is not None:
            try:
                facts = stored.server.connection.certificate()
            except ValueError:  # strange, but TLS has taken it
                return
            if facts is not None:
                door.note_certificate(facts)

    async def _look_for_copies(self, door: DoorCheck, visit: XrootVisit, stored: Reply) -> None:
        """A warning only: as the other end of another protocol's links the endpoint may be of use all the same."""
        if stored.server is None:
            return
        reply = await visit.quietly(stored.server, query_config("tpc"), visit.limits.request_seconds)
        try:
            able = not reply.ok or does_tpc(read_config(reply.data, ["tpc"]))
        except WireError:
            return
        if not able:
            door.warnings.append("it says that it does no xroot copies (ofs.tpc)")


@contextmanager
def _requesting(door: DoorCheck, visit: XrootVisit) -> Iterator[None]:
    """Times the requests, less what went into the connection, which has phases of its own."""
    door.trail.announce(Phase.REQUEST)
    begin = perf_counter()
    try:
        yield
    finally:
        spent = visit.timings
        door.trail.add(Phase.CONNECT, spent.connect)
        door.trail.add(Phase.TLS, spent.tls)
        elsewhere = spent.queued + spent.resolve + spent.connect + spent.tls
        door.trail.add(Phase.REQUEST, max(0.0, perf_counter() - begin - elsewhere))
