"""The schedule over months of paper time: fair, without drift, whatever the storages and the clock do."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scheduled_world import (
    DAY,
    DOOR,
    FINE,
    HOUR,
    MIB,
    MINUTE,
    PULL,
    PUSH,
    START,
    Answer,
    World,
    door,
    downtime,
    endpoint,
    endpoints,
    link,
    mesh,
    result,
)
from tpcharness.diagnosis.belief import Belief
from tpcharness.engine.schedule import LOOKS_AT_ONCE, Schedule, SkipReason
from tpcharness.engine.turns import key_of
from tpcharness.model.endpoint import EndpointSubject, Link, LinkSubject
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.reason import Reason
from tpcharness.model.settings import DaemonSettings
from tpcharness.model.variant import Blame, Outcome

A, B, C = endpoint("A"), endpoint("B"), endpoint("C")
REFUSED: Answer = (Reason.FORBIDDEN, Blame.DESTINATION)
BROKEN: Answer = (Reason.CONNECTION_REFUSED, Blame.DESTINATION)


# --- fair, on time, without overlap


def test_everybody_gets_his_share_over_two_months() -> None:
    world = World(mesh(endpoints(6), 6 * HOUR, PULL, PUSH), seconds=40)
    world.for_(60 * DAY)
    assert len(world.links()) == 60
    for starts in world.links().values():
        assert 240 <= len(starts) <= 242  # four a day, and the first one
    doors = [len(starts) for key, starts in world.runs.items() if key[1] is DOOR]
    assert min(doors) >= 0.99 * 60 * 96
    assert max(doors) <= 1.01 * 60 * 96
    assert not world.schedule.skipped


def test_slots_do_not_drift_however_long_a_probe_takes() -> None:
    quick, slow = World([door(A), door(B), link(A, B)], seconds=1), World([door(A), door(B), link(A, B)], seconds=900)
    for world in (quick, slow):
        world.for_(200 * DAY)
    quick_starts, slow_starts = quick.links().values(), slow.links().values()
    assert [starts[-1] for starts in quick_starts] == [starts[-1] for starts in slow_starts]
    (starts,) = quick_starts
    rounds = [at // (6 * HOUR) for at in starts[1:]]
    assert rounds == [rounds[0] + number for number in range(len(rounds))]
    assert all(0.94 * 6 * HOUR < later - earlier < 1.06 * 6 * HOUR for earlier, later in pairwise(starts[1:]))


def test_starts_are_spread_over_the_interval() -> None:
    world = World(mesh(endpoints(20)), seconds=5)
    world.for_(2 * DAY)
    quarters = Counter(int(at // 900) for starts in world.links().values() for at in starts if at > START + DAY)
    assert max(quarters.values()) < 4 * 380 / 24  # 15.8 each, were they dealt out evenly


def test_a_probe_that_outlasts_its_interval_does_not_overlap_itself() -> None:
    world = World([door(A), door(B), link(A, B, interval=MINUTE)], seconds=150)
    world.for_(DAY)
    (starts,) = world.links().values()
    assert all(later - earlier >= 150 for earlier, later in pairwise(starts))
    assert len(starts) > DAY / 240


def test_a_new_user_sees_the_matrix_soon() -> None:
    world = World(mesh(endpoints(12), 6 * HOUR), seconds=5)
    world.for_(2 * MINUTE)
    assert sum(key[1] is DOOR for key in world.results) == 12
    world.for_(30 * MINUTE)
    assert len(world.links()) == 132


def test_links_wait_until_both_doors_are_known() -> None:
    world = World([door(A), door(B), link(A, B, interval=10 * MINUTE)], seconds=200)
    world.for_(10 * MINUTE)
    known = max(world.runs[key_of(door(each).probe)][0] + 200 for each in (A, B))
    (starts,) = world.links().values()
    assert known <= starts[0] <= known + 15
    assert not world.schedule.skipped


@pytest.mark.parametrize("room", [0, 1, 3])
def test_no_more_than_there_is_room_for(room: int) -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([door(each) for each in endpoints(5)], START)
    assert len(schedule.take_due(START + 100, room)) == room
    assert schedule.due(START + 100) == 5 - room


def test_an_endpoint_that_is_busy_holds_nobody_else_up() -> None:
    slow, *others = endpoints(8, max_transfers=2)
    world = World(mesh([slow, *others], HOUR), room=16)
    world.seconds = 50 * MINUTE  # two at a time at each end: 7 links an hour do not fit
    world.for_(3 * DAY)
    assert world.schedule.skipped[SkipReason.ENDPOINT_BUSY] > 0
    assert world.schedule.next_at(world.now) is not None
    assert min(len(starts) for starts in world.links().values()) > 10
    assert world.latest_lag < 2 * HOUR


def test_at_short_intervals_a_turn_is_not_lost_to_a_moment_of_crowding() -> None:
    sites = endpoints(5, max_transfers=2)
    world = World(mesh(sites, 30.0), seconds=0.5)
    world.for_(10 * MINUTE)
    assert not world.schedule.skipped
    assert all(len(starts) >= 19 for starts in world.links().values())


@pytest.mark.slow
def test_memory_is_bounded_over_months() -> None:
    """Sizes of everything inside after a day and after two months of a flapping grid, reloads included."""

    def flapping(probe: PlannedProbe, now: float) -> Answer:
        return BROKEN if hash((str(probe.subject.subject), int(now // HOUR))) % 3 == 0 else FINE

    scheduled = mesh(endpoints(4), HOUR)
    world = World(scheduled, answers=flapping)
    world.for_(DAY)
    early = _size(world.schedule)
    for _ in range(9):
        world.for_(7 * DAY)
        world.schedule.replace(scheduled, world.now)
    assert _size(world.schedule) < 1.5 * early


def _size(root: object) -> int:
    """How many bytes hang on an object, settings and endpoints included."""
    seen: set[int] = set()
    found, size = [root], 0
    while found:
        one = found.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        size += sys.getsizeof(one)
        if isinstance(one, dict):
            found += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            found += one
        else:
            found += [getattr(one, name) for name in getattr(type(one), "__slots__", ()) if hasattr(one, name)]
            found += vars(one).values() if hasattr(one, "__dict__") else []
    return size


# --- restarts, reloads, clocks


def test_a_restart_changes_no_slot() -> None:
    scheduled = mesh(endpoints(5))
    world = World(scheduled)
    world.for_(3 * DAY)
    while world.under_way:
        world.for_(1)
    latest = sorted(world.results.values(), key=lambda one: one.started_at)
    again = World(scheduled, now=world.now)
    again.schedule.restore(latest, world.now)
    for each in (world, again):
        each.runs.clear()
        each.for_(DAY)
    assert again.runs == world.runs


def test_after_a_long_stop_everybody_has_one_turn_soon() -> None:
    scheduled = mesh(endpoints(5))
    world = World(scheduled)
    world.for_(DAY)
    again = World(scheduled, now=world.now + 3 * DAY)
    again.schedule.restore(world.results.values(), again.now)
    assert not again.schedule.take_due(again.now - 1, 64)
    again.for_(35 * MINUTE)
    assert len(again.links()) == 20
    assert all(len(starts) <= 2 for starts in again.links().values())


def test_results_of_unknown_probes_and_stale_doors_are_not_restored() -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([door(A), door(B), link(A, B)], START)
    strange = result(link(A, C).probe, at=START - HOUR)
    old_door = result(door(A).probe, BROKEN, at=START - DAY)
    schedule.restore([strange, old_door], START)
    assert list(schedule.confirmations.failing()) == []
    assert not schedule.confirmations.pending(A.subject, DOOR, 65536)


def test_a_restart_takes_no_belief_away() -> None:
    """What was confirmed stays so, and what was about to be is looked at again as soon as it would have been."""
    schedule = Schedule(DaemonSettings())
    down, wavering, strange = link(A, B).probe, link(B, A).probe, link(A, C).probe
    schedule.replace([door(A), door(B), link(A, B), link(B, A)], START)
    full = (Reason.NO_SPACE, Blame.DESTINATION)
    seen = [result(probe, full, START - HOUR) for probe in (down, strange)]
    failed, well = result(wavering, full, START - HOUR), result(wavering, FINE, START - MINUTE)
    old_door = result(door(A).probe, BROKEN, START - DAY)
    thought = [Belief(each, 5, 5, each) for each in (*seen, old_door)]
    schedule.believe([*thought, Belief(well, 1, 1, failed)], START)
    schedule.restore([old_door, *seen], START)
    schedule.restore([well], START)
    assert {str(subject) for subject, _, _ in schedule.confirmations.failing()} == {"A -> B", "B -> A"}
    assert not schedule.confirmations.pending(LinkSubject("A", "B"), PULL, MIB)
    assert schedule.confirmations.pending(LinkSubject("B", "A"), PULL, MIB)
    schedule.ended(wavering, result(wavering, FINE, START), START)
    assert len(list(schedule.confirmations.failing())) == 2
    schedule.ended(wavering, result(wavering, FINE, START), START)
    assert [str(subject) for subject, _, _ in schedule.confirmations.failing()] == ["A -> B"]


def test_what_could_not_be_tried_before_a_restart_is_still_set_aside() -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([door(A), door(B), link(A, B)], START)
    failed = result(link(A, B).probe, (Reason.NO_SPACE, Blame.DESTINATION), START - HOUR)
    schedule.believe([Belief(failed, 3, 3, failed)], START)
    schedule.restore([failed], START)
    assert len(list(schedule.confirmations.failing())) == 1
    skipped = replace(failed, outcome=Outcome.SKIPPED, reason=Reason.ENDPOINT_DOWN, blame=Blame.NOBODY)
    schedule.restore([skipped], START)
    assert list(schedule.confirmations.failing()) == []
    schedule.ended(link(A, B).probe, failed, START)
    assert len(list(schedule.confirmations.failing())) == 1


def test_a_clock_that_jumps_forward_gives_everybody_one_turn() -> None:
    world = World(mesh(endpoints(5)))
    world.for_(DAY)
    world.runs.clear()
    world.jump(30 * DAY)
    world.for_(5 * MINUTE)
    assert len(world.links()) == 20
    assert {len(starts) for starts in world.links().values()} <= {1, 2}


@pytest.mark.parametrize("back", [40.0, HOUR, 30 * DAY, 365 * DAY])
def test_a_clock_that_is_set_back_stops_nobody(back: float) -> None:
    world = World(mesh(endpoints(5)))
    world.for_(DAY)
    world.runs.clear()
    world.jump(-back)
    world.for_(DAY)
    assert len(world.links()) == 20
    assert all(4 <= len(starts) <= 5 for starts in world.links().values())


@given(st.lists(st.tuples(st.floats(0, 2 * DAY), st.floats(-3 * DAY, 3 * DAY)), max_size=8))
@settings(max_examples=15, deadline=None)
def test_whatever_the_clock_does_everybody_goes_on(steps: list[tuple[float, float]]) -> None:
    world = World(mesh(endpoints(3), HOUR))
    for passes, jumps in steps:
        world.for_(passes)
        world.jump(jumps)
    world.runs.clear()
    world.for_(4 * HOUR)
    assert len(world.links()) == 6
    assert all(3 <= len(starts) <= 6 for starts in world.links().values())


def test_a_reload_tells_what_changed_and_keeps_the_rest() -> None:
    world = World([door(A), door(B), link(A, B), link(B, A)])
    world.for_(DAY)
    before = {key: starts[-1] for key, starts in world.runs.items()}
    change = world.schedule.replace([door(A), door(B), door(C), link(A, B), link(A, C), link(A, B, size=2)], world.now)
    assert set(change.added) == {(EndpointSubject("C"), DOOR), (LinkSubject("A", "C"), PULL)}
    assert change.removed == ((LinkSubject("B", "A"), PULL),)
    assert len(world.schedule.scheduled) == 6
    world.for_(DAY)
    starts = world.runs[key_of(link(A, B).probe)]
    rounds = [at // (6 * HOUR) for at in starts[1:]]
    assert rounds == [rounds[0] + number for number in range(len(rounds))]
    assert world.runs[key_of(link(B, A).probe)][-1] == before[key_of(link(B, A).probe)]
    assert world.runs[key_of(link(A, C).probe)]


def test_what_is_under_way_during_a_reload_ends_in_peace() -> None:
    world = World([door(A), door(B), link(A, B, interval=MINUTE)], seconds=30)
    world.for_(10 * MINUTE)
    while not any(isinstance(entry[2].subject, Link) for entry in world._ends):
        world.for_(1)
    world.schedule.replace([door(A)], world.now)
    world.schedule.replace([door(A), door(B), link(A, B, interval=MINUTE)], world.now)
    world.runs.clear()
    began = world.now
    world.for_(10 * MINUTE)
    (starts,) = world.links().values()
    assert starts[0] > began
    assert all(later - earlier >= 30 for earlier, later in pairwise(starts))
    assert world.schedule._gates.busy.full(link(A, B).probe) is False


def test_a_shorter_interval_holds_from_the_reload_on() -> None:
    world = World([door(A), door(B), link(A, B, interval=10 * DAY)])
    world.for_(DAY)
    world.schedule.replace([door(A), door(B), link(A, B, interval=HOUR)], world.now)
    world.runs.clear()
    world.for_(DAY)
    assert 24 <= len(world.links()[key_of(link(A, B).probe)]) <= 25


def test_what_could_not_be_run_comes_again_and_costs_nothing() -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([link(A, B)], START)
    (due,) = schedule.take_due(START + 1800, 9)
    assert schedule.used("A", START) == schedule.used("B", START) == (MIB, 1)
    schedule.ended(due.scheduled.probe, None, START + 1800)
    assert schedule.used("A", START) == schedule.used("B", START) == (0, 0)
    assert schedule.take_due(START + 1800, 9) == []
    assert len(schedule.take_due(START + 1861, 9)) == 1


def test_a_probe_by_hand_counts_and_moves_no_slot() -> None:
    world = World([door(A), door(B), link(A, B)])
    world.for_(DAY)
    probe = link(A, B).probe
    before = world.schedule.used("A", world.now)
    assert world.schedule.next_at(world.now) is not None
    world.schedule.ended(probe, result(probe, (Reason.NO_SPACE, Blame.DESTINATION), world.now), world.now)
    assert world.schedule.used("A", world.now) == (before[0] + MIB, before[1] + 1)
    assert world.schedule.confirmations.pending(LinkSubject("A", "B"), PULL, MIB)
    world.runs.clear()
    world.for_(11 * MINUTE)
    assert len(world.links()) == 1


def test_a_flood_is_taken_in_pieces() -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([door(each) for each in endpoints(LOOKS_AT_ONCE + 5)], START)
    schedule.set_downtimes([downtime(START - DAY, START + DAY, "*")])
    assert schedule.take_due(START + 100, 64) == []
    assert schedule.next_at(START + 100) <= START + 100
    schedule.take_due(START + 100, 64)
    assert schedule.next_at(START + 100) > START + 100
    assert len(schedule.take_skipped()) == LOOKS_AT_ONCE + 5
    assert schedule.take_skipped() == []


def test_scheduled_probes_of_the_largest_mesh_are_cheap() -> None:
    """O(log n): looked-at turns, not seconds. The heap holds each probe at most twice."""
    schedule = Schedule(DaemonSettings())
    scheduled: list[ScheduledProbe] = mesh(endpoints(60), DAY, PULL, PUSH)
    schedule.replace(scheduled, START)
    now = START
    for _ in range(20_000):
        now = max(now, schedule.next_at(now) or now)
        for due in schedule.take_due(now, 8):
            schedule.ended(due.scheduled.probe, result(due.scheduled.probe, at=now), now + 5)
    assert len(schedule._turns) == len(scheduled)
    assert len(schedule._turns._heap) <= 2 * len(scheduled) + 64
