from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.support.grid import running_grid
from tpcharness.testbed.listening import listeners

MANY = 300
CONNECT_SECONDS = 5.0


async def test_one_port_on_all_addresses() -> None:
    opened = await listeners("localhost", 0)
    try:
        assert len({listener.getsockname()[1] for listener in opened}) == 1
        assert len({listener.getsockname()[0] for listener in opened}) == len(opened)
    finally:
        for listener in opened:
            listener.close()


async def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError) as caught:
        await listeners("127.0.0.1", taken.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


async def test_an_address_of_somebody_else() -> None:
    with pytest.raises(OSError) as caught:
        await listeners("192.0.2.1", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("kind", ["storage", "root door", "issuer"])
async def test_hundreds_may_come_at_once(kind: str) -> None:
    """asyncio's `start_server` sets the number of those who may wait to 100 unless it is told."""
    async with running_grid(sites=1, root=True) as grid:
        [site] = grid.sites
        assert site.root_door is not None
        port = {
            "storage": site.storage.port,
            "root door": site.root_door.port,
            "issuer": urlsplit(grid.issuer.url).port,
        }
        with ExitStack() as stack:
            for _ in range(MANY):  # nobody accepts them meanwhile
                stack.enter_context(socket.create_connection(("127.0.0.1", port[kind]), timeout=CONNECT_SECONDS))
