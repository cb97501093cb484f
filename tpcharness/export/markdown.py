"""A run as a block of Markdown to paste into a ticket (GGUS, GitLab, GitHub).

Whatever a server said stands in a code span: there nothing is markup, a mention or a link. Names and sentences are
escaped, so that nobody's name can break a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tpcharness.export.alone import AloneCell, alone_table
from tpcharness.export.alphabet import UNICODE
from tpcharness.export.evidence_text import evidence_rows, utc_text
from tpcharness.export.failure_text import blamed_party
from tpcharness.export.protocols import FEW_VARIANTS, contrasts_of, legend_of, word_of
from tpcharness.export.quantities import count_text, duration_text, size_text
from tpcharness.model.contrast import Contrast
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome
from tpcharness.results.run import RunEnd, RunFacts
from tpcharness.results.store import CellState, MatrixStore

MOST_FINDINGS = 20
MOST_ROWS = 100
MOST_NAMES = 6
MOST_COLUMNS = 20

_LIMIT = 1000
# What can begin markup, an entity, a mention or a reference in the middle of a line (GitLab Flavored Markdown).
_SPECIAL = re.compile(r"([\\`*\[\]<|~$&@#!]|(?<!\w)_|_(?!\w))")
_BACKTICKS = re.compile("`+")
_END_WORDS = {
    None: "This run has no end: it was killed, or is still going on. What follows is what it had found.",
    RunEnd.DEADLINE: "The run was cut short by its deadline.",
    RunEnd.MAX_FAILURES: "The run was stopped after too many failures.",
    RunEnd.INTERRUPTED: "The run was interrupted.",
}


def markdown_text(run: RunFacts, store: MatrixStore, findings: Sequence[Finding]) -> Iterator[str]:
    """The text line by line: verdict, findings worst first with their evidence, cells that are not ok, the run."""
    yield f"## {_verdict(store, findings)}\n\n"
    yield f"Third-party copies between storages, probed {utc_text(run.started_at)} by tpcharness {escaped(run.version)}"
    yield f" (harness {code(run.harness)}, run {code(run.run_id)}).\n"
    if run.ended in _END_WORDS:
        yield f"\n**{_END_WORDS[run.ended]}**\n"
    for number, finding in enumerate(findings[:MOST_FINDINGS], start=1):
        yield from _finding(number, finding, store)
    if len(findings) > MOST_FINDINGS:
        yield f"\n... and {count_text(len(findings) - MOST_FINDINGS, 'more finding')}.\n"
    yield from _contrasts(contrasts_of(store))
    yield from _protocols(store)
    yield from _alone(store)
    yield from _cells(store)
    yield from _totals(run, store)


def escaped(text: str) -> str:
    """Foreign text as plain words of Markdown, in one line: also in a table, where a bar would end the cell."""
    return _SPECIAL.sub(r"\\\1", UNICODE.clean(text, _LIMIT))


def code(text: str) -> str:
    """Foreign text as a code span, fenced by more backticks than it holds in a row (CommonMark 6.1). Not for tables."""
    text = UNICODE.clean(text, _LIMIT)
    if not text:
        return UNICODE.dash
    fence = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table; its cells are escaped here."""
    yield f"| {' | '.join(header)} |\n"
    yield f"| {' | '.join('---' for _ in header)} |\n"
    for row in rows:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |\n"


def _verdict(store: MatrixStore, findings: Sequence[Finding]) -> str:
    links, doors = store.links(), store.door_tally()
    tally, word = (links, "link probe") if links.total else (doors, "endpoint check")
    if not tally.total:
        return "Nothing was probed"
    alone = store.alone_tally()
    if tally.ok == tally.total and doors.ok == doors.total and alone.ok == alone.total:
        return f"All {count_text(tally.total, word)} ok"
    parts = [
        f"{count:,} {what}"
        for count, what in (
            (tally.failure, "failed"),
            (tally.error, "ended in an error of ours"),
            (tally.skipped, "not tried"),
        )
        if count
    ]
    accused = {finding.culprits[0] for finding in findings if len(finding.culprits) == 1}
    endpoints = sorted(accused & set(store.endpoints()))
    whose = f": {', '.join(escaped(name) for name in endpoints)}" if 0 < len(endpoints) <= 3 else ""
    return f"Of {count_text(tally.total, word)}, {', '.join(parts) or 'all ok, but not each endpoint alone'}{whose}"


def _finding(number: int, finding: Finding, store: MatrixStore) -> Iterator[str]:
    yield f"\n### {number}. {escaped(_title(finding))}: {finding.reason.value.replace('_', ' ')}\n\n"
    yield f"{escaped(finding.sentence)}\n\n"
    yield f"- **who has to act:** {escaped(_who(finding))}\n"
    yield f"- **remedy:** {finding.reason.info.fix}\n"
    yield f"- **reason:** {code(finding.reason.value)} (code {finding.reason.code(finding.blame)}): "
    yield f"{escaped(finding.reason.info.sentence)}\n"
    if finding.of:
        yield f"- **cells:** {finding.cells:,} of {finding.of:,} tried\n"
    result = _typical(finding, store)
    if result is not None:
        yield f"\nFor example {escaped(str(result.subject))}, {code(result.variant.value)}:\n\n"
        for label, text in evidence_rows(result, UNICODE):
            yield f"- {label}: {code(text)}\n"


