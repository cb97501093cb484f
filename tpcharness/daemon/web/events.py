"""Server-sent events: one line when there is something new, for pages that want to look again.

Nothing is queued for anybody: a listener that was away learns the newest number only, and one who does not read is
cut off. So a listener costs a task and a few kilobytes, whatever he does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import hdrs, web

from tpcharness.daemon.web.sending import write

MOST_LISTENERS = 64
PERIOD_SECONDS = 2.0
PULSE_SECONDS = 20.0
"""So often something is sent even when nothing is new: proxies cut silent streams, and the dead are found."""


class Events:
    """The stream of one service. `version` is the number that grows with everything new."""

    def __init__(self, version: Callable[[], int]) -> None:
        self._version = version
        self._listening: set[asyncio.Task[object]] = set()

    @property
    def listeners(self) -> int:
        return len(self._listening)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answers until the listener leaves, or the service ends."""
        task = asyncio.current_task()
        if task is None or len(self._listening) >= MOST_LISTENERS:
            raise web.HTTPServiceUnavailable(
                text="Too many listeners; look again instead.\n", headers={"Retry-After": "60"}
            )
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "text/event-stream", "X-Accel-Buffering": "no"})
        self._listening.add(task)
        try:
            await response.prepare(request)
            await self._feed(request, response)
        except (ConnectionError, asyncio.CancelledError):  # he has left, or we do
            pass
        finally:
            self._listening.discard(task)
        return response

    async def _feed(self, request: web.Request, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        told, pulse_at = -1, 0.0
        while True:
            version = self._version()
            if version != told:
                await write(request, response, f"event: version\ndata: {version}\n\n".encode())
                told, pulse_at = version, loop.time() + PULSE_SECONDS
            elif loop.time() >= pulse_at:
                await write(request, response, b": still here\n\n")
                pulse_at = loop.time() + PULSE_SECONDS
            await asyncio.sleep(PERIOD_SECONDS)

    def close(self) -> None:
        """Sends everybody away: a server that stops would wait for them."""
        for task in self._listening:
            task.cancel()
