"""New connections for aiohttp: to one address that was chosen before, each step timed and bounded on its own.

aiohttp's own connector resolves, races addresses after 0.25 s and reports TCP and TLS as one; a prober must know
which of them was slow, and to which address. So the pool is aiohttp's and the connecting is ours.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import aiohttp
from aiohttp.client_proto import ResponseHandler

from tpcharness.model.failure import Failure
from tpcharness.model.variant import Phase
from tpcharness.net.attach import TLS_SHUTDOWN_SECONDS, attach, attach_secure
from tpcharness.net.resolver import Address
from tpcharness.net.transport import connect_failure, timeout_failure, tls_failure

IDLE_SECONDS = 60.0
EXPECT_SECONDS = 20.0
"""The longest that a body waits for `100 Continue`; then it goes all the same (RFC 9110 10.1.1).

curl's 1 s is too short: a redirector of XRootD looks for a new file for 5 s (`cms.delay lookup`) before it sends us on,
and what has been sent by then makes it hang up so that its answer is lost (seen with 5.5.3 and a delay of 1 s).
"""

MAX_INTERIM_BYTES = 16 * 1024

_CONTINUE = b"HTTP/1.1 100"


class DialFailedError(aiohttp.ClientError):
    """Carries a Failure through aiohttp to the client; never leaves this room."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


def _nothing() -> None:
    pass


@dataclass(slots=True)
class Dial:
    """One connection to be made: where to, and what it took. Filled in by the connector.

    `dialled` stays False when a pooled connection was used; then all times are 0. `on_ready` is called once the
    connection stands; from then on `connection` is its socket. `invitation` is what a body with `Expect` waits for, for
    `expect_limit_seconds`; `uninvited` says that it went without.
    """

    address: Address
    port: int
    server_name: str
    context: ssl.SSLContext | None
    connect_limit_seconds: float
    tls_limit_seconds: float
    connect_seconds: float = 0.0
    tls_seconds: float = 0.0
    dialled: bool = False
    on_ready: Callable[[], None] = _nothing
    transport: asyncio.BaseTransport | None = None
    invitation: asyncio.Future[bool] | None = None
    expect_limit_seconds: float = EXPECT_SECONDS
    uninvited: bool = False
    _patience: asyncio.TimerHandle | None = None

    @property
    def connection(self) -> socket.socket | None:
        return None if self.transport is None else self.transport.get_extra_info("socket")

    def await_invitation(self) -> None:
        """Begins to wait with the body, if it is one that waits; `over` ends that."""
        if self.invitation is not None:
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(self.expect_limit_seconds, self._send_uninvited)

    def over(self) -> None:
        """The answer has come, or nobody waits for it any more.

        What led to the connection is let go: the connection remembers the context in which it was made, with this
        dial in it, and such a cycle would keep 300 kB of TLS buffers until the next collection.
        """
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.transport = self.invitation = None
        self.on_ready = _nothing

    def _send_uninvited(self) -> None:
        if self.invitation is not None and not self.invitation.done():
            self.uninvited = True
            self.invitation.set_result(True)


current_dial: ContextVar[Dial] = ContextVar("current_dial")


class _Protocol(ResponseHandler):
    """aiohttp's own, but for two things.

    An answer whose framing breaks in the middle of its body ends there: aiohttp 3.14 tells the connection of it and not
    the body, whose reader would wait for ever. And `100 Continue`, on a connection with an `invitation`, is read here:
    XRootD 5.5.3 writes `Connection: Close` into it, after which aiohttp's parser takes no answer.
    """

    invitation: asyncio.Future[bool] | None = None
    _early = b""

    def _after_invitation(self, data: bytes) -> bytes:
        """What is for aiohttp: all but a first `100 Continue`; nothing while that is still coming."""
        early = self._early + data
        _, end, rest = early.partition(b"\r\n\r\n")
        invited = early.startswith(_CONTINUE)
        if not end and len(early) <= MAX_INTERIM_BYTES and (invited or _CONTINUE.startswith(early)):
            self._early = early
            return b""
        invitation, self.invitation, self._early = self.invitation, None, b""
        if not (invited and end):
            return early
        if invitation is not None and not invitation.done():
            invitation.set_result(True)
        return rest

    def data_received(self, data: bytes) -> None:
        if self.invitation is not None and not (data := self._after_invitation(data)):
            return
        body = self._payload
        super().data_received(data)
        error = self.exception()
        if error is not None and body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(error)


