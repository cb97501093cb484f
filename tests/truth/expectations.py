"""The words of the truth table: what an expert concludes who sees the wire and knows that both doors were fine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.fault_catalogue import CATALOGUE
from tpcharness.wire.copy_request import Mode

PULL, PUSH = Mode.PULL, Mode.PUSH
PUSHERS = frozenset(name for name, dialect in DIALECTS.items() if not dialect.pulls_only)
PARTNER = "dcache"
"""What the storage at the other end of a faulty one speaks like, which is fine."""

PUSHER = "xrootd6"
"""What pushes to a faulty destination."""


class Place(StrEnum):
    """Which storage of a copy has the fault. Dialects are the active party's, but at a destination that one's."""

    ACTIVE = "active"
    PASSIVE = "passive"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class Found:
    """A reason, and everybody who may have to act. More than one, or none, needs a `why`: then nobody is blamed."""

    reason: Reason
    parties: frozenset[str]
    why: str = ""

    @property
    def ambiguous(self) -> bool:
        return len(self.parties) != 1

    def blame(self, mode: Mode) -> Blame:
        """Who must be blamed in a copy of that mode."""
        suspects = self.suspects(mode)
        return next(iter(suspects)) if len(suspects) == 1 else Blame.UNDETERMINED

    def alternatives(self, mode: Mode) -> frozenset[Blame]:
        """What the result must list beside the blame."""
        return self.suspects(mode) if self.ambiguous else frozenset()

    def suspects(self, mode: Mode) -> frozenset[Blame]:
        active, passive = (Blame.DESTINATION, Blame.SOURCE) if mode is PULL else (Blame.SOURCE, Blame.DESTINATION)
        names = {"active": active, "passive": passive}
        return frozenset(names.get(party) or Blame(party) for party in self.parties)


def active(reason: Reason) -> Found:
    return Found(reason, frozenset({"active"}))


def passive(reason: Reason) -> Found:
    return Found(reason, frozenset({"passive"}))


def destination(reason: Reason) -> Found:
    return Found(reason, frozenset({"destination"}))


def path(reason: Reason) -> Found:
    return Found(reason, frozenset({"path"}))


def nobody(reason: Reason = Reason.OK) -> Found:
    return Found(reason, frozenset({"nobody"}))


def one_of(reason: Reason, *parties: str, why: str) -> Found:
    return Found(reason, frozenset(parties), why)


@dataclass(frozen=True, slots=True)
class Row:
    """One fault (or several, joined by "+") at one place, and what is to be found in each mode; None is not tried.

    `at` says it for dialects, or for (dialect, mode), that show it otherwise or not at all. `limits` are the clocks
    that must run out, where one must. With `markers` performance markers come quickly, else hardly ever.
    """

    fault: str
    place: Place
    pull: Found | None = None
    push: Found | None = None
    at: Mapping[str | tuple[str, Mode], Found | None] = field(default_factory=dict)
    limits: TimeLimits | None = None
    markers: bool = False

    @property
    def faults(self) -> tuple[str, ...]:
        return tuple(self.fault.split("+"))

    def found(self, dialect: str, mode: Mode) -> Found | None:
        """What is to be found with this dialect in this mode."""
        if mode is PUSH and self.place is not Place.DESTINATION and dialect not in PUSHERS:
            return None
        limited = [CATALOGUE[re.split("[:@]", text)[0]].dialects for text in self.faults]
        if self.place is Place.ACTIVE and any(names and dialect not in names for names in limited):
            return None
        usual = self.pull if mode is PULL else self.push
        if usual is None:
            return None
        for key in ((dialect, mode), dialect):
            if key in self.at:
                return self.at[key]
        return usual


@dataclass(frozen=True, slots=True)
class Cell:
    """One row in one dialect and mode."""

    row: Row
    dialect: str
    mode: Mode
    found: Found

    def __str__(self) -> str:
        return f"{self.row.fault}@{self.row.place}-{self.dialect}-{self.mode}"


def cells(rows: tuple[Row, ...]) -> tuple[Cell, ...]:
    """Every cell that a row has."""
    return tuple(
        Cell(row, dialect, mode, found)
        for row in rows
        for dialect in DIALECTS
        for mode in Mode
        if (found := row.found(dialect, mode)) is not None
    )
