"""The table of legacy doors as data, and all of its cells tried."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from tests.truth.legacy_laboratory import try_legacy_cells
from tests.truth.legacy_table import LEGACY_CELLS, SHUT, LegacyCell
from tests.truth.page import legacy_row_of_page
from tests.truth.test_table import PACKAGE
from tpcharness.testbed.legacy.manners import MANNERS

BY_FAULT = {cell.fault: cell for cell in LEGACY_CELLS if cell.fault != SHUT}
MAX_AMBIGUOUS_SHARE = 0.5
"""Without credentials the wire tells little; what each of them shows stands in the hint."""


def test_every_manner_is_tried_and_so_is_a_door_that_is_shut() -> None:
    assert list(BY_FAULT) == [str(manner) for manner in MANNERS]
    assert len({str(cell) for cell in LEGACY_CELLS}) == len(LEGACY_CELLS) == len(MANNERS) + 2


def test_the_catalogue_of_the_testbed_says_the_same() -> None:
    for manner in MANNERS:
        cell = BY_FAULT[str(manner)]
        reasons = {manner.reason, manner.other} if manner.maybe else {manner.reason}
        assert (cell.kind, cell.reason) == (manner.kind, manner.reason)
        assert set(cell.causes) == {(reason, blame) for reason in reasons for blame in manner.blames}


def test_what_cannot_be_known_is_said() -> None:
    ambiguous = [cell for cell in LEGACY_CELLS if cell.ambiguous]
    assert all(cell.why for cell in ambiguous)
    assert not any(cell.why for cell in LEGACY_CELLS if cell not in ambiguous)
    assert len(ambiguous) <= MAX_AMBIGUOUS_SHARE * len(LEGACY_CELLS)


def test_the_page_is_that_of_the_table() -> None:
    page = (PACKAGE.parent / "docs" / "truth.md").read_text(encoding="utf-8")
    assert [str(cell) for cell in LEGACY_CELLS if legacy_row_of_page(cell) not in page] == []


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    """What is wrong with each cell; all are tried, on the product's event loop, before the first is looked at."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return {str(one.cell): one.complaint for one in runner.run(try_legacy_cells(LEGACY_CELLS))}


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("cell", LEGACY_CELLS, ids=str)
def test_a_cell(cell: LegacyCell, everything: dict[str, str]) -> None:
    assert everything[str(cell)] == ""
