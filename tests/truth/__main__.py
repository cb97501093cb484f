"""`make truth`: tries every cell, emulated and real, prints the table, writes docs/truth.md; exits 1 on any miss."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.real_faults import REAL_CELLS, observe
from tests.truth.laboratory import try_all
from tests.truth.page import document, grid, real_rows, summary
from tests.truth.root_laboratory import try_root_cells
from tests.truth.root_table import ROOT_CELLS
from tests.truth.table import ROWS

PAGE = Path(__file__).parents[2] / "docs" / "truth.md"


def main() -> int:
    emulated = asyncio.run(try_all(ROWS))
    root = asyncio.run(try_root_cells(ROOT_CELLS))
    real = real_rows(REAL_CELLS, asyncio.run(observe(REAL_CELLS)))
    print("\n".join(grid(ROWS, emulated)))
    print("\n".join(one.line for one in real))
    wrong = [f"{one.cell}: {one.complaint}" for one in (*emulated, *root) if one.complaint]
    wrong += [f"{one.name} (real XRootD): {one.complaint}" for one in real if one.complaint]
    for complaint in wrong:
        print(f"✗ {complaint}")
    print(summary(emulated, root, real))
    PAGE.write_text(document(ROWS, emulated, root, real), encoding="utf-8")
    return 1 if wrong else 0


sys.exit(main())
