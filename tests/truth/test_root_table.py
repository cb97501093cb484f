"""The table of xroot as data, and all of its cells tried."""

from __future__ import annotations

import asyncio

import pytest

from tests.truth.page import root_row_of_page
from tests.truth.root_laboratory import try_root_cells
from tests.truth.root_table import CACHE, DOOR, DOWNLOAD, ROOT_CELLS, UPLOAD, WHY, WHY_OF_A_CACHE, RootCell
from tests.truth.test_table import PACKAGE
from tpcharness.model.variant import Blame
from tpcharness.testbed.xroot.faults import RootFault

MAX_AMBIGUOUS_SHARE = 0.15


ALONE = {DOOR, UPLOAD, DOWNLOAD, CACHE}


def test_every_fault_is_tried_in_a_copy_and_everywhere_else() -> None:
    for place in ALONE:
        assert {cell.fault for cell in ROOT_CELLS if cell.at == place} == set(RootFault)
    assert {cell.fault for cell in ROOT_CELLS if cell.at not in ALONE} == set(RootFault)
    assert {cell.at for cell in ROOT_CELLS} == {Blame.SOURCE, Blame.DESTINATION, *ALONE}
    assert len({str(cell) for cell in ROOT_CELLS}) == len(ROOT_CELLS)


def test_what_cannot_be_known_is_said_and_rare() -> None:
    ambiguous = [cell for cell in ROOT_CELLS if cell.ambiguous]
    assert all(cell.why for cell in ambiguous)
    assert {cell.fault for cell in ambiguous} == set(WHY) | set(WHY_OF_A_CACHE)
    assert len(ambiguous) <= MAX_AMBIGUOUS_SHARE * len(ROOT_CELLS)


def test_the_page_is_that_of_the_table() -> None:
    page = (PACKAGE.parent / "docs" / "truth.md").read_text(encoding="utf-8")
    assert [str(cell) for cell in ROOT_CELLS if root_row_of_page(cell) not in page] == []


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    return {str(one.cell): one.complaint for one in asyncio.run(try_root_cells(ROOT_CELLS))}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", ROOT_CELLS, ids=str)
def test_a_cell(cell: RootCell, everything: dict[str, str]) -> None:
    assert everything[str(cell)] == ""
