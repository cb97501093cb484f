"""What certificate a peer shows, trusted or not, read by a second connection that carries no token."""

from __future__ import annotations

import asyncio
import ssl
from time import perf_counter

from cryptography import x509

from tpcharness.model.failure import Failure
from tpcharness.model.result import TlsFacts
from tpcharness.model.secret import redact
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.attach import TLS_SHUTDOWN_SECONDS, attach_secure
from tpcharness.net.dialer import connect_socket
from tpcharness.net.resolver import Address
from tpcharness.net.transport import connect_failure, timeout_failure, tls_failure
from tpcharness.net.trust import blind_context

MAX_NAMES = 32
MAX_NAME = 200

# What cryptography says of certificates that are none, and does not count among ValueErrors.
_STRANGE = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)


class _Ending(asyncio.Protocol):
    """Reads what comes and keeps nothing; knows when the connection is over."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()


async def read_tls_facts(address: Address, port: int, server_name: str, limits: TimeLimits) -> TlsFacts | Failure:
    """The certificate at an address, without judging it; the server name is sent as SNI. Sends nothing else, and takes
    leave of the server before it goes.
    """
    try:
        connection = await connect_socket(address, port, limits.connect_seconds)
    except TimeoutError:
        return timeout_failure(Phase.CONNECT, limits.connect_seconds)
    except OSError as error:
        return connect_failure(error)
    begin = perf_counter()
    transport: asyncio.Transport | None = None
    ending = _Ending()
    try:
        transport = await attach_secure(connection, ending, blind_context(), server_name, limits.tls_seconds)
        facts = shown_certificate(transport.get_extra_info("ssl_object"), address.ip)
        return facts or tls_failure(ssl.SSLError(0, "the server showed no certificate"))
    except TimeoutError:
        return timeout_failure(Phase.TLS, perf_counter() - begin)
    except (OSError, EOFError, ValueError) as error:
        return tls_failure(error)
    finally:
        try:
            if transport is not None:
                await _take_leave(transport, ending)
        finally:
            connection.close()  # now: who was asked sees our end before we go on


async def _take_leave(transport: asyncio.Transport, ending: _Ending) -> None:
    """Ends TLS and waits a moment for the server to end the connection.

    A handshake whose client is gone at once can bring XRootD before 5.6 down (xrootd 1928; docs/good-neighbour.md).
    """
    try:
        transport.close()
        async with asyncio.timeout(TLS_SHUTDOWN_SECONDS):
            await ending.over.wait()
    except TimeoutError:
        pass  # it owes us nothing
    finally:
        transport.abort()


def shown_certificate(secured: ssl.SSLObject, ip: str) -> TlsFacts | None:
    """What the peer of an open connection has shown; None for nothing. Raises ValueError when it is no certificate."""
    der = secured.getpeercert(binary_form=True)
    return None if der is None else certificate_facts(der, ip, secured.version() or "", _chain_length(secured))


def certificate_facts(der: bytes, ip: str, version: str, chain_length: int) -> TlsFacts:
    """The facts of a certificate. Raises ValueError when it is not one."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = certificate.extensions
    except _STRANGE as error:
        raise ValueError(f"not a certificate: {error}") from error
    try:
        names = [str(name.value) for name in extensions.get_extension_for_class(x509.SubjectAlternativeName).value]
    except x509.ExtensionNotFound:
        names = []
    return TlsFacts(
        address=ip,
        version=version,
        subject=_shown(certificate.subject.rfc4514_string()),
        issuer=_shown(certificate.issuer.rfc4514_string()),
        names=tuple(map(_shown, names[:MAX_NAMES])),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        chain_length=chain_length,
    )


def _shown(name: str) -> str:
    return redact(name)[:MAX_NAME]


def _chain_length(secured: ssl.SSLObject) -> int:
    """How many certificates were sent; 0 when this Python cannot tell.

    Public since Python 3.13; the object underneath has had it since 3.10.
    """
    source = secured if hasattr(secured, "get_unverified_chain") else getattr(secured, "_sslobj", None)
    chain = getattr(source, "get_unverified_chain", None)
    return len(chain() or ()) if chain else 0
