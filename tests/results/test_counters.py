from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.export.samples import door, ended, failed, good
from tpcharness.export.metrics.catalogue import BY_NAME, Kind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.results.counters import (
    BLAMED,
    BYTES,
    CLEANUP_FAILURES,
    FAILURES,
    LABELS,
    PHASE_COUNT,
    PHASE_SUM,
    PROBES,
    SECONDS,
    Counters,
    increments,
)

LINK = ("SITE-A", "SITE-B", "https-pull")


def test_a_good_copy_counts_for_both_ends():
    result = good(size=4096)
    grown = increments(result)
    assert grown[BYTES, LINK] == 4096
    assert grown[SECONDS, LINK] == pytest.approx(0.3)
    assert grown[PROBES, ("SITE-A", "source", "https-pull", "ok")] == 1
    assert grown[PROBES, ("SITE-B", "destination", "https-pull", "ok")] == 1
    assert grown[PHASE_SUM, ("SITE-A", "source", "https-pull", "transfer")] == pytest.approx(0.3)
    assert grown[PHASE_COUNT, ("SITE-B", "destination", "https-pull", "token")] == 1
    assert not [family for family, _ in grown if family in (FAILURES, BLAMED)]


def test_a_failure_counts_for_both_ends_and_blames_one():
    grown = increments(failed(reason=Reason.FORBIDDEN, blame=Blame.DESTINATION))
    assert grown[FAILURES, ("SITE-A", "source", "https-pull", "forbidden")] == 1
    assert grown[FAILURES, ("SITE-B", "destination", "https-pull", "forbidden")] == 1
    assert [key for key in grown if key[0] == BLAMED] == [(BLAMED, ("SITE-B", "https-pull", "forbidden"))]
    assert not [family for family, _ in grown if family in (BYTES, SECONDS)]


@pytest.mark.parametrize("blame", [Blame.PATH, Blame.ISSUER, Blame.UNDETERMINED])
def test_no_endpoint_is_blamed_for_what_is_not_surely_its_own(blame: Blame):
    assert not [family for family, _ in increments(failed(blame=blame)) if family == BLAMED]


def test_our_own_error_is_nobody_elses_failure():
    grown = increments(ended(good(), Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT))
    assert grown[PROBES, ("SITE-A", "source", "https-pull", "error")] == 1
    assert not [family for family, _ in grown if family in (FAILURES, BLAMED, BYTES)]


def test_a_skipped_probe_is_counted_and_says_nothing_else():
    skipped = ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN, Blame.SOURCE)
    assert {family for family, _ in increments(skipped)} == {PROBES}


@pytest.mark.parametrize(
    "result",
    [
        ended(good(), Outcome.FAILURE, Reason.CLEANUP_REFUSED, Blame.DESTINATION),
        replace(failed(), warnings=("its clock is off", "still_writing: it grows")),
        replace(door(reason=Reason.CHECKSUM_MISMATCH), warnings=("cleanup_failed: 500",)),
    ],
    ids=["reason", "warning", "door"],
)
def test_a_file_that_a_probe_leaves_counts_where_it_lies(result: Result):
    where = "SITE-A" if result.variant is Variant.DOOR else "SITE-B"
    assert increments(result)[CLEANUP_FAILURES, (where,)] == 1


def test_who_cleans_up_is_not_counted():
    warned = replace(failed(), warnings=("not removed at the root door: cleanup_failed: the other one did",))
    for result in (good(), failed(), warned, ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN, Blame.SOURCE)):
        assert not [family for family, _ in increments(result) if family == CLEANUP_FAILURES]


def test_a_door_is_a_destination():
    grown = increments(door(reason=Reason.TLS_EXPIRED))
    assert grown[PROBES, ("SITE-A", "destination", "door", "failure")] == 1
    assert grown[BLAMED, ("SITE-A", "door", "tls_expired")] == 1


def test_counters_go_on_from_what_was_kept():
    first = Counters()
    for result in (good(), failed(), door()):
        first.add(result)
    kept = {(family, labels): value for family in LABELS for labels, value in first.items(family)}
    second = Counters()
    second.load({**kept, ("a_family_of_tomorrow", ("x",)): 1.0})
    second.add(good())
    assert second.value((PROBES, ("SITE-A", "source", "https-pull", "ok"))) == 2
    assert second.value((BYTES, LINK)) == 2 * 1024 * 1024
    assert second.value((FAILURES, ("SITE-B", "destination", "https-pull", "forbidden"))) == 1


def test_what_was_never_raised_is_absent_and_reads_as_nought():
    counters = Counters()
    assert list(counters.items(BYTES)) == []
    assert counters.value((BYTES, LINK)) == 0
    with pytest.raises(KeyError):
        counters.value(("tpcharness_no_such_total", ()))


def test_results_may_come_while_one_looks():
    counters = Counters()
    counters.add(good())
    look = counters.items(PROBES)
    next(look)
    counters.add(good("SITE-C", "SITE-D"))
    assert len(list(look)) == 1


RESULTS = st.builds(
    lambda outcome, blame, seconds, link: replace(
        good(*link) if outcome is Outcome.OK else failed(*link, outcome=outcome, blame=blame),
        phases={Phase.TRANSFER: seconds},
    ),
    st.sampled_from(Outcome),
    st.sampled_from(Blame),
    st.floats(0, 1e6),
    st.sampled_from([("A", "B"), ("B", "A"), ("A", "C")]),
)


@given(st.lists(RESULTS, max_size=20))
def test_counting_is_adding_up_increments_with_the_labels_of_the_catalogue(results: list[Result]):
    counters = Counters()
    sums: dict[object, float] = {}
    for result in results:
        counters.add(result)
        for key, step in increments(result).items():
            assert step >= 0
            assert len(key[1]) == len(LABELS[key[0]])
            sums[key] = sums.get(key, 0.0) + step
    assert {(family, labels): value for family in LABELS for labels, value in counters.items(family)} == sums


def test_families_are_those_of_the_catalogue():
    for family, labels in LABELS.items():
        name = family.removesuffix("_sum").removesuffix("_count")
        assert BY_NAME[name].labels == labels
        assert BY_NAME[name].kind is (Kind.COUNTER if name == family else Kind.SUMMARY)
