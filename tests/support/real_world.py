"""A small world of real XRootD servers in a network of its own, and the whole harness in it, one per fault.

Lives in a process that `netns.apart` started: `tests.support.real_faults` does that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.support.clocks import WallClock
from tests.support.house import LIMITS, LOOKS_SECONDS, QuickStore
from tests.support.netns import Host, Network, mount_tmpfs, unmount
from tests.support.real_xrootd import PREFIX, SOUND, RealXrootd, Server, Setup, reserved_port
from tpcharness.assembly import assemble
from tpcharness.config.configuration import Config
from tpcharness.engine.plan import make_plan
from tpcharness.model.endpoint import AddressFamily, Endpoint, Link, RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody
from tpcharness.model.result import Result, TokenFacts
from tpcharness.model.seams import Probe, ProbeContext, Token, TokenRequest
from tpcharness.model.secret import Secret
from tpcharness.model.settings import (
    HarnessSettings,
    ProbeSelection,
    RunLimits,
    TimeLimits,
    TokenKind,
    TokenSettings,
)
from tpcharness.net.client import HttpClient
from tpcharness.net.resolver import Lookup, Resolver, system_lookup
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.https_copy import HttpsCopyProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority, write_private
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode

KIB, MIB = 1024, 1024 * 1024
TOKENS = "testbed"
CLUSTER = "https://cluster.example"
GROWTH_SECONDS = 30.0
CLUSTER_SECONDS = 60.0

PATIENT = replace(
    LIMITS,
    response_seconds=60.0,
    first_marker_seconds=60.0,
    first_byte_seconds=60.0,
    no_progress_seconds=60.0,
    marker_silence_seconds=60.0,
    transfer_seconds=90.0,
    cleanup_seconds=3.0,
)
"""Longer than XRootD's own clocks, which `tpc.timeout 10 20` sets: who gives up is the storage."""

Forge = Callable[[Issuer, TokenRequest], str]
"""Makes a token for a request, as good or bad as it likes."""


def honest(issuer: Issuer, request: TokenRequest) -> str:
    """A token with exactly the rights that were asked for."""
    return issuer.mint(" ".join(request.scopes), request.endpoint.audience)


def endpoint_of(server: Server) -> Endpoint:
    """What the harness is told about a server."""
    return Endpoint(
        name=server.name,
        https=f"{server.url}{PREFIX}",
        tokens=TOKENS,
        audience=server.audience or server.url,
        address_family=AddressFamily.IPV4,
        redirect_auth=RedirectAuth.KEEP,  # from localhost to 127.0.0.1, which clusters call themselves
    )


class WorldError(RuntimeError):
    """What should still have been in order was not."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two servers by what they are in a copy; `hosts` are where they stand, if not on loopback."""

    mode: Mode
    active: Server
    passive: Server
    hosts: tuple[Host, Host] | None = None

    @property
    def source(self) -> Server:
        return self.passive if self.mode is Mode.PULL else self.active

    @property
    def destination(self) -> Server:
        return self.active if self.mode is Mode.PULL else self.passive

    @property
    def link(self) -> Link:
        return Link(endpoint_of(self.source), endpoint_of(self.destination))


@dataclass(slots=True)
class ForgedTokens:
    """A source of tokens that are what `forges` make of them, by role; honest where there is none."""

    issuer: Issuer
    forges: Mapping[Role, Forge]

    async def token(self, request: TokenRequest) -> Token | Failure:
        forge = self.forges.get(Role(request.role), honest)
        secret = Secret(forge(self.issuer, request))
        return Token(secret, TokenFacts(request.role), WallClock().now() + timedelta(hours=1))


class Parts(NamedTuple):
    """What a probe of copies is made of."""

    client: HttpClient
    tokens: ForgedTokens
    payload: PayloadStore
    names: PayloadNames
    verifier: Verifier
    limits: TimeLimits


Copier = Callable[[Pair, Parts, str], Probe]
"""Makes what copies between the two of a pair; the text is whom it trusts."""


