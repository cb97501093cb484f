"""When a request for staging is looked at: at once, then seldom and more seldom. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.model.reason import Reason

PASSING = frozenset(
    {
        Reason.OVERLOADED,
        Reason.SERVER_ERROR,
        Reason.NO_RESPONSE,
        Reason.CONNECTION_LOST,
        Reason.CONNECTION_REFUSED,
        Reason.CONNECT_TIMEOUT,
        Reason.UNREACHABLE,
        Reason.TLS_TIMEOUT,
    }
)
"""Answers after which a poll is tried again: what passes by itself."""


@dataclass(frozen=True, slots=True)
class Polling:
    """The pauses between polls: `first_seconds`, each longer by `factor`, up to `most_seconds`, less some jitter.

    FTS asks every 600 s; faster than every 30 s nobody should (tape-rest 7, 8). The first look comes at once: all
    files must be seen by then (dCache#6894). After `max_failures` in a row polling ends.
    """

    first_seconds: float = 30.0
    factor: float = 1.5
    most_seconds: float = 600.0
    jitter: float = 0.2
    max_failures: int = 3

    def pause_seconds(self, polls: int, dice: float, retry_after_seconds: float = 0.0) -> float:
        """How long to wait after so many polls (1 or more); `dice` is between 0 and 1.

        Never less than what the service asked for.
        """
        longest = self.first_seconds
        for _ in range(polls - 1):
            longest *= self.factor
            if longest >= self.most_seconds:
                break
        longest = min(longest, self.most_seconds)
        return max(longest * (1 - self.jitter * dice), retry_after_seconds)
