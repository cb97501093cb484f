"""The words of the faults: who is met (Occasion), what happens (Effect), and what is to be made of it (Fault).

An Effect's type is the place where it bites: a storage asks its FaultSet "is there a Hang on this occasion?" at the
one spot where hanging is done. No code knows a fault's name, and nothing outside the testbed ever sees one: a client
has to find out from the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from tpcharness.model.reason import Reason
from tpcharness.testbed.dialects.dialect import Cause


class Party(StrEnum):
    """Who asks a storage."""

    CLIENT = "client"
    PEER = "peer"  # another storage, as the active party of a copy


class Culprit(StrEnum):
    """Whom the harness must blame; which endpoint that is depends on the link's direction."""

    THIS = "this"  # the storage that has the fault
    OTHER = "other"
    PATH = "path"
    UNDETERMINED = "undetermined"


class Spoiled(StrEnum):
    """What becomes of bytes that a copy is called a success for."""

    FLIPPED = "flipped"
    EMPTY = "empty"


class Digests(StrEnum):
    """What is wrong with the checksum that is told."""

    WRONG = "wrong"
    ABSENT = "absent"


class Ending(StrEnum):
    """How a marker stream ends that does not end with a verdict."""

    CUT = "cut"  # the connection is dropped
    EOF = "eof"  # the last chunk comes, the verdict does not
    ABORTED = "aborted"  # a line that says so


@dataclass(frozen=True, slots=True)
class Occasion:
    """A request that a fault may bite on."""

    method: str
    party: Party


class Effect:
    """What happens. A subclass with a number can be given another one."""

    __slots__ = ()

    def with_number(self, number: int) -> Effect:
        """The same effect with its one number changed; raises TypeError when it has none."""
        raise TypeError(f"{type(self).__name__} takes no number, so not {number}")


E = TypeVar("E", bound=Effect)


@dataclass(frozen=True, slots=True)
class Closed(Effect):
    """Nothing listens on the port."""


@dataclass(frozen=True, slots=True)
class Say(Effect):
    """The request is refused for that cause in the dialect's words; `status` overrides the dialect's choice."""

    cause: Cause
    status: int = 0


@dataclass(frozen=True, slots=True)
class Hang(Effect):
    """The request is taken and never answered."""


@dataclass(frozen=True, slots=True)
class Dropped(Effect):
    """The connection is dropped instead of an answer."""


@dataclass(frozen=True, slots=True)
class Freeze(Effect):
    """As the active party: markers go on, bytes stand still from there on."""

    after_bytes: int = 1

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Silence(Effect):
    """As the active party: after so many markers nothing more is said."""

    after_markers: int = 1

    def with_number(self, number: int) -> Effect:
        return replace(self, after_markers=number)


@dataclass(frozen=True, slots=True)
class NoVerdict(Effect):
    """The stream of a copy ends without success or failure."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Spoil(Effect):
    """The copy is called a success, and the destination holds something else."""

    how: Spoiled


@dataclass(frozen=True, slots=True)
class Full(Effect):
    """The disk is full after so many bytes of a file."""

    after_bytes: int = 0

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class ShortBody(Effect):
    """The body of a GET is cut after so many bytes, the connection dropped."""

    after_bytes: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Stall(Effect):
    """The body of a GET stops after so many bytes, the connection stays open."""

    after_bytes: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, after_bytes=number)


@dataclass(frozen=True, slots=True)
class Drip(Effect):
    """The body of a GET comes slowly."""

    bytes_per_second: int = 1000

    def with_number(self, number: int) -> Effect:
        return replace(self, bytes_per_second=number)


@dataclass(frozen=True, slots=True)
class Digest(Effect):
    """The checksum in answers to HEAD and GET is wrong, or missing."""

    what: Digests


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the catalogue.

    Bites on `methods` (empty: any) of `party` (None: anybody). `reason` and `blame` are what the harness must find.
    `dialects` limits it to those that can fail so; empty means all. `citation` is where its bytes come from.
    """

    name: str
    sentence: str
    effect: Effect
    methods: frozenset[str]
    party: Party | None
    reason: Reason
    blame: Culprit
    citation: str
    dialects: frozenset[str] = frozenset()

    def bites(self, occasion: Occasion) -> bool:
        return (not self.methods or occasion.method in self.methods) and self.party in (None, occasion.party)
