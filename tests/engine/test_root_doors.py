"""Two doors of one endpoint: what is planned, and which links wait for which, in a run and in a service."""

from __future__ import annotations

import itertools

import pytest

from tests.support.runner_bench import OK, REFUSED, FakeProbe, Notes, Verdict
from tests.support.scheduled_world import FINE, HOUR, MINUTE, START, Answer, World
from tests.support.virtual_time import VirtualClock, on_virtual_time
from tpcharness.engine.gates import SkipReason
from tpcharness.engine.limits import Limits
from tpcharness.engine.mesh import PlanFilter
from tpcharness.engine.plan import make_plan, schedule_of
from tpcharness.engine.runner import Runner
from tpcharness.model.endpoint import Endpoint, EndpointSubject, Link
from tpcharness.model.plan import Dropped, DropReason, Plan, PlannedProbe
from tpcharness.model.reason import Reason
from tpcharness.model.settings import ProbeSelection, RunLimits
from tpcharness.model.variant import DOOR_VARIANTS, LINK_VARIANTS, Blame, Outcome, Variant

PULL, ROOT, DOOR, ROOT_DOOR = Variant.HTTPS_PULL, Variant.ROOT_PULL, Variant.DOOR, Variant.ROOT_DOOR
BROKEN: Answer = (Reason.CONNECTION_REFUSED, Blame.DESTINATION)


def endpoint(name: str, *, root: bool = True) -> Endpoint:
    host = f"{name.lower()}.example"
    return Endpoint(name, f"https://{host}:1094/vo", root=f"roots://{host}:1094//vo" if root else "")


A, B, PLAIN = endpoint("A"), endpoint("B"), endpoint("C", root=False)


def doors(plan: Plan) -> list[tuple[str, Variant]]:
    return [(str(probe.subject.subject), probe.variant) for probe in plan.doors]


def test_doors_are_of_endpoints_and_links_name_theirs() -> None:
    assert not any(door.of_link or door.doors for door in DOOR_VARIANTS)
    by_root = {Variant.ROOT_PULL, Variant.GFAL_ROOT_ROOT}
    assert {variant: variant.doors for variant in LINK_VARIANTS} == {
        variant: (DOOR, ROOT_DOOR) if variant in by_root else (DOOR,) for variant in LINK_VARIANTS
    }


def test_a_root_door_is_planned_where_a_link_needs_it() -> None:
    everywhere = ProbeSelection(variants=(PULL, ROOT))
    plan = make_plan([A, B, PLAIN], [everywhere])
    assert doors(plan) == [("A", DOOR), ("A", ROOT_DOOR), ("B", DOOR), ("B", ROOT_DOOR), ("C", DOOR)]
    assert doors(make_plan([A, B], [ProbeSelection(variants=(PULL,))])) == [("A", DOOR), ("B", DOOR)]
    assert doors(make_plan([A, PLAIN], [everywhere])) == [("A", DOOR), ("C", DOOR)]


def test_doors_that_are_asked_for_alone() -> None:
    selection = ProbeSelection(DOOR_VARIANTS, ("*",), ("*",))
    assert doors(make_plan([A, PLAIN], [selection])) == [("A", DOOR), ("A", ROOT_DOOR), ("C", DOOR)]
    shy = make_plan([A, PLAIN], [selection], opt_out=["A"])
    assert doors(shy) == [("C", DOOR)]
    assert shy.dropped == tuple(
        Dropped(EndpointSubject("A"), door, DropReason.OPTED_OUT, "A") for door in DOOR_VARIANTS
    )
    only = make_plan([A, PLAIN], [ProbeSelection()], filters=PlanFilter(variants=(ROOT_DOOR,)))
    assert doors(only) == [("A", ROOT_DOOR)]


def test_a_service_repeats_both_doors() -> None:
    scheduled = schedule_of([A, B], [ProbeSelection(variants=(ROOT,)), ProbeSelection()], [60.0, 60.0], (), 900.0)
    found = [(str(one.probe.subject.subject), one.probe.variant) for one in scheduled if one.interval_seconds == 900.0]
    assert sorted(found) == [("A", DOOR), ("A", ROOT_DOOR), ("B", DOOR), ("B", ROOT_DOOR)]


