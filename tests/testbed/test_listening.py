from __future__ import annotations

import errno
import socket

import pytest

from tpcharness.testbed.listening import listeners


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
