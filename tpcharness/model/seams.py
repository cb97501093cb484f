"""The Protocols at which the rooms meet, and the small values that cross them."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Observer
from tpcharness.model.result import Result, TokenFacts
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Variant


class Clock(Protocol):
    """Wall time, injected so that tests own it. Durations are measured in event-loop time, not with this."""

    def now(self) -> datetime:
        """The time in UTC, with its time zone."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and what it says of itself. `expires` None means that it does not say."""

    secret: Secret
    facts: TokenFacts
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token is needed for: one role, the narrowest scopes, and how long it must last.

    `scopes` are complete ("storage.read:/tpcharness/x/seed"), sorted; an empty tuple means that only the
    holder's identity matters. `lifetime_seconds` is how long the token must still be valid.
    """

    endpoint: Endpoint
    role: str
    scopes: tuple[str, ...]
    lifetime_seconds: float = 300.0


class TokenSource(Protocol):
    """Where bearer tokens come from.

    Cancelling one caller must not disturb others that wait for the same token.
    """

    def token(self, request: TokenRequest) -> Awaitable[Token | Failure]:
        """A token that covers the request, or why there is none; never raises for what an issuer does."""
        ...


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """What is particular to one attempt of one probe.

    `queued_seconds` is how long it waited for its place. `observer` is told what happens on the way.
    """

    run_id: str
    probe_id: str
    attempt: int
    size_bytes: int
    queued_seconds: float
    clock: Clock
    observer: Observer


class Probe(Protocol):
    """One way to measure. One file in `probes` each."""

    @property
    def variant(self) -> Variant: ...

    def run(self, subject: Endpoint | Link, context: ProbeContext) -> Awaitable[Result]:
        """Exactly one result; raises only for our own bugs, and CancelledError after cleaning up."""
        ...


class Sink(Protocol):
    """Somebody who is given every result as it is made."""

    def add(self, result: Result) -> None: ...
