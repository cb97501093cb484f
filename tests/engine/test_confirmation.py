"""A change is believed when it was seen several times in a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scheduled_world import FINE, PULL, Answer, endpoint, link, result
from tpcharness.engine.confirmation import Confirmations
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, Exchange, Result
from tpcharness.model.variant import Blame, Outcome, Phase

A, B = endpoint("A"), endpoint("B")
PROBE = link(A, B).probe
SUBJECT = LinkSubject("A", "B")
FULL: Answer = (Reason.NO_SPACE, Blame.DESTINATION)
SLOW: Answer = (Reason.DEADLINE, Blame.UNDETERMINED)
OURS: Answer = (Reason.INTERNAL, Blame.CLIENT)


def see(confirmations: Confirmations, *answers: Answer) -> list[bool]:
    return [confirmations.see(result(PROBE, answer)) for answer in answers]


def reason(confirmations: Confirmations) -> Reason | None:
    found = confirmations.confirmed(SUBJECT, PULL)
    return found.reason if found else None


def pending(confirmations: Confirmations) -> bool:
    return confirmations.pending(SUBJECT, PULL, PROBE.size_bytes)


def test_the_first_ok_is_believed_at_once_and_the_first_failure_is_not() -> None:
    one, other = Confirmations(3), Confirmations(3)
    assert see(one, FINE) == [True]
    assert (reason(one), pending(one)) == (Reason.OK, False)
    assert see(other, FULL, FULL) == [False, False]
    assert (reason(other), pending(other), other.states(SUBJECT, PULL), list(other.failing())) == (None, True, [], [])
    assert see(other, FULL) == [True]
    assert (reason(other), pending(other)) == (Reason.NO_SPACE, False)
    assert [(subject, variant) for subject, variant, _ in other.failing()] == [(SUBJECT, PULL)]


def test_a_single_failure_is_forgotten_and_so_is_a_single_success() -> None:
    states = Confirmations(3)
    see(states, FINE, FULL, FULL, FINE)
    assert (reason(states), pending(states)) == (Reason.OK, False)
    see(states, FULL, FULL, FULL, FINE)
    assert (reason(states), pending(states)) == (Reason.NO_SPACE, True)
    see(states, FINE)
    assert reason(states) is Reason.NO_SPACE
    assert see(states, FINE) == [True]
    assert (reason(states), list(states.failing())) == (Reason.OK, [])


def test_a_failing_link_with_changing_reasons_is_failing_and_keeps_its_reason() -> None:
    states = Confirmations(3)
    see(states, FULL, SLOW, FULL)
    assert (reason(states), pending(states)) == (Reason.NO_SPACE, False)
    see(states, SLOW, SLOW)
    assert (reason(states), pending(states)) == (Reason.NO_SPACE, False)
    assert see(states, SLOW) == [False]
    assert reason(states) is Reason.DEADLINE


def test_our_own_errors_are_another_state_than_failures() -> None:
    states = Confirmations(2)
    see(states, FULL, FULL, OURS)
    assert (reason(states), pending(states)) == (Reason.NO_SPACE, True)
    see(states, OURS)
    assert reason(states) is Reason.INTERNAL


def test_what_was_skipped_says_nothing() -> None:
    states = Confirmations(2)
    see(states, FINE)
    gone = result(PROBE, FULL)
    skipped = Result(**{name: getattr(gone, name) for name in Result.__slots__} | {"outcome": Outcome.SKIPPED})
    assert not states.see(skipped)
    assert (reason(states), pending(states)) == (Reason.OK, False)


def test_the_worst_size_counts() -> None:
    states = Confirmations(1)
    states.see(result(link(A, B, size=1).probe))
    states.see(result(link(A, B, size=2).probe, OURS))
    states.see(result(link(A, B, size=3).probe, FULL))
    assert reason(states) is Reason.NO_SPACE
    assert len(states.states(SUBJECT, PULL)) == 3
    for size in (2, 3):
        states.forget(SUBJECT, PULL, size)
    assert reason(states) is Reason.OK
    states.forget(SUBJECT, PULL, 1)
    states.forget(SUBJECT, PULL, 1)
    assert (reason(states), states.states(SUBJECT, PULL)) == (None, [])


def test_what_is_set_aside_comes_back_without_new_confirmation() -> None:
    states = Confirmations(3)
    see(states, FULL, FULL, FULL)
    states.set_aside(SUBJECT, PULL, PROBE.size_bytes)
    assert (reason(states), states.states(SUBJECT, PULL), list(states.failing())) == (None, [], [])
    see(states, FULL)
    assert reason(states) is Reason.NO_SPACE


def test_exchanges_are_not_kept() -> None:
    states = Confirmations(1)
    found = result(PROBE)
    evidence = Evidence(exchanges=(Exchange(Phase.REQUEST, "COPY", "https://a.example/x"),))
    states.see(Result(**{name: getattr(found, name) for name in Result.__slots__} | {"evidence": evidence}))
    assert [one.evidence for one in states.states(SUBJECT, PULL)] == [Evidence()]


def test_nothing_is_confirmed_by_no_result() -> None:
    with pytest.raises(ValueError, match="0 results"):
        Confirmations(0)


@given(st.integers(1, 4), st.lists(st.sampled_from([FINE, FULL, SLOW, OURS]), max_size=30))
def test_a_believed_state_was_seen_k_times_in_a_row_at_its_last_change(k: int, answers: list[Answer]) -> None:
    states = Confirmations(k)
    believed: Outcome | None = None
    outcomes: list[Outcome] = []
    for answer in answers:
        outcomes.append(result(PROBE, answer).outcome)
        changed = see(states, answer)[0]
        found = states.confirmed(SUBJECT, PULL)
        now = found.outcome if found else None
        assert changed == (now is not believed)
        if now is not believed:
            assert outcomes[-k:] == [now] * k or outcomes == [Outcome.OK] or (believed is None and now is Outcome.OK)
        assert pending(states) == (outcomes[-1] is not now)
        believed = now
