"""`/metrics` and `/metrics/links` of a service: what Prometheus gets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.browser.meshes import Mesh
from tests.daemon.web.field import Paper, paper_service
from tests.support.scraped import of_family, promtool_complaints, samples_of, types_of
from tpcharness.export.metrics.catalogue import BY_NAME, CATALOGUE, Section
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.settings import LinkDetail
from tpcharness.model.variant import Outcome
from tpcharness.results.counters import CLEANUP_FAILURES, LABELS, Counters

Site = tuple[Paper, aiohttp.ClientSession]
LINK = ("source", "destination", "variant")


async def scrape(session: aiohttp.ClientSession, path: str = "/metrics") -> bytes:
    async with session.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def test_every_metric_of_the_catalogue_is_on_its_path(site: Site):
    paper, session = site
    paper.running.self_metrics.began(0.5)
    links, rest = types_of(await scrape(session, "/metrics/links")), types_of(await scrape(session))
    assert links.keys() == {metric.name for metric in CATALOGUE if metric.section is Section.LINKS}
    ours = {name for name in rest if not name.startswith("process_")}
    assert ours == {metric.name for metric in CATALOGUE if metric.section is not Section.LINKS}
    for name, (kind, help_text) in {**links, **rest}.items():
        if name in BY_NAME:
            assert (kind, help_text) == (BY_NAME[name].kind, BY_NAME[name].help)
    assert "process_resident_memory_bytes" in rest


async def test_labels_are_those_of_the_catalogue(site: Site):
    _, session = site
    for path in ("/metrics", "/metrics/links"):
        for name, labels in samples_of(await scrape(session, path)):
            metric = BY_NAME.get(name) or BY_NAME.get(name.rpartition("_")[0])
            if metric is not None:
                assert {label for label, _ in labels} - {"le"} == set(metric.labels), name


@pytest.mark.real
async def test_promtool_has_nothing_to_say(site: Site):
    _, session = site
    for path in ("/metrics", "/metrics/links"):
        assert promtool_complaints(await scrape(session, path)) == ""


async def test_links_say_what_the_store_knows(site: Site):
    paper, session = site
    success = of_family(samples_of(await scrape(session, "/metrics/links")), "tpcharness_probe_success", *LINK)
    told = [result for result in paper.running.latest.results() if result.variant.of_link]
    assert success == {
        (result.subject.source, result.subject.destination, result.variant.value): float(result.ok)
        for result in told
        if isinstance(result.subject, LinkSubject) and result.outcome is not Outcome.SKIPPED
    }
    assert len(success) > 5


async def test_what_is_removed_is_gone_with_the_next_scrape(site: Site):
    paper, session = site
    before = await scrape(session, "/metrics/links")
    gone = next(glance for glance in paper.running.latest.glances() if glance.variant.of_link)
    label = f'source="{gone.labels[0]}",destination="{gone.labels[1]}"'.encode()
    assert label in before
    keep = [
        (glance.subject, glance.variant) for glance in paper.running.latest.glances() if glance.subject != gone.subject
    ]
    paper.running.latest.retain(keep)
    assert label not in await scrape(session, "/metrics/links")  # no second has gone by


async def test_stale_links_go_and_their_last_run_stays(site: Site):
    paper, session = site
    paper.clock.forward(timedelta(days=30).total_seconds())
    paper.running.latest.generation += 1  # the text of a second ago is not wanted
    samples = samples_of(await scrape(session, "/metrics/links"))
    assert of_family(samples, "tpcharness_probe_success", *LINK) == {}
    assert of_family(samples, "tpcharness_link_confirmed_failure", *LINK) == {}
    assert of_family(samples, "tpcharness_probe_last_run_timestamp_seconds", *LINK) != {}
    states = of_family(samples_of(await scrape(session)), "tpcharness_links", "variant", "state")
    assert {state for (_, state), count in states.items() if count} <= {"stale", "never_run"}


async def test_detail_follows_the_configuration(site: Site):
    paper, session = site
    config = paper.running.config
    for detail, some_ok in ((LinkDetail.FULL, True), (LinkDetail.FAILING, False)):
        paper.running.config = replace(config, daemon=replace(config.daemon, link_metrics=detail))
        paper.running.latest.generation += 1
        samples = samples_of(await scrape(session, "/metrics/links"))
        assert (1.0 in of_family(samples, "tpcharness_probe_success", *LINK).values()) is some_ok
    paper.running.config = replace(config, daemon=replace(config.daemon, link_metrics=LinkDetail.NONE))
    paper.running.latest.generation += 1
    assert await scrape(session, "/metrics/links") == b""
    complete = of_family(samples_of(await scrape(session)), "tpcharness_links", "variant", "state")
    assert sum(complete.values()) == len([1 for key in paper.running.offers if key[0] != key[1]])


async def test_the_service_tells_of_itself(site: Site):
    paper, session = site
    name = next(iter(paper.running.config.endpoints))
    paper.running.counters.load({(CLEANUP_FAILURES, (name,)): 2.0, (CLEANUP_FAILURES, ("REMOVED",)): 3.0})
    paper.running.schedule.skipped["downtime"] += 3  # type: ignore[index]
    paper.running.self_metrics.began(7.0)
    samples = samples_of(await scrape(session))
    assert samples["tpcharness_config_last_reload_successful", ()] == 1
    assert of_family(samples, "tpcharness_cleanup_failures_total", "endpoint") == {(name,): 2}
    assert of_family(samples, "tpcharness_probes_skipped_total", "reason")["downtime",] == 3
    assert samples["tpcharness_scheduler_lag_seconds_sum", ()] == 7
    assert samples["tpcharness_probes_waiting", ()] == 0
    tick = samples["tpcharness_scheduler_last_tick_timestamp_seconds", ()]
    assert abs(tick - paper.clock.now().timestamp()) < 60
    phases = of_family(samples, "tpcharness_phase_duration_seconds_count", "variant", "phase")
    assert phases["https-pull", "transfer"] > 0
    again = samples_of(await scrape(session, "/metrics/links")) and samples_of(await scrape(session))
    assert again["tpcharness_probes_waiting", ()] == 0


async def test_ten_at_a_time_get_the_same(site: Site):
    _, session = site
    bodies = await asyncio.gather(*(scrape(session, "/metrics/links") for _ in range(10)))
    assert len(set(bodies)) == 1


async def test_counters_go_on_after_a_restart(four: Mesh, tmp_path: Path):
    async with paper_service(four, tmp_path) as paper:
        before = {(family, key): number for family in LABELS for key, number in paper.running.counters.items(family)}
        kept = await paper.running.history.counters()
    next_life = Counters()
    next_life.load(kept)
    after = {(family, key): number for family in LABELS for key, number in next_life.items(family)}
    assert after.keys() == before.keys()
    for key, number in before.items():
        assert after[key] == pytest.approx(number, abs=1e-5)  # the history rounds to microseconds
