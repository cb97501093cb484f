"""The renderer of links says what prometheus_client says of the same data, and nothing of what is not known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from tests.export.samples import NOON, door, ended, failed, good
from tests.support.scraped import of_family, samples_of, types_of
from tpcharness.export.metrics import catalogue as metrics
from tpcharness.export.metrics import links as rendering
from tpcharness.export.metrics.catalogue import Section
from tpcharness.export.metrics.links import BATCH, LinkMetrics
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import LinkDetail
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.counters import BYTES, SECONDS, Counters
from tpcharness.results.latest import LatestStore, duration_seconds, ended_at

PULL, PUSH = Variant.HTTPS_PULL, Variant.HTTPS_PUSH
NOW = NOON.timestamp() + 60
LABELS = ("source", "destination", "variant")


def stores(results: Sequence[Result], stale_after: float | None = None) -> tuple[LatestStore, Counters]:
    latest, counters = LatestStore(stale_after=lambda subject, variant: stale_after), Counters()
    for result in results:
        latest.add(result)
        counters.add(result)
    return latest, counters


def text_of(results: Sequence[Result], detail: LinkDetail = LinkDetail.FULL, now: float = NOW) -> bytes:
    latest, counters = stores(results)
    return b"".join(LinkMetrics(latest, counters, lambda: detail, lambda subject, variant: False).chunks(now))


class Reference(Collector):
    """The same by prometheus_client, straight from the newest results."""

    def __init__(self, results: Sequence[Result], counters: Counters) -> None:
        self.newest = {(result.subject, result.variant): result for result in results}
        self.counters = counters

    def collect(self):
        ran = [result for result in self.newest.values() if result.outcome is not Outcome.SKIPPED]
        for metric, value in (
            (metrics.PROBE_SUCCESS, lambda result: float(result.ok)),
            (metrics.PROBE_RESULT_CODE, lambda result: result.code),
            (metrics.PROBE_DURATION, duration_seconds),
            (metrics.PROBE_LAST_RUN, ended_at),
        ):
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for result in ran:
                assert isinstance(result.subject, LinkSubject)
                family.add_metric([result.subject.source, result.subject.destination, result.variant], value(result))
            yield family
        for metric, name in ((metrics.TRANSFER_BYTES, BYTES), (metrics.TRANSFER_SECONDS, SECONDS)):
            counted = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, number in self.counters.items(name):
                counted.add_metric(list(labels), number)
            yield counted
        confirmed = metrics.LINK_CONFIRMED_FAILURE
        yield GaugeMetricFamily(confirmed.name, confirmed.help, labels=confirmed.labels)


NAMES = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\r{}=, \t☃'), min_size=1, max_size=8)
SECONDS_SPENT = st.floats(0, 1e9, allow_subnormal=False)


@st.composite
def results(draw: st.DrawFn) -> list[Result]:
    made = []
    for number, (source, destination) in enumerate(draw(st.lists(st.tuples(NAMES, NAMES), max_size=6))):
        outcome = draw(st.sampled_from([Outcome.OK, Outcome.FAILURE, Outcome.ERROR]))
        result = good(source, destination, draw(st.sampled_from([PULL, PUSH])), probe_id=str(number))
        if outcome is not Outcome.OK:
            reason = draw(st.sampled_from([reason for reason in Reason if reason is not Reason.OK]))
            result = ended(result, outcome, reason, draw(st.sampled_from(Blame)))
        phases = {phase: draw(SECONDS_SPENT) for phase in result.phases}
        made.append(replace(result, phases=phases, transfer_seconds=draw(SECONDS_SPENT)))
    return made


@given(results())
def test_parity_with_prometheus_client(made: list[Result]):
    latest, counters = stores(made)
    ours = b"".join(LinkMetrics(latest, counters, confirmed_failing=lambda subject, variant: False).chunks(NOW))
    registry = CollectorRegistry()
    registry.register(Reference(made, counters))
    theirs = generate_latest(registry)
    assert samples_of(ours) == samples_of(theirs)
    assert types_of(ours) == types_of(theirs)


@given(NAMES)
def test_label_values_come_back_as_they_were(name: str):
    ours = text_of([good(name, name)])
    assert of_family(samples_of(ours), "tpcharness_probe_success", *LABELS) == {(name, name, "https-pull"): 1.0}


def test_lone_surrogates_do_not_break_the_page():
    samples = of_family(samples_of(text_of([good("A\ud800", "B")])), "tpcharness_probe_success", "source")
    assert samples == {("A?",): 1.0}


def test_every_link_family_of_the_catalogue_is_there_and_contiguous():
    text = text_of([good(), failed("SITE-B", "SITE-A"), door()]).decode()
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert families == [metric.name for metric in metrics.CATALOGUE if metric.section is Section.LINKS]
    order = [line.split("{")[0] for line in text.splitlines() if not line.startswith("#")]
    assert sorted(set(order), key=order.index) == [name for name in families if name in order]
    assert len(set(order)) == sum(a != b for a, b in zip(order, [*order[1:], None], strict=True))
    assert "door" not in text


def test_skipped_links_keep_their_last_run_and_their_counters_only():
    skipped = replace(ended(good(probe_id="s"), Outcome.SKIPPED, Reason.ENDPOINT_DOWN), phases={})
    samples = samples_of(text_of([good(), skipped, replace(skipped, subject=LinkSubject("SITE-C", "SITE-D"))]))
    assert {name for name, _ in samples} == {
        "tpcharness_probe_last_run_timestamp_seconds",
        "tpcharness_transfer_bytes_total",
        "tpcharness_transfer_seconds_total",
    }
    assert len(samples) == 3
    last_run = of_family(samples, "tpcharness_probe_last_run_timestamp_seconds", *LABELS)
    assert last_run == {("SITE-A", "SITE-B", "https-pull"): ended_at(good())}


def test_one_look_that_goes_well_does_not_hide_a_confirmed_failure_when_only_failing_links_are_shown():
    latest, counters = stores([good(), good("SITE-B", "SITE-A"), failed("SITE-B", "SITE-C")])
    wavers = LinkSubject("SITE-B", "SITE-A")
    links = LinkMetrics(latest, counters, lambda: LinkDetail.FAILING, lambda subject, variant: subject == wavers)
    samples = samples_of(b"".join(links.chunks(NOW)))
    confirmed = of_family(samples, "tpcharness_link_confirmed_failure", "source", "destination")
    assert confirmed == {("SITE-B", "SITE-A"): 1.0}
    success = of_family(samples, "tpcharness_probe_success", "source", "destination")
    assert success == {("SITE-B", "SITE-A"): 1.0, ("SITE-B", "SITE-C"): 0.0}


def test_stale_links_are_absent_also_when_they_fail():
    latest, counters = stores([good(), failed("SITE-B", "SITE-A")], stale_after=100.0)
    links = LinkMetrics(latest, counters, confirmed_failing=lambda subject, variant: subject.source == "SITE-B")
    fresh = samples_of(links.chunks(NOON.timestamp() + 100))
    assert len(of_family(fresh, "tpcharness_probe_success", *LABELS)) == 2
    assert of_family(fresh, "tpcharness_link_confirmed_failure", "source") == {("SITE-B",): 1.0}
    stale = samples_of(links.chunks(NOON.timestamp() + 101))
    assert {name for name, _ in stale} == {
        "tpcharness_probe_last_run_timestamp_seconds",
        "tpcharness_transfer_bytes_total",
        "tpcharness_transfer_seconds_total",
    }
    assert samples_of(links.chunks(NOON.timestamp() + 100)) == fresh


def test_a_newer_result_shows_at_the_next_pass_and_not_in_the_running_one():
    latest, counters = stores([good(), good("SITE-B", "SITE-A")])
    links = LinkMetrics(latest, counters)
    running = links.chunks(NOW)
    before = next(running)
    latest.add(failed(probe_id="newer"))
    during = of_family(samples_of([before, *running]), "tpcharness_probe_success", "source")
    after = of_family(samples_of(links.chunks(NOW)), "tpcharness_probe_success", "source")
    assert during == {("SITE-A",): 1.0, ("SITE-B",): 1.0}
    assert after == {("SITE-A",): 0.0, ("SITE-B",): 1.0}


def test_removed_links_are_gone_at_once_with_their_counters():
    latest, counters = stores([good(), good("SITE-B", "SITE-A")])
    links = LinkMetrics(latest, counters)
    assert b"SITE-B" in b"".join(links.chunks(NOW))
    latest.retain([(LinkSubject("SITE-B", "SITE-A"), PULL)])
    text = b"".join(links.chunks(NOW))
    assert b'source="SITE-A"' not in text
    assert len(samples_of(text)) == 6


def test_results_and_reloads_in_mid_stream_do_no_harm():
    many = [good(f"S{number}", "D") for number in range(3 * BATCH)]
    latest, counters = stores(many)
    stream = LinkMetrics(latest, counters).chunks(NOW)
    pieces = []
    for number, piece in enumerate(stream):
        pieces.append(piece)
        new = good(f"N{number}", "D")
        latest.add(new)
        counters.add(new)
        if number == 5:
            latest.retain([(LinkSubject("S1", "D"), PULL)])
    assert len(of_family(samples_of(pieces), "tpcharness_probe_duration_seconds", "source")) == len(many)
    assert max(piece.count(b"\n") for piece in pieces) <= BATCH


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        (LinkDetail.FULL, {"A", "B", "C", "D"}),
        (LinkDetail.FAILING, {"B", "C"}),
        (LinkDetail.NONE, set()),
        (LinkDetail.AUTO, {"A", "B", "C", "D"}),
    ],
)
def test_detail(detail: LinkDetail, shown: set[str]):
    made = [
        good("A", "Z"),
        failed("B", "Z"),
        ended(good("C", "Z"), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT),
        good("D", "Z"),
        ended(good("D", "Z", probe_id="skipped"), Outcome.SKIPPED, Reason.ENDPOINT_DOWN),
    ]
    samples = samples_of(text_of(made, detail))
    assert {dict(labels)["source"] for _, labels in samples} == shown


def test_auto_is_failing_for_very_many_links(monkeypatch: pytest.MonkeyPatch):
    assert rendering.FULL_UP_TO == 20_000
    monkeypatch.setattr(rendering, "FULL_UP_TO", 50)
    many = [good(f"S{number}", "D") for number in range(50)]
    latest, counters = stores([failed("BAD", "D"), *many])
    links = LinkMetrics(latest, counters, lambda: LinkDetail.AUTO)
    samples = of_family(samples_of(links.chunks(NOW)), "tpcharness_probe_success", "source")
    assert samples == {("BAD",): 0.0}
    latest.retain([(LinkSubject(f"S{number}", "D"), PULL) for number in range(50)])
    count = b"".join(links.chunks(NOW)).count(b"\ntpcharness_probe_success{")
    assert count == 50


def test_of_several_sizes_the_worst_is_told():
    made = [good(size=1), failed(size_bytes=2, probe_id="two"), good(size=3, started_at=NOON + timedelta(seconds=5))]
    samples = samples_of(text_of(made))
    assert of_family(samples, "tpcharness_probe_success", "source") == {("SITE-A",): 0.0}
    assert of_family(samples, "tpcharness_probe_last_run_timestamp_seconds", "source") == {
        ("SITE-A",): ended_at(made[2])
    }
