"""One check in the words of the monitoring plug-ins: a status line, performance data, and long text below.

Monitoring Plugins Development Guidelines; ETF and Nagios read it. The text is ASCII: not every link of that chain
takes more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from tpcharness.export.alphabet import ASCII
from tpcharness.export.door_table import certificate_days
from tpcharness.export.evidence_text import evidence_rows
from tpcharness.export.failure_text import blamed_party
from tpcharness.export.quantities import duration_text, rate_text, size_text
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, Blame, Outcome, Phase, Variant

MOST_BYTES = 4000
"""Nagios keeps 8 kB at most, and what passes it on often less."""

_HEADLINE_LIMIT = 300
_LINE_LIMIT = 500
_OURS = frozenset({Reason.LOCAL_NETWORK, Reason.SEED_LOST, Reason.NOT_REACHED, Reason.CANCELLED})


class Status(IntEnum):
    """What a plug-in ends with."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Perfdata:
    """One figure. Units as the guidelines have them: s, B, or none at all (a rate has none)."""

    label: str
    value: float
    unit: str = ""
    warning: str = ""

    def __str__(self) -> str:
        figure = f"{self.value:.6f}".rstrip("0").rstrip(".")  # never an exponent
        return f"{self.label}={figure}{self.unit};{self.warning};;0"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the monitoring is told."""

    status: Status
    headline: str
    perfdata: tuple[Perfdata, ...] = ()
    details: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole output, without the newline at its end. A bar begins performance data, so that no text has one."""
        line = f"TPCHARNESS {self.status.name} - {_clean(self.headline, _HEADLINE_LIMIT)}"
        if self.perfdata:
            line += f" | {' '.join(map(str, self.perfdata))}"
        room = MOST_BYTES - len(line)
        lines = [line]
        for detail in self.details:
            text = _clean(detail, _LINE_LIMIT)
            room -= len(text) + 1
            if room < 0:
                break
            lines.append(text)
        return "\n".join(lines)


def unknown(why: str, details: Iterable[str] = ()) -> Verdict:
    """We cannot tell: whatever is our own matter."""
    return Verdict(Status.UNKNOWN, why, details=tuple(details))


def judge(result: Result, doors: Sequence[Result], *, certificate_warning_days: float) -> Verdict:
    """What one result means to the monitoring; for a link, `doors` are those of its ends, else it is the door itself.

    A failure of a storage or of the path is CRITICAL. UNKNOWN is what is ours, what was not tried for our reasons, and
    whatever kept us from having a token.
    """
    if result.reason is Reason.ENDPOINT_DOWN:
        return _not_tried(result, doors)
    if not result.ok:
        what = f"{result.reason.info.sentence.rstrip('.')} ({result.reason.value}, blame {blamed_party(result)})"
        headline = f"{_name(result)}: {what}"
        return Verdict(_status(result), headline, tuple(_figures(result)), tuple(_details(result)))
    figures = [*_figures(result)]
    days = min((left for door in doors if (left := certificate_days(door)) is not None), default=None)
    if days is not None:
        figures.append(Perfdata("certificate_days", round(days, 2), warning=f"{certificate_warning_days:g}:"))
    details = tuple(dict.fromkeys(f"warning: {warning}" for each in (result, *doors) for warning in each.warnings))
    if days is not None and days < certificate_warning_days:
        whose = min(doors, key=_days)
        headline = f"{_name(result)}: ok, but the certificate of {whose.subject} ends in {days:.1f} days"
        return Verdict(Status.WARNING, headline, tuple(figures), details)
    return Verdict(Status.OK, f"{_name(result)}: {_success(result)}", tuple(figures), details)


def _status(result: Result) -> Status:
    if result.outcome is not Outcome.FAILURE or result.reason in _OURS or result.blame is Blame.CLIENT:
        return Status.UNKNOWN
    return Status.UNKNOWN if result.phase is Phase.TOKEN else Status.CRITICAL


def _not_tried(result: Result, doors: Sequence[Result]) -> Verdict:
    """A link whose endpoint is down: what the door says."""
    door = next((door for door in doors if not door.ok), None)
    if door is None:
        return unknown(f"{_name(result)}: {result.reason.info.sentence}", _details(result))
    why = f"{_name(door)} fails its own check: {door.reason.info.sentence.rstrip('.')} ({door.reason.value})"
    return Verdict(_status(door), f"{_name(result)}: not tried, {why}", details=tuple(_details(door)))


def _name(result: Result) -> str:
    return str(result.subject) if result.variant is Variant.DOOR else f"{result.subject} {result.variant.value}"


def _success(result: Result) -> str:
    link = isinstance(result.subject, LinkSubject)
    if not link and result.throughput is None:
        what = "door ok" if result.variant in DOOR_VARIANTS else "ok"
        return f"{what} in {duration_text(sum(result.phases.values()))}"
    text = f"{size_text(result.size_bytes)} {'copied' if link else 'moved'}"
    if result.transfer_seconds is not None:
        text += f" in {duration_text(result.transfer_seconds)}"
    if result.throughput is not None:
        text += f" ({rate_text(result.throughput)})"
    return f"{text}, {result.checksum.algorithm} verified" if link or result.checksum.found else text


def _figures(result: Result) -> Iterator[Perfdata]:
    """The figures of a probe that ran."""
    if result.phases:
        yield Perfdata("time", sum(result.phases.values()), "s")
    if result.transfer_seconds is not None:
        yield Perfdata("transfer", result.transfer_seconds, "s")
    if result.bytes is not None and result.variant not in DOOR_VARIANTS:
        yield Perfdata("size", result.bytes, "B")
    if result.throughput is not None:
        yield Perfdata("throughput", round(result.throughput))


def _details(result: Result) -> Iterator[str]:
    yield f"remedy: {result.reason.info.fix} See: tpcharness explain {result.reason.value}"
    for label, text in evidence_rows(result, ASCII):
        yield f"{label}: {text}"


def _days(door: Result) -> float:
    days = certificate_days(door)
    return float("inf") if days is None else days


def _clean(text: str, limit: int) -> str:
    return ASCII.clean(text, limit).replace("|", "/")
