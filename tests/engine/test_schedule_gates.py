"""Why a turn is not used: doors, downtimes, refusals, budgets, back-off; and what is looked at again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.scheduled_world import (
    DAY,
    DOOR,
    FINE,
    HOUR,
    MIB,
    MINUTE,
    PULL,
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
from tpcharness.engine.schedule import Schedule, SkipReason
from tpcharness.engine.turns import key_of
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import EndpointSubject, Link, LinkSubject
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.reason import Reason
from tpcharness.model.settings import DaemonSettings
from tpcharness.model.variant import Blame, Variant

A, B, C = endpoint("A"), endpoint("B"), endpoint("C")
REFUSED: Answer = (Reason.FORBIDDEN, Blame.DESTINATION)
BROKEN: Answer = (Reason.CONNECTION_REFUSED, Blame.DESTINATION)


# --- doors, downtimes, refusals


def test_links_of_a_down_endpoint_are_skipped_with_their_doors() -> None:
    sites = [A, B, C]

    def a_is_down(probe: PlannedProbe, _now: float) -> Answer:
        return BROKEN if probe.subject is A else FINE

    world = World(mesh(sites, HOUR), answers=a_is_down)
    world.for_(2 * HOUR)
    told = world.schedule.take_skipped()
    assert {str(probe.subject.subject) for probe, _, _ in told} == {"A -> B", "B -> A", "A -> C", "C -> A"}
    assert {why for _, why, _ in told} == {SkipReason.ENDPOINT_DOWN}
    assert all([str(failed.subject) for failed in doors] == ["A"] for _, _, doors in told)
    assert {str(key[0]) for key in world.links()} == {"B -> C", "C -> B"}


def test_a_failed_door_is_looked_at_again_soon_and_its_links_with_it() -> None:
    fine_from = START + DAY

    def answers(probe: PlannedProbe, now: float) -> Answer:
        return BROKEN if probe.subject is A and now < fine_from else FINE

    settings_ = DaemonSettings(door_interval_seconds=3 * HOUR)
    world = World([door(A, 3 * HOUR), door(B, 3 * HOUR), link(A, B, interval=DAY)], settings=settings_, answers=answers)
    world.until(fine_from)
    looks = world.runs[key_of(door(A).probe)]
    assert all(later - earlier <= 11 * MINUTE for earlier, later in pairwise(looks))
    assert not world.links()
    world.for_(45 * MINUTE)
    assert len(world.links()) == 1


def test_in_a_downtime_nothing_runs_and_its_failures_are_set_aside() -> None:
    def answers(probe: PlannedProbe, now: float) -> Answer:
        return BROKEN if probe.subject is A else FINE

    world = World(mesh([A, B], HOUR), answers=answers)
    world.for_(6 * HOUR)
    assert [str(subject) for subject, _, _ in world.schedule.confirmations.failing()] == ["A"]
    work = downtime(world.now + HOUR, world.now + 10 * HOUR, "A")
    world.schedule.set_downtimes([work])
    assert world.schedule.downtime_of("A", world.now) is None
    world.for_(2 * HOUR)
    world.runs.clear()
    assert world.schedule.downtime_of("A", world.now) == work
    assert world.schedule.downtime_of("B", world.now) is None
    assert list(world.schedule.confirmations.failing()) == []
    world.for_(7 * HOUR)
    assert {str(key[0]) for key in world.runs} == {"B"}
    world.for_(4 * HOUR)
    assert "A" in {str(key[0]) for key in world.runs}
    assert [str(subject) for subject, _, _ in world.schedule.confirmations.failing()] == ["A"]


def test_what_fails_is_not_told_from_the_moment_that_a_downtime_begins() -> None:
    def answers(probe: PlannedProbe, now: float) -> Answer:
        return (Reason.NO_SPACE, Blame.DESTINATION) if isinstance(probe.subject, Link) else FINE

    def failing() -> set[str]:
        return {str(subject) for subject, _, _ in world.schedule.confirmations.failing()}

    world = World(mesh([A, B, C], DAY), answers=answers)
    world.for_(2 * DAY)
    assert len(failing()) == 6
    world.schedule.set_downtimes([downtime(world.now + MINUTE, world.now + HOUR, "A")])
    world.schedule.take_due(world.now, 0)
    assert len(failing()) == 6
    late = link(A, B).probe
    world.now += 2 * MINUTE
    world.schedule.take_due(world.now, 0)
    assert failing() == {"B -> C", "C -> B"}
    world.schedule.ended(late, result(late, answers(late, world.now), world.now), world.now)
    assert failing() == {"B -> C", "C -> B"}


def test_downtimes_by_host_and_of_endpoints_that_come_later() -> None:
    schedule = Schedule(DaemonSettings())
    now = datetime.fromtimestamp(START, UTC)
    longer = Downtime(now - timedelta(1), now + timedelta(2), hosts=("a.example",))
    schedule.set_downtimes([longer, Downtime(now - timedelta(1), now + timedelta(1), hosts=("a.example",))])
    assert schedule.downtime_of("A", START) is None
    schedule.replace([door(A), door(B)], START)
    assert schedule.downtime_of("A", START) == longer
    assert schedule.downtime_of("B", START) is None


def test_an_endpoint_that_refuses_again_and_again_is_left_alone_for_a_day() -> None:
    def answers(probe: PlannedProbe, now: float) -> Answer:
        return REFUSED if probe.subject is A else FINE

    world = World(mesh([A, B], HOUR), answers=answers)
    world.for_(20 * DAY)
    looks = world.runs[key_of(door(A).probe)]
    assert len(looks[:10]) == 10
    assert looks[9] - looks[0] < 2 * HOUR
    assert len(looks) < 10 + 20  # and then one a day
    until = world.schedule.paused_until("A", world.now)
    assert until is not None
    assert until - world.now <= DAY
    assert world.schedule.paused_until("B", world.now) is None
    assert world.schedule.skipped[SkipReason.REFUSED] > 0
    assert [str(subject) for subject, _, _ in world.schedule.confirmations.failing()] == ["A"]


def test_a_probe_by_hand_ends_the_pause() -> None:
    mended = False

    def answers(probe: PlannedProbe, now: float) -> Answer:
        return REFUSED if probe.subject is A and not mended else FINE

    world = World(mesh([A, B], HOUR), answers=answers)
    world.for_(6 * HOUR)
    assert world.schedule.paused_until("A", world.now)
    mended = True
    world.runs.clear()
    probe = door(A).probe
    world.schedule.ended(probe, result(probe, FINE, world.now), world.now)
    assert world.schedule.paused_until("A", world.now) is None
    world.for_(HOUR + 30 * MINUTE)
    assert len(world.links()) == 2


# --- budgets and back-off


def test_a_budget_is_never_exceeded_and_shared_fairly() -> None:
    sites = endpoints(5)
    tight = endpoint("TIGHT", bytes_per_day=10 * MIB, transfers_per_day=0)
    world = World(mesh([tight, *sites], 6 * HOUR))
    most = 0
    for _ in range(60 * 24):
        world.for_(HOUR)
        most = max(most, world.schedule.used("TIGHT", world.now)[0])
    assert 8 * MIB < most <= 10 * MIB
    counts = [len(starts) for key, starts in world.links().items() if "TIGHT" in str(key[0])]
    assert len(counts) == 10
    assert max(counts) - min(counts) <= 0.05 * max(counts)
    assert 0.85 * 600 < sum(counts) <= 600  # ten a day
    others = [len(starts) for key, starts in world.links().items() if "TIGHT" not in str(key[0])]
    assert set(others) <= {240, 241, 242}
    assert world.schedule.skipped[SkipReason.BUDGET] > 0


def test_what_a_recall_has_moved_is_on_the_budgets_of_both_ends() -> None:
    probe = link(A, B, Variant.TAPE_RECALL, size=0).probe
    world = World([])
    world.schedule.ended(probe, replace(result(probe), bytes=MIB), START)
    assert world.schedule.used("A", START) == world.schedule.used("B", START) == (MIB, 1)


def test_a_budget_of_transfers() -> None:
    shy = endpoint("SHY", transfers_per_day=3)
    world = World(mesh([shy, A, B], HOUR))
    world.for_(30 * DAY)
    days = Counter(int(at // DAY) for key, starts in world.links().items() if "SHY" in str(key[0]) for at in starts)
    assert max(days.values()) == 3
    assert sum(days.values()) > 70
    assert world.schedule.used("SHY", world.now)[1] <= 3


def test_a_slowed_link_does_not_go_stale_between_its_turns() -> None:
    shy = endpoint("SHY", transfers_per_day=1)
    world = World([door(shy), door(A), link(shy, A, interval=HOUR)])
    stale = world.schedule.stale_after_seconds(LinkSubject("SHY", "A"), PULL)
    assert stale is not None
    assert 3 * DAY <= stale <= 4 * DAY
    assert world.schedule.stale_after_seconds(EndpointSubject("A"), DOOR) == 3 * 900
    assert world.schedule.stale_after_seconds(LinkSubject("A", "SHY"), PULL) is None


def test_the_end_of_a_back_off_makes_nothing_stale() -> None:
    """What was slow keeps its long limit until its next result: it had no turn to be looked at again."""
    sites = endpoints(6)
    broken = True

    def answers(probe: PlannedProbe, _now: float) -> Answer:
        at_broken = isinstance(probe.subject, Link) and probe.subject.destination is sites[0]
        return (Reason.NO_SPACE, Blame.DESTINATION) if at_broken and broken else FINE

    world = World(mesh(sites, HOUR), answers=answers)
    world.for_(3 * DAY)
    broken = False
    slowed = 0
    for _ in range(20):  # until the canary has seen that all is well, and beyond
        world.for_(6 * MINUTE)
        for key, found in world.results.items():
            limit = world.schedule.stale_after_seconds(key[0], key[1])
            assert limit is not None
            assert world.now - found.started_at.timestamp() <= limit
            slowed += limit > 3 * HOUR
    assert slowed
    world.for_(2 * DAY)
    limits = {world.schedule.stale_after_seconds(key[0], key[1]) for key in world.links()}
    assert limits == {3 * HOUR}


def test_links_that_all_fail_at_one_end_back_off_but_for_a_canary() -> None:
    sites = endpoints(6)
    broken_until = START + 10 * DAY

    def answers(probe: PlannedProbe, now: float) -> Answer:
        at_broken = isinstance(probe.subject, Link) and probe.subject.destination is sites[0]
        return (Reason.NO_SPACE, Blame.DESTINATION) if at_broken and now < broken_until else FINE

    world = World(mesh(sites, HOUR), answers=answers)
    world.for_(DAY)
    world.runs.clear()
    world.for_(8 * DAY)
    counts = {str(key[0]): len(starts) for key, starts in world.links().items()}
    to_broken = sorted(count for name, count in counts.items() if name.endswith("SITE-000"))
    assert to_broken[-1] == pytest.approx(8 * 24, abs=2)
    assert all(count == pytest.approx(8 * 6, abs=2) for count in to_broken[:-1])
    assert all(count == pytest.approx(8 * 24, abs=2) for name, count in counts.items() if not name.endswith("SITE-000"))
    world.until(broken_until + 2 * HOUR)  # the canary has seen it
    world.runs.clear()
    world.for_(DAY)
    assert all(len(starts) >= 23 for starts in world.links().values())


# --- confirmation


def test_a_changed_state_is_looked_at_again_until_it_is_believed() -> None:
    fails_from, fails_to = START + 2 * DAY, START + 4 * DAY

    def answers(probe: PlannedProbe, now: float) -> Answer:
        fails = isinstance(probe.subject, Link) and fails_from <= now < fails_to
        return (Reason.NO_SPACE, Blame.DESTINATION) if fails else FINE

    world = World([door(A), door(B), link(A, B)], answers=answers)
    key = key_of(link(A, B).probe)
    world.until(fails_to + DAY)
    failing = [at for at in world.runs[key] if fails_from <= at < fails_to]
    assert [later - earlier for earlier, later in pairwise(failing)][:2] == [620.0, 620.0]
    assert failing[3] - failing[2] > HOUR
    fine = [at for at in world.runs[key] if at >= fails_to]
    assert [later - earlier for earlier, later in pairwise(fine)][:2] == [620.0, 620.0]
    assert world.schedule.confirmations.confirmed(*key[:2]).ok
