"""The matrix in a terminal: cells, then what they mean, then the totals, where the eye stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from tpcharness.export.alphabet import LETTERS, STYLES, Alphabet, alphabet
from tpcharness.export.evidence_text import utc_text
from tpcharness.export.failure_text import FailureText
from tpcharness.export.hanging import hanging, whole, wrapped
from tpcharness.export.layout import Density, Layout, choose_layout
from tpcharness.export.protocol_table import alone_lines, contrast_lines, protocol_lines, row_labels
from tpcharness.export.protocols import FEW_VARIANTS, contrasts_of, untold
from tpcharness.export.quantities import count_text, duration_text
from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.finding import Finding
from tpcharness.model.variant import DEFAULT_VARIANTS, Blame, Variant
from tpcharness.results.run import RunEnd, RunFacts
from tpcharness.results.store import Cell, CellState, MatrixStore, Tally

MOST_SINGLES = 20
FEW_SINGLES = 3  # so few single links are told with their remedies
MOST_DETAILS = 20

Cells = dict[tuple[Subject, Variant], Cell]

_DOOR = "door"
_STATE_WORDS = {
    CellState.OK: "ok",
    CellState.FAILURE: "failed",
    CellState.ERROR: "our own error",
    CellState.SKIPPED: "not tried",
    CellState.STALE: "too old to count",
}
_END_WORDS = {
    RunEnd.DEADLINE: "cut short by the deadline",
    RunEnd.MAX_FAILURES: "stopped after too many failures",
    RunEnd.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, slots=True)
class MatrixReport:
    """A rich renderable of a whole run, as wide as the console.

    `now` lets green cells expire. `throughput` puts the median MB/s of a cell's sizes behind its mark. `details`
    adds what was asked and answered for the first failing cells.
    """

    store: MatrixStore
    run: RunFacts
    findings: Sequence[Finding] = ()
    now: datetime | None = None
    throughput: bool = False
    details: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for part in self._parts(console, options):
            if isinstance(part, Text) and not part.no_wrap:
                yield from wrapped(part, console, options.max_width)
            else:
                yield part

    def _parts(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        marks = alphabet(options)
        cells = {(cell.subject, cell.variant): cell for cell in self.store.cells(now=self.now)}
        if cells:
            yield from self._matrix(cells, marks, options.max_width)
            yield Text()
            yield from self._protocols(cells, marks, options.max_width)
        if alone := list(self.store.alone_cells(now=self.now)):
            yield from alone_lines(alone, marks, options.max_width)
            yield Text()
        if self.details:
            yield from self._details(cells, marks)
        if self.findings:
            yield from findings_text(self.findings, marks, console, options.max_width)
        if contrasts := untold(contrasts_of(self.store, self.now), self.findings):
            yield from contrast_lines(contrasts, marks, console, options.max_width)
            yield Text()
        for warning in self.run.warnings:
            yield from hanging(Text("warning:", "yellow"), Text(marks.clean(warning)), console, options.max_width)
        yield from self._totals(cells, marks)

    def _matrix(self, cells: Cells, marks: Alphabet, width: int) -> Iterator[RenderableType]:
        variants = self.store.variants() or DEFAULT_VARIANTS
        names = self.store.endpoints()
        clean = {name: marks.clean(name, 40) for name in names}
        bad_rows, bad_columns = _badness(cells)
        layout = choose_layout(
            names,
            lengths={name: cell_len(text) for name, text in clean.items()},
            width=width,
            halves=len(variants),
            half_width=6 if self.throughput else 2,
            row_badness=lambda name: bad_rows[name],
            column_badness=lambda name: bad_columns[name],
        )
        doors = self.store.doors(now=self.now)
        labels = row_labels(layout, marks)
        gap = " " * layout.density.gap
        header = Text(" " * layout.label_width + "  " + _DOOR, style="bold", no_wrap=True)
        for column, column_width in zip(layout.columns, layout.column_widths, strict=True):
            title = clean[column] if layout.density is Density.NAMED else str(layout.numbers[column])
            header.append(gap + set_cell_size(title, column_width))
        header.rstrip()
        yield Text(f"rows: source, columns: destination, in each cell: {' '.join(_short(v) for v in variants)}", "dim")
        yield header
        for row in layout.rows:
            line = Text(labels[row] + "  ", no_wrap=True)
            door = doors.get(row)
            state = None if door is None else door.state
            line.append(marks.mark(state).ljust(len(_DOOR)), STYLES[state])
            for column, column_width in zip(layout.columns, layout.column_widths, strict=True):
                line.append(gap)
                found = [cells.get((LinkSubject(row, column), variant)) for variant in variants]
                line.append(self._cell(found, layout, marks, column_width, same=row == column))
            line.rstrip()
            yield line
        yield from _left_out(layout, clean, bad_rows, bad_columns, marks)
        yield _legend(cells, doors, layout, marks, width)
        if self.throughput and layout.density is not Density.MARKS:
            yield Text("number: MB/s, the median over sizes", "dim")

    def _protocols(self, cells: Cells, marks: Alphabet, width: int) -> Iterator[RenderableType]:
        """Where more is probed than both modes of https: which variants work on each link, and the best of them."""
        variants = self.store.variants()
        if len(variants) <= FEW_VARIANTS:
            return
        names = self.store.endpoints()
        bad_rows, bad_columns = _badness(cells)
        layout = choose_layout(
            names,
            lengths={name: cell_len(marks.clean(name, 40)) for name in names},
            width=width,
            halves=len(variants),
            half_width=1,
            row_badness=lambda name: bad_rows[name],
            column_badness=lambda name: bad_columns[name],
        )
        yield from protocol_lines(cells, variants, layout, marks, width)
        yield Text()

    def _cell(self, halves: list[Cell | None], layout: Layout, marks: Alphabet, width: int, *, same: bool) -> Text:
        text = Text()
        if same and not any(halves):
            text.append(marks.dash, "dim")
        else:
            dense = layout.density is Density.MARKS
            for cell in halves:
                state = None if cell is None else cell.state
                mark = marks.mark(state)
                if cell is not None and not dense:
                    mark += self._behind(cell)
                text.append(mark if dense else mark.ljust(layout.half_width), STYLES[state])
        text.pad_right(width - len(text))
        return text

    def _behind(self, cell: Cell) -> str:
        if cell.state in (CellState.FAILURE, CellState.ERROR):
            return LETTERS[cell.worst.blame]
        rates = [result.throughput for result in cell.results if result.ok and result.throughput is not None]
        if self.throughput and rates and cell.state is CellState.OK:
            megabytes = median(rates) / 1e6
            return f"{megabytes:.1f}" if megabytes < 99.95 else f"{megabytes:.0f}"[:5]
        return ""

    def _details(self, cells: Cells, marks: Alphabet) -> Iterator[RenderableType]:
        failing = [cell.worst for cell in cells.values() if cell.state in (CellState.FAILURE, CellState.ERROR)]
        for result in failing[:MOST_DETAILS]:
            yield FailureText(result)
            yield Text()
        if len(failing) > MOST_DETAILS:
            yield Text(f"... and {count_text(len(failing) - MOST_DETAILS, 'more failing cell')}", "dim")

    def _totals(self, cells: Cells, marks: Alphabet) -> Iterator[RenderableType]:
        run, doors, alone, links = self.run, self.store.door_tally(), self.store.alone_tally(), self.store.links()
        lines = [Text.assemble("doors: ", _totals(doors, run.planned_doors))] if doors.total else []
        if alone.total:
            lines.append(Text.assemble("endpoints alone: ", _totals(alone, run.planned_alone)))
        if links.total or run.planned_links or not alone.total:
            lines.append(Text.assemble("links: " if lines else "", _totals(links, run.planned_links)))
        line = lines[-1]
        stale = sum(cell.state is CellState.STALE for cell in cells.values())
        if stale:
            line.append(f", {stale:,} too old to count", STYLES[CellState.STALE])
        if run.is_history and run.ended_at is not None:
            line.append(f"; the last result of each between {utc_text(run.started_at)} and {utc_text(run.ended_at)}")
        elif run.duration_seconds is not None:
            line.append(f" in {duration_text(run.duration_seconds)}")
        if run.ended is None:
            line.append(" (the run has no end: incomplete)", "yellow")
        elif run.ended is not RunEnd.COMPLETE:
            line.append(f" ({_END_WORDS[run.ended]})", "yellow")
        yield from lines


def findings_text(findings: Sequence[Finding], marks: Alphabet, console: Console, width: int) -> Iterator[Text]:
    """The findings as sentences: what explains many cells first, then single links; each with what to do."""
    wide = [finding for finding in findings if not finding.kind.narrow]
    singles = [finding for finding in findings if finding.kind.narrow]
    for finding in (*wide, *singles[:MOST_SINGLES]):
        state = CellState.ERROR if finding.blame is Blame.CLIENT else CellState.FAILURE
        body = Text(marks.clean(finding.sentence))
        if not finding.kind.narrow or len(singles) <= FEW_SINGLES:
            body.append(f"\n{finding.reason.info.fix}", "dim")
        body.append(f"\n{finding.cells:,} of {count_text(finding.of, 'cell')}", "dim")
        body.append(f"{marks.separator}tpcharness explain {finding.reason.value}", "dim")
        yield from hanging(Text(marks.mark(state), STYLES[state]), body, console, width)
    if len(singles) > MOST_SINGLES:
        yield Text(f"... and {count_text(len(singles) - MOST_SINGLES, 'more single link')}", "dim")
    yield Text()


def _badness(cells: Cells) -> tuple[Counter[str], Counter[str]]:
    """How many cells are broken, by source and by destination."""
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for cell in cells.values():
        if cell.state not in (CellState.OK, CellState.STALE) and isinstance(cell.subject, LinkSubject):
            rows[cell.subject.source] += 1
            columns[cell.subject.destination] += 1
    return rows, columns


def _short(variant: Variant) -> str:
    return variant.value.removeprefix("https-")


def _left_out(
    layout: Layout, clean: dict[str, str], rows: Counter[str], columns: Counter[str], marks: Alphabet
) -> Iterator[RenderableType]:
    if layout.density is not Density.NAMED:
        unnamed = [name for name in layout.columns if name not in layout.rows]
        if unnamed:
            yield Text("columns: " + ", ".join(f"{layout.numbers[name]} {clean[name]}" for name in unnamed), "dim")
    total = len(layout.numbers)
    for word, shown, bad in (("source", layout.rows, rows), ("destination", layout.columns, columns)):
        hidden = total - len(shown)
        if hidden:
            broken = sum(1 for name in layout.numbers if name not in set(shown) and bad[name])
            rest = "all of them good" if not broken else f"{broken:,} of them with broken cells"
            yield Text(f"shown: the {len(shown)} worst of {total} {word}s; left out: {hidden}, {rest}", "yellow")


def _legend(cells: Cells, doors: dict[str, Cell], layout: Layout, marks: Alphabet, width: int) -> Text:
    """Only what occurs is explained."""
    everything = (*cells.values(), *doors.values())
    seen = {cell.state for cell in everything}
    words = [f"{marks.mark(state)} {word}" for state, word in _STATE_WORDS.items() if state in seen]
    legend = Text(whole(words, width, gap="   "), "dim")
    blamed = {cell.worst.blame for cell in cells.values() if cell.state in (CellState.FAILURE, CellState.ERROR)}
    letters = [f"{letter} {blame.value}" for blame, letter in LETTERS.items() if blame in blamed and letter.strip()]
    if letters and layout.density is not Density.MARKS:
        pieces = [*(f"{each}," for each in letters[:-1]), letters[-1]]
        legend.append("\n" + whole(pieces, width, head="letter: who has to act:"))
    return legend


def _totals(tally: Tally, planned: int) -> Text:
    whole = max(planned, tally.total)
    text = Text(f"{tally.ok:,} of {whole:,} ok", "bold green" if tally.ok == whole else "bold")
    for count, word, state in (
        (tally.failure, "failed", CellState.FAILURE),
        (tally.error, "our own error" if tally.error == 1 else "our own errors", CellState.ERROR),
        (tally.skipped + whole - tally.total, "not tried", CellState.SKIPPED),
    ):
        if count:
            text.append(f", {count:,} {word}", STYLES[state])
    return text
