"""Tokens from an environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tpcharness.model.failure import Failure
from tpcharness.model.seams import Clock, Token, TokenRequest
from tpcharness.tokens.bearer import ready_token, unusable
from tpcharness.tokens.secret_file import WHITE_SPACE


class EnvironmentTokens:
    """A TokenSource that gives the value of one variable."""

    def __init__(self, variable: str, clock: Clock, *, environ: Mapping[str, str] = os.environ) -> None:
        self._variable = variable
        self._clock = clock
        self._environ = environ

    async def token(self, request: TokenRequest) -> Token | Failure:
        """The variable's token, whatever the request's scopes."""
        text = self._environ.get(self._variable)
        if text is None:
            return unusable(f"environment variable {self._variable} is not set")
        return ready_token(text.strip(WHITE_SPACE), f"variable {self._variable}", request, self._clock)
