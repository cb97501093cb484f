"""Sockets become transports, and whoever gives up on the way leaves nothing behind, in whatever turn of the loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.storages import trust
from tpcharness.model.endpoint import AddressFamily
from tpcharness.net.attach import attach_secure
from tpcharness.net.dialer import connect_socket
from tpcharness.net.resolver import Address

TURNS = 25


class Listener(asyncio.Protocol):
    """Knows whether it was told of a connection."""

    def __init__(self) -> None:
        self.transport: asyncio.BaseTransport | None = None
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@asynccontextmanager
async def tls_server() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(
        asyncio.Protocol, "127.0.0.1", 0, ssl=trust().authority.server_context(trust().certificate)
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def dial(port: int) -> socket.socket:
    return await connect_socket(Address("127.0.0.1", AddressFamily.IPV4), port, 5.0)


def secured(connection: socket.socket, protocol: asyncio.Protocol) -> asyncio.Task[asyncio.Transport]:
    return asyncio.create_task(
        attach_secure(connection, protocol, trust().authority.client_context(), "localhost", 5.0)
    )


async def test_the_protocol_hears_of_the_secured_connection():
    async with tls_server() as port:
        listener = Listener()
        transport = await secured(await dial(port), listener)
        assert listener.transport is transport
        assert transport.get_extra_info("ssl_object").version() == "TLSv1.3"
        transport.abort()
        await listener.lost


@pytest.mark.parametrize("turns", range(1, TURNS))
async def test_whoever_is_cancelled_leaves_no_descriptor_that_the_next_one_would_get(turns: int):
    async with tls_server() as port:
        connection = await dial(port)
        number = connection.fileno()
        task = secured(connection, Listener())
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():  # the handshake was faster than the turns
            task.result().abort()
        task.cancel()
        await asyncio.wait({task})
        for _ in range(5):  # closing takes a turn
            await asyncio.sleep(0)
        assert connection.fileno() == -1
        again = Listener()
        second = await dial(port)
        assert second.fileno() == number  # or this proves nothing
        transport = await secured(second, again)
        assert not transport.is_closing()
        transport.abort()
        await again.lost


async def test_a_server_that_goes_away_in_the_handshake_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        connection = await dial(listening.getsockname()[1])
        task = secured(connection, Listener())
        accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
        accepted.close()
        with pytest.raises((OSError, EOFError)):
            await task


async def test_a_server_that_speaks_first_and_no_tls_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        connection = await dial(listening.getsockname()[1])
        accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
        with accepted:
            accepted.sendall(b"220 this is no TLS\r\n")
            with pytest.raises(OSError, match=r"(?i)wrong.version"):
                await secured(connection, Listener())


async def test_a_silent_server_takes_its_time_limit():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = await dial(listening.getsockname()[1])
        with pytest.raises(TimeoutError):
            await attach_secure(connection, Listener(), trust().authority.client_context(), "localhost", 0.05)
