"""Tokens from a file that somebody else renews (htgettoken, oidc-agent, a cron job)."""

from __future__ import annotations

from tpcharness.model.failure import Failure
from tpcharness.model.seams import Clock, Token, TokenRequest
from tpcharness.tokens.bearer import ready_token, unusable
from tpcharness.tokens.secret_file import read_secret_file


class FileTokens:
    """A TokenSource that gives the token which stands in a file at that moment."""

    def __init__(self, path: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def token(self, request: TokenRequest) -> Token | Failure:
        """The file's token, whatever the request's scopes."""
        try:
            text = await read_secret_file(self._path)
        except OSError as error:
            return unusable(f"token file {self._path}: {error.strerror or error}")
        return ready_token(text, f"file {self._path}", request, self._clock)
