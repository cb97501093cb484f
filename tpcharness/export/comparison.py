"""Two runs compared: for a terminal, for a ticket, for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tpcharness.export.alphabet import STYLES, Alphabet, alphabet
from tpcharness.export.document import Document, moment_text, subject_document
from tpcharness.export.evidence_text import utc_text
from tpcharness.export.failure_text import blamed_party
from tpcharness.export.hanging import hanging, wrapped
from tpcharness.export.markdown import code, escaped, table
from tpcharness.export.quantities import count_text
from tpcharness.model.reason import Reason
from tpcharness.model.result import SCHEMA_VERSION, Result
from tpcharness.results.comparison import CellChange, Change, Comparison
from tpcharness.results.run import RunFacts
from tpcharness.results.store import CellState

MOST_ROWS = 30

_TOLD = (Change.NEWLY_BROKEN, Change.STILL_BROKEN, Change.FIXED)
_STATES = {
    Change.NEWLY_BROKEN: CellState.FAILURE,
    Change.STILL_BROKEN: CellState.FAILURE,
    Change.FIXED: CellState.OK,
}
_WORDS = {
    Change.NEWLY_BROKEN: "newly broken",
    Change.STILL_BROKEN: "still broken",
    Change.FIXED: "fixed",
    Change.NEW: "new and good",
    Change.GONE: "not probed any more",
    Change.STILL_GOOD: "good as before",
}


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """A rich renderable: what is newly broken, still broken and fixed, then the totals.

    Links that were not tried because an endpoint is down are counted, not listed: the endpoint's door is.
    """

    comparison: Comparison
    before: RunFacts
    after: RunFacts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks, width = alphabet(options), options.max_width
        since = f"compared with the run of {utc_text(self.before.started_at)} ({self.before.run_id})"
        yield from wrapped(Text(marks.clean(since), "dim"), console, width)
        for change in _TOLD:
            cells = self.comparison.of(change)
            if not cells:
                continue
            told, quiet = _split(cells)
            yield Text(f"{_WORDS[change]}: {len(cells):,}", "bold")
            state = _STATES[change]
            for cell in told[:MOST_ROWS]:
                mark = Text(marks.mark(state), STYLES[state])
                yield from hanging(mark, Text(f"{_name(cell, marks)}: {_became(cell, marks)}"), console, width)
            for sentence in _untold(told, quiet):
                yield from wrapped(Text(sentence, "dim"), console, width)
        for warning in _unfinished(self.before, self.after):
            yield from wrapped(Text(f"warning: {warning}", "yellow"), console, width)
        yield from wrapped(Text(totals_text(self.comparison), "bold"), console, width)


def comparison_markdown(comparison: Comparison, before: RunFacts, after: RunFacts) -> Iterator[str]:
    """A block for a ticket, line by line."""
    worse = comparison.count(Change.NEWLY_BROKEN)
    yield f"## {f'{worse:,} newly broken' if worse else 'Nothing newly broken'}\n\n"
    yield f"{totals_text(comparison)}.\n\n"
    for word, run in (("Before", before), ("After", after)):
        yield f"- {word}: {utc_text(run.started_at)}, run {code(run.run_id)}, harness {code(run.harness)}\n"
    for warning in _unfinished(before, after):
        yield f"\n**{escaped(warning)}**\n"
    for change in _TOLD:
        told, quiet = _split(comparison.of(change))
        if told or quiet:
            yield f"\n### {_WORDS[change].capitalize()}\n\n"
        if told:
            rows = [(str(cell.subject), cell.variant.value, _state(cell.before), _state(cell.after)) for cell in told]
            yield from table(("subject", "variant", "before", "after"), rows[:MOST_ROWS])
        for sentence in _untold(told, quiet):
            yield f"\n{sentence}\n"


def comparison_document(comparison: Comparison, before: RunFacts, after: RunFacts) -> Document:
    """Everything that is not as good as before; good cells are counted only."""
    return {
        "schema_version": SCHEMA_VERSION,
        "before": _run(before),
        "after": _run(after),
        "counts": {change.value: comparison.count(change) for change in Change},
        "changes": [
            {
                "change": cell.change.value,
                "subject": subject_document(cell.subject),
                "variant": cell.variant.value,
                "other_reason": cell.other_reason,
                "before": _verdict(cell.before),
                "after": _verdict(cell.after),
            }
            for cell in comparison.cells
            if cell.change is not Change.STILL_GOOD
        ],
    }


def totals_text(comparison: Comparison) -> str:
    """ "2 newly broken, 3 still broken (1 for another reason), 20 good as before"."""
    other = sum(cell.other_reason for cell in comparison.cells)
    parts = []
    for change in Change:
        count = comparison.count(change)
        if count or change is Change.NEWLY_BROKEN:
            detail = f" ({other:,} for another reason)" if change is Change.STILL_BROKEN and other else ""
            parts.append(f"{count:,} {_WORDS[change]}{detail}")
    return ", ".join(parts)


def _split(cells: Sequence[CellChange]) -> tuple[list[CellChange], int]:
    """The cells to be listed, and how many are links that nobody tried, before or now, for a down endpoint."""
    told = [cell for cell in cells if not _for_a_door(cell)]
    return told, len(cells) - len(told)


def _for_a_door(cell: CellChange) -> bool:
    decides = cell.before if cell.change is Change.FIXED else cell.after
    return decides is not None and decides.reason is Reason.ENDPOINT_DOWN


def _untold(told: Sequence[CellChange], quiet: int) -> Iterator[str]:
    if len(told) > MOST_ROWS:
        yield f"... and {count_text(len(told) - MOST_ROWS, 'more')}".replace("mores", "more")
    if quiet:
        yield f"{'and ' if told else ''}{count_text(quiet, 'link')} of endpoints that were down"


def _name(cell: CellChange, marks: Alphabet) -> str:
    subject = marks.clean(str(cell.subject), 160).replace(" -> ", f" {marks.arrow} ")
    return f"{subject} {cell.variant.value}"


def _became(cell: CellChange, marks: Alphabet) -> str:
    now, then = marks.clean(_state(cell.after)), marks.clean(_state(cell.before))
    match cell.change:
        case Change.FIXED:
            return f"ok; was {then}"
        case Change.STILL_BROKEN if not cell.other_reason:
            return f"{now}, as before"
        case _:
            return f"{now}; was {then}"


def _state(result: Result | None) -> str:
    if result is None:
        return "not probed"
    return "ok" if result.ok else f"{result.reason.value} (blame {blamed_party(result)})"


def _unfinished(before: RunFacts, after: RunFacts) -> Iterator[str]:
    for word, run in (("old", before), ("new", after)):
        if run.ended is None:
            yield f"the {word} run is incomplete: it has no end"


def _run(run: RunFacts) -> Document:
    ended = None if run.ended is None else run.ended.value
    return {
        "run_id": run.run_id,
        "started_at": moment_text(run.started_at),
        "version": run.version,
        "harness": run.harness,
        "ended": ended,
    }


def _verdict(result: Result | None) -> Document | None:
    if result is None:
        return None
    return {
        "outcome": result.outcome.value,
        "reason": result.reason.value,
        "code": result.code,
        "blame": result.blame.value,
        "probe_id": result.probe_id,
        "started_at": moment_text(result.started_at),
    }
