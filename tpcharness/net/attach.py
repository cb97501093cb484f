"""A connected socket becomes a transport, and then one under TLS, in two steps that can be cancelled at any moment.

asyncio's `create_connection` with `ssl` cannot: cancelled in its first turn it leaves a transport behind that goes on
reading, and when its socket is closed from outside, the descriptor's number belongs to the next connection, which then
fails for no fault of its own (CPython 3.11, `sslproto.SSLProtocol._start_shutdown` does nothing before the handshake).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import cast

TLS_SHUTDOWN_SECONDS = 1.0


class _Idle(asyncio.Protocol):
    """Hears nothing: what arrives early waits in the socket for the handshake.

    uvloop reads on in spite of the pause; a server that speaks before us speaks no TLS.
    """

    spoken_to = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).pause_reading()

    def data_received(self, data: bytes) -> None:
        self.spoken_to = True


async def attach(connection: socket.socket, protocol: asyncio.Protocol) -> asyncio.Transport:
    """The transport of a socket, which is closed when this fails or is cancelled."""
    try:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: protocol, sock=connection)
    except BaseException:
        connection.close()
        raise
    return transport


async def attach_secure(
    connection: socket.socket,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
    server_name: str,
    limit_seconds: float,
) -> asyncio.Transport:
    """The transport of a socket under TLS; `protocol` hears of it when the handshake is over.

    Raises what `secure` raises; the socket is closed then, as when this is cancelled.
    """
    idle = _Idle()
    plain = await attach(connection, idle)
    if idle.spoken_to:
        plain.abort()
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, "wrong version number: the server speaks first, and no TLS")
    secured = await secure(plain, protocol, context, server_name, limit_seconds)
    protocol.connection_made(secured)
    return secured


async def secure(
    plain: asyncio.Transport,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
    server_name: str,
    limit_seconds: float,
) -> asyncio.Transport:
    """The handshake on an open connection, for a certificate of `server_name`; `protocol` uses what comes of it.

    Raises TimeoutError after `limit_seconds`, ssl.SSLError, OSError, or EOFError when the connection ended meanwhile;
    `plain` is closed then, as when this is cancelled.
    """
    secured: asyncio.Transport | None = None
    try:
        async with asyncio.timeout(limit_seconds):
            secured = await asyncio.get_running_loop().start_tls(
                plain,
                protocol,
                context,
                server_hostname=server_name,
                # Ours is the limit above; asyncio's own only has to be out of its way.
                ssl_handshake_timeout=limit_seconds + 5,
                ssl_shutdown_timeout=TLS_SHUTDOWN_SECONDS,
            )
    finally:
        if secured is None:
            plain.abort()
    if secured is None:  # asyncio does not tell of an end in the middle of a handshake
        raise EOFError("the server closed the connection")
    return secured
