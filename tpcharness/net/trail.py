"""What one attempt of a probe did and saw: its evidence, its phase times, and the word to the onlooker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from tpcharness.model.progress import ExchangeSeen, Observer, PhaseEntered, Remark
from tpcharness.model.result import Exchange, TlsFacts, TokenFacts
from tpcharness.model.variant import Phase

MAX_EXCHANGES = 40


class Trail:
    """Collects while a probe runs; read once, when its Result is built. One per attempt, used by one task at a time.

    Evidence keeps the first and the latest exchanges when there are more than `MAX_EXCHANGES`, so that a server
    which makes us ask again and again cannot grow a result without bound.
    """

    def __init__(self, probe_id: str, observer: Observer) -> None:
        self.probe_id = probe_id
        self.observer = observer
        self.phases: dict[Phase, float] = {}
        self.exchanges: list[Exchange] = []
        self.tokens: list[TokenFacts] = []
        self.tls: list[TlsFacts] = []

    def record(self, exchange: Exchange, seconds: float) -> None:
        """Keeps an exchange (already without secrets) as evidence and tells the observer."""
        self.keep(exchange)
        self.tell(exchange, seconds)

    def keep(self, exchange: Exchange) -> None:
        """Keeps an exchange as evidence only: the observer has been told of it before it was over."""
        if len(self.exchanges) >= MAX_EXCHANGES:
            del self.exchanges[MAX_EXCHANGES // 2]
        self.exchanges.append(exchange)

    def tell(self, exchange: Exchange, seconds: float) -> None:
        """Tells the observer only: of an exchange that is not over yet."""
        self.observer.notice(ExchangeSeen(self.probe_id, exchange, seconds))

    def token(self, facts: TokenFacts) -> None:
        """Keeps the claims of a token that is about to be used."""
        if facts not in self.tokens:
            self.tokens.append(facts)

    def remark(self, text: str) -> None:
        """Tells the observer something in words; leaves no evidence."""
        self.observer.notice(Remark(self.probe_id, text))

    def add(self, phase: Phase, seconds: float) -> None:
        """Adds time to a phase."""
        self.phases[phase] = self.phases.get(phase, 0.0) + seconds

    def announce(self, phase: Phase) -> None:
        """Tells the observer of the next step, whose time is known in another way."""
        self.observer.notice(PhaseEntered(self.probe_id, phase))

    @contextmanager
    def enter(self, phase: Phase) -> Iterator[None]:
        """Times a phase, also when it is left by an exception or a cancellation."""
        self.announce(phase)
        start = perf_counter()
        try:
            yield
        finally:
            self.add(phase, perf_counter() - start)
