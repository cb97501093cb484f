"""What the harness says of itself: histograms that it fills as it goes, and what a service tells when it is asked."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector
from prometheus_client.core import Metric as Family

from tpcharness import __version__
from tpcharness.export.metrics import catalogue as metrics
from tpcharness.export.metrics.catalogue import Metric
from tpcharness.export.metrics.text import families
from tpcharness.export.metrics.views import RunningView
from tpcharness.model.result import Result

PHASE_BUCKETS = (0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0)
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
SCHEDULER_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
LAG_EVERY_SECONDS = 0.5


class SelfMetrics:
    """A registry of its own, never prometheus_client's global one: two services in one process do not mix.

    A sink of results, told of every attempt. Nothing here survives a restart, and nothing needs to.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._phases = self._histogram(metrics.PHASE_DURATION, PHASE_BUCKETS)
        self._scheduler_lag = self._histogram(metrics.SCHEDULER_LAG, SCHEDULER_BUCKETS)
        self._loop_lag = self._histogram(metrics.LOOP_LAG, LAG_BUCKETS)
        render = metrics.RENDER_SECONDS
        self._render = Gauge(render.name, render.help, render.labels, registry=self.registry)

    def observe(self, result: Result) -> None:
        """Takes the phases of one attempt."""
        for phase, seconds in result.phases.items():
            self._phases.labels(result.variant.value, phase.value).observe(seconds)

    def add(self, result: Result) -> None:
        """`observe`, for whoever has a list of sinks."""
        self.observe(result)

    def began(self, lag_seconds: float) -> None:
        """A probe has its places, so long after it was due."""
        self._scheduler_lag.observe(max(0.0, lag_seconds))

    def made(self, path: str, seconds: float) -> None:
        """The text for a path was made in this time, from the first sample to the last."""
        self._render.labels(path).set(seconds)

    async def watch_loop(self, every_seconds: float = LAG_EVERY_SECONDS) -> None:
        """Measures how late the loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + every_seconds
            await asyncio.sleep(every_seconds)
            self._loop_lag.observe(max(0.0, loop.time() - due))

    def pieces(self) -> Iterator[Family]:
        """What was measured here, and `process_*`."""
        yield from self.registry.collect()

    def _histogram(self, metric: Metric, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, buckets=buckets, registry=self.registry)


def service_pieces(running: RunningView, now: float, loop_time: float) -> Iterator[Family]:
    """What a service knows of itself: `now` in epoch seconds, and the loop's time at the same moment."""
    status, reload_state = running.service.status(), running.reload_state
    yield from families(
        metrics.PROBES_IN_FLIGHT, [((variant.value,), count) for variant, count in status.in_flight.items()]
    )
    yield from families(metrics.PROBES_WAITING, [((), status.waiting)])
    yield from families(
        metrics.PROBES_SKIPPED, [((str(why),), n) for why, n in sorted(running.schedule.skipped.items())]
    )
    yield from families(metrics.SCHEDULER_LAST_TICK, [((), now - (loop_time - status.ticked_at))])
    leftovers = running.leftovers()
    yield from families(
        metrics.LEFTOVER_FILES,
        [((name,), leftovers.get(name, 0)) for name in {**running.config.endpoints, **leftovers}],
    )
    failures = running.counters.items(metrics.CLEANUP_FAILURES.name)
    yield from families(
        metrics.CLEANUP_FAILURES, [(key, value) for key, value in failures if key[0] in running.config.endpoints]
    )
    yield from families(
        metrics.TOKEN_EXPIRY, [((name,), ends.timestamp()) for name, ends in running.token_expiries().items()]
    )
    yield from families(metrics.TOKEN_REQUESTS, list(running.token_requests().items()))
    yield from families(metrics.RELOAD_SUCCESSFUL, [((), float(reload_state.ok))])
    yield from families(metrics.RELOAD_SUCCESS_TIME, [((), reload_state.succeeded_at.timestamp())])
    yield from families(metrics.JOURNAL_BYTES, [((), running.history.journal.bytes)])
    yield from families(metrics.HISTORY_FAILURES, [((), running.history.write_failures)])
    yield from build_info()


def build_info() -> Iterator[Family]:
    """Which version runs on which Python."""
    yield from families(metrics.BUILD_INFO, [((__version__, platform.python_version()), 1.0)])