def _protocol(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Protocol(loop)


class PinnedConnector(aiohttp.BaseConnector):
    """Makes the connection that `current_dial` describes.

    The request's task sets `current_dial` before it asks aiohttp; aiohttp calls `_create_connection`, its point
    of extension for connectors, in the same task.
    """

    def __init__(self, *, reuse: bool) -> None:
        # A limit here would be a queue that nobody times; the engine's limits bound us.
        super().__init__(limit=0, force_close=not reuse, keepalive_timeout=IDLE_SECONDS if reuse else None)
        self._factory = partial(_protocol, self._loop)
        self._open = weakref.WeakSet[ResponseHandler]()

    async def finish(self) -> None:
        """Waits until connections that are saying goodbye are gone, cutting them off; call it after `close`.

        A TLS connection goes on for up to `TLS_SHUTDOWN_SECONDS` after it was closed, and a loop that is closed
        before that fails (uvloop: EBUSY).
        """
        going = [(protocol, protocol.closed) for protocol in self._open]
        for protocol, _ in going:
            if protocol.transport is not None:
                protocol.transport.abort()
        waiting = [closed for _, closed in going if closed is not None]
        if waiting:
            done, _ = await asyncio.wait(waiting, timeout=TLS_SHUTDOWN_SECONDS)
            for closed in done:
                closed.exception()  # how a connection ends that nobody uses any more is nobody's trouble

    async def _create_connection(
        self, req: aiohttp.ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> ResponseHandler:
        dial = current_dial.get()
        dial.dialled = True
        protocol = await self._secure(dial, await self._connect(dial))
        dial.transport = protocol.transport
        dial.on_ready()
        dial.await_invitation()
        self._open.add(protocol)
        return protocol

    async def _connect(self, dial: Dial) -> socket.socket:
        start = perf_counter()
        try:
            connection = await connect_socket(dial.address, dial.port, dial.connect_limit_seconds)
        except TimeoutError as error:
            raise DialFailedError(timeout_failure(Phase.CONNECT, dial.connect_limit_seconds)) from error
        except OSError as error:
            raise DialFailedError(connect_failure(error, routed=has_route(dial.address))) from error
        finally:
            dial.connect_seconds = perf_counter() - start
        return connection

    async def _secure(self, dial: Dial, connection: socket.socket) -> ResponseHandler:
        protocol = self._factory()
        if isinstance(protocol, _Protocol):
            protocol.invitation = dial.invitation
        if dial.context is None:
            await attach(connection, protocol)
            return protocol
        start = perf_counter()
        try:
            await attach_secure(connection, protocol, dial.context, dial.server_name, dial.tls_limit_seconds)
        except TimeoutError as error:
            raise DialFailedError(timeout_failure(Phase.TLS, dial.tls_limit_seconds)) from error
        except (ssl.SSLError, OSError, EOFError) as error:
            raise DialFailedError(tls_failure(error)) from error
        finally:
            dial.tls_seconds = perf_counter() - start
        return protocol


def has_route(address: Address) -> bool:
    """Whether this machine knows any way to the address; asks the kernel and sends nothing."""
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address.ip, 9))
    except OSError:
        return False
    return True


async def connect_socket(address: Address, port: int, timeout_seconds: float) -> socket.socket:
    """A connected, non-blocking TCP socket. Raises OSError, or TimeoutError when the time is over."""
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(timeout_seconds):
            await asyncio.get_running_loop().sock_connect(connection, (address.ip, port))
    except BaseException:
        connection.close()
        raise
    return connection
