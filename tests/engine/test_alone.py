"""What is asked of endpoints alone: planned, run and repeated beside links, judged by doors, and no door itself."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import replace

import pytest

from tests.support.runner_bench import OK, REFUSED, FakeProbe, Notes, Verdict
from tests.support.scheduled_world import DAY, FINE, HOUR, MINUTE, START, Answer, World
from tests.support.scheduled_world import result as result_of
from tests.support.virtual_time import VirtualClock, on_virtual_time
from tpcharness.engine.gates import SkipReason
from tpcharness.engine.limits import Limits
from tpcharness.engine.mesh import PlanFilter
from tpcharness.engine.plan import DOOR_BYTES, make_plan, schedule_of
from tpcharness.engine.runner import Runner
from tpcharness.engine.schedule import Schedule
from tpcharness.model.endpoint import Endpoint, EndpointSubject, LinkSubject, RedirectAuth
from tpcharness.model.plan import Dropped, DropReason, Plan, PlannedProbe, Role, ScheduledProbe
from tpcharness.model.reason import Reason
from tpcharness.model.settings import MIB, DaemonSettings, ProbeSelection, RunLimits
from tpcharness.model.variant import (
    DIRECT_VARIANTS,
    ENDPOINT_VARIANTS,
    LEGACY_VARIANTS,
    LINK_VARIANTS,
    TAPE_VARIANTS,
    Blame,
    Outcome,
    Variant,
)

DOOR, ROOT_DOOR, PULL = Variant.DOOR, Variant.ROOT_DOOR, Variant.HTTPS_PULL
UPLOAD, DOWNLOAD, ROOT_UPLOAD = Variant.WEBDAV_UPLOAD, Variant.WEBDAV_DOWNLOAD, Variant.ROOT_UPLOAD
GSIFTP, TAPE_INFO, RECALL = Variant.GSIFTP_DOOR, Variant.TAPE_INFO, Variant.TAPE_RECALL
BROKEN: Answer = (Reason.CONNECTION_REFUSED, Blame.DESTINATION)


def complete(name: str) -> Endpoint:
    """One that can be probed in every way."""
    host = f"{name.lower()}.example"
    return Endpoint(
        name,
        f"https://{host}/vo",
        root=f"roots://{host}//vo",
        tape_files=("/vo/file",),
        tape_archive="/vo/tape",
        cache=f"roots://cache.{host}//vo",
        gsiftp=f"gsiftp://{host}/vo",
        srm=f"srm://{host}/vo",
    )


def plain(name: str, *, max_transfers: int = 4) -> Endpoint:
    return Endpoint(name, f"https://{name.lower()}.example/vo", max_transfers=max_transfers)


A, B, PLAIN = complete("A"), complete("B"), plain("C")


def alone(plan: Plan) -> list[tuple[str, Variant, int]]:
    return [(str(probe.subject.subject), probe.variant, probe.size_bytes) for probe in plan.alone]


def doors(plan: Plan) -> list[tuple[str, Variant]]:
    return [(str(probe.subject.subject), probe.variant) for probe in plan.doors]


def test_each_endpoint_of_a_selection_is_probed_whichever_role_it_has() -> None:
    selection = ProbeSelection((UPLOAD, PULL), ("A",), ("B",), (1, 7))
    plan = make_plan([A, B, PLAIN], [selection])
    assert alone(plan) == [(name, UPLOAD, size) for size in (1, 7) for name in "AB"]
    assert doors(plan) == [("A", DOOR), ("B", DOOR)]
    assert [probe.size_bytes for probe in plan.links] == [1, 7]
    assert plan.total_bytes == 3 * (1 + 7)
    assert plan.probes == (*plan.doors, *plan.alone, *plan.links)
    assert [each.name for each in plan.endpoints] == ["A", "B"]


def test_what_moves_no_payload_has_no_size_and_is_done_once() -> None:
    asked = (*LEGACY_VARIANTS, *TAPE_VARIANTS, RECALL)
    plan = make_plan([A, B], [ProbeSelection(asked, sizes=(1, 7, MIB))])
    assert Counter(variant for _, variant, _ in alone(plan)) == dict.fromkeys((*LEGACY_VARIANTS, *TAPE_VARIANTS), 2)
    assert {probe.size_bytes for probe in plan.probes if probe.variant is not DOOR} == {0}
    assert len(plan.links) == 2
    assert plan.total_bytes == 0


def test_direct_transfers_need_doors_and_what_is_asked_regardless_needs_none() -> None:
    def needed(*variants: Variant) -> list[tuple[str, Variant]]:
        return doors(make_plan([A], [ProbeSelection(variants)]))

    assert needed(UPLOAD) == needed(Variant.CACHE_READ) == [("A", DOOR)]
    assert needed(ROOT_UPLOAD) == needed(Variant.ROOT_DOWNLOAD) == [("A", DOOR), ("A", ROOT_DOOR)]
    assert needed(*LEGACY_VARIANTS, *TAPE_VARIANTS) == []


@pytest.mark.parametrize("variant", [each for each in Variant if any(each.needs) and each is not ROOT_DOOR])
def test_what_an_endpoint_has_not_is_named(variant: Variant) -> None:
    plan = make_plan([PLAIN, plain("D")], [ProbeSelection((variant,))])
    assert plan.alone == plan.links == plan.doors == ()
    subject = LinkSubject("C", "D") if variant.of_link else EndpointSubject("C")
    (dropped,) = [each for each in plan.dropped if each.subject == subject]
    fields = {*variant.needs.source, *variant.needs.destination}
    if fields == {"root"}:
        assert (dropped.why, dropped.detail) == (DropReason.NO_ROOT_DOOR, "C and D" if variant.of_link else "C")
    else:
        assert dropped.why is DropReason.NOT_CONFIGURED
        (key,) = fields
        assert ("tape.files" if key == "tape_files" else key) in dropped.detail


def test_only_the_end_that_lacks_something_is_named() -> None:
    plan = make_plan([A, PLAIN], [ProbeSelection((RECALL, Variant.GFAL_SRM_SRM))])
    assert [str(probe.subject.subject) for probe in plan.links] == ["A -> C"]
    assert {(str(each.subject), each.variant): each.detail for each in plan.dropped} == {
        ("A -> C", Variant.GFAL_SRM_SRM): "srm of C",
        ("C -> A", Variant.GFAL_SRM_SRM): "srm of C",
        ("C -> A", RECALL): "tape.files of C",
    }


def test_what_both_ends_lack_is_said_once() -> None:
    plan = make_plan([PLAIN, plain("D")], [ProbeSelection((Variant.GFAL_SRM_SRM, Variant.ROOT_PULL))])
    assert {(str(each.subject), each.detail) for each in plan.dropped if each.why is DropReason.NOT_CONFIGURED} == {
        ("C -> D", "srm of C and D"),
        ("D -> C", "srm of D and C"),
    }


def test_gfal2_is_not_let_near_a_door_whose_redirects_get_no_token() -> None:
    careful = replace(plain("E"), redirect_auth=RedirectAuth.DROP)
    plan = make_plan([PLAIN, careful], [ProbeSelection((Variant.GFAL_DAVS_DAVS, PULL))])
    assert {probe.variant for probe in plan.links} == {PULL}
    assert {(str(each.subject), each.variant, each.why, each.detail) for each in plan.dropped} == {
        ("C -> E", Variant.GFAL_DAVS_DAVS, DropReason.REDIRECT_AUTH, "E"),
        ("E -> C", Variant.GFAL_DAVS_DAVS, DropReason.REDIRECT_AUTH, "E"),
    }


def test_filters_and_opt_outs_hold_for_endpoints_alone() -> None:
    both = [ProbeSelection((UPLOAD, DOWNLOAD))]
    plan = make_plan([A, B, PLAIN], both, opt_out=["B"], filters=PlanFilter(sources=("[AB]",), variants=(UPLOAD,)))
    assert alone(plan) == [("A", UPLOAD, MIB)]
    assert Counter(each.why for each in plan.dropped) == {DropReason.OPTED_OUT: 1, DropReason.FILTERED: 4}
    assert Dropped(EndpointSubject("B"), UPLOAD, DropReason.OPTED_OUT, "B") in plan.dropped


def test_the_order_spreads_the_load() -> None:
    plan = make_plan([A, B, PLAIN], [ProbeSelection((UPLOAD, DOWNLOAD), sizes=(1, 2))])
    assert [name for name, _, _ in alone(plan)] == ["A", "B", "C"] * 4


def test_all_variants_of_the_largest_mesh_are_planned_fast() -> None:
    sites = [complete(f"SITE-{number:03}") if number % 2 else plain(f"SITE-{number:03}") for number in range(170)]
    selections = [ProbeSelection(tuple(each for each in Variant if each is not DOOR))]
    plan = make_plan(sites, selections)

    def seconds() -> float:
        began = time.process_time()
        assert make_plan(sites, selections) == plan
        return time.process_time() - began

    links, per_pair = 170 * 169, Counter(probe.variant for probe in plan.links)
    assert per_pair[PULL] == per_pair[Variant.GFAL_DAVS_DAVS] == links
    assert per_pair[Variant.ROOT_PULL] == 85 * 84
    assert per_pair[RECALL] == per_pair[Variant.TAPE_ARCHIVE] == 85 * 169
    assert len(plan.links) + sum(isinstance(each.subject, LinkSubject) for each in plan.dropped) == 9 * links
    assert len(plan.alone) == 170 * 2 + 85 * 7
    assert any(seconds() < 2.0 for _ in range(3)), "of a processor that others use too"


def test_the_part_that_an_endpoint_plays() -> None:
    parts = {variant: PlannedProbe(A, variant, MIB).roles for variant in ENDPOINT_VARIANTS}
    assert {variant for variant, roles in parts.items() if roles} == set(DIRECT_VARIANTS)
    assert parts[UPLOAD] == parts[ROOT_UPLOAD] == ((Role.DESTINATION, A),)
    assert parts[DOWNLOAD] == parts[Variant.ROOT_DOWNLOAD] == parts[Variant.CACHE_READ] == ((Role.SOURCE, A),)


def test_a_direct_transfer_takes_a_place_at_its_endpoint() -> None:
    shy = plain("SHY", max_transfers=1)
    limits = Limits(RunLimits())
    upload, download = PlannedProbe(shy, UPLOAD, 1), PlannedProbe(shy, DOWNLOAD, 1)
    assert limits.try_acquire(upload)
    assert not limits.try_acquire(upload)
    assert limits.try_acquire(download), "the other role"
    assert limits.try_acquire(PlannedProbe(shy, GSIFTP, 0)), "no transfer"
    limits.release(upload)
    assert limits.try_acquire(upload)


WAYS = (UPLOAD, ROOT_UPLOAD, GSIFTP, TAPE_INFO, PULL)


async def run(down: set[tuple[str, Variant]]) -> tuple[Notes, dict[Variant, FakeProbe]]:
    def verdict_of(door: Variant):  # type: ignore[no-untyped-def]
        def verdict(name: str, _attempt: int) -> Verdict:
            return REFUSED if (name, door) in down else OK

        return verdict

    probes = {each: FakeProbe(each, seconds=lambda _: 1.0, verdict=verdict_of(each)) for each in (*WAYS, DOOR)}
    probes[ROOT_DOOR] = FakeProbe(ROOT_DOOR, seconds=lambda _: 50.0, verdict=verdict_of(ROOT_DOOR))
    notes, numbers = Notes(), itertools.count()
    limits = Limits(RunLimits(concurrency=16))
    runner = Runner(probes, limits, notes, notes, VirtualClock(), lambda: f"probe-{next(numbers)}", "run-1")
    summary = await runner.run(make_plan([A, B], [ProbeSelection(WAYS)]))
    assert sum(summary.outcomes.values()) == len(notes.results) == 4 + 4 * 2 + 2
    return notes, probes


@on_virtual_time
async def test_direct_transfers_wait_for_their_doors_and_nothing_waits_for_them() -> None:
    notes, probes = await run({("A", UPLOAD), ("A", GSIFTP), ("A", TAPE_INFO)})
    assert {result.variant for result in notes.results if not result.ok} == {UPLOAD, GSIFTP, TAPE_INFO}
    assert probes[UPLOAD].started == {"A": 1.0, "B": 1.0}
    assert probes[ROOT_UPLOAD].started == {"A": 50.0, "B": 50.0}
    assert probes[GSIFTP].started == probes[TAPE_INFO].started == {"A": 0.0, "B": 0.0}
    assert probes[PULL].started == {"A -> B": 1.0, "B -> A": 1.0}


@on_virtual_time
@pytest.mark.parametrize(("closed", "not_tried"), [(DOOR, {UPLOAD, ROOT_UPLOAD, PULL}), (ROOT_DOOR, {ROOT_UPLOAD})])
async def test_a_failed_door_keeps_direct_transfers_only(closed: Variant, not_tried: set[Variant]) -> None:
    notes, _ = await run({("A", closed)})
    skipped = [result for result in notes.results if result.outcome is Outcome.SKIPPED]
    assert {result.variant for result in skipped} == not_tried
    assert {result.reason for result in skipped} == {Reason.ENDPOINT_DOWN}
    upload = next(result for result in skipped if result.variant is ROOT_UPLOAD)
    assert (str(upload.subject), upload.blame) == ("A", Blame.DESTINATION)


def scheduled(*variants: Variant, interval: float = HOUR, ends: tuple[Endpoint, ...] = (A, B)) -> list[ScheduledProbe]:
    return list(schedule_of(ends, [ProbeSelection(variants)], [interval], (), 15 * MINUTE))


def test_a_schedule_has_doors_then_endpoints_alone_then_links() -> None:
    selections = [ProbeSelection((PULL, UPLOAD)), ProbeSelection((UPLOAD, GSIFTP), ("A",), ("A",))]
    found = schedule_of([A, B], selections, [HOUR, MINUTE], (), 900.0)
    assert [(str(each.probe.subject.subject), each.probe.variant, each.interval_seconds) for each in found] == [
        ("A", DOOR, 900.0),
        ("B", DOOR, 900.0),
        ("A", UPLOAD, MINUTE),
        ("B", UPLOAD, HOUR),
        ("A", GSIFTP, MINUTE),
        ("A -> B", PULL, HOUR),
        ("B -> A", PULL, HOUR),
    ]
    assert {each.probe.size_bytes for each in found if each.probe.variant is DOOR} == {DOOR_BYTES}


def test_a_service_repeats_them_and_does_not_hold_anything_against_their_endpoint() -> None:
    """A legacy door that answers, a failed upload: the endpoint is not down for that."""
    world = World(
        scheduled(UPLOAD, GSIFTP, PULL),
        answers=lambda probe, _now: BROKEN if probe.variant in {UPLOAD, GSIFTP} else FINE,
    )
    world.for_(DAY)
    assert {variant for _, variant, _ in world.runs} == {DOOR, UPLOAD, GSIFTP, PULL}
    assert min(len(starts) for starts in world.runs.values()) >= 23
    assert world.schedule.skipped[SkipReason.ENDPOINT_DOWN] == 0
    confirmed = world.schedule.confirmations.confirmed(A.subject, UPLOAD)
    assert confirmed is not None
    assert not confirmed.ok
    assert world.schedule.stale_after_seconds(A.subject, UPLOAD) == DaemonSettings().stale_intervals * HOUR


@pytest.mark.parametrize(("closed", "kept"), [(DOOR, {GSIFTP}), (ROOT_DOOR, {UPLOAD, GSIFTP})])
def test_a_service_skips_direct_transfers_of_a_closed_door(closed: Variant, kept: set[Variant]) -> None:
    def answers(probe: PlannedProbe, now: float) -> Answer:
        return BROKEN if probe.variant is closed and now < START + 12 * HOUR else FINE

    ways = {UPLOAD, ROOT_UPLOAD, GSIFTP}
    world = World(scheduled(*ways, ends=(A,)), answers=answers)
    world.for_(10 * HOUR)
    assert ways & {variant for _, variant, _ in world.runs} == kept
    assert {(probe.variant, why) for probe, why, _ in world.schedule.take_skipped()} == {
        (variant, SkipReason.ENDPOINT_DOWN) for variant in ways - kept
    }
    world.for_(5 * HOUR)
    assert ways <= {variant for _, variant, _ in world.runs}


def test_a_restart_knows_them_and_they_never_count_as_stale_doors() -> None:
    first = World(scheduled(UPLOAD, GSIFTP, ends=(A,), interval=DAY))
    first.for_(2 * DAY)
    again = Schedule(DaemonSettings())
    again.replace(first.scheduled, first.now)
    old = [result_of(each.probe, BROKEN, first.now - 5 * DAY) for each in first.scheduled]
    again.restore([each for each in old if each.variant in {UPLOAD, GSIFTP}], first.now)
    assert again.confirmations.pending(A.subject, UPLOAD, MIB)
    again.restore([each for each in old if each.variant is DOOR], first.now)
    assert not again.confirmations.pending(A.subject, DOOR, DOOR_BYTES)


def test_budgets_count_what_direct_transfers_move() -> None:
    tight = replace(plain("TIGHT"), bytes_per_day=5 * MIB, gsiftp="gsiftp://tight.example/vo")
    world = World(scheduled(UPLOAD, GSIFTP, ends=(tight,)))
    world.until(START + 12 * HOUR - 1)  # midnight
    used, transfers = world.schedule.used("TIGHT", world.now)
    assert used == transfers * MIB <= 5 * MIB
    assert transfers > 0
    assert world.schedule.skipped[SkipReason.BUDGET] > 0
    assert len(world.runs[tight.subject, GSIFTP, 0]) >= 11


def test_every_link_variant_is_no_business_of_an_endpoint_alone() -> None:
    assert not set(LINK_VARIANTS) & set(ENDPOINT_VARIANTS)
    assert set(LINK_VARIANTS) | set(ENDPOINT_VARIANTS) == set(Variant)
