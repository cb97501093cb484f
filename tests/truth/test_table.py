"""The table as data: complete, honest about what cannot be known, and not known to those whom it judges."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import tpcharness
from tests.support.real_faults import REAL_CELLS
from tests.truth.direct_table import DIRECT_CELLS, DIRECT_ROWS
from tests.truth.expectations import Cell, Place, cells
from tests.truth.laboratory import try_all
from tests.truth.legacy_table import LEGACY_CELLS
from tests.truth.page import row_of_page
from tests.truth.root_table import ROOT_CELLS
from tests.truth.table import ROWS
from tests.truth.tape_table import TAPE_CELLS
from tpcharness.model.reason import Reason
from tpcharness.testbed.fault_catalogue import CATALOGUE

MAX_AMBIGUOUS_SHARE = 0.05
PACKAGE = Path(tpcharness.__file__).parent
CELLS = cells(ROWS)
# What is wrong and what the harness calls it may have one name: those words are the model's own.
WORDS_OF_THE_MODEL = {reason.value for reason in Reason}


def test_every_fault_has_a_row() -> None:
    tried = {re.split("[:@]", fault)[0] for row in ROWS for fault in row.faults}
    tried |= {re.split("[:@]", row.fault)[0] for row in DIRECT_ROWS}
    assert set(CATALOGUE) == tried
    assert len(CATALOGUE) >= 60


def test_the_page_is_that_of_the_table() -> None:
    """`make truth` writes it; what was tried must be what is to be tried now, and all of it right."""
    page = (PACKAGE.parent / "docs" / "truth.md").read_text(encoding="utf-8")
    emulated = len(CELLS) + len(ROOT_CELLS) + len(TAPE_CELLS) + len(DIRECT_CELLS) + len(LEGACY_CELLS)
    assert f"{emulated} emulated and {len(REAL_CELLS)} on real XRootD" in page
    assert f": {emulated + len(REAL_CELLS)} right, 0 wrong" in page
    missing = [row.fault for row in ROWS if row_of_page(row) not in page]
    assert missing == []


def test_a_row_stands_once() -> None:
    keys = [(row.fault, row.place) for row in ROWS]
    assert len(set(keys)) == len(keys)
    assert {place for _, place in keys} == set(Place)


def test_what_cannot_be_known_is_said_and_rare() -> None:
    ambiguous = [cell for cell in CELLS if cell.found.ambiguous]
    assert all(cell.found.why for cell in ambiguous)
    assert not any(cell.found.why for cell in CELLS if not cell.found.ambiguous)
    assert len(CELLS) >= 300
    assert len(ambiguous) <= MAX_AMBIGUOUS_SHARE * len(CELLS)


def test_every_fault_says_where_its_bytes_come_from() -> None:
    source = re.compile(r"recordings? |http-tpc \d|xrootd[ #]\d|tokens \d|RFC \d+ \d|curl error|davix|StoRM|xrootd 5b")
    assert [fault.name for fault in CATALOGUE.values() if not source.search(fault.citation)] == []


def test_recordings_that_faults_cite_exist() -> None:
    known = {path.stem for path in (Path(__file__).parents[1] / "recordings").glob("*/*.txt")}
    named = {
        name
        for fault in CATALOGUE.values()
        for words in re.findall(r"recordings? ([\w, -]+)", fault.citation)
        for name in re.findall(r"\b(?:pull|push|head|put)-[\w-]+", words)
    }
    assert named
    assert named <= known


def test_nobody_outside_the_testbed_knows_a_faults_name() -> None:
    names = re.compile("[\"'](" + "|".join(set(CATALOGUE) - WORDS_OF_THE_MODEL) + ")[\"':]")
    knowing = {
        str(path.relative_to(PACKAGE)): found
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {"testbed", "cli"}
        and (found := names.findall(path.read_text(encoding="utf-8")))
    }
    assert knowing == {}


QUICK_FAULTS = ("active_401", "peer_refused", "passive_403", "checksum_wrong", "chunk_sizes_as_body", "success_short")
QUICK_DIALECTS = frozenset({"dcache", "xrootd6", "storm"})


async def test_some_cells() -> None:
    rows = tuple(row for row in ROWS if row.fault in QUICK_FAULTS)
    tried = await try_all(rows, QUICK_DIALECTS)
    assert len(tried) == 2 * len(rows) * len(QUICK_DIALECTS)
    assert {str(one.cell): one.complaint for one in tried if one.complaint} == {}


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    """What is wrong with each cell; all of them are tried side by side before the first is looked at."""
    return {str(one.cell): one.complaint for one in asyncio.run(try_all(ROWS))}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_cell(cell: Cell, everything: dict[str, str]) -> None:
    assert everything[str(cell)] == ""
