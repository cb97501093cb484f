"""The one place where probes and payload ask for tokens, whatever the endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token, TokenRequest, TokenSource
from tpcharness.model.variant import Blame


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What became of the requests, by name of the source: when its last token ends, and how often it gave one or not.

    `expiries` has no entry for a token that does not say; `requests` counts by (name, "ok" or "failure").
    """

    expiries: dict[str, datetime] = field(default_factory=dict)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    def note(self, name: str, answer: Token | Failure) -> None:
        """Takes one answer in."""
        if isinstance(answer, Failure):
            self.requests[name, "failure"] += 1
            return
        self.requests[name, "ok"] += 1
        if answer.expires is None:
            self.expiries.pop(name, None)
        else:
            self.expiries[name] = answer.expires


class TokenDesk:
    """A TokenSource for all endpoints: hands each request to the source that `endpoint.tokens` names.

    `record` is kept about them; it may outlive the desk.
    """

    def __init__(self, sources: Mapping[str, TokenSource], record: TokenRecord | None = None) -> None:
        self._sources = dict(sources)
        self.record = record or TokenRecord()

    async def token(self, request: TokenRequest) -> Token | Failure:
        """The source's answer; a Failure of ours when the endpoint has no source."""
        name = request.endpoint.tokens
        source = self._sources.get(name)
        if source is not None:
            answer = await source.token(request)
            self.record.note(name, answer)
            return answer
        detail = f"there is no token source {name!r}" if name else f"endpoint {request.endpoint.name} names no tokens"
        return Failure(Reason.TOKEN_SOURCE_FAILED, detail, Blame.CLIENT)
