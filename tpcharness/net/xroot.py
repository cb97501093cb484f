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

from tpcharness.diagnosis.xroot_verdict import told
from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange, Hop
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.messages import Timings
from tpcharness.net.redirects import secrets_may_follow
from tpcharness.net.resolver import Resolution, Resolver
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot_connection import LoginRefused, dial
from tpcharness.net.xroot_reply import Reply, Server, hop, named, shown, status, too_long
from tpcharness.wire.xroot.answers import Redirect
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.login import TlsWish, Visitor
from tpcharness.wire.xroot.opaque import RootUrl, place
from tpcharness.wire.xroot.operations import PathRequest
from tpcharness.wire.xroot.session import Redirected, Refused, Replied, WaitAsked
from tpcharness.wire.xroot.tried import after_waiting, asking_again, why_to_ask_again

__all__ = ["MAX_HOPS", "MAX_WAIT_SECONDS", "USER", "Reply", "Server", "XrootClient", "XrootTarget", "XrootVisit"]

MAX_HOPS = 16
MAX_WAIT_SECONDS = 60.0
USER = "tpcharns"
"""Our name at every server: at most 8 characters, and the same at both ends of a copy."""


@dataclass(frozen=True, slots=True)
class XrootTarget:
    """One party: where it is, and under which settings we talk to it. `address` pins one address of its own host.

    `plain_redirects`: a server to which a roots:// one redirects may have no TLS, as EOS's disk servers; our tokens
    stay behind then, and what the redirect says is the right to come in (xroot 8, 13).
    """

    url: RootUrl
    token: Secret | None = None
    ca_path: str = ""
    address_family: AddressFamily = AddressFamily.ANY
    redirect_auth: RedirectAuth = RedirectAuth.SAME_DOMAIN
    address: str = ""
    plain_redirects: bool = False


@dataclass(frozen=True, slots=True)
class _Station:
    """Where a request goes next, and what is asked there. `known`: it is the endpoint's own server."""

    redirect: Redirect
    request: PathRequest
    known: bool = False

    @property
    def place(self) -> str:
        return place(self.redirect.host, self.redirect.port)

    @property
    def key(self) -> tuple[str, bytes]:
        """The same for what is the same question at the same server; without secrets."""
        return self.place, self.request.without_secrets().request().data


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
    name. `setbacks` are the servers that failed and were got round, in words for a warning.
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
        self.setbacks: list[str] = []
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
        self._record(verb, path, phase, reply, (hop(server, reply),), perf_counter() - begin)
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
                    return Reply(refusal=shown(refusal), server=server)
                case WaitAsked(_, seconds):
                    waited += seconds
                    if waited > MAX_WAIT_SECONDS:
                        return Reply(failure=too_long(server, waited), server=server)
                    await asyncio.sleep(seconds)
                case Redirected():
                    text = f"{server.place} redirects a request on a file that it has opened"
                    return Reply(failure=Failure(Reason.REDIRECT_INVALID, text), server=server)

    def _limit(self, timeout_seconds: float | None) -> float:
        return self.limits.request_seconds if timeout_seconds is None else timeout_seconds

    async def _follow(self, request: PathRequest, hops: list[Hop], limit: float) -> Reply:
        """The answer of the last server. A redirector is asked for another one, once, when the server that it sent us
        to fails; if it has none, the failure of that server stands.
        """
        url = self.target.url
        home = _Station(Redirect(url.host, url.port, secure=url.secure), request, known=True)
        reply, failed, sender = await self._travel(home, hops, limit)
        refusal = None if reply.at_login else reply.refusal
        why = why_to_ask_again(request, refusal, reply.failure, sent=reply.server is not None)
        if sender is None or not why:
            return reply
        again = replace(sender, request=asking_again(sender.request, failed.redirect.host, why))
        second, station, _ = await self._travel(again, hops, limit)
        if not second.ok and station.place in (sender.place, failed.place):
            return reply
        text = reply.failure.detail if reply.failure else told(refusal, failed.place) if refusal else ""
        instead = "answered itself" if station.place == sender.place else f"sent us to {station.place} instead"
        self.setbacks.append(f"{text}; {sender.place} {instead}")
        return second

    async def _travel(
        self, station: _Station, hops: list[Hop], limit: float
    ) -> tuple[Reply, _Station, _Station | None]:
        """The last answer on a way through redirects and waits, where it was given, and who sent us there."""
        sender: _Station | None = None
        waited = 0.0
        seen: set[tuple[str, bytes]] = set()
        while True:
            request = station.request
            away = "" if station.known else station.place
            server = await self._server(station.redirect, known=station.known)
            if not isinstance(server, Server):
                refusal = server.refusal if isinstance(server, LoginRefused) else None
                failure = named(server, station.place) if isinstance(server, Failure) else None
                hops.append(Hop(station.place, None if refusal is None else refusal.number))
                reply = Reply(b"", refusal, failure, None, request, at_login=refusal is not None, redirected_to=away)
                return reply, station, sender
            sent = server.allowed(request)
            answer = await server.connection.ask(sent.request(), limit)
            reply = Reply(server=server, request=request, redirected_to=away)
            match answer:
                case Failure():
                    reply = replace(reply, failure=named(answer, away) if away else answer)
                case Replied(_, data):
                    reply = replace(reply, data=data)
                case Refused(_, refusal):
                    reply = replace(reply, refusal=shown(refusal))
                case WaitAsked(_, seconds):
                    waited += seconds
                    if waited <= MAX_WAIT_SECONDS:
                        await asyncio.sleep(seconds)
                        station = replace(station, request=after_waiting(request))
                        continue
                    reply = replace(reply, failure=too_long(server, waited))
                case Redirected(_, redirect):
                    there = place(redirect.host, redirect.port)
                    hops.append(hop(server, Reply(), there))
                    onward = self._onward(request, redirect, len(hops))
                    if isinstance(onward, Failure):
                        return replace(reply, failure=onward), station, sender
                    sender, station = station, _Station(redirect, onward)
                    if station.key in seen:
                        failure = Failure(Reason.REDIRECT_LOOP, f"sent to {there} again")
                        return Reply(failure=failure, redirected_to=there), station, sender
                    seen.add(station.key)
                    continue
            hops.append(hop(server, reply))
            return reply, station, sender

    def _onward(self, request: PathRequest, redirect: Redirect, hops: int) -> PathRequest | Failure:
        """The request for the next server."""
        if hops > MAX_HOPS:
            return Failure(Reason.REDIRECT_LOOP, f"more than {MAX_HOPS} redirects")
        onward = request.redirected(redirect.opaque, redirect.path)
        tokens = set(request.opaque.tokens())
        if self.target.token is not None:
            tokens.add(self.target.token.reveal())
        if onward.opaque.shows(tokens) or any(token in redirect.login_token for token in tokens):
            return Failure(Reason.REDIRECT_INVALID, f"the redirect to {redirect.host} has our token in it")
        return onward

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
            may_be_plain = target.plain_redirects and not known and not redirect.secure
            wish = TlsWish.PREFERRED if may_be_plain else TlsWish.REQUIRED
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
            status=status(reply),
            status_text=("refused at login" if reply.at_login else "refused") if refusal is not None else "",
            server=hops[-1].server if hops else "",
            hops=hops,
            body_excerpt=refusal.text if refusal is not None else "",
            error=failure.detail if failure is not None else "",
        )
        self._trail.record(exchange, seconds)