def https_copier(pair: Pair, parts: Parts, _ca_path: str) -> Probe:
    """Our own copies."""
    client, tokens, payload, names, verifier, limits = parts
    return HttpsCopyProbe(pair.mode, client, tokens, payload, names, verifier, ServerBook(), limits)


@dataclass(slots=True)
class Bench:
    """The harness about one pair, without doors: seed, copy, and where on the servers' disks its files are."""

    pair: Pair
    size: int
    payload: PayloadStore
    names: PayloadNames
    probe: Probe

    @property
    def source_file(self) -> Path:
        return self._on_disk(self.pair.source, self.names.seed(self.pair.link.source, self.size))

    @property
    def destination_file(self) -> Path:
        return self._on_disk(self.pair.destination, self.names.destination(self.pair.link.destination, "p1", 1))

    async def prepare(self) -> None:
        """Seed and directory, while all is still well."""
        trail = Trail("prepare", Nobody())
        seed = await self.payload.seed(self.pair.link.source, self.size, trail)
        if isinstance(seed, Failure):
            raise WorldError(f"no seed: {seed}")
        failure = await self.payload.ensure_directory(self.pair.link.destination, trail)
        if failure is not None:
            raise WorldError(f"no directory: {failure}")

    async def copy(self) -> Result:
        """The one attempt."""
        context = ProbeContext(self.names.run_id, "p1", 1, self.size, 0.0, WallClock(), Nobody())
        return await self.probe.run(self.pair.link, context)

    async def grown(self, copying: asyncio.Task[Result], arrived: int) -> None:
        """Returns when at least so many bytes of the attempt under way have come to the destination's disk."""
        async with asyncio.timeout(GROWTH_SECONDS):
            while not copying.done() and self._arrived() < arrived:
                await asyncio.sleep(0.01)
        if copying.done():
            raise WorldError(f"over before {arrived} bytes had come: {copying.result()}")

    def _arrived(self) -> int:
        return self.destination_file.stat().st_size if self.destination_file.exists() else 0

    @staticmethod
    def _on_disk(server: Server, file: PayloadFile) -> Path:
        return server.data_dir / file.path.lstrip("/")


