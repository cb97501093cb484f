"""Where a run's results go: FORMAT:FILE, checked before the run, written as it goes or at its end."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rich.console import Console

from tpcharness.export.document import document_text
from tpcharness.export.html_report import html_report
from tpcharness.export.jsonl import JsonLinesWriter
from tpcharness.export.junit import junit_text
from tpcharness.export.markdown import markdown_text
from tpcharness.export.metrics.textfile import prometheus_text
from tpcharness.export.protocols import contrasts_of
from tpcharness.export.table import MatrixReport
from tpcharness.model.finding import Finding
from tpcharness.model.result import Result
from tpcharness.results.run import RunFacts
from tpcharness.results.store import MatrixStore

STDOUT = "-"
_FILE_COLUMNS = 160


class Format(StrEnum):
    """What there is."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    HTML = "html"
    PROMETHEUS = "prometheus"


class OutputError(Exception):
    """An output that cannot be: an unknown format, or a file that cannot be written. The message is for the user."""


@dataclass(frozen=True, slots=True)
class Output:
    """One --output; `path` "-" is stdout."""

    format: Format
    path: str = STDOUT

    @classmethod
    def parse(cls, text: str) -> Output:
        """ "json:run.json", "json:-", "json". Raises OutputError that names the nearest format or all of them."""
        name, _, path = text.partition(":")
        if name in set(Format):
            return cls(Format(name), path or STDOUT)
        ending = name.rpartition(".")[2]
        near = difflib.get_close_matches(name, list(Format), n=1)
        if not path and name != ending and ending in set(Format):
            hint = f"a file has its format before it: {ending}:{name}"
        else:
            hint = f"did you mean {near[0]}?" if near else f"available: {', '.join(Format)}"
        raise OutputError(f"no output format {name!r}; {hint}")

    def __str__(self) -> str:
        return f"{self.format.value}:{self.path}"


class WholeFile:
    """A file that appears complete or not at all: written beside its place, then renamed over it.

    The temporary file is made at once, so that a path that cannot be written is known before a run starts. A
    symbolic link stays one; what is not a regular file (/dev/null, a pipe) is written directly. Leaving the context
    without `commit`, or with an exception, removes the temporary file and leaves an older file as it was.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).resolve()
        self._direct = self._path.exists() and not stat.S_ISREG(self._path.stat().st_mode)
        self._temporary = self._path if self._direct else self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        flags = os.O_WRONLY if self._direct else os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self.stream: IO[str] = os.fdopen(os.open(self._temporary, flags, 0o666), "w", encoding="utf-8")

    def commit(self) -> None:
        """Puts the file in its place. Raises OSError, also when the disk turns out to be full."""
        self.stream.flush()
        if not self._direct:
            os.fsync(self.stream.fileno())
            self._temporary.replace(self._path)
        self.stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.stream.closed:
            return
        _close(self.stream)
        if not self._direct:
            self._temporary.unlink(missing_ok=True)


class Outputs:
    """All outputs of one run: a context around it, a sink inside it.

    Entering opens every file and raises OutputError if one cannot be written: before the run touches anything.
    Then `begin`, `add` per result, and `finish` once. JSON lines are in their file as they come, whatever happens;
    the other formats are whole or not there. Errors of writing during or after the run are returned by `finish`:
    one broken file must not cost the others.
    """

    def __init__(self, outputs: Sequence[Output], console: Console) -> None:
        """`console` is stdout: the only place for `-`. Raises OutputError when two outputs go to one place."""
        places = [output.path if output.path == STDOUT else os.path.realpath(output.path) for output in outputs]
        for place in places:
            if places.count(place) > 1:
                raise OutputError(f"two outputs go to {'stdout' if place == STDOUT else place}: give each its own file")
        self._outputs = tuple(outputs)
        self._console = console
        self._stack = ExitStack()
        self._files: dict[Output, WholeFile] = {}
        self._streams: dict[Output, IO[str]] = {}
        self._writers: dict[Output, JsonLinesWriter] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # JSON lines last: opening them empties an older file, which nobody wants when another output is in the way
            for output in sorted(self._outputs, key=lambda output: output.format is Format.JSONL):
                if output.path == STDOUT:
                    self._streams[output] = self._console.file
                    continue
                try:
                    self._open(output, stack)
                except OSError as error:
                    raise OutputError(f"cannot write {output.path}: {error.strerror or error}") from error
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def begin(self, run: RunFacts) -> None:
        """The run starts: the first line of JSON lines."""
        for output in self._outputs:
            if output.format is Format.JSONL:
                self._writers[output] = JsonLinesWriter(self._streams[output], run)

    def add(self, result: Result) -> None:
        for writer in self._writers.values():
            writer.add(result)

    def finish(
        self, run: RunFacts, store: MatrixStore, findings: Sequence[Finding], *, now: datetime | None = None
    ) -> list[str]:
        """The run is over, however it ended: writes everything, and says in sentences what could not be written."""
        problems = []
        for output in self._outputs:
            try:
                problem = self._finish(output, run, store, findings, now)
            except OSError as error:
                problem = error
            if problem is not None:
                problems.append(f"cannot write {output}: {problem.strerror or problem}")
        return problems

    def _open(self, output: Output, stack: ExitStack) -> None:
        if output.format is Format.JSONL:
            stream = Path(output.path).open("w", encoding="utf-8")  # noqa: SIM115 - the stack closes it
            stack.callback(_close, stream)
            self._streams[output] = stream
        else:
            self._files[output] = stack.enter_context(WholeFile(output.path))
            self._streams[output] = self._files[output].stream

    def _finish(
        self, output: Output, run: RunFacts, store: MatrixStore, findings: Sequence[Finding], now: datetime | None
    ) -> OSError | None:
        stream = self._streams[output]
        if output.format is Format.JSONL:
            writer = self._writers[output]
            if run.ended is not None:  # a former run that is rendered again may have no end
                tallies = {"links": store.links(), "doors": store.door_tally(), "alone": store.alone_tally()}
                writer.finish(run, findings, **tallies, contrasts=contrasts_of(store))
            return writer.broken
        if output.format in _DOCUMENTS:
            for piece in _DOCUMENTS[output.format](run, store, findings):
                stream.write(piece)
        else:
            to_stdout = output.path == STDOUT
            console = self._console if to_stdout else _plain(stream)
            console.print(MatrixReport(store, run, findings, now=now))
        stream.flush()
        if output in self._files:
            self._files[output].commit()
        return None


# The text of a whole run, piece by piece. A new format is a member of `Format` and a line here.
_DOCUMENTS: Mapping[Format, Callable[[RunFacts, MatrixStore, Sequence[Finding]], Iterable[str]]] = {
    Format.JSON: lambda run, store, findings: document_text(run, store.results(), findings, contrasts_of(store)),
    Format.JUNIT: junit_text,
    Format.MARKDOWN: markdown_text,
    Format.HTML: lambda run, store, findings: (html_report(run, store, findings),),
    Format.PROMETHEUS: prometheus_text,
}


def _plain(stream: IO[str]) -> Console:
    """A console for a file: no escape sequences, whatever FORCE_COLOR says."""
    return Console(file=stream, width=_FILE_COLUMNS, force_terminal=False, no_color=True)


def _close(stream: IO[str]) -> None:
    """Closes a file whose content is settled: what a failed write left in its buffer is thrown away."""
    try:
        stream.close()
    except OSError:
        pass
