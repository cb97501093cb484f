"""Tokens kept and renewed in time: one request to the issuer for each role and path, however often it is used."""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Clock, Token
from tpcharness.model.variant import Blame
from tpcharness.tokens.single_flight import SingleFlight

MARGIN_SECONDS = 300.0
LONGEST_SHARE = 0.9  # of a new token's life; who asks for more of it would be asking the issuer for every request
JITTER_SECONDS = 30.0
SLACK_SECONDS = 5.0  # for the way of an answer and for times in whole seconds
REFUSAL_SECONDS = 10.0
MAX_TOKENS = 4096

Fetch = Callable[[], Awaitable[Token | Failure]]


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What makes two requests ask for the same token. `scopes` are sorted."""

    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    audience: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A token, and how much of its life it had before it when it came; None means that it does not say."""

    token: Token
    lifetime_seconds: float | None
    early_seconds: float


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A failure that is repeated, instead of the request, until this loop time."""

    failure: Failure
    until: float


class TokenCache:
    """Keeps at most `MAX_TOKENS` tokens and recent refusals, the least used go first.

    A token is renewed when less than max(300 s, the lifetime asked for) is left of it (as Rucio and FTS do, tokens
    7), and some seconds earlier by chance, so that tokens of one start are not renewed in one moment. Where the
    issuer's tokens live hardly longer than that, at half of their life. A token without an expiry time is kept for
    ever. A failure is remembered for `REFUSAL_SECONDS`. `jitter` gives numbers in [0, 1).
    """

    def __init__(self, clock: Clock, *, jitter: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._jitter = jitter
        self._kept: OrderedDict[TokenKey, _Kept | _Refusal] = OrderedDict()
        self._flights = SingleFlight[TokenKey, _Kept | _Refusal]()

    async def token(self, key: TokenKey, lifetime_seconds: float, fetch: Fetch) -> Token | Failure:
        """The token of a key, fetched when there is none that lasts; one fetch per key at a time."""
        kept = self._find(key, lifetime_seconds) or await self._flights.run(key, lambda: self._renew(key, fetch))
        if isinstance(kept, _Refusal):
            return kept.failure
        if kept.lifetime_seconds is not None and kept.lifetime_seconds + SLACK_SECONDS < lifetime_seconds:
            lasts = f"new tokens of {key.issuer} last {kept.lifetime_seconds:.0f} s"
            return Failure(Reason.TOKEN_EXPIRED, f"{lasts}, {lifetime_seconds:.0f} s are needed", Blame.ISSUER)
        return kept.token

    def _find(self, key: TokenKey, lifetime_seconds: float) -> _Kept | _Refusal | None:
        kept = self._kept.get(key)
        if kept is None or not self._holds(kept, lifetime_seconds):
            return None
        self._kept.move_to_end(key)
        return kept

    def _holds(self, kept: _Kept | _Refusal, lifetime_seconds: float) -> bool:
        if isinstance(kept, _Refusal):
            return asyncio.get_running_loop().time() < kept.until
        if kept.token.expires is None or kept.lifetime_seconds is None:
            return True
        wanted = max(MARGIN_SECONDS, lifetime_seconds) + kept.early_seconds
        if wanted > LONGEST_SHARE * kept.lifetime_seconds:
            wanted = kept.lifetime_seconds / 2
        return (kept.token.expires - self._clock.now()).total_seconds() > wanted

    async def _renew(self, key: TokenKey, fetch: Fetch) -> _Kept | _Refusal:
        answer = await fetch()
        kept: _Kept | _Refusal
        if isinstance(answer, Failure):
            kept = _Refusal(answer, asyncio.get_running_loop().time() + REFUSAL_SECONDS)
        else:
            lifetime_seconds = _seconds_between(self._clock.now(), answer.expires)
            kept = _Kept(answer, lifetime_seconds, self._jitter() * JITTER_SECONDS)
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_TOKENS:
            self._kept.popitem(last=False)
        return kept


def _seconds_between(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else (then - now).total_seconds()
