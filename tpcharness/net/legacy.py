"""Connections to doors of the former grid: bytes there and back, and whether anybody listens at all.

Such doors have old certificates and old TLS, and nothing secret is ever said to them: so their certificates are shown,
not judged.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from urllib.parse import urlsplit

from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import TlsFacts
from tpcharness.model.secret import redact
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.attach import attach, attach_secure
from tpcharness.net.certificates import shown_certificate
from tpcharness.net.dialer import connect_socket, has_route
from tpcharness.net.messages import Timings
from tpcharness.net.resolver import Address, Lookup, Resolution, Resolver, system_lookup
from tpcharness.net.transport import connect_failure, exchange_failure, timeout_failure, tls_failure
from tpcharness.net.trust import blind_context

PIECE = 16 * 1024

# OpenSSL's words (ssl/sslerr.h) for bytes that are no TLS record at all; an alert is one.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


@dataclass(frozen=True, slots=True)
class LegacyDial:
    """What came of dialling: a conversation, or why there is none; and where the time went."""

    talk: Conversation | None
    failure: Failure | None
    timings: Timings


class Conversation:
    """An open connection. An async context manager: leaving it closes the connection, without a word."""

    def __init__(
        self, reader: asyncio.StreamReader, transport: asyncio.Transport, connection: socket.socket, ip: str
    ) -> None:
        self._reader = reader
        self._transport = transport
        self._connection = connection
        self._ip = ip

    async def __aenter__(self) -> Conversation:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.abort()
        self._connection.close()  # now: who was asked sees our end before we go on

    def send(self, data: bytes) -> None:
        """A few hundred bytes at most: nobody waits until they are gone."""
        self._transport.write(data)

    async def receive(self) -> bytes | Failure:
        """The next bytes, empty at the end; waits without limit."""
        try:
            return await self._reader.read(PIECE)
        except ssl.SSLError as error:  # with TLS 1.3 a certificate that is missing is complained of only now
            return tls_failure(error)
        except (OSError, EOFError) as error:
            return exchange_failure(error)

    def certificate(self) -> TlsFacts | None:
        """What the server has shown; None without TLS, and for what cannot be read."""
        secured = self._transport.get_extra_info("ssl_object")
        try:
            return None if secured is None else shown_certificate(secured, self._ip)
        except ValueError:
            return None


class LegacyClient:
    """Dials; an async context manager that owns the threads which look names up."""

    def __init__(self, *, user_agent: str, limits: TimeLimits, lookup: Lookup = system_lookup) -> None:
        self.user_agent = user_agent
        self.limits = limits
        self._lookup = lookup
        self._resolver = Resolver(self._names)

    async def __aenter__(self) -> LegacyClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._resolver.close()

    async def resolve(self, host: str, port: int) -> Resolution:
        """Every address of a host, of either family. `no_address_in_family` means that the name is gone."""
        return await self._resolver.resolve(host, port, AddressFamily.ANY, self.limits.connect_seconds)

    async def knows(self, url: str) -> bool:
        """Whether our resolver knows the name in a URL: where it does not, it may know none of the world outside."""
        host = urlsplit(url).hostname or ""
        try:
            Address.of(host)
        except ValueError:
            return bool((await self.resolve(host, 0)).addresses)
        return False  # an address needs no resolver, and so proves nothing about it

    async def dial(
        self, address: Address, port: int, server_name: str, *, tls: bool, at_most: float = math.inf
    ) -> LegacyDial:
        """One connection to one address. `connection_refused` is for a refusal only, not for a reset.

        `at_most` shortens the handshake's limit, in seconds.
        """
        begin = perf_counter()
        connection = await self._connect(address, port)
        connected = perf_counter()
        if isinstance(connection, Failure):
            return LegacyDial(None, connection, Timings(connect=connected - begin))
        reader = asyncio.StreamReader(limit=PIECE)
        protocol = asyncio.StreamReaderProtocol(reader)
        limit = min(self.limits.tls_seconds, at_most)
        failure: Failure | None = None
        try:
            if tls:
                context = _indulgent_context()
                transport = await attach_secure(connection, protocol, context, server_name, limit)
            else:
                transport = await attach(connection, protocol)
        except TimeoutError:
            failure = timeout_failure(Phase.TLS, limit)
        except (ssl.SSLError, OSError, EOFError) as error:
            failure = _handshake_failure(error)
        timings = Timings(connect=connected - begin, tls=perf_counter() - connected if tls else 0.0)
        if failure is not None:
            return LegacyDial(None, failure, timings)
        return LegacyDial(Conversation(reader, transport, connection, address.ip), None, timings)

    async def _connect(self, address: Address, port: int) -> socket.socket | Failure:
        try:
            return await connect_socket(address, port, self.limits.connect_seconds)
        except TimeoutError:
            return timeout_failure(Phase.CONNECT, self.limits.connect_seconds)
        except ConnectionResetError:
            return Failure(Reason.CONNECTION_LOST, "reset while we connected: something on the way, or a proxy")
        except OSError as error:
            return connect_failure(error, routed=has_route(address))

    def _names(self, host: str, port: int, family: int) -> list[str]:
        """Nothing for a name that there is not; a resolver that does not answer is an error as ever."""
        try:
            return self._lookup(host, port, family)
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                return []
            raise


def _handshake_failure(error: Exception) -> Failure:
    reason = (getattr(error, "reason", "") or str(error)).upper().replace(" ", "_")
    if isinstance(error, ssl.SSLError) and reason.startswith(_NO_TLS):
        return Failure(Reason.MALFORMED_RESPONSE, redact(f"it speaks no TLS: {tls_failure(error).detail}"))
    return tls_failure(error)


def _indulgent_context() -> ssl.SSLContext:
    """Takes any certificate, and TLS as old as OpenSSL still knows: a door is not shut by being out of date."""
    context = blind_context()
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context