async def run(down: set[tuple[str, Variant]]) -> tuple[Notes, dict[Variant, FakeProbe]]:
    """A run over both variants between A and B, with these doors closed."""

    def verdict_of(door: Variant):  # type: ignore[no-untyped-def]
        def verdict(name: str, _attempt: int) -> Verdict:
            return REFUSED if (name, door) in down else OK

        return verdict

    probes = {
        DOOR: FakeProbe(DOOR, seconds=lambda _: 1.0, verdict=verdict_of(DOOR)),
        ROOT_DOOR: FakeProbe(ROOT_DOOR, seconds=lambda _: 50.0, verdict=verdict_of(ROOT_DOOR)),
        PULL: FakeProbe(PULL),
        ROOT: FakeProbe(ROOT),
    }
    notes, numbers = Notes(), itertools.count()
    limits = Limits(RunLimits(concurrency=8))
    runner = Runner(probes, limits, notes, notes, VirtualClock(), lambda: f"probe-{next(numbers)}", "run-1")
    await runner.run(make_plan([A, B], [ProbeSelection(variants=(PULL, ROOT))]))
    return notes, probes


@on_virtual_time
async def test_links_wait_for_the_doors_of_their_own_variant() -> None:
    notes, probes = await run(set())
    assert {result.outcome for result in notes.results} == {Outcome.OK}
    assert max(probes[PULL].started.values()) < 50.0 <= min(probes[ROOT].started.values())


@on_virtual_time
async def test_a_failed_root_door_keeps_root_links_only() -> None:
    notes, probes = await run({("B", ROOT_DOOR)})
    assert set(probes[PULL].started) == {"A -> B", "B -> A"}
    assert probes[ROOT].started == {}
    skipped = {str(result.subject): result for result in notes.results if result.outcome is Outcome.SKIPPED}
    assert {name: (each.variant, each.reason, each.blame) for name, each in skipped.items()} == {
        "A -> B": (ROOT, Reason.ENDPOINT_DOWN, Blame.DESTINATION),
        "B -> A": (ROOT, Reason.ENDPOINT_DOWN, Blame.SOURCE),
    }
    assert skipped["A -> B"].hint.startswith("root-door of B: ")


@on_virtual_time
async def test_a_failed_https_door_keeps_all_links() -> None:
    """Seeds are put there, and files are looked at last."""
    notes, probes = await run({("B", DOOR), ("B", ROOT_DOOR)})
    assert probes[PULL].started == probes[ROOT].started == {}
    (both,) = [result for result in notes.results if str(result.subject) == "A -> B" and result.variant is ROOT]
    assert (both.blame, both.alternatives) == (Blame.DESTINATION, ())
    assert both.hint.startswith("B: ")
    assert "root-door of B: " in both.hint


def world(closed: Variant | None) -> World:
    scheduled = list(schedule_of([A, B], [ProbeSelection(variants=(PULL, ROOT))], [HOUR], (), 15 * MINUTE))

    def answers(probe: PlannedProbe, now: float) -> Answer:
        return BROKEN if probe.variant is closed and probe.subject is B and now < START + 12 * HOUR else FINE

    return World(scheduled, answers=answers)


@pytest.mark.parametrize(
    ("closed", "run"), [(ROOT_DOOR, {PULL}), (DOOR, set()), (None, {PULL, ROOT})], ids=["root-door", "door", "none"]
)
def test_a_service_skips_the_links_of_a_closed_door(closed: Variant | None, run: set[Variant]) -> None:
    at_work = world(closed)
    at_work.for_(10 * HOUR)
    assert {key[1] for key in at_work.links()} - set(DOOR_VARIANTS) == run
    down = at_work.schedule.skipped[SkipReason.ENDPOINT_DOWN]
    assert (down > 0) is (closed is not None)
    for probe, why, found in at_work.schedule.take_skipped():
        assert isinstance(probe.subject, Link)
        assert (why, {door.variant for door in found}) == (SkipReason.ENDPOINT_DOWN, {closed})
    at_work.for_(5 * HOUR)
    assert {key[1] for key in at_work.links()} - set(DOOR_VARIANTS) == {PULL, ROOT}
