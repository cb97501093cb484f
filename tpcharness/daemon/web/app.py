"""All routes in one place, and the server under them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from tpcharness.daemon.running import Running
from tpcharness.daemon.upkeep import tirelessly
from tpcharness.daemon.web import metrics
from tpcharness.daemon.web.absent import no_such
from tpcharness.daemon.web.api import Api
from tpcharness.daemon.web.events import Events
from tpcharness.daemon.web.gate import Gate, open_gate
from tpcharness.daemon.web.guards import Handler, add_headers, make_guards, starts_work
from tpcharness.daemon.web.health import Health
from tpcharness.daemon.web.pages import Pages
from tpcharness.daemon.web.probe_now import probe_now
from tpcharness.daemon.web.sight import Sight
from tpcharness.daemon.web.web_config import WebConfig
from tpcharness.results.history import HistoryError

MOST_BODY = 64 * 1024
IDLE_SECONDS = 30.0
_EVENTS = web.AppKey("events", Events)
_ASSETS = {
    "report.css": ("tpcharness.export", "assets", "text/css; charset=utf-8"),
    "live.css": ("tpcharness.daemon.web", "static", "text/css; charset=utf-8"),
    "live.js": ("tpcharness.daemon.web", "static", "text/javascript; charset=utf-8"),
}


def make_app(running: Running, gate: Gate | None = None) -> web.Application:
    """The application. Without a gate there are no users, so nothing that starts work is done.

    Needs a running loop.
    """
    gate = gate or Gate(None, WebConfig(), running.config.daemon.external_url, asyncio.get_running_loop().time)
    sight = Sight(running)
    pages, api, health = Pages(running, sight), Api(running, sight), Health(running)
    events = Events(lambda: running.latest.version)
    app = web.Application(middlewares=[_refusals(pages), *make_guards(gate)], client_max_size=MOST_BODY)
    app[_EVENTS] = events
    app.add_routes(
        [
            web.get("/", pages.matrix),
            web.get("/endpoints/{name}", pages.endpoint),
            web.get("/links/{source}/{destination}", pages.link),
            web.get("/probes/{run_id}/{probe_id}", pages.probe),
            web.get("/config", pages.configuration),
            web.get("/api/v1", api.routes),
            web.get("/api/v1/status", api.status),
            web.get("/api/v1/endpoints", api.endpoints),
            web.get("/api/v1/endpoints/{name}", api.endpoint),
            web.get("/api/v1/links", api.links),
            web.get("/api/v1/findings", api.findings),
            web.get("/api/v1/results", api.results),
            web.get("/api/v1/results/{run_id}/{probe_id}", api.result),
            web.get("/api/v1/rollups", api.rollups),
            web.get("/api/v1/downtimes", api.downtimes),
            web.get("/api/v1/openapi.json", api.openapi),
            web.get("/api/v1/events", events.stream, allow_head=False),
            web.get("/-/healthy", health.healthy),
            web.get("/-/ready", health.ready),
            web.post("/-/reload", starts_work(gate, health.reload)),
            web.put("/-/log-level", starts_work(gate, health.log_level)),
            web.get("/probe", starts_work(gate, partial(probe_now, running=running)), allow_head=False),
            *(web.get(f"/assets/{name}", _asset(*place, name)) for name, place in _ASSETS.items()),
        ]
    )
    metrics.add_routes(app, running)

    async def on_prepare(_request: web.Request, response: web.StreamResponse) -> None:
        add_headers(gate, response)

    async def on_shutdown(_app: web.Application) -> None:
        events.close()

    app.on_response_prepare.append(on_prepare)
    app.on_shutdown.append(on_shutdown)
    return app


@asynccontextmanager
async def serve(running: Running, listen: str, web_config: str) -> AsyncIterator[str]:
    """Listens on HOST:PORT ([HOST]:PORT for IPv6, :PORT for every address) and yields the URL, with the real port.

    Raises ConfigErrors for a web-config file that cannot be used, and OSError for an address that cannot be had.
    """
    path = Path(web_config) if web_config else None
    async with open_gate(path, running.config.daemon.external_url) as gate:
        app = make_app(running, gate)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, keepalive_timeout=IDLE_SECONDS, shutdown_timeout=2.0
        )
        await runner.setup()
        watchers = [
            asyncio.create_task(tirelessly("web-config", gate.watch), name="web-config"),
            asyncio.create_task(tirelessly("connections", gate.crowd.watch), name="connections"),
        ]
        try:
            server = runner.server
            if server is not None:
                gate.crowd.present = lambda: server.connections
            host, _, port = listen.rpartition(":")
            site = web.TCPSite(runner, host.strip("[]") or None, int(port), ssl_context=gate.context)
            await site.start()
            own = runner.addresses[0]
            scheme = "http" if gate.context is None else "https"
            yield f"{scheme}://{f'[{own[0]}]' if ':' in own[0] else own[0]}:{own[1]}"
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await runner.cleanup()


def _asset(package: str, folder: str, content_type: str, name: str) -> Handler:
    body = (files(package) / folder / name).read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.ETAG: tag, hdrs.CACHE_CONTROL: "no-cache"}

    async def asset(request: web.Request) -> web.Response:
        if request.headers.get(hdrs.IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers)

    return asset


def _refusals(pages: Pages) -> Middleware:
    """Outermost: a browser gets its refusals as a page, everybody else as the plain words."""

    @web.middleware
    async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except HistoryError as error:
            refusal: web.HTTPException = web.HTTPServiceUnavailable(text=f"The history cannot be read: {error}\n")
        except web.HTTPNotFound as error:
            refusal = error if request.match_info.http_exception is None else _no_such_page(request)
        except web.HTTPException as error:
            refusal = error
        own = request.path.startswith(("/api/", "/-/", "/metrics")) or request.path == "/probe"
        if own or refusal.status < 400 or "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
            raise refusal
        body = pages.message(refusal.status, refusal.reason, refusal.text or "")
        headers = {name: value for name, value in refusal.headers.items() if name in _KEPT}
        return web.Response(status=refusal.status, body=body, headers=headers | {hdrs.CONTENT_TYPE: "text/html"})

    return refusals


def _no_such_page(request: web.Request) -> web.HTTPNotFound:
    pages = {resource.canonical for resource in request.app.router.resources()}
    return web.HTTPNotFound(text=no_such("page", request.path, (page for page in sorted(pages) if "{" not in page)))


_KEPT = (hdrs.WWW_AUTHENTICATE, hdrs.RETRY_AFTER, hdrs.ALLOW)
