"""The one place where probes and payload ask for tokens, whatever the endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token, TokenRequest, TokenSource
from tpcharness.model.variant import Blame


class TokenDesk:
    """A TokenSource for all endpoints: hands each request to the source that `endpoint.tokens` names."""

    def __init__(self, sources: Mapping[str, TokenSource]) -> None:
        self._sources = dict(sources)

    async def token(self, request: TokenRequest) -> Token | Failure:
        """The source's answer; a Failure of ours when the endpoint has no source."""
        name = request.endpoint.tokens
        source = self._sources.get(name)
        if source is not None:
            return await source.token(request)
        detail = f"there is no token source {name!r}" if name else f"endpoint {request.endpoint.name} names no tokens"
        return Failure(Reason.TOKEN_SOURCE_FAILED, detail, Blame.CLIENT)
