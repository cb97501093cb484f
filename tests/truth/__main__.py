"""`make truth`: tries every cell, emulated and real, prints the table, writes docs/truth.md; exits 1 on any miss."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.real_faults import REAL_CELLS, observe
from tests.truth.direct_laboratory import try_direct_cells
from tests.truth.laboratory import try_all
from tests.truth.legacy_laboratory import try_legacy_cells
from tests.truth.legacy_table import LEGACY_CELLS
from tests.truth.page import EmulatedCell, document, grid, real_rows, summary
from tests.truth.root_laboratory import try_root_cells
from tests.truth.root_table import ROOT_CELLS
from tests.truth.table import ROWS
from tests.truth.tape_laboratory import try_tape_cells
from tests.truth.tape_table import TAPE_CELLS

PAGE = Path(__file__).parents[2] / "docs" / "truth.md"


def main() -> int:
    emulated = asyncio.run(try_all(ROWS))
    root = asyncio.run(try_root_cells(ROOT_CELLS))
    tape = asyncio.run(try_tape_cells(TAPE_CELLS))
    direct = asyncio.run(try_direct_cells())
    legacy = asyncio.run(try_legacy_cells(LEGACY_CELLS))
    real = real_rows(REAL_CELLS, asyncio.run(observe(REAL_CELLS)))
    print("\n".join(grid(ROWS, emulated)))
    print("\n".join(one.line for one in real))
    tried: list[EmulatedCell] = [*emulated, *root, *tape, *direct, *legacy]
    wrong = [f"{one.cell}: {one.complaint}" for one in tried if one.complaint]
    wrong += [f"{one.name} (real XRootD): {one.complaint}" for one in real if one.complaint]
    for complaint in wrong:
        print(f"✗ {complaint}")
    print(summary(emulated, root, tape, direct, legacy, real))
    PAGE.write_text(document(ROWS, emulated, root, tape, direct, legacy, real), encoding="utf-8")
    return 1 if wrong else 0


sys.exit(main())
