"""The xroot client of probes: one visit per party of a copy, redirects and waits followed, everything bounded.

A token goes to the server that it is for, to others by the endpoint's `redirect_auth`, and only ever under TLS.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from time import perf_counter

from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange, Hop
from tpcharness.model.secret import Secret, redact
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.messages import Timings
from tpcharness.net.redirects import secrets_may_follow
from tpcharness.net.resolver import Resolution, Resolver
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot_connection import LoginRefused, XrootConnection, dial
from tpcharness.wire.xroot.answers import Redirect, Refusal
from tpcharness.wire.xroot.codes import Status
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.login import TlsWish, Visitor
from tpcharness.wire.xroot.opaque import RootUrl, place
from tpcharness.wire.xroot.operations import PathRequest
from tpcharness.wire.xroot.session import Redirected, Refused, Replied, WaitAsked

MAX_HOPS = 16
MAX_WAIT_SECONDS = 60.0
USER = "tpcharns"
"""Our name at every server: at most 8 characters, and the same at both ends of a copy."""


@dataclass(frozen=True, slots=True)
class XrootTarget:
    """One party: where it is, and under which settings we talk to it. `address` pins one address of its own host."""

    url: RootUrl
    token: Secret | None = None
    ca_path: str = ""
    address_family: AddressFamily = AddressFamily.ANY
    redirect_auth: RedirectAuth = RedirectAuth.SAME_DOMAIN
    address: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request: data, a refusal by the server, or a failure on the way.

    `server` is who answered, after redirects; `request` what it was asked in the end. `at_login`: it refused us, not
    the request.
    """

    data: bytes = b""
    refusal: Refusal | None = None
    failure: Failure | None = None
    server: Server | None = None
    request: PathRequest | None = None
    at_login: bool = False

    @property
    def ok(self) -> bool:
        return self.refusal is None and self.failure is None


@dataclass(frozen=True, slots=True)
class Server:
    """One server that we are logged in at."""

    host: str
    port: int
    connection: XrootConnection
    trusted: bool

    @property
    def place(self) -> str:
        return place(self.host, self.port)

    @property
    def named_place(self) -> str:
        """The same by the name that its certificate is for."""
        return place(self.connection.server, self.port)

    def allowed(self, request: PathRequest) -> PathRequest:
        """The request with our tokens only where they may go."""
        return request if self.trusted and self.connection.session.tls else request.without_secrets()


class XrootClient:
    """Makes visits; an async context manager that owns the threads which look names up.

    All visits say the same user and process id: storages compare what both ends of a copy saw of us (xroot 11).
    """

    def __init__(
        self,
        *,
        program: str,
        limits: TimeLimits,
        trust: Trust,
        resolver: Resolver | None = None,
        pid: int | None = None,
    ) -> None:
        self.limits = limits
        self._trust = trust
        self._resolver = resolver or Resolver()
        self._visitor = Visitor(USER, os.getpid() if pid is None else pid, program)

    async def __aenter__(self) -> XrootClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._resolver.close()

    async def resolve(self, url: RootUrl, family: AddressFamily) -> Resolution:
        """Every address of a URL's host, for probes that try each of them."""
        return await self._resolver.resolve(url.host, url.port, family, self.limits.connect_seconds)

    @asynccontextmanager
    async def visit(self, target: XrootTarget, trail: Trail) -> AsyncIterator[XrootVisit]:
        """Connections to one party, made as they are needed and all closed on leaving."""
        visit = XrootVisit(target, trail, self.limits, self._trust, self._resolver, self._visitor)
        try:
            yield visit
        finally:
            await visit.finish()


