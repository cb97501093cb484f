"""The pure parts of the schedule, each on its own: slots, turns, refusals, budgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scheduled_world import (
    DAY,
    FINE,
    HOUR,
    MIB,
    PULL,
    PUSH,
    START,
    Answer,
    door,
    endpoint,
    link,
    result,
)
from tpcharness.engine.budgets import HEADROOM, Budgets, shares_of
from tpcharness.engine.refusals import Refusals, refusing_endpoint
from tpcharness.engine.slots import Slots, seed_of
from tpcharness.engine.turns import Turn, Turns, key_of
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, Exchange, Result
from tpcharness.model.variant import Blame, Phase, Variant

A, B = endpoint("A"), endpoint("B")

seeds = st.integers(0, 2**64 - 1)
intervals = st.floats(1, 30 * DAY)


def test_seeds_are_the_same_on_every_machine() -> None:
    assert seed_of(LinkSubject("A", "B"), PULL, MIB) == 18399418720498482461
    assert seed_of(LinkSubject("A", "B"), PUSH, MIB) != seed_of(LinkSubject("A", "B"), PULL, MIB)


@given(seeds, intervals, st.floats(0, 3e9))
def test_there_is_one_slot_in_each_round_and_the_next_is_later(seed: int, interval: float, at: float) -> None:
    slots = Slots(seed, interval)
    after = slots.after(at)
    assert at < after <= at + 2 * interval
    number = slots.number(at)
    for one in range(number - 2, number + 3):
        assert one * interval <= slots.slot(one) <= (one + 1) * interval * (1 + 1e-9)
    assert after in {slots.slot(one) for one in (number, number + 1, number + 2)}


@given(seeds, st.floats(0.001, 1), st.integers(0, 10**7))
def test_a_share_of_the_rounds_is_exact_and_even(seed: int, share: float, first: int) -> None:
    slots = Slots(seed, 60.0)
    chosen = [slots.chosen(first + number, share) for number in range(2000)]
    assert sum(chosen) == pytest.approx(2000 * share, abs=1.01)


def test_different_probes_use_different_rounds() -> None:
    chosen = [sum(Slots(seed_of(A.subject, PULL, size), 60.0).chosen(7, 0.25) for size in range(2000))]
    assert 400 < chosen[0] < 600


# --- turns


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.floats(0, 100))), max_size=300))
def test_turns_come_in_order_and_only_the_last_time_counts(steps: list[tuple[int, float | None]]) -> None:
    turns = Turns()
    all_turns = [_turn(number) for number in range(10)]
    expected: dict[int, float] = {}
    for number, at in steps:
        if at is None:
            turns.drop(all_turns[number])
            expected.pop(number, None)
        else:
            turns.set(all_turns[number], at, regular=True)
            expected[number] = at
        assert len(turns) == len(expected)
        assert turns.due(50) == sum(at <= 50 for at in expected.values())
        assert turns.next_at() == min(expected.values(), default=None)
        assert {turn.probe.size_bytes for turn in turns.waiting()} == set(expected)
    taken = []
    while (turn := turns.take(100)) is not None:
        taken.append((turn.at, turn.probe.size_bytes))
    assert [at for at, _ in taken] == sorted(expected.values())
    assert {number: at for at, number in taken} == expected
    assert turns.take(100) is None


def _turn(number: int) -> Turn:
    scheduled = link(A, B, size=number)
    key = key_of(scheduled.probe)
    return Turn(key, scheduled, Slots(seed_of(*key), HOUR))


# --- refusals


def with_status(found: Result, status: int, body: str = "") -> Result:
    exchange = Exchange(Phase.REQUEST, "COPY", "https://a.example/x", status=status, body_excerpt=body)
    return replace(found, evidence=Evidence(exchanges=(exchange,)))


@pytest.mark.parametrize(
    ("variant", "answer", "who"),
    [
        (PULL, (Reason.FORBIDDEN, Blame.DESTINATION), "B"),
        (PUSH, (Reason.FORBIDDEN, Blame.SOURCE), "A"),
        (PULL, (Reason.UNAUTHENTICATED, Blame.UNDETERMINED), "B"),
        (PUSH, (Reason.UNAUTHENTICATED, Blame.UNDETERMINED), "A"),
        (PULL, (Reason.PASSIVE_FORBIDDEN, Blame.UNDETERMINED), "A"),
        (PUSH, (Reason.PASSIVE_FORBIDDEN, Blame.UNDETERMINED), "B"),
        (PULL, (Reason.SEED_REFUSED, Blame.UNDETERMINED), "A"),
        (PUSH, (Reason.CLEANUP_REFUSED, Blame.UNDETERMINED), "B"),
        (PULL, (Reason.UNAUTHENTICATED, Blame.ISSUER), None),
        (PULL, (Reason.UNAUTHENTICATED, Blame.CLIENT), None),
        (PULL, (Reason.NO_SPACE, Blame.DESTINATION), None),
        (PULL, (Reason.OVERLOADED, Blame.DESTINATION), None),
        (PULL, FINE, None),
    ],
)
def test_who_refused(variant: Variant, answer: Answer, who: str | None) -> None:
    assert refusing_endpoint(result(link(A, B, variant).probe, answer)) == who


def test_too_busy_is_a_refusal_when_it_was_a_429() -> None:
    busy = result(link(A, B).probe, (Reason.OVERLOADED, Blame.DESTINATION))
    assert refusing_endpoint(with_status(busy, 503)) is None
    assert refusing_endpoint(with_status(busy, 429)) == "B"
    passive = result(link(A, B).probe, (Reason.PASSIVE_OVERLOADED, Blame.SOURCE))
    assert refusing_endpoint(with_status(passive, 202, "failure: rejected GET: 503 Busy")) is None
    assert refusing_endpoint(with_status(passive, 202, "failure: rejected GET: 429 Too Many Requests")) == "A"


def test_only_refusals_in_a_row_count() -> None:
    refused = result(door(A).probe, (Reason.FORBIDDEN, Blame.DESTINATION))
    other = result(door(A).probe, (Reason.CONNECT_TIMEOUT, Blame.DESTINATION))
    refusals = Refusals(3, DAY)
    for one in (refused, refused, other, result(link(A, B).probe), refused, refused):
        refusals.see(one, START)
    assert refusals.paused_until("A", START) is None
    refusals.see(refused, START)
    assert refusals.paused_until("A", START) == START + DAY
    assert refusals.paused_until("A", START + DAY) is None
    refusals.see(refused, START + DAY + 5)
    assert refusals.paused_until("A", START + DAY + 6) == START + 2 * DAY + 5
    refusals.clock_set_back(START)
    assert refusals.paused_until("A", START) == START + DAY
    refusals.retain(["B"])
    assert refusals.paused_until("A", START) is None


# --- budgets


def test_shares_follow_the_tighter_end() -> None:
    tight = endpoint("T", bytes_per_day=12 * MIB, transfers_per_day=100)
    budgets = Budgets()
    scheduled = [door(tight), link(tight, A, interval=HOUR), link(A, B, interval=HOUR)]
    budgets.take(shares_of(scheduled))
    assert budgets.share(scheduled[0].probe) == 1
    assert budgets.share(scheduled[1].probe) == pytest.approx(HEADROOM / 2)
    assert budgets.share(scheduled[2].probe) == 1


def test_a_day_of_utc_begins_anew() -> None:
    shy = endpoint("S", transfers_per_day=1, bytes_per_day=10 * MIB)
    budgets, probe = Budgets(), link(shy, A).probe
    noon = START
    assert budgets.has_room(probe, noon)
    budgets.book(probe, noon)
    assert not budgets.has_room(probe, noon + 11 * HOUR)
    assert budgets.used("S", noon) == (MIB, 1)
    assert budgets.has_room(probe, noon + 13 * HOUR)
    assert budgets.used("S", noon + 13 * HOUR) == (0, 0)
    assert budgets.has_room(link(shy, A, size=10 * MIB).probe, noon + DAY)
    assert not budgets.has_room(link(shy, A, size=10 * MIB + 1).probe, noon + DAY)


def test_a_copy_whose_size_nobody_knew_counts_when_it_has_come() -> None:
    shy = endpoint("S", bytes_per_day=10 * MIB)
    budgets, recall = Budgets(), link(shy, A, Variant.TAPE_RECALL, size=0).probe
    budgets.book(recall, START)
    budgets.learn(recall, 11 * MIB, START)
    assert budgets.used("S", START) == budgets.used("A", START) == (11 * MIB, 1)
    assert not budgets.has_room(recall, START)
    known = link(shy, A).probe
    budgets.learn(known, MIB, START)  # it was booked with its size
    assert budgets.used("S", START) == (11 * MIB, 1)
