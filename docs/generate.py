"""Writes the pages that are generated from the code: reasons.md and exit-codes.md. With --check it only compares."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from tpcharness.cli.exits import ExitCode
from tpcharness.model.reason import TABLE
from tpcharness.model.variant import Blame

HERE = Path(__file__).parent


def reasons() -> str:
    """The table of reasons, phase by phase."""
    digits = ", ".join(f"{blame.digit} {blame.value}" for blame in Blame)
    lines = [
        "# Reasons",
        "",
        "Generated from `tpcharness/model/reason.py`; `tpcharness explain` says the same. Numbers, names and phases",
        f"are frozen. A result's `code` is 10 × number + a digit for the blame: {digits}.",
    ]
    rows = sorted(TABLE.values(), key=lambda row: (list(type(row.phase)).index(row.phase), row.number))
    for phase, group in groupby(rows, key=lambda row: row.phase):
        lines += ["", f"## {phase.value}", "", "| number | reason | what | who has to act | what to do |"]
        lines.append("| --- | --- | --- | --- | --- |")
        lines += [f"| {row.number} | `{row.reason}` | {row.sentence} | {row.who} | {row.fix} |" for row in group]
    return "\n".join(lines) + "\n"


def exit_codes() -> str:
    """The exit codes."""
    lines = [
        "# Exit codes",
        "",
        "The same for every command but `plugin`, whose codes are those of monitoring plug-ins; public and frozen.",
        "`tpcharness explain CODE` says them too.",
        "",
        "| code | meaning | what to do |",
        "| --- | --- | --- |",
        *(f"| {int(code)} | {code.sentence} | {code.advice} |" for code in ExitCode),
        "",
        "`testbed demo` exits with 0 only if the findings are exactly the planted culprit and every other cell is ok.",
    ]
    return "\n".join(lines) + "\n"


PAGES = {"reasons.md": reasons, "exit-codes.md": exit_codes}


def main(words: list[str]) -> int:
    stale = [name for name, make in PAGES.items() if not (HERE / name).exists() or (HERE / name).read_text() != make()]
    if "--check" in words:
        for name in stale:
            sys.stderr.write(f"docs/{name} is not what the code says: run python docs/generate.py\n")
        return 1 if stale else 0
    for name in stale:
        (HERE / name).write_text(PAGES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
