"""Endpoints of which something is wrong for everybody: what the door says, and what then stands at the links."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import product

from tests.support.house import LIMITS, shortened
from tests.support.netns import Host, make_read_only
from tests.support.real_cell import Observation, RealCell
from tests.support.real_copies import MakeSetup, from_strangers, redirector, setup
from tests.support.real_world import KIB, MIB, World, WorldError, endpoint_of
from tests.support.real_xrootd import PREFIX, SOUND, Server, Setup
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Variant
from tpcharness.wire.copy_request import Mode

R = Reason
TO, FROM = "to", "from"
MODES = {Variant.HTTPS_PULL: Mode.PULL, Variant.HTTPS_PUSH: Mode.PUSH}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The server that is at fault and its sound partner, with their hosts if they are not on loopback."""

    faulty: Server
    partner: Server
    hosts: tuple[Host, Host] | None


Disturb = Callable[[World, Endpoints], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class EndpointFault:
    """One thing wrong with one endpoint; fields as in CopyFault. `audience` is what our configuration says of it."""

    setup: MakeSetup = lambda _world: SOUND
    before: Disturb | None = None
    disk: int = 0
    far: bool = False
    audience: str = ""
    size: int = KIB
    limits: TimeLimits = LIMITS

    async def observe(self, world: World, name: str) -> Observation:
        """The whole product on two endpoints."""
        async with AsyncExitStack() as stack:
            hosts = (await world.network.host(), await world.network.host()) if self.far else None
            faulty = await stack.enter_async_context(
                world.server(self.setup(world), host=hosts[0] if hosts else None, disk=self.disk)
            )
            partner = await stack.enter_async_context(world.server(host=hosts[1] if hosts else None))
            if self.before is not None:
                await self.before(world, Endpoints(faulty, partner, hosts))
            endpoint = endpoint_of(faulty)
            if self.audience:
                endpoint = replace(endpoint, audience=self.audience)
            results = await world.matrix(name, endpoint, endpoint_of(partner), size=self.size, limits=self.limits)
        return _sorted(results, endpoint.subject)


def _sorted(results: list[Result], faulty: EndpointSubject) -> Observation:
    doors = {result.subject: result for result in results if result.variant is Variant.DOOR}
    bad = [str(door.subject) for subject, door in doors.items() if subject != faulty and not door.ok]
    if bad:
        raise WorldError(f"a sound door is said to fail: {bad}")
    links = {
        (FROM if result.subject.source == str(faulty) else TO, MODES[result.variant]): result
        for result in results
        if isinstance(result.subject, LinkSubject)
    }
    return Observation(doors[faulty], links=links)


def all_links(reason: Reason) -> Mapping[tuple[str, Mode], Reason]:
    """The same at every link of the endpoint."""
    return dict.fromkeys(product((TO, FROM), Mode), reason)


def door(
    name: str,
    fault: EndpointFault,
    reason: Reason,
    *blames: Blame,
    links: Mapping[tuple[str, Mode], Reason] | None = None,
    why: str = "",
) -> RealCell:
    """A cell about a door; unless told otherwise its links are not tried."""
    name = f"{name}-door"

    async def observe(world: World) -> Observation:
        return await fault.observe(world, name)

    stands = all_links(Reason.ENDPOINT_DOWN) if links is None else links
    return RealCell(name, None, reason, frozenset(blames or {Blame.DESTINATION}), why, observe, stands)


# What is done to a server


async def down(world: World, endpoints: Endpoints) -> None:
    await world.xrootd.stop(endpoints.faulty)


async def unheard(world: World, endpoints: Endpoints) -> None:
    world.xrootd.signal(endpoints.faulty, signal.SIGSTOP)


async def read_only(_world: World, endpoints: Endpoints) -> None:
    await make_read_only(endpoints.faulty.data_dir)


async def hidden_from_us(world: World, endpoints: Endpoints) -> None:
    assert endpoints.hosts is not None
    await endpoints.hosts[0].drop(world.network.here)


async def hidden_from_partner(_world: World, endpoints: Endpoints) -> None:
    assert endpoints.hosts is not None
    faulty, partner = endpoints.hosts
    await faulty.drop(partner)


async def area_unwritable(_world: World, endpoints: Endpoints) -> None:
    (endpoints.faulty.data_dir / PREFIX.lstrip("/")).chmod(0o555)


def expired_certificate(world: World) -> Setup:
    return Setup(certificate=world.authority.issue(f"late-{world.new_number()}", expired=True))


def certificate_of_another(world: World) -> Setup:
    return Setup(certificate=world.authority.issue(f"other-{world.new_number()}", hosts=("elsewhere.invalid",)))


IMPATIENT = shortened(connect_seconds=2.0, tls_seconds=2.0, cleanup_seconds=2.0)
NO_PATIENCE = shortened(response_seconds=4.0, first_byte_seconds=8.0, cleanup_seconds=4.0)
SMALL_DISK = 2 * MIB

DOOR_CELLS: tuple[RealCell, ...] = (
    door("sound", EndpointFault(), R.OK, Blame.NOBODY, links=all_links(R.OK)),
    door("server-down", EndpointFault(before=down), R.CONNECTION_REFUSED),
    door("black-hole", EndpointFault(before=hidden_from_us, far=True, limits=IMPATIENT), R.CONNECT_TIMEOUT),
    door("server-stopped", EndpointFault(before=unheard, limits=IMPATIENT), R.TLS_TIMEOUT,
         why="The kernel takes connections for a process that does not run."),
    door("expired-certificate", EndpointFault(setup=expired_certificate), R.TLS_EXPIRED),
    door("unknown-authority", EndpointFault(setup=from_strangers), R.TLS_UNTRUSTED),
    door("wrong-host-name", EndpointFault(setup=certificate_of_another), R.TLS_HOSTNAME),
    door("wrong-audience", EndpointFault(audience="https://elsewhere.invalid"), R.FORBIDDEN,
         why="XRootD answers 403, never 401, to a token that is not for it."),
    door("unknown-issuer", EndpointFault(setup=setup(issuer="https://elsewhere.invalid/")), R.FORBIDDEN,
         why="403, as for any other fault of a token."),
    door("tokens-not-handed-on", EndpointFault(setup=setup(without=("http.header2cgi",))), R.FORBIDDEN),
    door("read-only", EndpointFault(before=read_only, disk=8 * MIB), R.SERVER_ERROR),
    door("area-unwritable", EndpointFault(before=area_unwritable), R.FORBIDDEN),
    door("disk-full", EndpointFault(disk=32 * KIB), R.SIZE_MISMATCH,
         why="5.5.3 answers 200 to a PUT of which it could store a part; it closes the connection at the next write."),
    door("disk-nearly-full", EndpointFault(disk=SMALL_DISK, size=6 * MIB), R.OK, Blame.NOBODY,
         links={(TO, Mode.PULL): R.NO_SPACE, (TO, Mode.PUSH): R.PASSIVE_CUT,
                (FROM, Mode.PULL): R.SEED_FAILED, (FROM, Mode.PUSH): R.SEED_FAILED},
         why="The door's file is small and fits; to a push 5.5.3 does not say that its disk is full."),
    door("firewall-between-two", EndpointFault(before=hidden_from_partner, far=True, limits=NO_PATIENCE), R.OK,
         Blame.NOBODY,
         links={(TO, Mode.PULL): R.NO_RESPONSE, (TO, Mode.PUSH): R.NO_FIRST_BYTE,
                (FROM, Mode.PULL): R.NO_RESPONSE, (FROM, Mode.PUSH): R.NO_FIRST_BYTE},
         why="Both are there for us; only with each other they cannot speak."),
    door("no-third-party-copy", EndpointFault(setup=setup(without=("http.exthandler xrdtpc",))), R.OK, Blame.NOBODY,
         links={(TO, Mode.PULL): R.TPC_UNSUPPORTED, (TO, Mode.PUSH): R.OK,
                (FROM, Mode.PULL): R.OK, (FROM, Mode.PUSH): R.TPC_UNSUPPORTED}),
    door("no-checksum", EndpointFault(setup=setup(without=("xrootd.chksum",))), R.OK, Blame.NOBODY,
         links=all_links(R.OK)),
    door("static-redirector", EndpointFault(setup=redirector), R.OK, Blame.NOBODY,
         links={(TO, Mode.PULL): R.PARENT_MISSING, (TO, Mode.PUSH): R.OK,
                (FROM, Mode.PULL): R.OK, (FROM, Mode.PUSH): R.NOT_FOUND},
         why="xrootd.redirect does not concern COPY: it looks at the redirector's own, empty disk."),
)  # fmt: skip
