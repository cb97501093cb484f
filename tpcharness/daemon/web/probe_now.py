"""`/probe`: one probe now, for Prometheus' multi-target pattern and for an admin who has just mended something.

Only what is configured is probed, for known users only, and in the same limits as everything else.
"""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from tpcharness.daemon.running import Running
from tpcharness.engine.service import Busy
from tpcharness.export.metrics import catalogue as metrics
from tpcharness.export.metrics.catalogue import Metric
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.latest import duration_seconds

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
OFFSET_SECONDS = 0.5
"""So much before Prometheus gives up we answer; the header tells when that is."""

DEFAULT_SECONDS = 120.0
_LEAST_SECONDS, _MOST_SECONDS = 0.5, 900.0


async def probe_now(request: web.Request, running: Running) -> web.Response:
    """The exposition of that one probe. 400 for what makes no sense, 404 for what is not configured, 429 when there
    is no place, 504 when it takes longer than the scrape may."""
    asked = request.query
    unknown = set(asked) - {"source", "destination", "variant", "size"}
    if unknown:
        raise web.HTTPBadRequest(text=f"{min(unknown)[:60]}: expected source, destination, variant and size only.\n")
    source, destination = asked.get("source", ""), asked.get("destination", "")
    variant, size = _variant(asked.get("variant", Variant.HTTPS_PULL.value)), _size(asked.get("size"))
    if not variant.of_link:
        source, destination = source or destination, destination or source
    if not source or not destination:
        raise web.HTTPBadRequest(text="Name both ends: /probe?source=NAME&destination=NAME&variant=https-pull\n")
    timeout_seconds = _timeout(request.headers.get(HEADER))
    try:
        result = await running.probe_now(source, destination, variant, size, timeout_seconds)
    except KeyError:
        raise web.HTTPNotFound(
            text="This is not configured: source, destination, variant and size must be in [[probes]].\n"
        ) from None
    except Busy as busy:
        raise web.HTTPTooManyRequests(text=f"No place now: {busy}.\n", headers={"Retry-After": "30"}) from None
    except TimeoutError:
        text = f"Not over after {timeout_seconds:g} s; it is cleaned up. Give the scrape a longer scrape_timeout.\n"
        raise web.HTTPGatewayTimeout(text=text) from None
    return web.Response(body=exposition(result), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def exposition(result: Result) -> bytes:
    """What one result says, as samples without labels: the scrape configuration knows whom it asked for."""
    registry = CollectorRegistry()

    def gauge(metric: Metric, value: float) -> None:
        Gauge(metric.name, metric.help, registry=registry).set(value)

    if result.outcome is not Outcome.SKIPPED:
        gauge(metrics.PROBE_SUCCESS, result.ok)
        gauge(metrics.PROBE_RESULT_CODE, result.code)
    gauge(metrics.PROBE_DURATION, duration_seconds(result))
    phases = Gauge(metrics.PROBE_PHASE.name, metrics.PROBE_PHASE.help, metrics.PROBE_PHASE.labels, registry=registry)
    for phase, seconds in result.phases.items():
        phases.labels(phase.value).set(seconds)
    if result.bytes is not None:
        gauge(metrics.PROBE_BYTES, result.bytes)
    if result.throughput is not None:
        gauge(metrics.PROBE_THROUGHPUT, result.throughput)
    return generate_latest(registry)


def _variant(text: str) -> Variant:
    try:
        return Variant(text)
    except ValueError:
        known = ", ".join(variant.value for variant in Variant)
        raise web.HTTPBadRequest(text=f"variant {text[:60]!r}: expected one of {known}.\n") from None


def _size(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise web.HTTPBadRequest(text=f"size {text[:60]!r}: expected a number of bytes.\n")
    return int(text)


def _timeout(text: str | None) -> float:
    try:
        asked = DEFAULT_SECONDS if text is None else float(text) - OFFSET_SECONDS
    except ValueError:
        raise web.HTTPBadRequest(text=f"{HEADER} {text!r:.60}: expected a number of seconds.\n") from None
    return min(max(asked, _LEAST_SECONDS), _MOST_SECONDS)  # NaN becomes the least
