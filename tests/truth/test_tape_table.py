"""The table of tape as data, and all of its cells tried."""

from __future__ import annotations

import asyncio

import pytest

from tests.truth.page import tape_row_of_page
from tests.truth.tape_laboratory import try_tape_cells
from tests.truth.tape_table import EXPECTED, SYSTEMS, TAPE_CELLS, VARIANTS, TapeCell, findings
from tests.truth.test_table import PACKAGE
from tpcharness.testbed.tape.faults import CATALOGUE, TapeFault

QUICK_FAULTS = frozenset({TapeFault.FILE_LOST, TapeFault.EVICTS_EARLY, TapeFault.MIGRATION_FAILS})


def test_every_fault_is_tried_everywhere() -> None:
    assert set(EXPECTED) == set(TapeFault)
    assert len({str(cell) for cell in TAPE_CELLS}) == len(TAPE_CELLS) == len(TapeFault) * len(SYSTEMS) * len(VARIANTS)


def test_the_catalogue_of_the_testbed_says_the_same() -> None:
    assert {row.fault: (row.info, row.stage) for row in CATALOGUE} == {
        fault: reasons[:2] for fault, reasons in EXPECTED.items()
    }


def test_the_page_is_that_of_the_table() -> None:
    page = (PACKAGE.parent / "docs" / "truth.md").read_text(encoding="utf-8")
    assert [str(finding) for finding in findings() if tape_row_of_page(finding) not in page] == []


async def test_some_cells() -> None:
    tried = await try_tape_cells(cell for cell in TAPE_CELLS if cell.fault in QUICK_FAULTS)
    assert len(tried) == len(QUICK_FAULTS) * len(SYSTEMS) * len(VARIANTS)
    assert {str(one.cell): one.complaint for one in tried if one.complaint} == {}


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    """What is wrong with each cell; all of them are tried before the first is looked at."""
    return {str(one.cell): one.complaint for one in asyncio.run(try_tape_cells(TAPE_CELLS))}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", TAPE_CELLS, ids=str)
def test_a_cell(cell: TapeCell, everything: dict[str, str]) -> None:
    assert everything[str(cell)] == ""
