"""Files of two runs over one grid: all was well, then SITE-B had lost its files for the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.command import Shell
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode


@dataclass(frozen=True, slots=True)
class FormerRuns:
    """`good` and `lines` are JSON lines; `lines` and `document` hold the same run, the bad one."""

    good: Path
    lines: Path
    document: Path


def make_former_runs(grid: ObedientGrid, folder: Path) -> FormerRuns:
    """Runs the matrix twice; the grid is healed again."""
    shell = Shell(folder)
    runs = FormerRuns(*(folder / name for name in ("good.jsonl", "bad.jsonl", "bad.json")))
    assert shell.run("matrix", grid.config, "-q", "-o", f"jsonl:{runs.good}").code == ExitCode.OK
    grid.faults("SITE-B", "missing_file")
    words = ("-o", f"jsonl:{runs.lines}", "-o", f"json:{runs.document}")
    assert shell.run("matrix", grid.config, "-q", *words).code == ExitCode.FAILED
    grid.heal()
    return runs
