"""What an onlooker is told while a probe runs: the only thing that flows against the stream of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tpcharness.model.result import Exchange, Result
from tpcharness.model.variant import Phase


@dataclass(frozen=True, slots=True)
class ProbeStarted:
    """A probe got its place at both ends and begins."""

    probe_id: str
    label: str


@dataclass(frozen=True, slots=True)
class PhaseEntered:
    """A probe goes on to its next step."""

    probe_id: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class ExchangeSeen:
    """A request of ours has its answer's head, or failed. Already without secrets."""

    probe_id: str
    exchange: Exchange
    seconds: float


@dataclass(frozen=True, slots=True)
class MarkerSeen:
    """A performance marker came."""

    probe_id: str
    bytes_claimed: int | None
    state: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TerminalSeen:
    """The terminal line came; `text` is redacted server text."""

    probe_id: str
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Remark:
    """A step's outcome in words: the token's rights, the checksum found, what was cleaned."""

    probe_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ProbeEnded:
    """A probe is over."""

    result: Result


Event = ProbeStarted | PhaseEntered | ExchangeSeen | MarkerSeen | TerminalSeen | Remark | ProbeEnded


class Observer(Protocol):
    """Somebody who looks on. Must not block and must not raise."""

    def notice(self, event: Event) -> None: ...


class Nobody:
    """The observer of runs that nobody looks at."""

    def notice(self, event: Event) -> None:
        """Ignores the event."""
