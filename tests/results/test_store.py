from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.export.samples import NOON, door, ended, failed, good
from tpcharness.model.endpoint import EndpointSubject
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.store import CellState, MatrixStore, Tally

PULL, PUSH = Variant.HTTPS_PULL, Variant.HTTPS_PUSH


def test_a_cell_that_was_never_probed_is_absent():
    store = MatrixStore(["SITE-A", "SITE-B"])
    store.add(good())
    assert store.cell("SITE-B", "SITE-A", PULL) is None
    assert store.cell("SITE-A", "SITE-B", PUSH) is None
    assert store.endpoints() == ("SITE-A", "SITE-B")


def test_a_cell_is_the_worst_of_the_latest_result_per_size():
    store = MatrixStore()
    store.add(good(size=1))
    store.add(good(size=2))
    store.add(failed(size_bytes=3, probe_id="three"))
    cell = store.cell("SITE-A", "SITE-B", PULL)
    assert cell is not None
    assert cell.state is CellState.FAILURE
    assert cell.worst.size_bytes == 3
    assert len(cell.results) == 3
    store.add(good(size=3, probe_id="three again"))
    cell = store.cell("SITE-A", "SITE-B", PULL)
    assert cell is not None
    assert cell.state is CellState.OK


def test_of_two_doors_the_worse_one_is_the_endpoints():
    store = MatrixStore()
    store.add(door("SITE-A"))
    store.add(replace(failed(), subject=EndpointSubject("SITE-A"), variant=Variant.ROOT_DOOR))
    store.add(door("SITE-B"))
    store.add(replace(door("SITE-B"), variant=Variant.ROOT_DOOR, probe_id="root"))
    found = {name: (cell.variant, cell.state) for name, cell in store.doors().items()}
    assert found["SITE-A"] == (Variant.ROOT_DOOR, CellState.FAILURE)
    assert found["SITE-B"] == (Variant.DOOR, CellState.OK)
    assert [(str(cell.subject), cell.variant) for cell in store.door_cells()] == [
        (name, variant) for name in ("SITE-A", "SITE-B") for variant in (Variant.DOOR, Variant.ROOT_DOOR)
    ]
    assert store.door_tally() == Tally(ok=3, failure=1)


def test_the_order_of_badness():
    store = MatrixStore(green_seconds=60)
    outcomes = [
        good(size=1),
        good(size=2, started_at=NOON + timedelta(hours=1)),
        ended(good(size=3), Outcome.SKIPPED, Reason.SEED_LOST),
        ended(good(size=4), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT),
        failed(size_bytes=5),
    ]
    for result in outcomes:
        store.add(result)
    cell = store.cell("SITE-A", "SITE-B", PULL, now=NOON + timedelta(hours=1))
    assert cell is not None
    assert cell.states == (CellState.FAILURE, CellState.ERROR, CellState.SKIPPED, CellState.STALE, CellState.OK)


def test_the_last_attempt_decides_and_counts_once():
    store = MatrixStore()
    store.add(failed(probe_id="p", attempt=1))
    assert store.links() == Tally(failure=1)
    store.add(good(probe_id="p", attempt=2))
    assert store.links() == Tally(ok=1)
    assert store.endpoint("SITE-A").source == Tally(ok=1)
    assert store.endpoint("SITE-B").destination == Tally(ok=1)
    assert [result.attempt for result in store.results()] == [1, 2]


def test_an_earlier_attempt_that_comes_late_changes_nothing():
    store = MatrixStore()
    store.add(good(probe_id="p", attempt=2))
    store.add(failed(probe_id="p", attempt=1))
    cell = store.cell("SITE-A", "SITE-B", PULL)
    assert cell is not None
    assert cell.state is CellState.OK
    assert store.links() == Tally(ok=1)


def test_probes_of_later_rounds_are_counted_too():
    store = MatrixStore()
    store.add(failed(probe_id="monday"))
    store.add(good(probe_id="tuesday"))
    assert store.links() == Tally(ok=1, failure=1)


