"""The aggregates: complete whatever is known, true in downtimes, and never twice the same sample."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.export.samples import MIB, NOON, door, ended, failed, findings, good
from tests.support.scraped import of_family, samples_of, types_of
from tpcharness.engine.plan import schedule_of
from tpcharness.engine.schedule import Schedule
from tpcharness.export.metrics.catalogue import BY_NAME, CATALOGUE, Section
from tpcharness.export.metrics.endpoints import EndpointMetrics
from tpcharness.export.metrics.survey import LinkState
from tpcharness.export.metrics.text import BATCH, rendered
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.finding import Finding
from tpcharness.model.reason import Reason
from tpcharness.model.result import Implementation, Result
from tpcharness.model.settings import DaemonSettings, ProbeSelection
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.counters import Counters
from tpcharness.results.latest import LatestStore
from tpcharness.results.run import EndpointFacts

NOW = NOON.timestamp() + 60
INTERVAL = 3600.0
VARIANTS = ProbeSelection().variants
ROLE = ("endpoint", "role", "variant")


class World:
    """Some endpoints with all links between them scheduled each hour, and what was found."""

    def __init__(self, *names: str, sizes: tuple[int, ...] = (MIB,)) -> None:
        self.endpoints = [
            Endpoint(name, f"https://{name.lower()}.example:2880/vo", site=name.title()) for name in names
        ]
        self.schedule = Schedule(DaemonSettings())
        selection = ProbeSelection(sizes=sizes)
        self.schedule.replace(schedule_of(self.endpoints, [selection], [INTERVAL], (), 900.0), NOW)
        self.latest = LatestStore(names, stale_after=self.schedule.stale_after_seconds)
        self.counters = Counters()
        self.metrics = EndpointMetrics(self.latest, self.facts, self.counters, self.schedule)

    def facts(self) -> list[EndpointFacts]:
        return list(map(EndpointFacts.of, self.endpoints))

    def add(self, *results: Result, seen: int = 1) -> None:
        for result in results:
            self.latest.add(result)
            self.counters.add(result)
            for _ in range(seen):
                self.schedule.confirmations.see(result)

    def text(self, now: float = NOW, found: list[Finding] | None = None) -> bytes:
        return b"".join(rendered(self.metrics.pieces(now, found or [])))

    def states(self, now: float = NOW) -> dict[tuple[str, ...], float]:
        """Links by endpoint, role, variant and state, without those that are 0."""
        found = of_family(samples_of(self.text(now)), "tpcharness_endpoint_links", *ROLE, "state")
        return {key: value for key, value in found.items() if value}


def test_every_state_of_every_role_is_there_from_the_start():
    samples = samples_of(World("A", "B", "C").text())
    links = of_family(samples, "tpcharness_endpoint_links", *ROLE, "state")
    assert len(links) == 3 * 2 * len(VARIANTS) * len(LinkState)
    assert {key: value for key, value in links.items() if value} == {
        (name, role, variant.value, "never_run"): 2.0
        for name in "ABC"
        for role in ("source", "destination")
        for variant in VARIANTS
    }
    whole = of_family(samples, "tpcharness_links", "variant", "state")
    assert len(whole) == len(VARIANTS) * len(LinkState)
    assert whole["https-pull", "never_run"] == 6.0
    confirmed = of_family(samples, "tpcharness_endpoint_confirmed_failing_links", *ROLE)
    assert len(confirmed) == 3 * 2 * len(VARIANTS)
    assert set(confirmed.values()) == {0.0}


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (good("A", "B"), "ok"),
        (failed("A", "B"), "failing"),
        (ended(good("A", "B"), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT), "error"),
        (ended(good("A", "B"), Outcome.SKIPPED, Reason.ENDPOINT_DOWN, Blame.SOURCE), "skipped"),
        (failed("A", "B", started_at=NOON - timedelta(hours=4)), "stale"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_link_is_counted_at_both_ends(result: Result, state: str):
    world = World("A", "B")
    world.add(result)
    assert world.states()["A", "source", "https-pull", state] == 1
    assert world.states()["B", "destination", "https-pull", state] == 1
    assert world.states()["B", "source", "https-pull", "never_run"] == 1


def test_sizes_of_a_link_are_one_link():
    world = World("A", "B", sizes=(1, MIB))
    world.add(good("A", "B", size=1), failed("A", "B", size_bytes=MIB, probe_id="big"))
    assert world.states()["A", "source", "https-pull", "failing"] == 1
    assert sum(world.states().values()) == 2 * 2 * len(VARIANTS)


def test_a_downtime_covers_whatever_is_known():
    world = World("A", "B", "C")
    world.add(failed("A", "B"), good("C", "A"), good("C", "B"))
    hour = timedelta(hours=1)
    world.schedule.set_downtimes([Downtime(NOON - hour, NOON + hour, ("A",), (), "new disks", "endpoints.toml")])
    samples = samples_of(world.text())
    assert of_family(samples, "tpcharness_endpoint_downtime", "endpoint") == {("A",): 1, ("B",): 0, ("C",): 0}
    assert world.states()["B", "destination", "https-pull", "downtime"] == 1
    assert world.states()["B", "destination", "https-pull", "ok"] == 1
    assert world.states()["A", "destination", "https-pull", "downtime"] == 2
    later = NOW + 3601
    assert world.states(later)["A", "source", "https-pull", "failing"] == 1


def test_a_failing_link_is_confirmed_only_when_seen_often_enough():
    world = World("A", "B", "C")
    world.add(failed("A", "B"), door("C", reason=Reason.TLS_EXPIRED), seen=2)
    assert "tpcharness_endpoint_confirmed_failure" not in {name for name, _ in samples_of(world.text())}
    world.add(failed("A", "B"), door("C", reason=Reason.TLS_EXPIRED))
    samples = samples_of(world.text())
    confirmed = of_family(samples, "tpcharness_endpoint_confirmed_failing_links", *ROLE)
    assert {key for key, value in confirmed.items() if value} == {
        ("A", "source", "https-pull"),
        ("B", "destination", "https-pull"),
    }
    assert of_family(samples, "tpcharness_endpoint_confirmed_failure", "endpoint", "variant") == {("C", "door"): 1.0}
    later = samples_of(world.text(NOW + 4 * INTERVAL))  # what is stale is not confirmed either
    assert set(of_family(later, "tpcharness_endpoint_confirmed_failing_links", *ROLE).values()) == {0.0}


def test_doors_tell_certificates_and_software_and_remember_the_software():
    world = World("SITE-A", "SITE-B")
    world.add(door("SITE-A", days=30.0), door("SITE-B"))
    samples = samples_of(world.text())
    labels = ("endpoint", "site", "host", "implementation", "version")
    assert (
        of_family(samples, "tpcharness_endpoint_info", *labels)[
            "SITE-A", "Site-A", "site-a.example:2880", "dCache", "9.2.6"
        ]
        == 1
    )
    expiry = of_family(samples, "tpcharness_endpoint_tls_cert_expiry_timestamp_seconds", "endpoint")
    assert expiry["SITE-A",] == (NOON + timedelta(days=30)).timestamp()
    assert of_family(samples, "tpcharness_endpoint_probe_success", "endpoint", "variant")["SITE-A", "door"] == 1
    silent = replace(door("SITE-A", reason=Reason.CONNECT_TIMEOUT), implementation=Implementation())
    world.add(silent)
    info = of_family(samples_of(world.text()), "tpcharness_endpoint_info", *labels)
    assert ("SITE-A", "Site-A", "site-a.example:2880", "dCache", "9.2.6") in info


def test_what_a_hostile_server_calls_itself_is_one_short_printable_label():
    world = World("A", "B")
    name = 'evil"\\\n\x1b[31m\u202e' + "x" * 500
    world.add(replace(door("A"), implementation=Implementation(destination=(name,))))
    ((found, version),) = (
        key
        for key in of_family(samples_of(world.text()), "tpcharness_endpoint_info", "implementation", "version")
        if key[0]
    )
    assert found.startswith('evil"\\')
    assert found.isprintable()
    assert len(found) <= 64
    assert version == ""


def test_stale_and_skipped_doors_are_absent():
    world = World("A", "B")
    world.add(door("A"), ended(door("B"), Outcome.SKIPPED, Reason.CANCELLED))
    success = of_family(samples_of(world.text()), "tpcharness_endpoint_probe_success", "endpoint")
    assert success == {("A",): 1.0}
    later = samples_of(world.text(NOW + 3 * 900))
    assert of_family(later, "tpcharness_endpoint_probe_success", "endpoint") == {}
    assert of_family(later, "tpcharness_endpoint_probe_last_run_timestamp_seconds", "endpoint").keys() == {("A",)}


def test_counters_of_removed_endpoints_are_gone():
    world = World("A", "B", "C")
    world.add(failed("A", "B"), failed("C", "B"))
    world.endpoints = world.endpoints[:2]
    samples = samples_of(world.text())
    assert {dict(labels).get("endpoint") for name, labels in samples if name.endswith("failures_total")} == {"A", "B"}


def test_findings_with_the_same_labels_are_one_sample():
    one, other = findings()
    samples = samples_of(World("A", "B").text(found=[one, replace(one, cells=2), other]))
    cells = of_family(samples, "tpcharness_finding_cells", "kind", "culprit", "reason", "blame")
    assert cells == {
        ("bad_as_destination", "SITE-C", "forbidden", "destination"): one.cells + 2,
        ("single_link", "SITE-A -> SITE-B", "passive_timeout", "path"): 1.0,
    }


def test_every_code_that_a_result_can_have_is_explained():
    info = of_family(
        samples_of(World("A", "B").text()), "tpcharness_result_code_info", "code", "reason", "phase", "blame"
    )
    assert ("0", "ok", "verify", "nobody") in info
    for reason in Reason:
        for blame in Blame:
            if reason is not Reason.OK:
                assert (str(reason.code(blame)), reason.value, reason.phase.value, blame.value) in info
    assert len({code for code, *_ in info}) == len(info)


def test_families_are_the_catalogues_and_large_ones_stay_in_one_part():
    names = [f"S{number}" for number in range(12)]
    world = World(*names)
    for source in names:
        world.add(door(source), *(failed(source, other) for other in names if other != source))
    pieces = list(rendered(world.metrics.pieces(NOW, findings())))
    assert max(piece.count(b"\n") for piece in pieces) <= BATCH + 2
    text = b"".join(pieces)
    samples_of(text)  # fails when a family comes in two parts
    assert text.count(b"# TYPE ") == text.count(b"# HELP ") == len(types_of(text))  # announced once, also when cut
    assert {name: what for name, what in types_of(text).items() if name not in BY_NAME} == {}
    wanted = {metric.name for metric in CATALOGUE if metric.section in (Section.ENDPOINTS, Section.WHOLE)}
    assert types_of(text).keys() == wanted - {"tpcharness_phase_duration_seconds"}
    for name, (kind, help_text) in types_of(text).items():
        assert (kind, help_text) == (BY_NAME[name].kind, BY_NAME[name].help)


def test_without_a_schedule_what_is_known_is_counted():
    latest = LatestStore()
    latest.restore([door("A"), good("A", "B"), failed("B", "A")])
    text = b"".join(rendered(EndpointMetrics(latest, list).pieces(NOW, [])))
    states = of_family(samples_of(text), "tpcharness_links", "variant", "state")
    assert {key: value for key, value in states.items() if value} == {
        ("https-pull", "ok"): 1.0,
        ("https-pull", "failing"): 1.0,
    }
    assert b"downtime{" not in text
    assert b"_total" not in text


def test_the_largest_age_is_told_per_variant():
    ages = of_family(samples_of(World("A", "B").text()), "tpcharness_stale_after_seconds", "variant")
    settings = DaemonSettings()
    assert ages["https-pull",] == settings.stale_intervals * INTERVAL
    assert ages["door",] == settings.stale_intervals * 900


class RefusedSchedule(Schedule):
    """One that has had enough of B, and has used some of A's day."""

    def paused_until(self, endpoint: str, now: float) -> float | None:
        return now + 1 if endpoint == "B" else None

    def used(self, endpoint: str, now: float) -> tuple[int, int]:
        return (5 * MIB, 3) if endpoint == "A" else (0, 0)


