"""The line: first come, first served among those who can go, and nobody starves."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tpcharness.engine.limits import Limits
from tpcharness.engine.line import PATIENCE, Waiter, WaitingLine
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.settings import RunLimits
from tpcharness.model.variant import Variant


def endpoint(name: str, max_transfers: int = 1, host: str = "") -> Endpoint:
    return Endpoint(name, f"https://{host or name.lower()}/vo", max_transfers=max_transfers)


def link(source: Endpoint, destination: Endpoint) -> PlannedProbe:
    return PlannedProbe(Link(source, destination), Variant.HTTPS_PULL, 1)


def line_of(*probes: PlannedProbe, concurrency: int = 64) -> WaitingLine:
    line = WaitingLine(Limits(RunLimits(concurrency)))
    for number, probe in enumerate(probes):
        line.join(number, probe, 0.0)
    return line


def admitted(line: WaitingLine) -> list[Waiter]:
    found = []
    while waiter := line.admit():
        found.append(waiter)
    return found


A, B, C, D, E, F = map(endpoint, "ABCDEF")


def test_the_first_that_can_go_goes() -> None:
    line = line_of(link(A, B), link(A, C), link(D, B), link(E, F))
    assert [waiter.number for waiter in admitted(line)] == [0, 3]


def test_a_freed_place_goes_to_the_first_who_waited_for_it() -> None:
    line = line_of(link(A, B), link(A, C), link(A, D))
    (first,) = admitted(line)
    line.release(first)
    assert [waiter.number for waiter in admitted(line)] == [1]


def test_rank_counts_not_the_time_of_joining() -> None:
    line = line_of()
    line.join(7, link(A, B), 0.0)
    line.join(3, link(A, C), 5.0)
    assert [(waiter.number, waiter.due_at) for waiter in admitted(line)] == [(3, 5.0)]


def test_nobody_goes_while_the_run_is_full() -> None:
    line = line_of(link(A, B), link(C, D), concurrency=1)
    (first,) = admitted(line)
    assert line.admit() is None
    line.release(first)
    assert [waiter.number for waiter in admitted(line)] == [1]


def test_a_free_place_that_one_cannot_use_is_offered_to_the_next() -> None:
    # 2 waits for A; when A gets free it finds B taken, and 3, which waits for A too, must hear of it.
    line = line_of(link(A, C), link(D, B), link(A, B), link(A, E))
    first, _second = admitted(line)
    line.release(first)
    assert [waiter.number for waiter in admitted(line)] == [3]


def test_a_probe_whose_places_are_never_free_together_does_not_starve() -> None:
    others = [endpoint(f"O{number}") for number in range(40)]
    probes = [link(A, others[0]), link(others[1], B), link(A, B)]
    for other in others[2:]:
        probes += [link(A, other), link(other, B)]
    line = line_of(*probes)
    under_way = admitted(line)
    passed = 0
    while 2 not in (waiter.number for waiter in under_way):
        # One of the two at a time, so that A and B are never free at the same moment.
        line.release(under_way.pop(0))
        under_way += admitted(line)
        passed += 1
    assert passed <= 2 * PATIENCE


def test_held_back_seats_are_given_up_when_the_line_is_emptied() -> None:
    line = line_of(link(A, C), link(D, B), link(A, B), *[link(A, E), link(F, B)] * 20)
    under_way = admitted(line)
    for _ in range(PATIENCE + 1):
        line.release(under_way.pop(0))
        under_way += admitted(line)
    for waiter in under_way:
        line.release(waiter)
    assert sum(1 for _ in line.drain()) > 0
    assert list(line.drain()) == []
    line.join(1000, link(A, B), 0.0)
    assert [waiter.number for waiter in admitted(line)] == [1000]


def test_what_is_left_comes_out_by_rank() -> None:
    probes = [link(A, B), link(A, C), link(D, B), link(A, D), link(E, F)]
    line = line_of(*probes)
    admitted(line)
    assert list(line.drain()) == [probes[1], probes[2], probes[3]]


@given(
    st.integers(2, 7),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=80),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_everybody_goes_once_nothing_is_exceeded_and_no_room_is_overlooked(
    size: int, pairs: list[tuple[int, int]], concurrency: int, per_host: int, per_role: int, chance: random.Random
) -> None:
    endpoints = [endpoint(f"S{number}", per_role, host=f"h{number // 2}.example") for number in range(size)]
    probes = [link(endpoints[a % size], endpoints[b % size]) for a, b in pairs if a % size != b % size]
    limits = Limits(RunLimits(concurrency, per_host))
    line = WaitingLine(limits)
    for number, probe in enumerate(probes):
        line.join(number, probe, 0.0)

    under_way: list[Waiter] = []
    done: list[int] = []
    while True:
        under_way += admitted(line)
        roles: Counter[tuple[str, str]] = Counter()
        hosts: Counter[str] = Counter()
        for waiter in under_way:
            subject = waiter.probe.subject
            assert isinstance(subject, Link)
            roles.update([("source", subject.source.name), ("destination", subject.destination.name)])
            hosts.update({subject.source.host, subject.destination.host})
        assert len(under_way) <= concurrency
        assert max(roles.values(), default=0) <= per_role
        assert max(hosts.values(), default=0) <= per_host

        waiting = set(range(len(probes))) - set(done) - {waiter.number for waiter in under_way}
        held_back = any(place.kept for number in waiting for place in limits.places(probes[number]))
        for number in sorted(waiting) if not held_back else ():
            assert not limits.try_acquire(probes[number]), "there was room, and nobody noticed"
        if not under_way:
            break
        waiter = under_way.pop(chance.randrange(len(under_way)))
        line.release(waiter)
        done.append(waiter.number)
    assert sorted(done) == list(range(len(probes)))


def test_who_has_left_is_not_admitted_and_stands_in_nobody_s_way() -> None:
    line = WaitingLine(Limits(RunLimits(64)))
    waiters = [line.join(number, link(A, other), 0.0) for number, other in enumerate((B, C, D, E))]
    (first,) = admitted(line)
    assert len(line) == 3
    assert line.leave(waiters[1])
    assert not line.leave(waiters[1])
    assert not line.leave(first)
    assert len(line) == 2
    line.release(first)
    assert [waiter.number for waiter in admitted(line)] == [2]
    assert line.leave(waiters[3])
    assert list(line.drain()) == []