def _typical(finding: Finding, store: MatrixStore) -> Result | None:
    """The result that the finding names; where only a part of the matrix is shown, one like it."""
    found = [result for result in store.results() if result.probe_id == finding.probe_id]
    found = found or [result for result in store.results() if _is_like(result, finding)]
    return found[-1] if found else None


def _is_like(result: Result, finding: Finding) -> bool:
    subject = result.subject
    ends = {subject.source, subject.destination} if isinstance(subject, LinkSubject) else {subject.endpoint}
    if finding.kind.narrow:
        return result.reason is finding.reason and set(finding.culprits) == ends
    return result.reason is finding.reason and not ends.isdisjoint((*finding.culprits, *finding.destinations))


def _who(finding: Finding) -> str:
    """The party that has to act, by name where it is an endpoint."""
    match finding.blame:
        case Blame.SOURCE | Blame.DESTINATION if finding.kind is FindingKind.SINGLE_LINK:
            return f"{finding.blame.value} {finding.culprits[0 if finding.blame is Blame.SOURCE else -1]}"
        case Blame.SOURCE:
            return _names(finding.sources or finding.culprits)
        case Blame.DESTINATION:
            return _names(finding.destinations or finding.culprits)
        case Blame.PATH:
            return "the network between the two"
        case Blame.ISSUER:
            return "the token issuer"
        case Blame.CLIENT:
            return "whoever runs this harness"
        case _:
            return f"undetermined: {finding.reason.info.who}"


def _title(finding: Finding) -> str:
    if finding.kind is FindingKind.SINGLE_LINK:
        return " -> ".join(finding.culprits)
    return _names(finding.culprits) or "everything"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _contrasts(contrasts: Sequence[Contrast]) -> Iterator[str]:
    if contrasts:
        yield "\n### Contrasts between variants\n\n"
    for contrast in contrasts[:MOST_FINDINGS]:
        yield f"- {escaped(contrast.sentence)}\n"
    if len(contrasts) > MOST_FINDINGS:
        yield f"\n... and {count_text(len(contrasts) - MOST_FINDINGS, 'more contrast')}.\n"


def _protocols(store: MatrixStore) -> Iterator[str]:
    """Which variants work on each link; of a mesh too wide for a ticket nothing, the other formats have it."""
    variants, names = store.variants(), store.endpoints()
    if len(variants) <= FEW_VARIANTS or len(names) > MOST_COLUMNS:
        return
    yield f"\n### Which variants work\n\nRows are sources. The best as a capital: {', '.join(legend_of(variants))}.\n\n"
    rows = []
    for source in names:
        row = [source]
        for destination in names:
            found = {v: cell for v in variants if (cell := store.cell(source, destination, v)) is not None}
            row.append(word_of(found, variants, UNICODE.states) if found else UNICODE.dash)
        rows.append(row)
    yield from table(("", *(escaped(name) for name in names)), rows)


def _alone(store: MatrixStore) -> Iterator[str]:
    """Endpoint by variant, the failing ones first."""
    told = alone_table(store.alone_cells(), lambda _: "")
    if not told.rows:
        return
    yield "\n### Endpoints alone\n\n"
    rows = [
        (row.name, *("" if cell is None else f"{UNICODE.mark(cell.state)} {_said(cell)}".strip() for cell in row.cells))
        for row in told.rows[:MOST_ROWS]
    ]
    yield from table(("endpoint", *(variant.value for variant in told.variants)), rows)
    if len(told.rows) > MOST_ROWS:
        yield f"\n... and {count_text(len(told.rows) - MOST_ROWS, 'more endpoint')}.\n"


def _said(cell: AloneCell) -> str:
    return cell.rate if cell.state is CellState.OK else cell.reason


def _cells(store: MatrixStore) -> Iterator[str]:
    broken = [cell.worst for cell in (*store.endpoint_cells(), *store.cells()) if cell.state is not CellState.OK]
    if not broken:
        return
    broken.sort(key=lambda result: (result.outcome is Outcome.SKIPPED, str(result.subject), result.variant))
    yield f"\n### Not ok: {count_text(len(broken), 'cell')}\n\n"
    rows = [
        (
            str(each.subject),
            each.variant.value,
            size_text(each.size_bytes),
            each.outcome.value,
            each.reason.value,
            blamed_party(each),
        )
        for each in broken[:MOST_ROWS]
    ]
    yield from table(("subject", "variant", "size", "outcome", "reason", "blame"), rows)
    if len(broken) > MOST_ROWS:
        yield f"\n... and {count_text(len(broken) - MOST_ROWS, 'more cell')}.\n"


def _totals(run: RunFacts, store: MatrixStore) -> Iterator[str]:
    doors, alone, links = store.door_tally(), store.alone_tally(), store.links()
    took = "" if run.duration_seconds is None else f", in {duration_text(run.duration_seconds)}"
    if run.is_history and run.ended_at is not None:
        took = f"; the last result of each between {utc_text(run.started_at)} and {utc_text(run.ended_at)}"
    parts = [
        f"{tally.ok:,} of {max(tally.total, planned):,} {word} ok"
        for tally, planned, word in (
            (doors, run.planned_doors, "doors"),
            (alone, run.planned_alone, "endpoints alone"),
            (links, run.planned_links, "links"),
        )
        if tally.total or planned
    ]
    yield f"\n{'; '.join(parts)}{took}. What a reason means: {code('tpcharness explain REASON')}.\n"
    for warning in run.warnings:
        yield f"\nWarning: {escaped(warning)}\n"
