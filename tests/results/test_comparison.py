"""What becomes of a cell between two runs."""

from __future__ import annotations

import pytest

from tests.export.samples import door, ended, failed, good
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.comparison import Change, compare
from tpcharness.results.store import MatrixStore


def stored(*results: Result | None) -> MatrixStore:
    store = MatrixStore()
    for result in results:
        if result is not None:
            store.add(result)
    return store


OK = good()
FORBIDDEN = failed()
REFUSED = failed(reason=Reason.PASSIVE_REFUSED, blame=Blame.PATH)
OURS = ended(good(), Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
DOWN = ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN, Blame.DESTINATION)
NOT_REACHED = ended(good(), Outcome.SKIPPED, Reason.NOT_REACHED)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (OK, OK, Change.STILL_GOOD),
        (OK, FORBIDDEN, Change.NEWLY_BROKEN),
        (OK, OURS, Change.NEWLY_BROKEN),
        (OK, DOWN, Change.NEWLY_BROKEN),
        (OK, NOT_REACHED, Change.GONE),
        (OK, None, Change.GONE),
        (FORBIDDEN, OK, Change.FIXED),
        (DOWN, OK, Change.FIXED),
        (FORBIDDEN, FORBIDDEN, Change.STILL_BROKEN),
        (FORBIDDEN, DOWN, Change.STILL_BROKEN),
        (DOWN, FORBIDDEN, Change.STILL_BROKEN),
        (FORBIDDEN, NOT_REACHED, Change.GONE),
        (FORBIDDEN, None, Change.GONE),
        (None, OK, Change.NEW),
        (NOT_REACHED, OK, Change.NEW),
        (None, FORBIDDEN, Change.NEWLY_BROKEN),
        (NOT_REACHED, FORBIDDEN, Change.NEWLY_BROKEN),
        (None, DOWN, Change.NEWLY_BROKEN),
    ],
)
def test_every_pair_of_states_is_one_change(before, after, change):
    (cell,) = compare(stored(before), stored(after)).cells
    assert (cell.change, cell.before, cell.after) == (change, before, after)


@pytest.mark.parametrize(("before", "after"), [(None, NOT_REACHED), (NOT_REACHED, NOT_REACHED), (NOT_REACHED, None)])
def test_what_neither_run_knows_is_no_change(before, after):
    assert compare(stored(before), stored(after)).cells == ()


@pytest.mark.parametrize(
    ("before", "after", "other"),
    [
        (FORBIDDEN, FORBIDDEN, False),
        (FORBIDDEN, REFUSED, True),
        (FORBIDDEN, failed(blame=Blame.SOURCE), True),
        (OK, FORBIDDEN, False),
        (FORBIDDEN, OK, False),
    ],
)
def test_another_reason_or_another_blame_is_told(before, after, other):
    (cell,) = compare(stored(before), stored(after)).cells
    assert cell.other_reason is other


def test_the_worst_size_is_the_cell():
    comparison = compare(stored(good(size=1), good(size=2)), stored(good(size=1), failed()))
    assert comparison.count(Change.NEWLY_BROKEN) == len(comparison.cells) == 1


def test_doors_are_compared_too_and_come_first():
    before = stored(door("SITE-Z"), good(), good(variant=Variant.HTTPS_PUSH))
    after = stored(failed(variant=Variant.HTTPS_PUSH), failed(), door("SITE-Z", reason=Reason.TLS_EXPIRED))
    cells = compare(before, after).cells
    assert [(str(cell.subject), cell.variant) for cell in cells] == [
        ("SITE-Z", Variant.DOOR),
        ("SITE-A -> SITE-B", Variant.HTTPS_PULL),
        ("SITE-A -> SITE-B", Variant.HTTPS_PUSH),
    ]


def test_only_what_is_newly_broken_makes_it_worse():
    assert compare(stored(OK), stored(FORBIDDEN)).worse
    assert not compare(stored(FORBIDDEN), stored(REFUSED)).worse
    assert not compare(stored(OK), stored()).worse


def test_variants_are_cells_of_their_own():
    comparison = compare(stored(OK), stored(good(variant=Variant.HTTPS_PUSH)))
    assert [cell.change for cell in comparison.cells] == [Change.NEW, Change.GONE]
    assert comparison.of(Change.GONE)[0].variant is Variant.HTTPS_PULL
