from dataclasses import replace
from datetime import timedelta

import pytest

from tests.export.samples import NOON, door, ended, failed, good
from tpcharness.diagnosis.findings import find
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.results.latest import MAX_SIZES, LatestStore, duration_seconds, ended_at
from tpcharness.results.store import CellState, Tally

PULL, PUSH = Variant.HTTPS_PULL, Variant.HTTPS_PUSH
LINK = LinkSubject("SITE-A", "SITE-B")
HOUR = timedelta(hours=1)


def test_only_the_newest_result_is_kept_and_its_exchanges_are_not():
    store = LatestStore(["SITE-A"])
    store.add(failed(probe_id="old"))
    store.add(good(probe_id="new"))
    (result,) = store.results()
    assert result.probe_id == "new"
    assert result.evidence.exchanges == ()
    assert result.evidence.tokens == good().evidence.tokens
    assert store.links() == Tally(ok=1)
    assert store.endpoint("SITE-B").destination == Tally(ok=1)


def test_what_arrives_last_is_newest_also_when_the_clock_was_set_back():
    store = LatestStore()
    store.add(good(probe_id="new", started_at=NOON + HOUR))
    store.add(failed(probe_id="newer", started_at=NOON))
    assert [result.probe_id for result in store.results()] == ["newer"]


def test_an_earlier_attempt_that_comes_late_is_passed_over():
    store = LatestStore()
    store.add(good(probe_id="p", attempt=2))
    version = store.version
    store.add(failed(probe_id="p", attempt=1))
    assert store.version == version
    assert store.links() == Tally(ok=1)
    store.add(replace(failed(probe_id="p", attempt=1), run_id="another run"))
    assert store.links() == Tally(failure=1)


@pytest.mark.parametrize(
    "result", [good(), failed(), ended(good(), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT)], ids=lambda r: r.outcome
)
def test_every_state_expires(result):
    store = LatestStore(stale_after=lambda subject, variant: 3600.0 if (subject, variant) == (LINK, PULL) else None)
    store.add(result)
    cell = store.cell("SITE-A", "SITE-B", PULL, now=NOON + HOUR)
    assert cell is not None
    assert cell.state is not CellState.STALE
    cell = store.cell("SITE-A", "SITE-B", PULL, now=NOON + HOUR + timedelta(seconds=1))
    assert cell is not None
    assert cell.state is CellState.STALE
    glance = store.glance(LINK, PULL)
    assert glance is not None
    assert glance.current(NOON.timestamp() + 3600, 3600.0) is glance.results[0]
    assert glance.current(NOON.timestamp() + 3601, 3600.0) is None


def test_a_stale_size_says_nothing_while_another_one_does():
    store = LatestStore(stale_after=lambda subject, variant: 3600.0)
    store.add(failed(size_bytes=1, probe_id="one"))
    store.add(good(size=2, started_at=NOON + HOUR))
    now = NOON + HOUR
    cell = store.cell("SITE-A", "SITE-B", PULL, now=now)
    assert cell is not None
    assert cell.states == (CellState.FAILURE, CellState.OK)
    cell = store.cell("SITE-A", "SITE-B", PULL, now=now + timedelta(seconds=1))
    assert cell is not None
    assert cell.states == (CellState.OK, CellState.STALE)
    glance = store.glance(LINK, PULL)
    assert glance is not None
    current = glance.current(now.timestamp() + 1, 3600.0)
    assert current is not None
    assert current.size_bytes == 2


def test_the_last_run_outlives_a_skipped_turn():
    store = LatestStore()
    skipped = ended(good(probe_id="skipped", started_at=NOON + HOUR), Outcome.SKIPPED, Reason.ENDPOINT_DOWN)
    store.add(replace(skipped, phases={}))
    glance = store.glance(LINK, PULL)
    assert glance is not None
    assert glance.last_run is None
    ran = good(probe_id="ran")
    store.add(ran)
    store.add(skipped)
    glance = store.glance(LINK, PULL)
    assert glance is not None
    assert glance.results[0].outcome is Outcome.SKIPPED
    assert glance.last_run == ended_at(ran) == NOON.timestamp() + duration_seconds(ran)


