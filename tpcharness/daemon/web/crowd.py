"""Who is connected: not too many, and nobody who does nothing.

aiohttp closes a connection that is idle, but closing waits for the peer to read what is left, and a peer who never
does would keep its place for ever; five hundred of them would keep everybody else out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

MOST_CONNECTIONS = 512
IDLE_SECONDS = 45.0
"""So long after its last request, or its beginning, a connection is cut. aiohttp has closed it long before."""

LOOK_SECONDS = 5.0


class Connection(Hashable, Protocol):
    """One, as aiohttp has it."""

    transport: asyncio.Transport | None


class Crowd:
    """Those who are connected; `now` is loop time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.present: Callable[[], Iterable[Connection]] = tuple
        self._now = now
        self._quiet_since: dict[Connection, float] = {}
        self._asking: dict[Connection, int] = {}

    @property
    def is_full(self) -> bool:
        return sum(1 for _ in self.present()) > MOST_CONNECTIONS

    @contextmanager
    def asking(self, connection: Connection) -> Iterator[None]:
        """While a request is being answered; its handler has clocks of its own."""
        self._asking[connection] = self._asking.get(connection, 0) + 1
        try:
            yield
        finally:
            self._asking[connection] -= 1
            if not self._asking[connection]:
                del self._asking[connection]
            self._quiet_since[connection] = self._now()

    async def watch(self) -> None:
        """Cuts off, without end."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.cut_idle()

    def cut_idle(self) -> None:
        """Cuts those of whom nothing was heard for long."""
        now = self._now()
        present = list(self.present())
        self._quiet_since = {each: self._quiet_since.get(each, now) for each in present}
        for connection, since in self._quiet_since.items():
            transport = connection.transport
            if now - since >= IDLE_SECONDS and connection not in self._asking and transport is not None:
                transport.abort()
