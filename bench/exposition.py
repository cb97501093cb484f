"""Scrapes of a full mesh: our text of the link families beside prometheus_client's children with the same data."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest

from bench.measure import Measure, interleaved, median_ratio
from tpcharness.daemon.web.exposition import Exposition
from tpcharness.export.metrics import catalogue as metrics
from tpcharness.export.metrics.catalogue import Kind
from tpcharness.export.metrics.links import LinkMetrics
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import MIB
from tpcharness.model.variant import DEFAULT_VARIANTS, Blame, Outcome, Phase
from tpcharness.results.counters import Counters
from tpcharness.results.latest import LatestStore

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAMILIES = 6
SIZES = (60_000, 500_000)
QUICK_SIZES = (6_000,)
TICK_SECONDS = 0.001


def exposition_measures(runs: int, *, quick: bool = False) -> Iterator[Measure]:
    """For each number of samples: CPU as a ratio, and how long the event loop stood still meanwhile."""
    for samples in QUICK_SIZES if quick else SIZES:
        yield from _at(samples, runs)


def _at(samples: int, runs: int) -> Iterator[Measure]:
    latest, counters, registry = filled(samples // FAMILIES)
    links = LinkMetrics(latest, counters)
    now = NOW.timestamp()
    ours, children = interleaved(runs, lambda: b"".join(links.chunks(now)), lambda: generate_latest(registry))
    name = f"scrape_{samples // 1000}k"
    yield Measure(f"{name}_vs_children", median_ratio(ours, children), "x", "prometheus_client's label children", 1 / 8)
    yield Measure(f"{name}_speed", samples / median(ours) / 1e6, "Msamples/s")
    stalls, seconds, length = zip(*(asyncio.run(_stall(links, now)) for _ in range(runs)), strict=True)
    yield Measure(f"{name}_stall", 1000 * median(stalls), "ms", "a timer of 1 ms", 25 if samples <= SIZES[0] else None)
    yield Measure(f"{name}_packed", 1000 * median(seconds), "ms")
    yield Measure(f"{name}_wire", length[0] / 1e6, "MB")


async def _stall(links: LinkMetrics, now: float) -> tuple[float, float, int]:
    """How much a timer of the loop was late at worst while a text was made and packed; how long it took, its length."""
    loop = asyncio.get_running_loop()
    worst = 0.0

    async def watch() -> None:
        nonlocal worst
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            worst = max(worst, loop.time() - due)

    exposition = Exposition(lambda: links.chunks(now))
    watcher = asyncio.create_task(watch())
    await asyncio.sleep(10 * TICK_SECONDS)
    begin = time.perf_counter()
    text = await exposition.text()
    seconds = time.perf_counter() - begin
    watcher.cancel()
    return worst, seconds, text.length


def filled(links: int) -> tuple[LatestStore, Counters, CollectorRegistry]:
    """The same mesh in our store and in label children; every twentieth link fails."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the children's counters
    latest, counters, registry = LatestStore(), Counters(), CollectorRegistry()
    children = {
        metric: (Counter if metric.kind is Kind.COUNTER else Gauge)(
            metric.name, metric.help, metric.labels, registry=registry
        )
        for metric in (
            metrics.PROBE_SUCCESS,
            metrics.PROBE_RESULT_CODE,
            metrics.PROBE_DURATION,
            metrics.PROBE_LAST_RUN,
            metrics.TRANSFER_BYTES,
            metrics.TRANSFER_SECONDS,
        )
    }
    for result in _mesh(links):
        latest.add(result)
        counters.add(result)
        glance = latest.glance(result.subject, result.variant)
        assert glance is not None
        assert glance.last_run is not None
        values = (float(result.ok), result.code, sum(result.phases.values()), glance.last_run)
        for child, value in zip(list(children.values())[:4], values, strict=True):
            child.labels(*glance.labels).set(value)  # type: ignore[union-attr]
        children[metrics.TRANSFER_BYTES].labels(*glance.labels).inc(result.bytes or 0)
        children[metrics.TRANSFER_SECONDS].labels(*glance.labels).inc(result.transfer_seconds or 0)
    return latest, counters, registry


def _mesh(links: int) -> Iterator[Result]:
    count = int((links / len(DEFAULT_VARIANTS)) ** 0.5) + 2
    names = [f"EXAMPLE-SITE-{number}_DATADISK" for number in range(count)]
    pairs = (LinkSubject(source, destination) for source in names for destination in names if source != destination)
    probes = ((pair, variant) for pair in pairs for variant in DEFAULT_VARIANTS)
    for number, (pair, variant) in zip(range(links), probes, strict=False):
        good = number % 20 != 0
        yield Result(
            run_id="bench",
            probe_id=f"{number}",
            subject=pair,
            variant=variant,
            size_bytes=MIB,
            started_at=NOW,
            attempt=1,
            outcome=Outcome.OK if good else Outcome.FAILURE,
            reason=Reason.OK if good else Reason.PASSIVE_TIMEOUT,
            blame=Blame.NOBODY if good else Blame.PATH,
            phases={Phase.REQUEST: 0.0813, Phase.TRANSFER: 0.3 + number * 1e-6},
            bytes=MIB if good else None,
            transfer_seconds=0.3 + number * 1e-6 if good else None,
        )
