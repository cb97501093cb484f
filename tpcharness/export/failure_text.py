"""One failure as three things: what failed and who has to act, what was asked and answered, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from tpcharness.export.alphabet import STYLES, Alphabet, alphabet
from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Exchange, Result
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.results.store import CellState

_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class FailureText:
    """A rich renderable of one result that is not ok. The first word is its outcome: a failure is a storage's,
    an error is ours."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        marks, result = alphabet(options), self.result
        who = marks.clean(blamed_party(result))
        headline = Text.assemble((f"{result.outcome.value}: ", STYLES[CellState(result.outcome.value)]))
        headline.append(f"{subject_text(result, marks)}: {result.reason.info.sentence} ", "bold")
        headline.append(f"({result.reason.value}; phase {result.phase.value}, blame {who})")
        yield headline
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, style="dim")
        grid.add_column(overflow="fold")
        for label, text in self._rows(marks):
            grid.add_row(f"  {label}:", Text(text))  # Text: a plain string would be read as rich's markup
        yield grid

    def _rows(self, marks: Alphabet) -> Iterator[tuple[str, str]]:
        result = self.result
        exchange = deciding_exchange(result)
        if exchange is not None:
            yield "asked", marks.clean(f"{exchange.method} {exchange.url}")
        for facts in result.evidence.tokens:
            audience = f", audience {' '.join(facts.audience)}" if facts.audience else ""
            yield "token", marks.clean(f"{facts.role}: {facts.scope or 'no scope'}{audience}, issuer {facts.issuer}")
        if exchange is not None:
            yield "answer", answer_text(exchange, marks)
        for other in result.alternatives:
            yield "or", f"{other.reason.value} (blame {other.blame.value}): {other.reason.info.sentence}"
        for warning in result.warnings:
            yield "note", marks.clean(warning)
        hint = marks.clean(result.hint) or result.reason.info.fix
        yield "hint", f"{hint.rstrip()}  See: tpcharness explain {result.reason.value}"


def deciding_exchange(result: Result) -> Exchange | None:
    """The exchange that the verdict rests on: the last bad one of the reason's phase, else the last bad one of all,
    else the phase's last; None when none of them says anything about the reason.

    A transfer has no exchange of its own: it happens in the answer to our COPY.
    """
    exchanges = result.evidence.exchanges
    of_phase = [exchange for exchange in exchanges if exchange.phase is result.phase]
    if not of_phase and result.phase is Phase.TRANSFER:
        of_phase = [exchange for exchange in exchanges if exchange.method == "COPY"]
    for candidates in (_bad(of_phase), _bad(exchanges), of_phase):
        if candidates:
            return candidates[-1]
    return None


def _bad(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return [exchange for exchange in exchanges if exchange.error or (exchange.status or 0) >= 400]


def answer_text(exchange: Exchange, marks: Alphabet) -> str:
    """Status, who said it, and the text that came with it, in one line."""
    said = exchange.error if exchange.status is None else f"{exchange.status} {exchange.status_text}".rstrip()
    server = exchange.server
    if len(exchange.hops) > 1:
        redirects = count_text(len(exchange.hops) - 1, "redirect")
        server = f"{server or 'no Server'} at {exchange.hops[-1].host}, after {redirects}"
    text = marks.clean(said or "none")
    if server:
        text += f" ({marks.clean(server, 120)})"
    if exchange.body_excerpt.strip():
        text += f' {marks.dash} "{marks.clean(exchange.body_excerpt, _EXCERPT)}"'
    if exchange.error and exchange.status is not None:
        text += f" {marks.dash} {marks.clean(exchange.error)}"
    return text


def blamed_party(result: Result) -> str:
    """Who has to act, with the endpoint's name where it is one."""
    subject, blame = result.subject, result.blame
    if isinstance(subject, LinkSubject):
        names = {Blame.SOURCE: subject.source, Blame.DESTINATION: subject.destination}
        return f"{blame.value} {names[blame]}" if blame in names else blame.value
    return f"endpoint {subject.endpoint}" if blame is Blame.DESTINATION else blame.value


def subject_text(result: Result, marks: Alphabet) -> str:
    """ "SITE-A → SITE-B https-pull", in characters that the terminal has."""
    subject = result.subject
    if isinstance(subject, LinkSubject):
        name = f"{marks.clean(subject.source, 80)} {marks.arrow} {marks.clean(subject.destination, 80)}"
    else:
        name = marks.clean(subject.endpoint, 80)
    attempt = f" (attempt {result.attempt})" if result.attempt > 1 and result.outcome is not Outcome.OK else ""
    return f"{name} {result.variant.value}{attempt}"
