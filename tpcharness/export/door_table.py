"""What `check` shows: one line per endpoint, and for each that failed what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tpcharness.export.alphabet import STYLES, Alphabet, alphabet
from tpcharness.export.failure_text import FailureText
from tpcharness.export.quantities import duration_text
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, Variant
from tpcharness.results.store import CellState

FEW_DAYS = 14.0
BIG_OFFSET_SECONDS = 60.0  # tokens live for minutes: a clock that is off by one minute refuses fresh ones
_DAY_SECONDS = 86400.0
_WIDE = 80


@dataclass(frozen=True, slots=True)
class DoorReport:
    """A rich renderable of door results, in the order given; narrow terminals do without family and clock."""

    results: Sequence[Result]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks = alphabet(options)
        wide = options.max_width >= _WIDE
        verdicts = [_verdict(result, marks) for result in self.results]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("endpoint", overflow="fold", min_width=min(16, self._longest()))
        if wide:
            table.add_column("family")
        table.add_column("implementation", overflow="fold")
        table.add_column("TLS left", justify="right", no_wrap=True)
        if wide:
            table.add_column("clock", justify="right", no_wrap=True)
        table.add_column("verdict", min_width=max(map(len, verdicts), default=0))
        for result, verdict in zip(self.results, verdicts, strict=True):
            name = Text(marks.clean(_name(result), 80))
            runs = Text(marks.clean(", ".join(dict.fromkeys(result.implementation.destination)), 80) or marks.dash)
            family = [Text(", ".join(families(result)) or marks.dash)] if wide else []
            clock = [_clock(result, marks)] if wide else []
            table.add_row(name, *family, runs, _certificate(result, marks), *clock, verdict)
        yield table
        for result in self.results:
            if not result.ok:
                yield Text()
                yield FailureText(result)
            for warning in result.warnings if result.ok else ():
                yield Text(f"warning: {marks.clean(_name(result), 80)}: {marks.clean(warning)}", "yellow")
        yield Text()
        good = sum(result.ok for result in self.results)
        style = "bold green" if good == len(self.results) else "bold"
        what = "doors" if all(result.variant in DOOR_VARIANTS for result in self.results) else "checks"
        yield Text(f"{good} of {len(self.results)} {what} ok", style)

    def _longest(self) -> int:
        return max((len(_name(result)) for result in self.results), default=0)


def _name(result: Result) -> str:
    return str(result.subject) if result.variant is Variant.DOOR else f"{result.subject} {result.variant}"


def certificate_days(result: Result) -> float | None:
    """Days from the check to the end of the first certificate to expire; None when no certificate was seen."""
    ends = [facts.not_after for facts in result.evidence.tls if facts.not_after is not None]
    return (min(ends) - result.started_at).total_seconds() / _DAY_SECONDS if ends else None


def families(result: Result) -> tuple[str, ...]:
    """The address families that were reached, by the addresses seen, else by what the result says."""
    seen = {
        AddressFamily.IPV6 if ":" in facts.address else AddressFamily.IPV4
        for facts in result.evidence.tls
        if facts.address
    }
    if not seen and result.address_family is not None:
        seen = {result.address_family}
    return tuple(sorted(family.value for family in seen))


def _certificate(result: Result, marks: Alphabet) -> Text:
    days = certificate_days(result)
    if days is None:
        return Text(marks.dash, "dim")
    if days < 0:
        return Text("expired", STYLES[CellState.FAILURE])
    return Text(f"{days:.0f} d{' !' if days < FEW_DAYS else ''}", "yellow" if days < FEW_DAYS else "")


def _clock(result: Result, marks: Alphabet) -> Text:
    offset = result.clock_offset_seconds
    if offset is None:
        return Text(marks.dash, "dim")
    if abs(offset) < 1.0:  # a Date header knows no fractions of a second
        return Text("<1 s")
    big = abs(offset) >= BIG_OFFSET_SECONDS
    sign = "-" if offset < 0 else "+"
    return Text(f"{sign}{duration_text(abs(offset))}{' !' if big else ''}", "yellow" if big else "")


def _verdict(result: Result, marks: Alphabet) -> Text:
    state = CellState(result.outcome.value)
    words = "ok" if result.ok else result.reason.value
    return Text(f"{marks.mark(state)} {words}", STYLES[state])