@dataclass(slots=True)
class World:
    """Authority, issuer, a network, and as many servers as the faults need.

    Each fault has servers of its own, so that none sees another's. `data` takes tokens for `CLUSTER`: redirectors may
    send us there. A copy is tried by each of the `copiers`, all at the same time and between the same two servers.
    """

    directory: Path
    authority: Authority
    strangers: Authority
    issuer: Issuer
    network: Network
    xrootd: RealXrootd
    data: Server
    copiers: tuple[Copier, ...] = (https_copier,)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def everybody(self) -> Path:
        """Whom we trust when we also trust strangers."""
        bundle = self.directory / "everybody.pem"
        bundle.write_bytes(self.authority.ca_file.read_bytes() + self.strangers.ca_file.read_bytes())
        return bundle

    def new_number(self) -> int:
        return next(self._numbers)

    def lookup(self, host: str, port: int, family: int) -> list[str]:
        """Names as only we know them: whatever ends in `.invalid` is here."""
        return ["127.0.0.1"] if host.endswith(".invalid") else system_lookup(host, port, family)

    @asynccontextmanager
    async def server(self, setup: Setup = SOUND, *, host: Host | None = None, disk: int = 0) -> AsyncIterator[Server]:
        """One more server, for a fault of its own: on loopback or on a host of the network.

        `disk` gives it a file system of that many bytes for its data.
        """
        name = f"XROOTD-{self.new_number()}"
        if host is not None:
            setup = replace(setup, host=host.address, within=host.within)
        async with AsyncExitStack() as stack:
            if disk:
                data = self.directory / "servers" / name / "data"
                data.mkdir(parents=True)
                await mount_tmpfs(data, size_bytes=disk)
                stack.push_async_callback(unmount, data)
            server = await self.xrootd.start(name, setup)
            stack.push_async_callback(self.xrootd.stop, server)
            yield server

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[Server]:
        """A manager that knows one data server; what is done with it is done with the manager."""
        with reserved_port() as port:
            member = ("all.role server", f"all.manager localhost:{port}")
            manager = ("all.role manager", f"all.manager localhost:{port}", "cms.delay startup 2 servers 1 lookup 1")
            async with (
                self.server(Setup(audience=CLUSTER, extra=manager)) as head,
                self.server(Setup(audience=CLUSTER, extra=member)) as data,
            ):
                await self.xrootd.start_cluster_daemon(head, f"xrd.port {port}")
                await self.xrootd.start_cluster_daemon(data)
                async with asyncio.timeout(CLUSTER_SECONDS):
                    while "resumed" not in head.log_tail():
                        await asyncio.sleep(0.05)
                yield head

    @asynccontextmanager
    async def bench(
        self,
        name: str,
        pair: Pair,
        *,
        size: int = KIB,
        limits: TimeLimits = LIMITS,
        forges: Mapping[Role, Forge] | None = None,
        ca_path: Path | None = None,
        lookup: Lookup = system_lookup,
        copier: Copier = https_copier,
    ) -> AsyncIterator[Bench]:
        """A harness of its own, which calls its directory and its files after the fault."""
        trusted = str(ca_path or self.authority.ca_file)
        async with (
            HttpClient(user_agent="faults/1", limits=limits, ca_path=trusted, resolver=Resolver(lookup)) as client,
            Ledger(self.directory / f"{name}.jsonl") as ledger,
        ):
            tokens = ForgedTokens(self.issuer, forges or {})
            names = PayloadNames(name, name)
            payload = QuickStore(client, tokens, ledger, names, WallClock(), limits, looks_seconds=LOOKS_SECONDS)
            parts = Parts(client, tokens, payload, names, Verifier(Errands(client, tokens), LOOKS_SECONDS), limits)
            yield Bench(pair, size, payload, names, copier(pair, parts, trusted))

    async def matrix(
        self, name: str, *endpoints: Endpoint, size: int = KIB, limits: TimeLimits = LIMITS
    ) -> list[Result]:
        """The product as a user runs it: doors first, then all links between the endpoints, in both modes."""
        results: list[Result] = []
        sink = _Sink(results)
        secret = self.directory / f"{name}.secret"
        write_private(secret, self.issuer.client_secret.reveal().encode())
        config = Config(
            path=self.directory / "endpoints.toml",
            harness=HarnessSettings(
                "faults", state_dir=str(self.directory / f"{name}.state"), ca_path=str(self.authority.ca_file)
            ),
            endpoints={endpoint.name: endpoint for endpoint in endpoints},
            tokens={
                TOKENS: TokenSettings(
                    TOKENS,
                    TokenKind.CLIENT_CREDENTIALS,
                    issuer=self.issuer.url,
                    client_id=self.issuer.client_id,
                    client_secret_file=str(secret),
                )
            },
            probes=(ProbeSelection(sizes=(size,)),),
            limits=RunLimits(),
            timeouts=limits,
            intervals=(0.0,),
            origins={},
        )
        async with assemble(config, run_id=name, sink=sink, observer=Nobody(), clock=WallClock()) as harness:
            await harness.runner.run(make_plan(endpoints, config.probes))
            await harness.remove_seeds()
        return results


@dataclass(frozen=True, slots=True)
class _Sink:
    results: list[Result]

    def add(self, result: Result) -> None:
        self.results.append(result)


@asynccontextmanager
async def open_world(directory: Path, *more: Copier) -> AsyncIterator[World]:
    """The world before any fault, in an empty directory, with more copiers beside our own.

    Raises NetnsError or XrootdError when it cannot be.
    """
    network = await Network.build()
    authority = Authority(directory / "pki")
    strangers = Authority(directory / "strangers", name="an authority of strangers")
    issuer = Issuer(authority)
    await issuer.start("127.0.0.1", 0)
    try:
        servers = directory / "servers"
        servers.mkdir()
        directory.chmod(0o711)  # the servers run as another user
        async with RealXrootd(authority, issuer, servers, names=()) as xrootd:
            data = await xrootd.start("XROOTD-DATA", Setup(audience=CLUSTER))
            yield World(directory, authority, strangers, issuer, network, xrootd, data, (https_copier, *more))
    finally:
        await issuer.stop()