def test_pauses_and_budgets_are_told_for_every_endpoint():
    schedule = RefusedSchedule(DaemonSettings())
    metrics = EndpointMetrics(LatestStore(), World("A", "B").facts, schedule=schedule)
    samples = samples_of(rendered(metrics.pieces(NOW, [])))
    assert of_family(samples, "tpcharness_endpoint_paused", "endpoint") == {("A",): 0, ("B",): 1}
    assert of_family(samples, "tpcharness_endpoint_used_bytes", "endpoint") == {("A",): 5 * MIB, ("B",): 0}
    assert of_family(samples, "tpcharness_endpoint_used_transfers", "endpoint") == {("A",): 3, ("B",): 0}


def test_direct_transfers_tell_their_speed_and_are_no_doors():
    world = World("A", "B")
    upload = replace(
        door("A"),
        variant=Variant.WEBDAV_UPLOAD,
        throughput=12.5e6,
        implementation=Implementation(destination=("Cache/1",)),
        evidence=replace(door("A").evidence, tls=()),
    )
    failing = replace(upload, subject=door("B").subject, outcome=Outcome.FAILURE, reason=Reason.NO_SPACE)
    world.add(door("A"), upload, failing)
    samples = samples_of(world.text())
    labels = ("endpoint", "variant")
    speeds = of_family(samples, "tpcharness_endpoint_probe_throughput_bytes_per_second", *labels)
    assert speeds == {("A", "webdav-upload"): 12.5e6}
    success = of_family(samples, "tpcharness_endpoint_probe_success", *labels)
    assert success == {("A", "door"): 1.0, ("A", "webdav-upload"): 1.0, ("B", "webdav-upload"): 0.0}
    software = of_family(samples, "tpcharness_endpoint_info", "endpoint", "implementation")
    assert set(software) == {("A", "dCache"), ("B", "")}
