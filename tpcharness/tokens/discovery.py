"""WLCG bearer token discovery: the four places where every grid client looks for a token."""

from __future__ import annotations

import os
from collections.abc import Mapping

from tpcharness.model.failure import Failure
from tpcharness.model.seams import Clock, Token, TokenRequest
from tpcharness.tokens.bearer import ready_token, unusable
from tpcharness.tokens.secret_file import WHITE_SPACE, read_secret_file

_TMP = "/tmp"  # noqa: S108 - the document says so


class DiscoveredTokens:
    """A TokenSource after the WLCG document of 2021; looks anew at every request.

    In this order: the value of $BEARER_TOKEN; the file that $BEARER_TOKEN_FILE names; $XDG_RUNTIME_DIR/bt_uID if
    that variable is set; /tmp/bt_uID, with ID our effective uid. What is empty is passed over, and so is a file
    that does not exist (as XRootD's client does). What holds anything but a token, or cannot be read, ends the
    search with an error. Several tokens are never looked into to choose one.
    """

    def __init__(
        self, clock: Clock, *, environ: Mapping[str, str] = os.environ, uid: int | None = None, tmp: str = _TMP
    ) -> None:
        self._clock = clock
        self._environ = environ
        self._name = f"bt_u{os.geteuid() if uid is None else uid}"
        self._tmp = tmp

    async def token(self, request: TokenRequest) -> Token | Failure:
        """The first token found, whatever the request's scopes."""
        text = self._environ.get("BEARER_TOKEN", "").strip(WHITE_SPACE)
        if text:
            return ready_token(text, "variable BEARER_TOKEN", request, self._clock)
        places = self._files()
        for path in places:
            try:
                text = await read_secret_file(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                return unusable(f"token file {path}: {error.strerror or error}")
            if text:
                return ready_token(text, f"file {path}", request, self._clock)
        return unusable(f"no token in BEARER_TOKEN, {', '.join(places)}")

    def _files(self) -> tuple[str, ...]:
        """The places of steps 2 to 4."""
        named = self._environ.get("BEARER_TOKEN_FILE", "")
        runtime = self._environ.get("XDG_RUNTIME_DIR", "")
        places = (named, f"{runtime}/{self._name}" if runtime else "", f"{self._tmp}/{self._name}")
        return tuple(place for place in places if place)
