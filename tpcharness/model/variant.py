"""How a subject is probed, and the steps of a probe."""

from __future__ import annotations

from enum import StrEnum


class Variant(StrEnum):
    """One way to probe. Names are public: they stand in results, metrics and configuration."""

    DOOR = "door"
    HTTPS_PULL = "https-pull"
    HTTPS_PUSH = "https-push"
    ROOT_PULL = "root-pull"

    @property
    def of_link(self) -> bool:
        """Whether the variant is about a pair of endpoints (a door is about one)."""
        return self is not Variant.DOOR


LINK_VARIANTS: tuple[Variant, ...] = tuple(variant for variant in Variant if variant.of_link)

DEFAULT_VARIANTS: tuple[Variant, ...] = (Variant.HTTPS_PULL, Variant.HTTPS_PUSH)
"""What is probed where nothing else is asked for: every endpoint can do it."""


class Phase(StrEnum):
    """Steps of a probe in the order of time. The names are frozen (design 4)."""

    QUEUED = "queued"
    TOKEN = "token"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    PREPARE = "prepare"
    REQUEST = "request"
    TRANSFER = "transfer"
    VERIFY = "verify"
    CLEANUP = "cleanup"


class Blame(StrEnum):
    """Who has to act. For a subject that is one endpoint, that endpoint is `destination`: we are its client."""

    NOBODY = "nobody"
    SOURCE = "source"
    DESTINATION = "destination"
    PATH = "path"
    ISSUER = "issuer"
    CLIENT = "client"
    UNDETERMINED = "undetermined"

    @property
    def digit(self) -> int:
        """The last digit of a result code. Frozen."""
        return _DIGITS[self]


_DIGITS = {
    Blame.NOBODY: 0,
    Blame.SOURCE: 1,
    Blame.DESTINATION: 2,
    Blame.PATH: 3,
    Blame.ISSUER: 4,
    Blame.CLIENT: 5,
    Blame.UNDETERMINED: 6,
}


class Outcome(StrEnum):
    """What came of a probe."""

    OK = "ok"
    FAILURE = "failure"
    ERROR = "error"
    SKIPPED = "skipped"
