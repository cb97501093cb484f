"""JSON lines: the run first, each result as it finishes, a summary last; what is on disk survives a crash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import IO

from tpcharness.export.document import (
    Document,
    check_version,
    contrast_document,
    finding_document,
    is_control,
    moment_text,
    parse_json,
    read_finding,
    read_result,
    read_run,
    result_document,
    run_facts_document,
    to_json,
)
from tpcharness.model.contrast import Contrast
from tpcharness.model.finding import Finding
from tpcharness.model.result import SCHEMA_VERSION, Result
from tpcharness.results.fields import DocumentError, Fields
from tpcharness.results.run import RunEnd, RunFacts
from tpcharness.results.store import Tally

_NONE = Tally()


class JsonLinesWriter:
    """A sink that writes and flushes one line per result.

    It writes on the event loop: a line of a few kB goes into the page cache in some ten microseconds, and a thread
    with a queue could lose the last lines, which are the ones that matter after a crash. So the file should be on
    a local disk. The first OSError (disk full, a closed pipe) ends the writing, never the run: it is kept in
    `broken`, and whoever owns the writer says it at the end.
    """

    def __init__(self, stream: IO[str], run: RunFacts) -> None:
        self._stream = stream
        self._run = run
        self.broken: OSError | None = None
        self._write({"type": "run", "schema_version": SCHEMA_VERSION, **run_facts_document(run)})

    def add(self, result: Result) -> None:
        kind = "door" if is_control(self._run, result) else "result"
        self._write({"type": kind, **result_document(result)})

    def finish(
        self,
        run: RunFacts,
        findings: Iterable[Finding],
        *,
        links: Tally,
        doors: Tally,
        alone: Tally = _NONE,
        contrasts: Iterable[Contrast] = (),
    ) -> None:
        """Writes the summary of a run that is over; without it a reader says that the run is incomplete.

        Raises ValueError when the run is not over.
        """
        if run.ended is None or run.ended_at is None:
            raise ValueError("the run is not over")
        self._write(
            {
                "type": "summary",
                "run_id": run.run_id,
                "ended_at": moment_text(run.ended_at),
                "ended": run.ended.value,
                "warnings": list(run.warnings),
                "links": _tally(links),
                "doors": _tally(doors),
                "alone": _tally(alone),
                "findings": [finding_document(finding) for finding in findings],
                "contrasts": [contrast_document(contrast) for contrast in contrasts],
            }
        )

    def _write(self, line: Document) -> None:
        if self.broken is not None:
            return
        try:
            self._stream.write(to_json(line) + "\n")
            self._stream.flush()
        except OSError as error:
            self.broken = error


@dataclass(frozen=True, slots=True)
class Recording:
    """What a JSON lines file holds. `incomplete` is a sentence for people, empty when the run came to its end."""

    run: RunFacts
    results: tuple[Result, ...]
    findings: tuple[Finding, ...] = ()
    incomplete: str = ""


def read_jsonl(lines: Iterable[str]) -> Recording:
    """Reads one run. A torn last line is what a crash leaves and makes it incomplete.

    Raises DocumentError, naming the line, for anything else that is wrong. Lines of a type that this version does
    not know are ignored.
    """
    run: RunFacts | None = None
    results: list[Result] = []
    findings: tuple[Finding, ...] = ()
    for number, line, last in _numbered(lines):
        place = f"line {number}"
        try:
            document = parse_json(line, place)
        except DocumentError:
            if not last or run is None or line.endswith("\n"):
                raise
            break
        fields = Fields(document, place)
        kind = fields.text("type")
        if run is None:
            if kind != "run":
                raise DocumentError(f"{place}: expected the line of type run, found {kind!r}")
            check_version(fields)
            run = read_run(fields)
        elif run.ended is not None:
            raise DocumentError(f"{place}: another line after the summary")
        elif kind in ("door", "result"):
            results.append(read_result(document, place))
        elif kind == "summary":
            run = replace(
                run,
                ended_at=fields.moment("ended_at"),
                ended=fields.choice("ended", RunEnd),
                warnings=fields.texts("warnings"),
            )
            findings = tuple(read_finding(each) for each in fields.children("findings"))
    if run is None:
        raise DocumentError("no line: the file is empty")
    return Recording(run, tuple(results), findings, _what_is_missing(run, results))


def _what_is_missing(run: RunFacts, results: list[Result]) -> str:
    if run.ended is not None:
        return ""
    found = len({result.probe_id for result in results})
    return f"the run is incomplete: it has no summary, and {found} of {run.planned} planned probes have a result"


def _numbered(lines: Iterable[str]) -> Iterable[tuple[int, str, bool]]:
    """Lines that are not blank, with their number and whether they are the last."""
    previous: tuple[int, str] | None = None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            if previous is not None:
                yield (*previous, False)
            previous = (number, line)
    if previous is not None:
        yield (*previous, True)


def _tally(tally: Tally) -> Document:
    return {"ok": tally.ok, "failure": tally.failure, "error": tally.error, "skipped": tally.skipped}
