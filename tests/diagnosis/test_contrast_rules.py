"""Contrasts: each rule both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from tests.support.matrices import DESTINATION, SOURCE, START, VAGUE
from tests.support.protocol_results import BIG, alone, fast, link
from tpcharness.diagnosis.contrasts import contrasts
from tpcharness.model.contrast import Contrast, ContrastKind
from tpcharness.model.endpoint import EndpointSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant

V, K = Variant, ContrastKind
PULL, PUSH, ROOT, GFAL = V.HTTPS_PULL, V.HTTPS_PUSH, V.ROOT_PULL, V.GFAL_DAVS_DAVS
UP, DOWN = V.WEBDAV_UPLOAD, V.WEBDAV_DOWNLOAD


def of_kind(results: Iterable[Result], kind: ContrastKind) -> list[Contrast]:
    return [each for each in contrasts(results) if each.kind is kind]


@dataclass(frozen=True)
class Rule:
    """Results for which a rule fires; `needed` counts the first ones, without each of which it must be silent."""

    kind: ContrastKind
    results: tuple[Result, ...]
    needed: int
    culprit: str
    opposite: Callable[[Result], Result]  # of the first result: with it the rule is silent too

    def __str__(self) -> str:
        return f"{self.kind}-{self.culprit}-{self.results[0].variant}"


def fails(result: Result) -> Result:
    return replace(result, outcome=Outcome.FAILURE, reason=Reason.SERVER_ERROR, blame=DESTINATION)


def works(result: Result) -> Result:
    return replace(result, outcome=Outcome.OK, reason=Reason.OK, blame=Blame.NOBODY, alternatives=())


EITHER = (SOURCE, DESTINATION)
RULES = (
    Rule(
        K.THIRD_PARTY_REFUSED,
        (alone("X", UP), link("AX", PULL, Reason.FORBIDDEN, DESTINATION)),
        2,
        "X",
        fails,
    ),
    Rule(
        K.THIRD_PARTY_REFUSED,
        (alone("X", DOWN), link("XA", PUSH, Reason.TPC_UNSUPPORTED, SOURCE)),
        2,
        "X",
        fails,
    ),
    Rule(
        K.THIRD_PARTY_REFUSED,
        (alone("X", UP), alone("A", DOWN), link("AX", PULL, Reason.FORBIDDEN, VAGUE, EITHER)),
        3,
        "X",
        fails,
    ),
    Rule(
        K.SOURCE_UNREADABLE,
        (alone("X", DOWN, Reason.SERVER_ERROR), link("XA", PULL, Reason.TRANSFER_FAILED)),
        2,
        "X",
        works,
    ),
    Rule(
        K.DESTINATION_UNWRITABLE,
        (alone("X", UP, Reason.NO_SPACE), link("AX", PUSH, Reason.TRANSFER_FAILED)),
        2,
        "X",
        works,
    ),
    Rule(
        K.SOURCE_UNREADABLE,
        (alone("X", V.ROOT_DOWNLOAD, Reason.SERVER_ERROR), link("XA", ROOT, Reason.NO_PROGRESS)),
        2,
        "X",
        works,
    ),
    Rule(
        K.ACTIVE_ROLE,
        (
            alone("A", DOWN),
            alone("B", UP),
            link("AB", PULL, Reason.TRANSFER_FAILED, VAGUE, EITHER),
            link("AB", PUSH),
        ),
        4,
        "B",
        fails,
    ),
    Rule(
        K.ACTIVE_ROLE,
        (
            alone("A", DOWN),
            alone("B", UP),
            link("AB", PUSH, Reason.TRANSFER_FAILED, VAGUE, EITHER),
            link("AB", PULL),
        ),
        4,
        "A",
        fails,
    ),
    Rule(
        K.ACTIVE_ROLE,
        (
            alone("A", DOWN),
            alone("B", UP),
            link("AB", PULL, Reason.PASSIVE_TIMEOUT, VAGUE, (SOURCE, Blame.PATH)),
            link("AB", PUSH),
        ),
        4,
        "",
        fails,
    ),
    Rule(
        K.PROTOCOL_DOOR,
        (
            link("AX", ROOT, Reason.SERVER_ERROR, DESTINATION),
            link("BX", ROOT, Reason.SERVER_ERROR, DESTINATION),
            link("AX", PULL),
            link("BX", PULL),
            link("AB", ROOT),
        ),
        5,
        "X",
        works,
    ),
    Rule(
        K.PROTOCOL_DOOR,
        (
            link("XA", PULL, Reason.SERVER_ERROR, SOURCE),
            link("XB", PULL, Reason.SERVER_ERROR, SOURCE),
            link("XA", ROOT),
            link("XB", ROOT),
            link("AB", PULL),
        ),
        5,
        "X",
        works,
    ),
    Rule(K.CLIENTS_DISAGREE, (link("AB", PULL), link("AB", GFAL, Reason.TRANSFER_FAILED)), 2, "", fails),
    Rule(K.CLIENTS_DISAGREE, (link("AB", V.GFAL_ROOT_ROOT), link("AB", ROOT, Reason.NO_PROGRESS)), 2, "", fails),
    Rule(
        K.CACHE_FAILS,
        (alone("X", V.CACHE_READ, Reason.SERVER_ERROR, Blame.PATH), alone("X", V.ROOT_DOWNLOAD)),
        2,
        "",
        works,
    ),
    Rule(
        K.STORAGE_BEHIND_CACHE_FAILS,
        (alone("X", V.CACHE_READ), alone("X", V.ROOT_DOWNLOAD, Reason.SERVER_ERROR)),
        2,
        "X",
        fails,
    ),
    Rule(
        K.SLOW_PATH,
        (fast(link("AB", PULL), 10), fast(alone("A", DOWN), 40), fast(alone("B", UP), 50)),
        3,
        "",
        lambda result: fast(result, 11),
    ),
    Rule(
        K.SLOW_SOURCE,
        (fast(alone("A", DOWN), 12), fast(link("AB", PUSH), 10), fast(alone("B", UP), 50)),
        3,
        "A",
        lambda result: fast(result, 20),
    ),
    Rule(
        K.SLOW_DESTINATION,
        (fast(alone("B", V.ROOT_UPLOAD), 10), fast(link("AB", ROOT), 10), fast(alone("A", V.ROOT_DOWNLOAD), 50)),
        3,
        "B",
        lambda result: fast(result, 20),
    ),
)
each_rule = pytest.mark.parametrize("rule", RULES, ids=str)


@each_rule
def test_a_rule_fires(rule: Rule) -> None:
    (found,) = of_kind(rule.results, rule.kind)
    assert found.culprit == rule.culprit
    assert set(found.probe_ids) <= {result.probe_id for result in rule.results}
    assert set(found.variants) <= {result.variant for result in rule.results}
    assert str(found.subject) in found.sentence


@each_rule
def test_a_rule_is_silent_when_any_of_its_results_is_missing(rule: Rule) -> None:
    for number in range(rule.needed):
        left = [result for place, result in enumerate(rule.results) if place != number]
        found = of_kind(left, rule.kind)
        assert rule.kind is K.PROTOCOL_DOOR or not found
        assert not [each for each in found if each.culprit]


@each_rule
def test_a_rule_is_silent_when_any_of_its_results_is_too_old(rule: Rule) -> None:
    for number in range(rule.needed):
        results = list(rule.results)
        results[number] = replace(results[number], started_at=START - timedelta(hours=7))
        found = contrasts(results, since=START - timedelta(hours=6))
        assert rule.kind not in [each.kind for each in found]


@each_rule
def test_results_of_two_days_are_not_compared(rule: Rule) -> None:
    first, *others = rule.results
    assert rule.kind in [
        each.kind for each in contrasts([replace(first, started_at=START - timedelta(hours=23)), *others])
    ]
    assert not of_kind([replace(first, started_at=START - timedelta(hours=25)), *others], rule.kind)


@each_rule
def test_a_rule_is_silent_when_any_of_its_results_was_skipped(rule: Rule) -> None:
    for number in range(rule.needed):
        results = list(rule.results)
        results[number] = replace(
            results[number],
            outcome=Outcome.SKIPPED,
            reason=Reason.ENDPOINT_DOWN,
            blame=Blame.NOBODY,
            alternatives=(),
            throughput=None,
        )
        assert not of_kind(results, rule.kind)


@each_rule
def test_a_rule_is_silent_when_the_first_result_says_the_opposite(rule: Rule) -> None:
    assert not of_kind([rule.opposite(rule.results[0]), *rule.results[1:]], rule.kind)


def test_every_kind_has_its_rule_and_its_words() -> None:
    assert {rule.kind for rule in RULES} == set(ContrastKind)
    assert all(word for kind in ContrastKind for word in kind.info)


# ---- what must keep them silent


def test_a_refusal_that_may_be_the_other_partys_accuses_nobody() -> None:
    results = [alone("X", UP), link("AX", PULL, Reason.FORBIDDEN, VAGUE, EITHER)]
    assert not contrasts(results)


def test_third_party_copy_is_not_off_where_one_copy_works() -> None:
    results = [alone("X", UP), link("AX", PULL, Reason.FORBIDDEN, DESTINATION), link("BX", PULL)]
    assert not of_kind(results, K.THIRD_PARTY_REFUSED)


@pytest.mark.parametrize("reason", [Reason.PASSIVE_CUT, Reason.CHECKSUM_MISMATCH, Reason.CLEANUP_FAILED])
def test_third_party_copy_is_not_off_where_one_copy_began(reason: Reason) -> None:
    results = [alone("X", UP), alone("A", DOWN), link("BX", PULL, reason, SOURCE)]
    refused = link("AX", PULL, Reason.FORBIDDEN, VAGUE, EITHER)
    assert of_kind([*results[:2], refused], K.THIRD_PARTY_REFUSED)
    assert not of_kind([*results, refused], K.THIRD_PARTY_REFUSED)


def test_a_cache_that_was_never_asked_is_not_accused() -> None:
    """The file could not be put to the storage by https, while its root door serves us another one."""
    assert not contrasts([alone("X", V.CACHE_READ, Reason.NO_SPACE), alone("X", V.ROOT_DOWNLOAD)])


def test_a_source_from_which_one_copy_works_can_be_read() -> None:
    results = [alone("X", DOWN, Reason.SERVER_ERROR), link("XA", PULL, Reason.TRANSFER_FAILED), link("XB", PUSH)]
    assert not contrasts(results)


@pytest.mark.parametrize("reason", [Reason.OVERLOADED, Reason.CLEANUP_FAILED])
def test_a_busy_moment_or_a_file_that_stays_is_no_ground(reason: Reason) -> None:
    assert not contrasts([alone("X", UP, reason), link("AX", PULL, Reason.TRANSFER_FAILED)])


@pytest.mark.parametrize("reason", [Reason.RANGE_REFUSED, Reason.RANGE_WRONG])
def test_ranges_that_no_copy_reads_are_no_ground(reason: Reason) -> None:
    assert not contrasts([alone("X", DOWN, reason), link("XA", PULL, Reason.TRANSFER_FAILED)])


def test_a_short_copy_is_not_called_slow() -> None:
    copy = replace(fast(link("AB", PULL), 10), transfer_seconds=4.9)
    assert not contrasts([copy, fast(alone("A", DOWN), 90), fast(alone("B", UP), 90)])


def test_speeds_of_different_sizes_are_not_compared() -> None:
    other = replace(fast(alone("A", DOWN), 90), size_bytes=BIG // 2)
    assert not contrasts([fast(link("AB", PULL), 10), other, fast(alone("B", UP), 90)])


def test_what_our_own_side_lacks_is_no_contrast() -> None:
    ours = replace(link("AB", GFAL, Reason.INTERNAL, Blame.CLIENT), outcome=Outcome.ERROR)
    assert not contrasts([link("AB", PULL), ours])


def test_an_active_party_that_fails_with_many_is_told_once() -> None:
    results = [alone(name, variant) for name in "ABCD" for variant in (UP, DOWN)]
    for source in "ABC":
        results += [link(f"{source}D", PULL, Reason.TRANSFER_FAILED, VAGUE, EITHER), link(f"{source}D", PUSH)]
    (found,) = contrasts(results)
    assert (found.kind, found.subject, found.culprit) == (K.ACTIVE_ROLE, EndpointSubject("D"), "D")
    assert "pull fails in 3 copies" in found.sentence
