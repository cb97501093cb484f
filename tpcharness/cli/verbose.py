"""What -v adds on stderr while a run goes on."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tpcharness.export.alphabet import alphabet
from tpcharness.export.failure_text import FailureText
from tpcharness.export.quantities import duration_text
from tpcharness.model.progress import Event, ExchangeSeen, ProbeEnded
from tpcharness.model.variant import Outcome


class Verbose:
    """An observer: with `verbosity` 1 it tells each failure in full as it comes, with 2 also every request.

    `console` must be the one of the progress, which keeps out of the way of what is printed there.
    """

    def __init__(self, console: Console, verbosity: int) -> None:
        self._console = console
        self._verbosity = verbosity
        self._marks = alphabet(console.options)

    def notice(self, event: Event) -> None:
        match event:
            case ExchangeSeen() if self._verbosity > 1:
                exchange = event.exchange
                answer = exchange.error if exchange.status is None else f"{exchange.status} {exchange.status_text}"
                line = f"{event.probe_id} {exchange.method} {exchange.url}: {answer} ({duration_text(event.seconds)})"
                self._console.print(Text(self._marks.clean(line), "dim"), soft_wrap=True)
            case ProbeEnded() if self._verbosity and event.result.outcome in (Outcome.FAILURE, Outcome.ERROR):
                self._console.print(FailureText(event.result))
