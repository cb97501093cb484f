"""The marks of the terminal: one set in Unicode, one in ASCII, never told apart by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import ConsoleOptions

from tpcharness.export.clean_text import LIMIT, clean_text
from tpcharness.model.variant import Blame
from tpcharness.results.store import CellState


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What the terminal can show. `states` are the marks of a cell, `absent` stands for one that has no result."""

    states: dict[CellState, str]
    absent: str
    arrow: str
    separator: str
    dash: str
    ascii_only: bool

    def clean(self, text: str, limit: int = LIMIT) -> str:
        """Foreign text, safe for this terminal."""
        return clean_text(text, limit, ascii_only=self.ascii_only)

    def mark(self, state: CellState | None) -> str:
        return self.absent if state is None else self.states[state]


UNICODE = Alphabet(
    states={
        CellState.OK: "✓",
        CellState.FAILURE: "✗",
        CellState.ERROR: "!",
        CellState.SKIPPED: "·",
        CellState.STALE: "~",
    },
    absent=" ",
    arrow="→",
    separator=" · ",
    dash="—",
    ascii_only=False,
)

ASCII = Alphabet(
    states={
        CellState.OK: "o",
        CellState.FAILURE: "X",
        CellState.ERROR: "!",
        CellState.SKIPPED: ".",
        CellState.STALE: "~",
    },
    absent=" ",
    arrow="->",
    separator=", ",
    dash="-",
    ascii_only=True,
)

STYLES: dict[CellState | None, str] = {
    CellState.OK: "green",
    CellState.FAILURE: "bold red",
    CellState.ERROR: "bold magenta",
    CellState.SKIPPED: "dim",
    CellState.STALE: "yellow",
    None: "dim",
}

# Who has to act, in one letter behind the mark of a failed cell.
LETTERS: dict[Blame, str] = {
    Blame.NOBODY: " ",
    Blame.SOURCE: "S",
    Blame.DESTINATION: "D",
    Blame.PATH: "P",
    Blame.ISSUER: "I",
    Blame.CLIENT: "C",
    Blame.UNDETERMINED: "?",
}


def alphabet(options: ConsoleOptions) -> Alphabet:
    """The alphabet that the console's encoding can carry."""
    return ASCII if options.ascii_only else UNICODE
