"""Ports to listen on: one number on every address that a name has, as clients may try any of them."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack

BACKLOG = 1024
"""How many may wait to be accepted; to be given to `start_server` too, which would make it 100 again.

Where hundreds come at once the kernel drops the rest, and resets some of them much later, in the middle of a copy.
"""
_ATTEMPTS = 20
_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


async def listeners(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on all addresses of the host, with one port; for port 0, any that is free on all.

    An address that this machine has not (::1 in many containers) is left out, as long as another one remains.
    Raises OSError, with EADDRINUSE when the port is taken.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
    for _ in range(_ATTEMPTS):
        try:
            return _bound(addresses, port)
        except OSError as error:  # somebody was quicker, on one of the addresses
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no port is free on all addresses of {host}")


def _bound(addresses: Sequence[tuple[int, str]], port: int) -> list[socket.socket]:
    with ExitStack() as stack:
        opened: list[socket.socket] = []
        for left, (family, address) in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            try:
                listener = socket.create_server((address, port), family=family, backlog=BACKLOG)
            except OSError as error:
                if error.errno in _NO_SUCH_ADDRESS and (opened or left):
                    continue
                raise
            # Accepted sockets inherit it. asyncio sets it itself only on sockets that name their protocol.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.append(stack.enter_context(listener))
            port = listener.getsockname()[1]
        stack.pop_all()
    return opened
