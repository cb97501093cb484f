"""The latest results, laid out for comparing variants of the same link or endpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from tpcharness.diagnosis.matrix_view import Cell, Place, latest, newest
from tpcharness.model.contrast import Contrast
from tpcharness.model.endpoint import EndpointSubject, Subject
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Phase, Variant

Alone = Mapping[Variant, Mapping[str, Result]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A contrast, what a finding says of it in half a sentence, and the failing cells that it is about.

    `role` is the end that these cells are the fault of, where their own results left it open; None: they stay open.
    `span` is the time between the first and the last result that it rests on.
    """

    contrast: Contrast
    clause: str
    cells: tuple[Cell, ...] = ()
    role: Blame | None = None
    span: timedelta = timedelta()


class Scene:
    """Cells that worked or failed, what endpoints say alone, and good results by size; what was skipped is not here."""

    def __init__(self, alone: Alone, cells: Iterable[Cell], results: Iterable[Result]) -> None:
        self._alone = alone
        self.by_link: dict[tuple[str, str], dict[Variant, Cell]] = defaultdict(dict)
        self.by_place: dict[Place, list[Cell]] = defaultdict(list)
        for cell in cells:
            if cell.tried:
                self.by_link[cell.link][cell.variant] = cell
                for place in cell.places:
                    self.by_place[place].append(cell)
        self._good: dict[tuple[Subject, Variant], dict[int, Result]] = defaultdict(dict)
        for result in results:
            if result.ok and result.throughput:
                self._good[result.subject, result.variant][result.size_bytes] = result

    @classmethod
    def of(cls, results: Iterable[Result]) -> Self:
        """From all results of a run or of many, in any order."""
        current = newest(results)
        return cls(*latest(current), current)

    def tested(self, variant: Variant) -> list[tuple[str, Result]]:
        """Endpoints that worked or failed in this variant, by name."""
        found = self._alone.get(variant, {})
        return [(name, one) for name, one in found.items() if one.outcome is not Outcome.SKIPPED]

    def good_alone(self, variant: Variant, name: str) -> Result | None:
        """The endpoint's result in this variant if all is well with it."""
        result = self._alone.get(variant, {}).get(name)
        return result if result is not None and result.ok else None

    def speeds(self, subject: Subject, variant: Variant) -> Mapping[int, Result]:
        """Good results that have a throughput, by size."""
        return self._good.get((subject, variant), {})

    def at(self, variant: Variant, role: Blame, name: str) -> list[Cell]:
        return self.by_place.get(Place(variant, role, name), [])


def own_fault(result: Result) -> bool:
    """Whether an endpoint that was tested alone certainly failed by its own fault, and not for a busy moment.

    A file of ours that stays does not keep others from copying.
    """
    return (
        result.outcome is Outcome.FAILURE
        and result.blame is Blame.DESTINATION
        and not result.alternatives
        and result.phase is not Phase.CLEANUP
    )


def endpoint_speed(scene: Scene, name: str, variant: Variant, size: int) -> Result | None:
    return scene.speeds(EndpointSubject(name), variant).get(size)
