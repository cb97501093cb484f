"""Which part of a matrix a terminal can show, and how densely. Pure: sizes and badness in, names out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

MOST_WHOLE = 40  # a matrix with more endpoints than that is never shown as a whole
MOST_ROWS = 20
DOOR_WIDTH = 4


class Density(Enum):
    """How much room a cell gets: a named column, a numbered one with letters of blame, a numbered one without."""

    NAMED = "named"
    LETTERS = "letters"
    MARKS = "marks"

    @property
    def gap(self) -> int:
        """Blanks before each column."""
        return 1 if self is Density.MARKS else 2


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows (sources) and columns (destinations) to show, in the order in which all endpoints are numbered."""

    density: Density
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    numbers: Mapping[str, int]
    label_width: int
    half_width: int
    column_widths: tuple[int, ...]

    @property
    def digits(self) -> int:
        """What a row's number takes before its name, with a blank; none where columns have names."""
        return 0 if self.density is Density.NAMED else len(str(len(self.numbers))) + 1

    def label(self, name: str, text: str) -> str:
        """What stands before a row."""
        return text if self.density is Density.NAMED else f"{self.numbers[name]:>{self.digits - 1}} {text}"


def choose_layout(
    names: Sequence[str],
    *,
    lengths: Mapping[str, int],
    width: int,
    halves: int,
    half_width: int,
    row_badness: Callable[[str], int],
    column_badness: Callable[[str], int],
) -> Layout:
    """The roomiest layout that shows every cell in `width` characters, else the worst rows and columns.

    `lengths` are the names' widths on the screen, `halves` the number of variants in a cell, `half_width` what each
    takes with its letter. A line is the label, two blanks, the door, and before each column its gap. It is never
    wider than `width`, unless `width` cannot hold even one column.
    """
    numbers = {name: number for number, name in enumerate(names, start=1)}
    digits = len(str(len(names)))
    longest = max(lengths.values(), default=0)
    letters = halves * half_width

    def layout(density: Density, label: int, cell: int | None) -> Layout:
        # Where there is room, a blank keeps a letter of blame off the next mark.
        half = half_width + 1 if density is Density.NAMED else half_width
        widths = tuple(max(halves * half - 1, lengths[name]) if cell is None else cell for name in names)
        return Layout(density, tuple(names), tuple(names), numbers, label, half, widths)

    def fits(candidate: Layout) -> bool:
        columns = sum(candidate.column_widths) + candidate.density.gap * len(candidate.column_widths)
        return candidate.label_width + 2 + DOOR_WIDTH + columns <= width

    label = longest + 1 + digits
    candidates = (
        layout(Density.NAMED, longest, None),
        layout(Density.LETTERS, label, max(letters, digits)),
        layout(Density.MARKS, label, max(halves, digits)),
    )
    if len(names) <= MOST_WHOLE:
        for candidate in candidates:
            if fits(candidate):
                return candidate
    label = min(label, max(digits + 7, width // 3))
    each = max(letters, digits)
    room = (width - label - 2 - DOOR_WIDTH) // (each + Density.LETTERS.gap)
    columns = _worst(names, column_badness, min(max(1, room), MOST_WHOLE))
    rows = _worst(names, row_badness, MOST_WHOLE if len(names) <= MOST_WHOLE else MOST_ROWS)
    return Layout(Density.LETTERS, rows, columns, numbers, label, half_width, (each,) * len(columns))


def _worst(names: Sequence[str], badness: Callable[[str], int], most: int) -> tuple[str, ...]:
    """The worst names in their usual order; of equals the first."""
    chosen = set(sorted(names, key=lambda name: -badness(name))[:most])
    return tuple(name for name in names if name in chosen)
