"""What the rows and columns of one endpoint have in common: as source, as active party, or whatever it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tpcharness.diagnosis.families import TOKENS, UNREACHED
from tpcharness.diagnosis.matrix_view import MIN_SHARE, Cell, Place, main_family, reasons_of
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame

_OWN_REFUSALS = frozenset({Reason.UNAUTHENTICATED, Reason.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Shape:
    """Bad lines of one endpoint that one cause explains, with the cells that they explain."""

    name: str
    lines: dict[Place, list[Cell]]

    @property
    def cells(self) -> list[Cell]:
        return [cell for cells in self.lines.values() for cell in cells]

    @property
    def roles(self) -> frozenset[Blame]:
        return frozenset(place.role for place in self.lines)

    @property
    def parties(self) -> frozenset[bool]:
        """True for active, False for passive."""
        return frozenset(place.active for place in self.lines)

    @property
    def plain_kind(self) -> FindingKind:
        """What it does when it fails."""
        if len(self.roles) == 1:
            source = Blame.SOURCE in self.roles
            return FindingKind.BAD_AS_SOURCE if source else FindingKind.BAD_AS_DESTINATION
        if len(self.parties) == 1:
            return FindingKind.BAD_AS_ACTIVE if True in self.parties else FindingKind.BAD_AS_PASSIVE
        return FindingKind.BAD_BOTH_WAYS

    def kind(self, share: float, blame: Blame) -> FindingKind:
        """What is wrong with it, where reason and party tell it; else what it does when it fails."""
        if len(self.parties) > 1 or blame not in (Blame.SOURCE, Blame.DESTINATION):
            return self.plain_kind
        reason, active = reasons_of(self.cells)[0], True in self.parties
        if reason is Reason.PASSIVE_TLS_FAILED:
            return FindingKind.DOES_NOT_TRUST if active else FindingKind.NOT_TRUSTED
        if reason in (_OWN_REFUSALS if active else TOKENS - _OWN_REFUSALS):
            return FindingKind.REFUSES_TOKENS
        if reason in UNREACHED and share >= MIN_SHARE:
            return FindingKind.REACHES_NOBODY if active else FindingKind.NOT_REACHABLE
        return self.plain_kind


def shapes(lines: Mapping[Place, Iterable[Cell]]) -> list[Shape]:
    """The bad lines by endpoint and cause."""
    found: dict[tuple[str, Reason], dict[Place, list[Cell]]] = {}
    for place, cells in lines.items():
        own = list(cells)
        found.setdefault((place.name, main_family(own)), {})[place] = own
    return [Shape(name, dict(sorted(own.items()))) for (name, _), own in found.items()]
