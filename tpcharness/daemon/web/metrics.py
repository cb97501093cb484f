"""`/metrics` and `/metrics/links`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from tpcharness.daemon.web.exposition import Exposition
from tpcharness.export.metrics.endpoints import EndpointMetrics, Piece
from tpcharness.export.metrics.links import LinkMetrics
from tpcharness.export.metrics.self_metrics import service_pieces
from tpcharness.export.metrics.text import rendered
from tpcharness.model.endpoint import Subject
from tpcharness.model.variant import Variant
from tpcharness.results.run import EndpointFacts

if TYPE_CHECKING:
    from aiohttp import web

    from tpcharness.daemon.running import Running

METRICS = "/metrics"
LINKS = "/metrics/links"


def add_routes(app: web.Application, running: Running) -> None:
    """Both paths; what they have under way ends with the application. Who may read them is for the guards to say."""

    def confirmed_failing(subject: Subject, variant: Variant) -> bool:
        confirmed = running.schedule.confirmations.confirmed(subject, variant)
        return confirmed is not None and not confirmed.ok

    links = LinkMetrics(running.latest, running.counters, lambda: running.config.daemon.link_metrics, confirmed_failing)
    endpoints = EndpointMetrics(
        running.latest,
        lambda: map(EndpointFacts.of, running.config.endpoints.values()),
        running.counters,
        running.schedule,
    )

    def all_but_links() -> Iterator[Piece]:
        now = running.clock.now().timestamp()
        yield from service_pieces(running, now, asyncio.get_running_loop().time())
        yield from running.self_metrics.pieces()
        yield from endpoints.pieces(now, running.findings)

    for path, make in (
        (METRICS, lambda: rendered(all_but_links())),
        (LINKS, lambda: links.chunks(running.clock.now().timestamp())),
    ):
        exposition = Exposition(
            make, fresh=lambda: running.latest.generation, made=partial(running.self_metrics.made, path)
        )
        app.router.add_get(path, exposition.handle)
        app.on_cleanup.append(_closing(exposition))


def _closing(exposition: Exposition) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_: web.Application) -> None:
        await exposition.close()

    return close
