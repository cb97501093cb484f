"""A reload is prepared beside the running service, and taken in one quick step."""

from __future__ import annotations

from tests.support.scheduled_world import DAY, HOUR, MIB, PULL, START, World, door, endpoint, link, result
from tpcharness.engine.schedule import Schedule
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.settings import DaemonSettings
from tpcharness.model.variant import Blame

A, B, C = endpoint("A"), endpoint("B"), endpoint("C")


def test_a_reload_may_be_prepared_while_the_service_goes_on() -> None:
    """The slow part changes nothing, and what happens until the rest comes is not lost."""
    world = World([door(A), door(B), link(A, B), link(B, A), link(A, C)])
    world.for_(DAY)
    scheduled = [door(A), door(B), link(A, B, interval=HOUR), link(B, A)]
    arrangement = world.schedule.arrange(scheduled)
    assert len(world.schedule.scheduled) == 5
    full = (Reason.NO_SPACE, Blame.DESTINATION)
    world.schedule.ended(link(B, A).probe, result(link(B, A).probe, full, world.now), world.now)
    world.schedule.ended(link(A, C).probe, result(link(A, C).probe, full, world.now), world.now)
    change = world.schedule.adopt(arrangement, world.now)
    assert [str(subject) for subject, _ in change.removed] == ["A -> C"]
    assert world.schedule.confirmations.pending(LinkSubject("B", "A"), PULL, MIB)
    assert not world.schedule.confirmations.pending(LinkSubject("A", "C"), PULL, MIB)
    assert world.schedule.scheduled == tuple(scheduled)
    world.runs.clear()
    world.for_(DAY)
    assert {str(key[0]): len(starts) for key, starts in world.links().items()} == {"A -> B": 24, "B -> A": 4 + 1}


def test_what_was_prepared_before_another_reload_is_prepared_anew() -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([door(A), link(A, B)], START)
    old = schedule.arrange([door(A), door(B), link(A, B)])
    schedule.replace([door(A), link(A, C)], START)
    change = schedule.adopt(old, START)
    assert [str(subject) for subject, _ in change.added] == ["B", "A -> B"]
    assert [str(subject) for subject, _ in change.removed] == ["A -> C"]
    assert len(schedule.take_due(START + 60, 9)) == 2


def test_one_probe_that_is_given_twice_is_one() -> None:
    schedule = Schedule(DaemonSettings())
    schedule.replace([door(A), door(A)], START)
    assert len(schedule.scheduled) == len(schedule.take_due(START + 60, 9)) == 1
