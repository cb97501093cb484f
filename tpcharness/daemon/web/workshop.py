"""Threads of their own for pages and documents: whoever looks never takes a thread from what probes.

The event loop's shared threads hash seeds and read secrets for the probes; a few readers with dear questions would
make those wait, and a storage would be blamed for it. Two threads, for each that computes may hold the loop for some
milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

THREADS = 2
MOST_ORDERS = 64
"""So many may be made or wait; who comes then is sent away."""

T = TypeVar("T")


class Workshop:
    """Two threads and a short line before them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="pages")
        self.orders = 0

    async def make(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        """What `work` gives. Raises HTTPServiceUnavailable when the line is full; who leaves it loses his place."""
        if self.orders >= MOST_ORDERS:
            raise web.HTTPServiceUnavailable(text="Too many pages are being made.\n", headers={"Retry-After": "5"})
        self.orders += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **more))
        finally:
            self.orders -= 1


WORKSHOP = Workshop()
"""One for the process; its threads come with the first order and end with the interpreter."""
