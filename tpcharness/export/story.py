"""One probe told as it happens, in the manner of `curl -v`: steps, heads of both sides, markers, the verdict."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from tpcharness.export.alphabet import STYLES, alphabet
from tpcharness.export.failure_text import FailureText, subject_text
from tpcharness.export.hanging import wrapped
from tpcharness.export.quantities import duration_text, rate_text, size_text
from tpcharness.model.progress import (
    Event,
    ExchangeSeen,
    MarkerSeen,
    PhaseEntered,
    ProbeEnded,
    ProbeStarted,
    Remark,
    TerminalSeen,
)
from tpcharness.model.result import Exchange, Result
from tpcharness.model.variant import Phase
from tpcharness.results.store import CellState


class Story:
    """An observer that prints each event of a probe as a line or a few, and a block with the verdict at the end.

    `*` is a step of ours, `>` what we sent, `<` what came back. Every line carries the seconds since the probe
    began, by `clock` (time.monotonic, in a running program); what we sent carries the time of its sending, although it
    is told when the head of its answer has come. `heads` and `markers` switch
    those lines off. Meant for one probe at a time: lines of several would mix. Prints on the event loop; a terminal
    takes a line in well under a millisecond, and one probe makes few.
    """

    def __init__(
        self, console: Console, clock: Callable[[], float], *, heads: bool = True, markers: bool = True
    ) -> None:
        self._console = console
        self._marks = alphabet(console.options)
        self._clock = clock
        self._began = clock()
        self._told: str | None = None
        self._heads = heads
        self._markers = markers

    def notice(self, event: Event) -> None:
        match event:
            case ProbeStarted():
                self._begin(event.probe_id, f"{self._clean(event.label)}  (probe {self._clean(event.probe_id)})")
            case PhaseEntered():
                self._line("*", event.phase.value, "bold")
            case ExchangeSeen():
                if event.probe_id != self._told:  # no probe's: our own tidying up, before and after
                    self._begin(event.probe_id, self._clean(event.probe_id))
                self._exchange(event.exchange, event.seconds)
            case MarkerSeen():
                if self._markers:
                    claimed = "no byte count" if event.bytes_claimed is None else size_text(event.bytes_claimed)
                    self._line("<", f"marker: {claimed} {event.state}", "dim")
            case TerminalSeen():
                self._line("<", event.text, "bold")
            case Remark():
                self._line("*", event.text)
            case ProbeEnded():
                self._verdict(event.result)

    def _begin(self, probe_id: str, title: str) -> None:
        if self._told is not None:
            self._console.print()
        self._told = probe_id
        self._began = self._clock()
        self._console.print(Text(title, "bold"), soft_wrap=True)

    def _exchange(self, exchange: Exchange, seconds: float) -> None:
        asked = max(0.0, self._clock() - self._began - seconds)
        if self._heads:
            host, _, path = exchange.url.partition("://")[2].partition("/")
            head = [f"{exchange.method} /{path}", f"Host: {host}"]
            head += [f"{name}: {value}" for name, value in exchange.request_headers]
        else:
            head = [f"{exchange.method} {exchange.url}"]
        for line in head:
            self._line(">", line, "cyan", at=asked)
        for hop in exchange.hops[:-1]:
            self._line("<", f"{hop.status or 'no status'} from {hop.host} {hop.server}, on to {hop.location}")
        took = duration_text(seconds)
        if exchange.status is None:
            self._line("<", f"{exchange.error or 'no answer'} ({took})", STYLES[CellState.FAILURE])
            return
        expected = exchange.phase is Phase.CLEANUP and exchange.status in (404, 410)  # gone is what it should be
        style = STYLES[CellState.FAILURE if exchange.status >= 400 and not expected else CellState.OK]
        self._line("<", f"{exchange.status} {exchange.status_text} ({exchange.server or 'no Server'}, {took})", style)
        for text in (exchange.body_excerpt, exchange.error):
            if text.strip():
                self._line("<", text)

    def _verdict(self, result: Result) -> None:
        self._console.print()
        phases = [f"{phase.value} {duration_text(result.phases[phase])}" for phase in Phase if phase in result.phases]
        if phases:
            line = Text(self._marks.separator.join(phases), "dim")
            self._wrap(line)
        if not result.ok:
            self._console.print(FailureText(result))
            return
        mark = self._marks.mark(CellState.OK)
        line = Text.assemble((f"{mark} {subject_text(result, self._marks)}: ok", STYLES[CellState.OK]))
        if result.bytes is not None:
            line.append(f", {size_text(result.bytes)}")
        if result.transfer_seconds is not None:
            line.append(f" in {duration_text(result.transfer_seconds)}")
        if result.throughput is not None:
            line.append(f" ({rate_text(result.throughput)})")
        if result.checksum.found:
            found = self._clean(f"{result.checksum.algorithm} {result.checksum.found}")
            line.append(f", {found} by {result.checksum.verified_by.value}")
        self._wrap(line)
        for warning in result.warnings:
            self._wrap(Text(f"warning: {self._clean(warning)}", "yellow"))

    def _wrap(self, text: Text) -> None:
        for line in wrapped(text, self._console, self._console.width):
            self._console.print(line)

    def _line(self, sign: str, text: str, style: str = "", *, at: float | None = None) -> None:
        stamp = f"{self._clock() - self._began if at is None else at:8.3f} "
        self._console.print(Text.assemble((stamp, "dim"), f"{sign} ", (self._clean(text), style)), soft_wrap=True)

    def _clean(self, text: str) -> str:
        return self._marks.clean(text)
