"""Secrets that cannot be printed by accident, and the scrubbing of texts that may hold somebody's."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

MASK = "<redacted>"


class Secret:
    """A string whose every rendering is stars; only `reveal` gives it away.

    Holds tokens and client secrets from the moment they are read. Comparable, hashable, not picklable.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself. Call it only where bytes go on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a Secret is never serialised")


# JWTs, macaroons ("MDA" is the base64 of a macaroon's first packet length), EOS tokens, and the parameters
# and headers in which storages carry them (reference: tokens, 11.12). Servers echo these in error texts.
_TOKENS = re.compile(
    r"""
    eyJ[\w-]{6,}(?:\.[\w-]*){1,4}
    | \bMDA[\w+/=-]{20,}
    | \bzteos64(?::|%3A)[\w+/=%-]+
    | (?<![\w-])(?i:bearer)(?:\s+|%20|\+)[\w.~+/=%-]{8,}
    | (?i:authz|xrd\.ztn|access_token|refresh_token|client_secret|subject_token|cap\.sym|cap\.msg)=[^\s&,;"'<>]+
    | (?i:"(?:access_token|refresh_token|id_token|client_secret|macaroon)"\s*:\s*)"[^"]*"
    """,
    re.VERBOSE,
)


def redact(text: str) -> str:
    """The text with everything that looks like a credential masked; the second line of defence after `Secret`."""
    return _TOKENS.sub(MASK, text)


def redact_url(url: str) -> str:
    """The URL without user information, query and fragment: opaque parts carry tokens at XRootD and EOS."""
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    query = MASK if parts.query else ""
    return redact(urlunsplit((parts.scheme, netloc, parts.path, query, "")))