class XrootVisit:
    """One party of one probe, and its servers as redirects name them. Requests may overlap.

    `preferred_family` is taken where a server has it, whatever comes first: both ends of a copy must see us under one
    name.
    """

    def __init__(
        self,
        target: XrootTarget,
        trail: Trail,
        limits: TimeLimits,
        trust: Trust,
        resolver: Resolver,
        visitor: Visitor,
    ) -> None:
        self.target = target
        self.timings = Timings()
        self.address_family: AddressFamily | None = None
        self.preferred_family: AddressFamily | None = None
        self._trail = trail
        self.limits = limits
        self._trust = trust
        self._resolver = resolver
        self._visitor = visitor
        self._servers: dict[tuple[str, int], Server] = {}
        self._dialling = asyncio.Lock()

    async def finish(self) -> None:
        """Closes every connection; files that are open die with theirs."""
        servers, self._servers = self._servers, {}
        for server in servers.values():
            await server.connection.finish()

    async def enter(self) -> Reply:
        """Logs in at the target's own server, if we are not there yet."""
        url = self.target.url
        server = await self._server(Redirect(url.host, url.port, secure=url.secure), known=True)
        if isinstance(server, LoginRefused):
            return Reply(refusal=server.refusal, at_login=True)
        return Reply(failure=server) if isinstance(server, Failure) else Reply(server=server)

    async def name_of(self, server: Server) -> str:
        """How others know a server that we talk to: its address's name, as third-party copies compare it."""
        name = await self._name_of(server.connection.address.ip)
        return server.connection.server if name == server.connection.address.ip else name

    async def ask(self, request: PathRequest, phase: Phase, *, timeout_seconds: float | None = None) -> Reply:
        """The answer of the last server, redirects and waits followed; kept as evidence.

        `timeout_seconds` bounds each answer of a server (`limits.request_seconds` if None).
        """
        begin = perf_counter()
        hops: list[Hop] = []
        reply = await self._follow(request, hops, self._limit(timeout_seconds))
        self._record(request.verb, request.path, phase, reply, tuple(hops), perf_counter() - begin)
        return reply

    async def ask_server(
        self,
        server: Server,
        verb: str,
        request: Request,
        phase: Phase,
        *,
        path: str = "",
        timeout_seconds: float | None = None,
    ) -> Reply:
        """The answer of one server to a request on a file that it has opened; kept as evidence under its `path`."""
        begin = perf_counter()
        reply = await self.quietly(server, request, self._limit(timeout_seconds))
        self._record(verb, path, phase, reply, (_hop(server, reply),), perf_counter() - begin)
        return reply

    async def quietly(self, server: Server, request: Request, timeout_seconds: float) -> Reply:
        """As `ask_server`, for what is asked again and again: leaves no evidence. Waits as the server wishes."""
        waited = 0.0
        while True:
            answer = await server.connection.ask(request, timeout_seconds)
            match answer:
                case Failure():
                    return Reply(failure=answer, server=server)
                case Replied(_, data):
                    return Reply(data, server=server)
                case Refused(_, refusal):
                    return Reply(refusal=_shown(refusal), server=server)
                case WaitAsked(_, seconds):
                    waited += seconds
                    if waited > MAX_WAIT_SECONDS:
                        return Reply(failure=_too_long(server, waited), server=server)
                    await asyncio.sleep(seconds)
                case Redirected():
                    text = f"{server.place} redirects a request on a file that it has opened"
                    return Reply(failure=Failure(Reason.REDIRECT_INVALID, text), server=server)

    def _limit(self, timeout_seconds: float | None) -> float:
        return self.limits.request_seconds if timeout_seconds is None else timeout_seconds

    async def _follow(self, request: PathRequest, hops: list[Hop], limit: float) -> Reply:
        url = self.target.url
        redirect = Redirect(url.host, url.port, secure=url.secure)
        known = True
        waited = 0.0
        seen: set[tuple[str, int, bytes]] = set()
        while True:
            server = await self._server(redirect, known=known)
            if not isinstance(server, Server):
                shown = place(redirect.host, redirect.port)
                status = server.refusal.number if isinstance(server, LoginRefused) else None
                hops.append(Hop(shown, status))
                if isinstance(server, LoginRefused):
                    return Reply(refusal=server.refusal, request=request, at_login=True)
                return Reply(failure=_named(server, shown), request=request)
            sent = server.allowed(request)
            answer = await server.connection.ask(sent.request(), limit)
            match answer:
                case Failure():
                    reply = Reply(failure=answer, server=server, request=request)
                case Replied(_, data):
                    reply = Reply(data, server=server, request=request)
                case Refused(_, refusal):
                    reply = Reply(refusal=_shown(refusal), server=server, request=request)
                case WaitAsked(_, seconds):
                    waited += seconds
                    if waited <= MAX_WAIT_SECONDS:
                        await asyncio.sleep(seconds)
                        continue
                    reply = Reply(failure=_too_long(server, waited), server=server, request=request)
                case Redirected(_, redirect):
                    hops.append(_hop(server, Reply(), place(redirect.host, redirect.port)))
                    onward = self._onward(request, redirect, len(hops))
                    if isinstance(onward, Failure):
                        return Reply(failure=onward, server=server, request=request)
                    request, known = onward, False
                    station = redirect.host, redirect.port, request.without_secrets().request().data
                    if station in seen:
                        return Reply(failure=Failure(Reason.REDIRECT_LOOP, f"sent to {hops[-1].location} again"))
                    seen.add(station)
                    continue
            hops.append(_hop(server, reply))
            return reply

    def _onward(self, request: PathRequest, redirect: Redirect, hops: int) -> PathRequest | Failure:
        """The request for the next server."""
        if hops > MAX_HOPS:
            return Failure(Reason.REDIRECT_LOOP, f"more than {MAX_HOPS} redirects")
        token = self.target.token
        if token is not None and redirect.opaque.holds(token):
            # Under another name than ours it would pass for something that may go anywhere.
            return Failure(Reason.REDIRECT_INVALID, f"the redirect to {redirect.host} has our token in it")
        return request.redirected(redirect.opaque, redirect.path)

    async def _server(self, redirect: Redirect, *, known: bool) -> Server | Failure | LoginRefused:
        """The server of a redirect (`known`: our own first one), dialled if it is the first time or it was lost."""
        key = redirect.host, redirect.port
        async with self._dialling:
            server = self._servers.get(key)
            if server is not None and server.connection.failure is None:
                return server
            if server is not None:
                await self._servers.pop(key).connection.finish()
            made = await self._dial(redirect, known=known)
            if isinstance(made, Server):
                self._servers[key] = made
            return made

    async def _dial(self, redirect: Redirect, *, known: bool) -> Server | Failure | LoginRefused:
        target = self.target
        resolution = await self._resolver.resolve(
            redirect.host, redirect.port, target.address_family, self.limits.connect_seconds
        )
        self.timings += Timings(queued=resolution.queued_seconds, resolve=resolution.resolve_seconds)
        if resolution.failure is not None:
            return resolution.failure
        host = redirect.host if known else await self._name_of(redirect.host)
        here, there = (f"root://{place(name, redirect.port)}" for name in (target.url.host, host))
        trusted = known or secrets_may_follow(here, there, target.redirect_auth)
        token = target.token if trusted else None
        wish = TlsWish.PREFERRED if token is not None else TlsWish.ACCEPTED
        if target.url.secure or redirect.secure:
            wish = TlsWish.REQUIRED
        try:
            context = await self._trust.context(target.ca_path)
        except OSError as error:
            return Failure(Reason.LOCAL_NETWORK, f"CA files {target.ca_path} are unusable: {error}", Blame.CLIENT)
        wanted = [each for each in resolution.addresses if each.family is self.preferred_family]
        if known and target.address:
            wanted = [each for each in resolution.addresses if each.ip == target.address]
        address = (wanted or resolution.addresses)[0]
        visitor = replace(self._visitor, token=token, tls=wish)
        dialled = await dial(address, redirect.port, host, visitor, context, self.limits, redirect.login_token)
        self.timings += dialled.timings
        if self.address_family is None:
            self.address_family = address.family
        if dialled.connection is None:
            return dialled.why_not or Failure(Reason.CONNECTION_LOST)
        return Server(redirect.host, redirect.port, dialled.connection, trusted)

    async def _name_of(self, host: str) -> str:
        """The name of an address to which a cluster sends us: certificates seldom hold addresses (xroot 3)."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                name, *_ = await asyncio.to_thread(socket.gethostbyaddr, host)
                there = await self._resolver.resolve(name, 0, AddressFamily.ANY, self.limits.connect_seconds)
        except (OSError, TimeoutError):
            return host
        return name.lower() if any(address.ip == host for address in there.addresses) else host

    def _record(self, verb: str, path: str, phase: Phase, reply: Reply, hops: tuple[Hop, ...], seconds: float) -> None:
        url = self.target.url
        refusal, failure = reply.refusal, reply.failure
        exchange = Exchange(
            phase=phase,
            method=verb,
            url=f"{'roots' if url.secure else 'root'}://{url.place}/{path}",
            status=_status(reply),
            status_text=("refused at login" if reply.at_login else "refused") if refusal is not None else "",
            server=hops[-1].server if hops else "",
            hops=hops,
            body_excerpt=refusal.text if refusal is not None else "",
            error=failure.detail if failure is not None else "",
        )
        self._trail.record(exchange, seconds)


def _hop(server: Server, reply: Reply, location: str = "") -> Hop:
    status = Status.REDIRECT.value if location else _status(reply)
    return Hop(server.place, status, server.connection.version, server.connection.address.ip, location)


def _status(reply: Reply) -> int | None:
    """What stands for an HTTP status in evidence: 0 is xroot's ok, an error its number, None no answer."""
    if reply.refusal is not None:
        return reply.refusal.number
    return Status.OK.value if reply.failure is None else None


def _shown(refusal: Refusal) -> Refusal:
    """Without credentials that the server echoes."""
    return Refusal(refusal.number, redact(refusal.text))


def _named(failure: Failure, shown: str) -> Failure:
    """With the server that it is about: after redirects it may be any."""
    return replace(failure, detail=f"{shown}: {failure.detail}" if failure.detail else shown)


def _too_long(server: Server, seconds: float) -> Failure:
    return Failure(Reason.OVERLOADED, f"{server.place} asked us to wait {seconds:g} s in all")
