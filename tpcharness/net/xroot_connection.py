"""One connection to one xroot server: dialled step by step, logged in, then many requests in flight (xroot 3, 7)."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import TlsFacts
from tpcharness.model.secret import redact
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.attach import attach, secure
from tpcharness.net.certificates import shown_certificate
from tpcharness.net.dialer import connect_socket, has_route
from tpcharness.net.messages import Timings
from tpcharness.net.resolver import Address
from tpcharness.net.transport import connect_failure, exchange_failure, timeout_failure, tls_failure
from tpcharness.wire.xroot.answers import Refusal
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.login import Visitor
from tpcharness.wire.xroot.session import (
    MAX_IN_FLIGHT,
    Answer,
    Broken,
    Deferred,
    Event,
    LoginFailed,
    Ready,
    Session,
    TlsMissing,
    TlsWanted,
)

_LOST = "the server closed the connection"


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The server spoke the protocol and did not let us in."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Dialled:
    """What came of dialling: a connection, or why there is none; and where the time went."""

    connection: XrootConnection | None
    why_not: Failure | LoginRefused | None
    timings: Timings


class XrootConnection(asyncio.Protocol):
    """A session on a socket. Made by `dial`; `finish` ends it and waits until the socket is closed."""

    def __init__(self, session: Session, server: str, address: Address) -> None:
        self.session = session
        self.server = server
        self.address = address
        self.method = ""
        self.tls_seconds = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._login: asyncio.Future[TlsWanted | TlsMissing | Ready | LoginFailed] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._gone = self._loop.create_future()
        self._why: Failure | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._places = asyncio.Semaphore(MAX_IN_FLIGHT)

    @property
    def failure(self) -> Failure | None:
        """Why nothing can be asked any more; None while all is well."""
        return self._why

    @property
    def version(self) -> str:
        """How the server is called in evidence; xroot tells the version of its protocol, not of the software."""
        protocol = self.session.protocol
        return f"xroot/{protocol.version_text}" if protocol is not None else ""

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        for event in self.session.receive(data):
            self._notice(event)
        self._flush()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(Failure(Reason.CONNECTION_LOST, _LOST) if exc is None else exchange_failure(exc))
        if not self._gone.done():
            self._gone.set_result(None)

    # -- what the client uses

    async def log_in(self, context: ssl.SSLContext, limits: TimeLimits) -> None:
        """From the hello to the login, with TLS where the session comes to it, whose certificate is for `server`.

        Raises LoginStopped with the reason.
        """
        self.session.begin()
        self._flush()
        event = await self._next_step(limits.request_seconds)
        if isinstance(event, TlsWanted):
            start = perf_counter()
            try:
                await self._secure(context, limits.tls_seconds)
            finally:
                self.tls_seconds = perf_counter() - start
            if self._why is None:
                self._login = self._loop.create_future()
            self.session.secured()
            self._flush()
            event = await self._next_step(limits.request_seconds)
        if isinstance(event, TlsMissing):
            raise LoginStopped(Failure(Reason.TLS_HANDSHAKE, "the server has no TLS"))
        if isinstance(event, LoginFailed):
            raise LoginStopped(LoginRefused(Refusal(event.number, redact(event.text))))
        if isinstance(event, Ready):
            self.method = event.method

    def certificate(self) -> TlsFacts | None:
        """What the server has shown; None for a connection without TLS, or one that has ended."""
        secured = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        return None if secured is None else shown_certificate(secured, self.address.ip)

    async def ask(self, request: Request, timeout_seconds: float) -> Answer | Failure:
        """The answer to a request, whatever it is, or why there is none within the time.

        A request whose caller has gone, or whose time is over, keeps its stream id until it is answered.
        """
        try:
            async with asyncio.timeout(timeout_seconds), self._places:
                await self._writable.wait()
                if self._why is not None:
                    return self._why
                if self.session.in_flight >= MAX_IN_FLIGHT:
                    return Failure(Reason.NO_RESPONSE, f"{MAX_IN_FLIGHT} requests are unanswered")
                stream = self.session.send(request)
                answer = self._answers[stream] = self._loop.create_future()
                self._flush()
                try:
                    got: Answer = await answer
                    return got
                except _LostError as error:
                    return error.failure
                finally:
                    self._answers.pop(stream, None)
                    self.session.abandon(stream)
        except TimeoutError:
            return timeout_failure(Phase.REQUEST, timeout_seconds)

    async def finish(self) -> None:
        """Ends the connection at once and waits until it is closed; handles that are open die with it."""
        self._fail(Failure(Reason.CONNECTION_LOST, "we have closed the connection"))
        if self._transport is None:
            await asyncio.sleep(0)  # the loop closes the socket in its next turn
            return
        self._transport.abort()
        await self._gone

    # -- inside

    async def _next_step(self, limit: float) -> TlsWanted | TlsMissing | Ready | LoginFailed:
        try:
            async with asyncio.timeout(limit):
                return await self._login
        except _LostError as error:
            raise LoginStopped(error.failure) from error
        except TimeoutError:
            raise LoginStopped(timeout_failure(Phase.REQUEST, limit)) from None

    async def _secure(self, context: ssl.SSLContext, limit: float) -> None:
        plain = self._transport
        if plain is None or self._why is not None:
            raise LoginStopped(self._why or Failure(Reason.CONNECTION_LOST, _LOST))
        self._transport = None  # asyncio does not tell us of an end in the middle of a handshake
        try:
            self._transport = await secure(plain, self, context, self.server, limit)
        except TimeoutError:
            raise LoginStopped(timeout_failure(Phase.TLS, limit)) from None
        except (ssl.SSLError, OSError, EOFError) as error:
            raise LoginStopped(tls_failure(error)) from error

    def _notice(self, event: Event) -> None:
        match event:
            case TlsWanted() | TlsMissing() | Ready() | LoginFailed():
                if not self._login.done():
                    self._login.set_result(event)
            case Broken(text):
                self._fail(Failure(Reason.MALFORMED_RESPONSE, text))
                if self._transport is not None:
                    self._transport.abort()
            case Deferred():
                pass
            case _:
                waiting = self._answers.get(event.stream)
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)

    def _flush(self) -> None:
        data = self.session.outgoing()
        if data and self._transport is not None and self._why is None:
            self._transport.write(data)

    def _fail(self, failure: Failure) -> None:
        """Tells everybody who waits; the first reason stays."""
        if self._why is None:
            self._why = failure
        self._writable.set()
        lost = _LostError(self._why)
        if not self._login.done():
            self._login.set_exception(lost)
            self._login.exception()  # nobody may be waiting
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(lost)


class _LostError(Exception):
    """Carries a Failure to who waits for an answer; never leaves this file."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class LoginStopped(Exception):  # noqa: N818 - reads as what it is
    """Why there is no session; never leaves this file."""

    def __init__(self, why: Failure | LoginRefused) -> None:
        super().__init__(str(why))
        self.why = why


async def dial(
    address: Address,
    port: int,
    server: str,
    visitor: Visitor,
    context: ssl.SSLContext,
    limits: TimeLimits,
    login_token: str = "",
) -> Dialled:
    """Connects to one address of a server, upgrades to TLS where the session says so, and logs in."""
    begin = perf_counter()
    try:
        plain = await connect_socket(address, port, limits.connect_seconds)
    except TimeoutError:
        failure = timeout_failure(Phase.CONNECT, limits.connect_seconds)
        return Dialled(None, failure, Timings(connect=perf_counter() - begin))
    except OSError as error:
        failure = connect_failure(error, routed=has_route(address))
        return Dialled(None, failure, Timings(connect=perf_counter() - begin))
    connected = perf_counter()
    connection = XrootConnection(Session(visitor, login_token), server, address)
    why_not: Failure | LoginRefused | None = None
    try:
        await attach(plain, connection)
        await connection.log_in(context, limits)
    except LoginStopped as stopped:
        why_not = stopped.why
        await connection.finish()
    except BaseException:
        await connection.finish()
        raise
    tls = connection.tls_seconds
    timings = Timings(connect=connected - begin, tls=tls, request=perf_counter() - connected - tls)
    return Dialled(connection if why_not is None else None, why_not, timings)
