"""How a subject is probed, and the steps of a probe."""

from __future__ import annotations

from enum import StrEnum


class Variant(StrEnum):
    """One way to probe. Names are public: they stand in results, metrics and configuration."""

    DOOR = "door"
    ROOT_DOOR = "root-door"
    HTTPS_PULL = "https-pull"
    HTTPS_PUSH = "https-push"
    ROOT_PULL = "root-pull"
    TAPE_INFO = "tape-info"
    TAPE_STAGE = "tape-stage"

    @property
    def of_link(self) -> bool:
        """Whether the variant is about a pair of endpoints (a door is about one)."""
        return self not in ENDPOINT_VARIANTS

    @property
    def doors(self) -> tuple[Variant, ...]:
        """Which doors must be open at both ends before a link is tried in this way; none for what is no link.

        All copies need the https door, where seeds are put and files are looked at last.
        """
        if not self.of_link:
            return ()
        return (Variant.DOOR, Variant.ROOT_DOOR) if self is Variant.ROOT_PULL else (Variant.DOOR,)


DOOR_VARIANTS: tuple[Variant, ...] = (Variant.DOOR, Variant.ROOT_DOOR)
"""Checks of one endpoint alone, by which its links are judged."""

TAPE_VARIANTS: tuple[Variant, ...] = (Variant.TAPE_INFO, Variant.TAPE_STAGE)
"""What is asked of an endpoint's tape service; it says nothing about links."""

ENDPOINT_VARIANTS: tuple[Variant, ...] = (*DOOR_VARIANTS, *TAPE_VARIANTS)

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
