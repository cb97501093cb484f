"""Endpoints that send us away again and again: they are left alone for a while. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant

# Which role was asked, for reasons that mean 401 or 403; "active" and "passive" depend on the variant.
_ROLES = {
    Reason.UNAUTHENTICATED: "active",
    Reason.FORBIDDEN: "active",
    Reason.SEED_REFUSED: "source",
    Reason.PASSIVE_UNAUTHENTICATED: "passive",
    Reason.PASSIVE_FORBIDDEN: "passive",
    Reason.VERIFY_REFUSED: "destination",
    Reason.CLEANUP_REFUSED: "destination",
}
# "Too busy" is a refusal only where it was a 429: a 503 is an outage, and outages are what we are here to see.
_BUSY_ROLES = {Reason.OVERLOADED: "active", Reason.PASSIVE_OVERLOADED: "passive"}
_SOURCE_IS_ACTIVE = frozenset({Variant.HTTPS_PUSH})


def refusing_endpoint(result: Result) -> str | None:
    """The endpoint that answered this probe with 401, 403 or 429 and may be to blame for it; None for all others."""
    role = _ROLES.get(result.reason)
    if role is None and result.reason in _BUSY_ROLES and _told_429(result):
        role = _BUSY_ROLES[result.reason]
    if role is None or result.outcome is not Outcome.FAILURE:
        return None
    if not isinstance(result.subject, LinkSubject):
        return result.subject.endpoint if result.blame in {Blame.DESTINATION, Blame.UNDETERMINED} else None
    if result.blame in {Blame.SOURCE, Blame.DESTINATION}:
        at_source = result.blame is Blame.SOURCE
    elif result.blame is Blame.UNDETERMINED:
        pushes = result.variant in _SOURCE_IS_ACTIVE
        at_source = role == "source" or (role == "active" and pushes) or (role == "passive" and not pushes)
    else:
        return None
    return result.subject.source if at_source else result.subject.destination


def _told_429(result: Result) -> bool:
    relayed = result.reason is Reason.PASSIVE_OVERLOADED
    return any(
        exchange.status == 429 or (relayed and "429" in exchange.body_excerpt) for exchange in result.evidence.exchanges
    )


@dataclass(slots=True)
class _Count:
    in_a_row: int = 0
    until: float = 0.0


class Refusals:
    """Counts refusals in a row, by endpoint; times are seconds since the epoch.

    A probe that went well ends a row, also that of an endpoint which is left alone (somebody probed it by hand).
    Other failures neither count nor end it. After the pause one more refusal begins the next one.
    """

    def __init__(self, most: int, pause_seconds: float) -> None:
        self._most = most
        self._pause_seconds = pause_seconds
        self._counts: dict[str, _Count] = {}

    def see(self, result: Result, now: float) -> None:
        """Takes a result that came at this time."""
        if result.outcome is Outcome.OK:
            subject = result.subject
            names = (subject.source, subject.destination) if isinstance(subject, LinkSubject) else (subject.endpoint,)
            for each in names:
                self._counts.pop(each, None)
        elif (name := refusing_endpoint(result)) is not None:
            count = self._counts.setdefault(name, _Count())
            count.in_a_row += 1
            if count.in_a_row >= self._most:
                count.until = now + self._pause_seconds

    def paused_until(self, endpoint: str, now: float) -> float | None:
        """When the endpoint is talked to again; None when it is not left alone."""
        count = self._counts.get(endpoint)
        return count.until if count is not None and count.until > now else None

    def clock_set_back(self, now: float) -> None:
        """Keeps a pause from being longer than it was meant to be."""
        for count in self._counts.values():
            count.until = min(count.until, now + self._pause_seconds)

    def retain(self, endpoints: Iterable[str]) -> None:
        """Forgets every endpoint but these."""
        kept = set(endpoints)
        self._counts = {name: count for name, count in self._counts.items() if name in kept}
