"""The metrics of one run, for node_exporter's textfile collector or a Pushgateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tpcharness.export.metrics.endpoints import EndpointMetrics
from tpcharness.export.metrics.links import LinkMetrics
from tpcharness.export.metrics.self_metrics import build_info
from tpcharness.export.metrics.text import rendered
from tpcharness.model.finding import Finding
from tpcharness.results.latest import LatestStore
from tpcharness.results.run import RunFacts
from tpcharness.results.store import MatrixStore


def prometheus_text(run: RunFacts, store: MatrixStore, findings: Sequence[Finding]) -> Iterator[str]:
    """The catalogue's families that a single run can fill, piece by piece, in full detail.

    There are no counters: they would start anew with each run, and a rate over that is a wrong number. Nothing is
    stale either, as the run has just ended; `..._last_run_timestamp_seconds` tells an old file from a new one.
    """
    latest = LatestStore(store.endpoints())
    latest.restore(store.results())
    endpoints = EndpointMetrics(latest, lambda: run.endpoints)
    now = (run.ended_at or run.started_at).timestamp()
    for chunk in (
        *LinkMetrics(latest, None).chunks(now),
        *rendered(endpoints.pieces(now, findings)),
        *rendered(build_info()),
    ):
        yield chunk.decode()