def test_only_green_expires():
    store = MatrixStore(green_seconds=3600)
    store.add(good())
    store.add(failed(variant=PUSH))
    later = NOON + timedelta(seconds=3601)
    states = {cell.variant: cell.state for cell in store.cells(now=later)}
    assert states == {PULL: CellState.STALE, PUSH: CellState.FAILURE}
    assert {cell.state for cell in store.cells(now=NOON + timedelta(seconds=3600))} == {
        CellState.OK,
        CellState.FAILURE,
    }
    assert all(cell.state is not CellState.STALE for cell in store.cells())


def test_doors_stand_apart_from_links():
    store = MatrixStore(["SITE-B", "SITE-A"])
    store.add(door("SITE-A", reason=Reason.TLS_EXPIRED))
    store.add(door("SITE-B"))
    store.add(door("SITE-NEW"))
    assert list(store.doors()) == ["SITE-B", "SITE-A", "SITE-NEW"]
    assert store.doors()["SITE-A"].state is CellState.FAILURE
    assert list(store.cells()) == []
    assert store.variants() == ()
    assert store.door_tally() == Tally(ok=2, failure=1)
    assert store.links() == Tally()
    assert store.endpoint("SITE-A").door == Tally(failure=1)
    assert store.endpoint("nobody").door == Tally()


def test_what_is_asked_of_endpoints_alone_stands_apart_from_doors():
    upload, legacy = Variant.WEBDAV_UPLOAD, Variant.GSIFTP_DOOR
    store = MatrixStore(["SITE-B", "SITE-A"])
    store.add(replace(door("SITE-A", reason=Reason.TLS_EXPIRED), variant=legacy))
    store.add(replace(door("SITE-A"), variant=upload, probe_id="upload"))
    store.add(door("SITE-B"))
    assert list(store.doors()) == ["SITE-B"]
    assert [(str(cell.subject), cell.variant) for cell in store.endpoint_cells()] == [
        ("SITE-B", Variant.DOOR),
        ("SITE-A", upload),
        ("SITE-A", legacy),
    ]
    assert [cell.variant for cell in store.alone_cells()] == [upload, legacy]
    assert (store.door_tally(), store.alone_tally(), store.links()) == (Tally(ok=1), Tally(ok=1, failure=1), Tally())
    assert (store.endpoint("SITE-A").door, store.endpoint("SITE-A").alone) == (Tally(), Tally(ok=1, failure=1))
    cell = store.endpoint_cell("SITE-A", legacy)
    assert cell is not None
    assert cell.state is CellState.FAILURE
    assert store.endpoint_cell("SITE-A", Variant.DOOR) is None
    assert store.variants() == ()


def test_the_store_is_bounded_and_forgets_the_oldest():
    store = MatrixStore(capacity=2)
    for name in ("A", "B", "C"):
        store.add(good(name, "D"))
    assert store.forgotten == 1
    assert store.cell("A", "D", PULL) is None
    assert store.cell("C", "D", PULL) is not None
    assert len(store.results()) == 2
    assert store.links() == Tally(ok=3)


def test_forgetting_an_old_result_keeps_the_newer_state_of_its_cell():
    store = MatrixStore(capacity=2)
    store.add(failed(probe_id="old"))
    store.add(good(probe_id="new"))
    store.add(good("X", "Y"))
    cell = store.cell("SITE-A", "SITE-B", PULL)
    assert cell is not None
    assert cell.state is CellState.OK


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.booleans()), max_size=30))
def test_tallies_count_each_probe_once_whatever_the_order(arrivals):
    store = MatrixStore()
    seen = set()
    for probe, attempt, fine in arrivals:
        make = good if fine else failed
        result = make(f"S{probe}", "D", attempt=attempt, probe_id=str(probe))
        store.add(result)
        seen.add(probe)
    assert store.links().total == len(seen) == sum(1 for _ in store.cells())
