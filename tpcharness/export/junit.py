"""A run as JUnit XML, in the dialect that Jenkins, GitLab and pytest share; `tests/export/junit.xsd` is its schema.

A testsuite is a destination endpoint, its testcases are the links to it; all doors are one suite of their own, and so
is what else endpoints do alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from tpcharness.export.alphabet import UNICODE
from tpcharness.export.document import moment_text
from tpcharness.export.evidence_text import advice, evidence_rows
from tpcharness.export.failure_text import blamed_party
from tpcharness.export.protocols import contrasts_of
from tpcharness.export.quantities import size_text
from tpcharness.model.contrast import Contrast
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome
from tpcharness.results.run import RunFacts
from tpcharness.results.store import Cell, MatrixStore

MOST_CONTRASTS = 20
DOORS = "doors"
ALONE = "endpoints-alone"
_ELEMENTS = {Outcome.FAILURE: "failure", Outcome.ERROR: "error", Outcome.SKIPPED: "skipped"}
_NAME_LIMIT = 200
_LIMIT = 1000


def junit_text(run: RunFacts, store: MatrixStore, findings: Sequence[Finding]) -> Iterator[str]:
    """The XML text piece by piece, in ASCII: the same in every encoding that a terminal may have.

    Foreign text is stripped of what XML 1.0 cannot hold, escaped, and capped.
    """
    for piece in _document(run, store, findings):
        yield piece.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _document(run: RunFacts, store: MatrixStore, findings: Sequence[Finding]) -> Iterator[str]:
    suites = list(_suites(store))
    everything = [result for _, cells in suites for cell in cells for result in cell.results]
    counts = _counts(everything)
    del counts["skipped"]  # that attribute is known to suites only
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes(name='tpcharness', **counts, time=_seconds(run.duration_seconds or 0.0))}>\n"
    contrasts = contrasts_of(store)
    for name, cells in suites:
        yield from _suite(name, cells, run, findings, [each for each in contrasts if _is_about(each, name)])
    yield "</testsuites>\n"


def _suites(store: MatrixStore) -> Iterator[tuple[str, list[Cell]]]:
    if doors := list(store.door_cells()):
        yield DOORS, doors
    if alone := list(store.alone_cells()):
        yield ALONE, alone
    by_destination: dict[str, list[Cell]] = {name: [] for name in store.endpoints()}
    for cell in store.cells():
        if isinstance(cell.subject, LinkSubject):
            by_destination[cell.subject.destination].append(cell)
    for name, cells in by_destination.items():
        if cells:
            yield name, sorted(cells, key=lambda cell: (str(cell.subject), cell.variant))


def _suite(
    name: str, cells: list[Cell], run: RunFacts, findings: Sequence[Finding], contrasts: Sequence[Contrast]
) -> Iterator[str]:
    results = [result for cell in cells for result in cell.results]
    counts = _counts(results)
    seconds = sum(_duration(result) for result in results)
    title = _text(name, _NAME_LIMIT)
    began = moment_text(min(result.started_at for result in results))[:19]  # xs:dateTime, in UTC without saying so
    yield f"  <testsuite{_attributes(name=title, **counts, time=_seconds(seconds), timestamp=began)}>\n"
    yield "    <properties>\n"
    for key, value in _facts(run):
        yield f"      <property{_attributes(name=key, value=_text(value))}/>\n"
    for finding in findings:
        if _concerns(finding, name):
            yield f"      <property{_attributes(name='finding', value=_text(finding.sentence))}/>\n"
    for contrast in contrasts[:MOST_CONTRASTS]:
        yield f"      <property{_attributes(name='contrast', value=_text(contrast.sentence))}/>\n"
    yield "    </properties>\n"
    for cell in cells:
        for result in sorted(cell.results, key=lambda result: result.size_bytes):
            yield from _case(title, result, several=len(cell.results) > 1)
    yield "  </testsuite>\n"


def _is_about(contrast: Contrast, suite: str) -> bool:
    subject = contrast.subject
    return suite == (subject.destination if isinstance(subject, LinkSubject) else subject.endpoint)


def _concerns(finding: Finding, suite: str) -> bool:
    """What explains more than a pair stands at the doors, too."""
    if finding.kind is FindingKind.SINGLE_LINK:
        return suite == finding.culprits[-1]
    return suite in (*finding.culprits, *finding.destinations) or (suite in (DOORS, ALONE) and not finding.kind.narrow)


def _case(suite: str, result: Result, *, several: bool) -> Iterator[str]:
    name = f"{_text(str(result.subject), _NAME_LIMIT)} [{_how(result, several=several)}]"
    attributes = _attributes(classname=f"tpcharness.{suite}", name=name, time=_seconds(_duration(result)))
    if result.ok and not result.warnings:
        yield f"    <testcase{attributes}/>\n"
        return
    yield f"    <testcase{attributes}>\n"
    if result.ok:
        lines = [f"warning: {_text(warning)}" for warning in result.warnings]
    else:
        yield from _complaint(result)
        lines = [f"{label}: {text}" for label, text in evidence_rows(result, UNICODE)]
    yield f"      <system-out>{escape(chr(10).join(lines))}</system-out>\n"
    yield "    </testcase>\n"


def _complaint(result: Result) -> Iterator[str]:
    element = _ELEMENTS[result.outcome]
    message = f"{result.reason.info.sentence} (blame {_text(blamed_party(result), _NAME_LIMIT)})"
    attributes = _attributes(type=result.reason.value, message=message)
    yield f"      <{element}{attributes}>{escape(advice(result, UNICODE))}</{element}>\n"


def _how(result: Result, *, several: bool) -> str:
    return f"{result.variant.value}, {size_text(result.size_bytes)}" if several else result.variant.value


def _facts(run: RunFacts) -> Iterator[tuple[str, str]]:
    yield "tpcharness", run.version
    yield "harness", run.harness
    yield "run_id", run.run_id
    yield "started_at", moment_text(run.started_at)
    yield "ended", "incomplete" if run.ended is None else run.ended.value
    yield "planned_links", str(run.planned_links)
    if run.config_path:
        yield "config_path", run.config_path
    for warning in run.warnings:
        yield "warning", warning


def _counts(results: Sequence[Result]) -> dict[str, str]:
    def count(outcome: Outcome) -> str:
        return str(sum(result.outcome is outcome for result in results))

    return {
        "tests": str(len(results)),
        "failures": count(Outcome.FAILURE),
        "errors": count(Outcome.ERROR),
        "skipped": count(Outcome.SKIPPED),
    }


def _duration(result: Result) -> float:
    return sum(result.phases.values())


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())


def _text(text: str, limit: int = _LIMIT) -> str:
    # What is printable is a legal character of XML 1.0: controls, surrogates and non-characters are not.
    return UNICODE.clean(text, limit)
