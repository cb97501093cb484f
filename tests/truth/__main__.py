"""`make truth`: tries every cell, emulated and real, prints the table, writes docs/truth.md; exits 1 on any miss."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.real_faults import REAL_CELLS, observe
from tests.truth.laboratory import try_all
from tests.truth.page import document, grid, real_rows, summary
from tests.truth.table import ROWS

PAGE = Path(__file__).parents[2] / "docs" / "truth.md"


def main() -> int:
    emulated = asyncio.run(try_all(ROWS))
    real = real_rows(REAL_CELLS, asyncio.run(observe(REAL_CELLS)))
    print("\n".join(grid(ROWS, emulated)))
    print("\n".join(one.line for one in real))
    wrong = [f"{one.cell}: {one.complaint}" for one in emulated if one.complaint]
    wrong += [f"{one.name} (real XRootD): {one.complaint}" for one in real if one.complaint]
    for complaint in wrong:
        print(f"✗ {complaint}")
    print(summary(emulated, real))
    PAGE.write_text(document(ROWS, emulated, real), encoding="utf-8")
    return 1 if wrong else 0


sys.exit(main())
