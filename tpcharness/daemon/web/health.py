"""`/-/...`: is it well, is it ready, read the file again, log more or less. Short texts, for scripts and probes."""

from __future__ import annotations

from aiohttp import web

from tpcharness.daemon.running import Running
from tpcharness.daemon.web.state import TICK_SECONDS, tick_age_seconds

_LONGEST_WORD = 16


class Health:
    """The handlers."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def healthy(self, _request: web.Request) -> web.Response:
        """200 while the scheduler ticks: a process that lives but probes nothing is ill."""
        age_seconds = tick_age_seconds(self._running)
        if age_seconds > TICK_SECONDS:
            return web.Response(status=503, text=f"The scheduler has not ticked for {age_seconds:.0f} s.\n")
        return web.Response(text="Healthy.\n")

    async def ready(self, _request: web.Request) -> web.Response:
        """200 while the schedule runs; before the history is read nobody listens here at all."""
        if not self._running.ready:
            return web.Response(status=503, text="Not ready: the service is stopping.\n")
        return web.Response(text="Ready.\n")

    async def reload(self, _request: web.Request) -> web.Response:
        """Reads the configuration again; 500 with every mistake when it is not taken, as Prometheus does it."""
        state = await self._running.reload()
        told = "".join(f"{error}\n" for error in state.errors)
        if not state.ok:
            return web.Response(status=500, text=f"The file is not taken, the configuration before it holds.\n{told}")
        return web.Response(text=f"Taken.\n{told}")

    async def log_level(self, request: web.Request) -> web.Response:
        """PUT of one word: debug, info, warning, error."""
        body = await request.read()
        level = body[:_LONGEST_WORD].decode("ascii", "replace").strip().lower()
        try:
            await self._running.set_log_level(level)
        except ValueError:
            raise web.HTTPBadRequest(text="Send one word: debug, info, warning or error.\n") from None
        return web.Response(text=f"Logging from {level} on.\n")
