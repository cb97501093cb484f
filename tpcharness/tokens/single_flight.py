"""One piece of work per key at a time, its outcome shared by all who wait for it. Used here and by `payload`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Runs work in the first caller; whoever comes while it runs waits and gets the same outcome.

    There is no task behind it that somebody would have to own: when the caller who does the work is cancelled (or
    its work raises, a bug), the next one in line does it anew, and when nobody waits any more nothing is left.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The outcome of `work`, or of the same key's work that was already under way."""
        flight = self._flights.setdefault(key, _Flight())
        flight.callers += 1
        try:
            async with flight.turn:
                if not flight.outcome:
                    flight.outcome.append(await work())
                return flight.outcome[0]
        finally:
            flight.callers -= 1
            if not flight.callers:
                del self._flights[key]


class _Flight(Generic[V]):
    """What the callers of one key share; `outcome` is empty until there is one."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.callers = 0
        self.outcome: list[V] = []
