"""One failure as three things: what failed and who has to act, what was asked and answered, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from tpcharness.export.alphabet import STYLES, Alphabet, alphabet
from tpcharness.export.hanging import hanging, wrapped
from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Exchange, Result, TokenFacts
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.results.store import CellState

_EXCERPT = 300
_LABEL = len("  answer:")

# Which tokens a request can have been about, by their roles.
_ROLES = {
    "OPTIONS": frozenset[str](),
    "MKCOL": frozenset({"directory"}),
    "PUT": frozenset({"seed"}),
    "COPY": frozenset({"read", "write"}),
    "HEAD": frozenset({"seed", "read", "verify"}),
    "GET": frozenset({"verify"}),
    "DELETE": frozenset({"cleanup"}),
    "open": frozenset({"seed", "read", "write"}),
    "stat": frozenset({"seed", "verify"}),
    "query checksum": frozenset({"seed", "verify"}),
    "rm": frozenset({"cleanup"}),
}
_THERE_ALREADY = ("MKCOL", 405)  # what we hoped for (RFC 4918 9.3.1)
_GONE = ("HEAD", 404)


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
        yield from wrapped(headline, console, options.max_width)
        for label, text in failure_rows(result, marks):
            yield from hanging(Text(f"  {label}:".ljust(_LABEL), "dim"), Text(text), console, options.max_width)


def failure_rows(result: Result, marks: Alphabet) -> Iterator[tuple[str, str]]:
    """What was asked and answered, what else it may be, and what to do: labels with clean texts."""
    exchange = deciding_exchange(result)
    if exchange is not None:
        yield "asked", marks.clean(f"{exchange.method} {exchange.url}")
    for facts in _tokens(result, exchange):
        audience = f", audience {' '.join(facts.audience)}" if facts.audience else ""
        yield "token", marks.clean(f"{facts.role}: {facts.scope or 'no scope'}{audience}, issuer {facts.issuer}")
    if exchange is not None:
        yield "answer", answer_text(exchange, marks)
    for other in result.alternatives:
        yield "or", f"{other.reason.value} (blame {other.blame.value}): {other.reason.info.sentence}"
    for warning in result.warnings:
        yield "note", marks.clean(warning)
    hint = marks.clean(result.hint)
    if not hint or (exchange is not None and _repeats(hint, exchange, marks)):
        hint = result.reason.info.fix
    yield "hint", f"{hint.rstrip()}  See: tpcharness explain {result.reason.value}"


def deciding_exchange(result: Result) -> Exchange | None:
    """The exchange that the verdict rests on: the last bad one of the reason's phase, else the phase's last; None
    when none of them says anything about the reason.

    A transfer by HTTP has no exchange of its own: it happens in the answer to our COPY. Nor have the phases of a
    connection: there it is the last request that was not answered. What was asked while cleaning up decides only
    about that.
    """
    exchanges = result.evidence.exchanges
    match result.phase:
        case Phase.TRANSFER:
            of_phase = [each for each in exchanges if each.method == "COPY" or each.phase is Phase.TRANSFER]
        case Phase.RESOLVE | Phase.CONNECT | Phase.TLS:
            of_phase = [each for each in exchanges if each.status is None and each.phase is not Phase.CLEANUP]
        case _:
            of_phase = [exchange for exchange in exchanges if exchange.phase is result.phase]
    elsewhere = [exchange for exchange in exchanges if exchange.phase is not Phase.CLEANUP]
    for candidates in (_bad(of_phase), _bad(elsewhere) if result.phase is Phase.REQUEST else [], of_phase):
        if candidates:
            return candidates[-1]
    return None


def _bad(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return [
        exchange
        for exchange in exchanges
        if exchange.error or ((exchange.status or 0) >= 400 and not _hoped_for(exchange))
    ]


def alarming(exchange: Exchange) -> bool:
    """Whether an exchange went wrong, and stands out on a page."""
    return bool(exchange.error) or exchange.status is None or (exchange.status >= 400 and not _hoped_for(exchange))


def _hoped_for(exchange: Exchange) -> bool:
    """A directory that is there already, and a file that is gone when we look after our clean-up."""
    asked = exchange.method, exchange.status
    return asked == _THERE_ALREADY or (asked == _GONE and exchange.phase is Phase.CLEANUP)


def _tokens(result: Result, exchange: Exchange | None) -> list[TokenFacts]:
    """The claims that matter for the exchange: of the tokens of its roles, those for the path that was asked for."""
    tokens = result.evidence.tokens
    if exchange is None or exchange.method not in _ROLES:
        return list(tokens)
    of_role = [facts for facts in tokens if facts.role in _ROLES[exchange.method]]
    of_path = [facts for facts in of_role if any(exchange.url.endswith(path) for path in _paths(facts))]
    return of_role if exchange.method == "COPY" or not of_path else of_path


def _paths(facts: TokenFacts) -> list[str]:
    return [path for _, colon, path in (scope.partition(":") for scope in facts.scope.split()) if colon]


def _repeats(hint: str, exchange: Exchange, marks: Alphabet) -> bool:
    """Whether the hint says nothing that the answer does not say."""
    excerpt = marks.clean(exchange.body_excerpt, _EXCERPT)
    return bool(excerpt and excerpt in hint) or hint in answer_text(exchange, marks)


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
