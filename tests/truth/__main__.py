"""`make truth`: tries every cell, prints the table, writes docs/truth.md; exit code 1 when a cell is wrong."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.truth.laboratory import try_all
from tests.truth.page import document, grid, summary
from tests.truth.table import ROWS

PAGE = Path(__file__).parents[2] / "docs" / "truth.md"


def main() -> int:
    tried = asyncio.run(try_all(ROWS))
    wrong = [one for one in tried if one.complaint]
    print("\n".join(grid(ROWS, tried)))
    for one in wrong:
        print(f"✗ {one.cell}: {one.complaint}")
    print(summary(tried))
    PAGE.write_text(document(ROWS, tried), encoding="utf-8")
    return 1 if wrong else 0


sys.exit(main())