def test_waiting_for_a_place_is_no_part_of_the_duration():
    result = replace(good(), phases={Phase.QUEUED: 100.0, Phase.TOKEN: 1.0, Phase.TRANSFER: 2.5})
    assert duration_seconds(result) == 3.5


def test_what_is_removed_is_gone_at_once_and_stays_away():
    store = LatestStore(["SITE-A", "SITE-B", "SITE-C"])
    for result in (door("SITE-A"), door("SITE-C"), good(), good("SITE-A", "SITE-C"), failed("SITE-C", "SITE-A")):
        store.add(result)
    kept = [(EndpointSubject("SITE-A"), Variant.DOOR), (LINK, PULL), (LinkSubject("SITE-A", "SITE-D"), PULL)]
    version, generation = store.version, store.generation
    dropped = store.retain(kept)
    assert set(dropped) == {
        (EndpointSubject("SITE-C"), Variant.DOOR),
        (LinkSubject("SITE-A", "SITE-C"), PULL),
        (LinkSubject("SITE-C", "SITE-A"), PULL),
    }
    assert store.version > version
    assert store.generation > generation
    store.add(good("SITE-C", "SITE-A", probe_id="was under way"))
    assert {result.subject for result in store.results()} == {EndpointSubject("SITE-A"), LINK}
    assert {glance.subject for glance in store.glances()} == {EndpointSubject("SITE-A"), LINK}
    assert store.endpoints() == ("SITE-A", "SITE-B", "SITE-D")
    assert store.links() == Tally(ok=1)
    assert store.endpoint("SITE-A").source == Tally(ok=1)
    store.retain([*kept, (LinkSubject("SITE-C", "SITE-A"), PULL)])
    store.add(good("SITE-C", "SITE-A"))
    assert store.cell("SITE-C", "SITE-A", PULL) is not None


def test_many_sizes_do_not_fill_the_memory():
    store = LatestStore()
    for size in range(1, 100):
        store.add(good(size=size))
    assert len(store.results()) == MAX_SIZES
    assert store.links() == Tally(ok=MAX_SIZES)


def test_it_answers_like_a_run_and_findings_work_on_it():
    store = LatestStore(["SITE-A", "SITE-B", "SITE-C"])
    store.restore([door("SITE-A"), door("SITE-B"), door("SITE-C", reason=Reason.TLS_EXPIRED), good()])
    store.add(good("SITE-B", "SITE-A", PUSH))
    assert list(store.doors()) == ["SITE-A", "SITE-B", "SITE-C"]
    assert store.door_tally() == Tally(ok=2, failure=1)
    assert store.variants() == (PULL, PUSH)
    assert {str(cell.subject) for cell in store.cells()} == {"SITE-A -> SITE-B", "SITE-B -> SITE-A"}
    door_cell = store.door("SITE-C")
    assert door_cell is not None
    assert door_cell.state is CellState.FAILURE
    (finding,) = find(store.results())
    assert finding.culprits == ("SITE-C",)


def test_what_is_asked_of_endpoints_alone_is_no_door():
    upload = replace(door("SITE-A"), variant=Variant.WEBDAV_UPLOAD, probe_id="upload")
    store = LatestStore(["SITE-A"], stale_after=lambda _subject, _variant: 60.0)
    store.add(upload)
    assert store.door("SITE-A") is None
    assert (store.door_tally(), store.alone_tally()) == (Tally(), Tally(ok=1))
    cell = store.endpoint_cell("SITE-A", Variant.WEBDAV_UPLOAD, now=upload.started_at + timedelta(seconds=61))
    assert cell is not None
    assert cell.state is CellState.STALE
    assert store.retain([(EndpointSubject("SITE-A"), Variant.DOOR)]) == ((upload.subject, Variant.WEBDAV_UPLOAD),)
    assert store.alone_tally() == Tally()
    assert list(store.alone_cells()) == []


def test_results_may_come_while_one_looks():
    store = LatestStore()
    store.add(good())
    before = store.glances()
    store.add(failed(probe_id="newer"))
    assert before[0].results[0].ok
    assert not store.glances()[0].results[0].ok
