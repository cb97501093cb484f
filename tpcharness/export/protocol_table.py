"""The matrix of protocols in a terminal, what endpoints do alone, and the contrasts between variants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from tpcharness.export.alphabet import STYLES, Alphabet
from tpcharness.export.hanging import hanging, whole
from tpcharness.export.layout import Density, Layout
from tpcharness.export.protocols import Choice, best_choices, best_of, cell_rate, legend_of, word_of
from tpcharness.export.quantities import count_text
from tpcharness.export.shortened import shortened
from tpcharness.model.contrast import Contrast
from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.variant import Variant
from tpcharness.results.store import Cell, CellState

MOST_CONTRASTS = 20
MOST_ENDPOINTS = 40
_NAME_WIDTH = 24
_BAD = (CellState.FAILURE, CellState.ERROR)


def row_labels(layout: Layout, marks: Alphabet) -> dict[str, str]:
    """What stands before each row of a matrix, all equally wide."""
    clean = {row: marks.clean(row, 40) for row in layout.rows}
    short = shortened(clean, layout.label_width - layout.digits, ascii_only=marks.ascii_only)
    return {row: set_cell_size(layout.label(row, text), layout.label_width) for row, text in short.items()}


def protocol_lines(
    cells: Mapping[tuple[Subject, Variant], Cell],
    variants: Sequence[Variant],
    layout: Layout,
    marks: Alphabet,
    width: int,
) -> Iterator[Text]:
    """Rows are sources, columns destinations, each cell a word of one letter for each variant that works."""
    yield Text(_legend(cells, variants, width), "dim")
    gap = " " * layout.density.gap
    named = layout.density is Density.NAMED
    header = Text(" " * layout.label_width + " ", style="bold", no_wrap=True)
    for column, column_width in zip(layout.columns, layout.column_widths, strict=True):
        title = marks.clean(column, 40) if named else str(layout.numbers[column])
        header.append(gap + set_cell_size(title, column_width))
    header.rstrip()
    yield header
    labels = row_labels(layout, marks)
    for row in layout.rows:
        line = Text(labels[row] + " ", no_wrap=True)
        for column, column_width in zip(layout.columns, layout.column_widths, strict=True):
            found = {v: cell for v in variants if (cell := cells.get((LinkSubject(row, column), v))) is not None}
            line.append(gap)
            line.append(_word(found, variants, marks, column_width, same=row == column))
        line.rstrip()
        yield line


def _legend(cells: Mapping[tuple[Subject, Variant], Cell], variants: Sequence[Variant], width: int) -> str:
    occurring = best_choices(cells, variants)
    reasons = [str(choice) for choice in (Choice.TIE, Choice.UNKNOWN) if choice in occurring]
    *letters, last = legend_of(variants)
    why = f"no capital: {' or '.join(reasons)}".split() if reasons else []
    pieces = [*(f"{each}," for each in letters), f"{last};" if why else last, *why]
    return whole(pieces, width, head="which work, the best as a capital:")


def _word(
    found: Mapping[Variant, Cell], variants: Sequence[Variant], marks: Alphabet, width: int, *, same: bool
) -> Text:
    text = Text()
    if same and not found:
        text.append(marks.dash, "dim")
    else:
        best = best_of(found.values()).variant
        for variant, mark in zip(variants, word_of(found, variants, marks.states), strict=True):
            cell = found.get(variant)
            style = STYLES[None if cell is None else cell.state]
            text.append(mark, f"bold {style}" if best is variant else style)
    text.pad_right(width - len(text))
    return text


def alone_lines(cells: Iterable[Cell], marks: Alphabet, width: int) -> Iterator[Text]:
    """What endpoints do alone, endpoint by variant: state, and MB/s where something was moved; as wide as `width`."""
    rows: dict[str, dict[Variant, Cell]] = {}
    for cell in cells:
        rows.setdefault(str(cell.subject), {})[cell.variant] = cell
    if not rows:
        return
    shown = _most_telling(rows)
    yield Text("endpoints alone; a number is MB/s", "dim")
    label = min(max(cell_len(marks.clean(name, 80)) for name in shown), max(_NAME_WIDTH, width // 3))
    variants = [variant for variant in Variant if any(variant in row for row in rows.values())]
    words = {(name, v): _state(shown[name].get(v), marks) for name in shown for v in variants}
    widths = {v: max(*(len(part) for part in _title(v)), *(len(words[name, v]) for name in shown)) for v in variants}
    names = shortened({name: marks.clean(name, 80) for name in shown}, label, ascii_only=marks.ascii_only)
    for some in _fitting(variants, widths, width - label):
        for line in range(2):
            titles = "".join(f"  {_title(variant)[line]:<{widths[variant]}}" for variant in some)
            yield Text((" " * label + titles).rstrip(), "bold", no_wrap=True)
        for name, row in shown.items():
            text = Text(set_cell_size(names[name], label), no_wrap=True)
            for variant in some:
                state = row[variant].state if variant in row else None
                text.append(f"  {words[name, variant]:<{widths[variant]}}", STYLES[state])
            text.rstrip()
            yield text
    if hidden := len(rows) - len(shown):
        left = sum(any(cell.state in _BAD for cell in row.values()) for name, row in rows.items() if name not in shown)
        yield Text(f"left out: {count_text(hidden, 'endpoint')}, {left} of them with failures", "yellow")


def _fitting(variants: Sequence[Variant], widths: Mapping[Variant, int], room: int) -> Iterator[list[Variant]]:
    """The columns in as many tables as it takes."""
    some: list[Variant] = []
    for variant in variants:
        if some and sum(widths[each] + 2 for each in (*some, variant)) > room:
            yield some
            some = []
        some.append(variant)
    yield some


def _most_telling(rows: dict[str, dict[Variant, Cell]]) -> dict[str, dict[Variant, Cell]]:
    """All of a few endpoints; of many those that fail most, in their usual order."""
    failing = {name: -sum(cell.state in _BAD for cell in row.values()) for name, row in rows.items()}
    kept = set(sorted(rows, key=failing.__getitem__)[:MOST_ENDPOINTS])
    return {name: row for name, row in rows.items() if name in kept}


def _title(variant: Variant) -> tuple[str, str]:
    """In two lines: "webdav-", "upload"."""
    head, _, tail = variant.value.partition("-")
    return f"{head}-", tail


def _state(cell: Cell | None, marks: Alphabet) -> str:
    if cell is None:
        return marks.absent
    mark = marks.mark(cell.state)
    rate = cell_rate(cell) if cell.state is CellState.OK else None
    return mark if rate is None else f"{mark} {rate / 1e6:.1f}"


def contrast_lines(contrasts: Sequence[Contrast], marks: Alphabet, console: Console, width: int) -> Iterator[Text]:
    """One sentence each, of many the first."""
    for contrast in contrasts[:MOST_CONTRASTS]:
        yield from hanging(Text("contrast:", "cyan"), Text(marks.clean(contrast.sentence)), console, width)
    if len(contrasts) > MOST_CONTRASTS:
        yield Text(f"... and {count_text(len(contrasts) - MOST_CONTRASTS, 'more contrast')}", "dim")
