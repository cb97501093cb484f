"""Results seen as a matrix: doors, cells, and the rows and columns that cells lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tpcharness.diagnosis.families import HEARSAY, family
from tpcharness.diagnosis.parties import active_role
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import ENDPOINT_VARIANTS, GFAL_VARIANTS, Blame, Outcome, Variant

MIN_SHARE = 0.8
"""Share of the cells that must fail before a pattern is seen, and of these that must agree."""

BOTH_ENDS = frozenset({Blame.SOURCE, Blame.DESTINATION})

_WORST_FIRST = {Outcome.FAILURE: 0, Outcome.ERROR: 1, Outcome.OK: 2, Outcome.SKIPPED: 3}


class Place(NamedTuple):
    """A row or a column of one variant's matrix: an endpoint in one role."""

    variant: Variant
    role: Blame
    name: str

    @property
    def active(self) -> bool:
        """Whether the endpoint moves the bytes there."""
        return active_role(self.variant) is self.role


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One link in one variant, with the worst of its latest results per size.

    `reported` is everybody whose fault the result says it may be; `suspects` also those whom only other cells can
    acquit. `servers` is what source and destination call themselves, their last hops, "" if unknown.
    """

    source: str
    destination: str
    variant: Variant
    result: Result
    places: tuple[Place, Place]
    reported: frozenset[Blame]
    suspects: frozenset[Blame]
    servers: tuple[str, str]
    ok: bool
    failing: bool

    @classmethod
    def of(cls, source: str, destination: str, variant: Variant, result: Result) -> Cell:
        """The cell of this link."""
        servers = result.implementation
        reported = _reported(result)
        hearsay = result.reason in HEARSAY and reported & BOTH_ENDS
        return cls(
            source,
            destination,
            variant,
            result,
            (Place(variant, Blame.SOURCE, source), Place(variant, Blame.DESTINATION, destination)),
            reported,
            reported | BOTH_ENDS if hearsay else reported,
            ((servers.source or ("",))[-1], (servers.destination or ("",))[-1]),
            result.outcome is Outcome.OK,
            result.outcome in (Outcome.FAILURE, Outcome.ERROR),
        )

    @property
    def link(self) -> tuple[str, str]:
        return self.source, self.destination

    @property
    def skipped_for_door(self) -> bool:
        return self.result.outcome is Outcome.SKIPPED and self.result.reason is Reason.ENDPOINT_DOWN

    @property
    def tried(self) -> bool:
        return self.ok or self.failing

    @property
    def family(self) -> Reason:
        return family(self.result.reason)

    @property
    def nobodys(self) -> bool:
        """Whether no storage and no network is suspected: a token was missing, or it is we who failed."""
        return self.result.blame in (Blame.ISSUER, Blame.CLIENT)

    @property
    def certain(self) -> bool:
        """Whether one end alone is suspected."""
        return len(self.suspects) == 1 and self.suspects <= BOTH_ENDS

    def partner(self, role: Blame) -> Place:
        """The other end, seen from this role."""
        row, column = self.places
        return column if role is Blame.SOURCE else row

    def supports(self, role: Blame) -> bool:
        """Whether it may be the fault of the endpoint in this role: not if only the opposite one is suspected."""
        return role in self.suspects or not self.suspects <= BOTH_ENDS


def _reported(result: Result) -> frozenset[Blame]:
    if result.outcome not in (Outcome.FAILURE, Outcome.ERROR):
        return frozenset()
    suspects = frozenset(alternative.blame for alternative in result.alternatives)
    if not suspects or result.blame is not Blame.UNDETERMINED:
        suspects |= {result.blame}
    return suspects


def newest(results: Iterable[Result]) -> list[Result]:
    """Of each subject, variant and size the latest result, those first that say most of what a cell is."""
    found: dict[tuple[object, Variant, int], Result] = {}
    for result in results:
        key = result.subject, result.variant, result.size_bytes
        before = found.get(key)
        if before is None or _age(before) <= _age(result):
            found[key] = result
    return sorted(found.values(), key=lambda result: (_WORST_FIRST[result.outcome], result.size_bytes))


def _age(result: Result) -> tuple[datetime, int]:
    return result.started_at, result.attempt


def latest(results: Iterable[Result]) -> tuple[dict[Variant, dict[str, Result]], list[Cell]]:
    """What endpoints say alone, by variant and name, and the cells: of several sizes the worst, of each the latest."""
    alone: dict[Variant, dict[str, Result]] = {variant: {} for variant in ENDPOINT_VARIANTS}
    cells: dict[tuple[str, str, Variant], Result] = {}
    for result in newest(results):
        match result.subject:
            case EndpointSubject(name) if result.variant in alone:
                alone[result.variant].setdefault(name, result)
            case LinkSubject(source, destination):
                cells.setdefault((source, destination, result.variant), result)
    in_order = {variant: dict(sorted(found.items())) for variant, found in alone.items()}
    return in_order, [Cell.of(*key, cells[key]) for key in sorted(cells)]


def variants_of(cells: Iterable[Cell]) -> tuple[Variant, ...]:
    """The variants of these cells, in the order in which variants are shown."""
    present = {cell.variant for cell in cells}
    return tuple(variant for variant in Variant if variant in present)


def reasons_of(cells: Iterable[Cell]) -> tuple[Reason, ...]:
    """Their reasons, the most frequent first."""
    return tuple(reason for reason, _ in Counter(cell.result.reason for cell in cells).most_common())


def main_family(cells: Iterable[Cell]) -> Reason:
    """The family that most of them belong to."""
    return Counter(cell.family for cell in cells).most_common(1)[0][0]


def sources_of(cells: Iterable[Cell]) -> tuple[str, ...]:
    return tuple(sorted({cell.source for cell in cells}))


def destinations_of(cells: Iterable[Cell]) -> tuple[str, ...]:
    return tuple(sorted({cell.destination for cell in cells}))


def typical(cells: Sequence[Cell]) -> str:
    """The probe of a cell with the most frequent reason; not of gfal2, if it can be: that keeps few of the answers."""
    reason = reasons_of(cells)[0]
    alike = [cell for cell in cells if cell.result.reason is reason]
    return min(alike, key=lambda cell: cell.variant in GFAL_VARIANTS).result.probe_id
