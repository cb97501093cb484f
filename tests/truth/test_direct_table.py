"""The table of direct transfers as data, and all of its cells tried."""

from __future__ import annotations

import asyncio

import pytest

from tests.truth.direct_laboratory import try_direct_cells
from tests.truth.direct_table import DIRECT_CELLS, DIRECT_ROWS, DirectCell
from tests.truth.page import direct_row_of_page
from tests.truth.test_table import PACKAGE
from tpcharness.model.variant import Variant
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.fault_rows import direct

MAX_AMBIGUOUS_SHARE = 0.15
QUICK_FAULTS = ("ranges_missing", "upload_wrong", "passive_cut", "vectors_refused")


def test_every_fault_of_a_client_is_tried() -> None:
    tried = {row.fault.partition(":")[0] for row in DIRECT_ROWS}
    assert {fault.name for fault in direct.FAULTS} <= tried
    assert len({str(cell) for cell in DIRECT_CELLS}) == len(DIRECT_CELLS) == len(DIRECT_ROWS) * len(DIALECTS)
    assert {row.variant for row in DIRECT_ROWS} == {Variant.WEBDAV_UPLOAD, Variant.WEBDAV_DOWNLOAD}


def test_what_cannot_be_known_is_said_and_rare() -> None:
    ambiguous = [row for row in DIRECT_ROWS if len(row.blames) > 1]
    assert all(row.why for row in ambiguous)
    assert not any(row.why for row in DIRECT_ROWS if row not in ambiguous)
    assert len(ambiguous) <= MAX_AMBIGUOUS_SHARE * len(DIRECT_ROWS)


def test_the_page_is_that_of_the_table() -> None:
    page = (PACKAGE.parent / "docs" / "truth.md").read_text(encoding="utf-8")
    assert [row.fault for row in DIRECT_ROWS if direct_row_of_page(row) not in page] == []


async def test_some_cells() -> None:
    cells = [cell for cell in DIRECT_CELLS if cell.row.fault.startswith(QUICK_FAULTS)]
    tried = await try_direct_cells(cells)
    assert len(tried) == len(QUICK_FAULTS) * len(DIALECTS)
    assert {str(one.cell): one.complaint for one in tried if one.complaint} == {}


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    """What is wrong with each cell; all of them are tried before the first is looked at."""
    return {str(one.cell): one.complaint for one in asyncio.run(try_direct_cells())}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", DIRECT_CELLS, ids=str)
def test_a_cell(cell: DirectCell, everything: dict[str, str]) -> None:
    assert everything[str(cell)] == ""
