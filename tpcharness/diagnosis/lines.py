"""Bad rows and columns: the endpoints that explain most failing cells, peeled off one after the other.

The shapes are madalert's (ecosystem 4). The line that explains most goes first and takes its cells with it, so that
partners which are culprits themselves do not count for or against anybody else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tpcharness.diagnosis.matrix_view import BOTH_ENDS, MIN_SHARE, Cell, Place, main_family
from tpcharness.model.reason import Reason
from tpcharness.model.variant import LINK_VARIANTS

MIN_PARTNERS = 2
"""One partner alone cannot tell an endpoint's fault from the link's."""

Weight = tuple[int, int, int]


@dataclass(slots=True)
class Line:
    """The cells of one place that speak for or against it."""

    ok: int = 0
    open: dict[Place, Cell] = field(default_factory=dict)
    blamed: int = 0
    at_work: int = 0
    families: Counter[Reason] = field(default_factory=Counter)

    @property
    def guilty(self) -> bool:
        """Whether nearly all that was tried fails, and for a common cause."""
        failing = len(self.open)
        agreeing = self.blamed + max(self.families.values(), default=0)
        tried = self.ok + failing
        return tried >= MIN_PARTNERS and failing >= MIN_SHARE * tried and agreeing >= MIN_SHARE * failing

    def add(self, cell: Cell, place: Place, sign: int = 1) -> None:
        """Counts a failing cell of this place in, or out again."""
        if sign > 0:
            self.open[cell.partner(place.role)] = cell
        else:
            del self.open[cell.partner(place.role)]
        if cell.result.blame is place.role:
            self.blamed += sign
        else:
            self.families[cell.family] += sign

    def guilty_without(self, cell: Cell, place: Place) -> bool:
        """Whether it would still be guilty if something else explained that cell."""
        self.add(cell, place, -1)
        try:
            return self.guilty
        finally:
            self.add(cell, place)

    @property
    def weight(self) -> Weight:
        """Cells explained, a working one counting against it twice; then who is blamed; then partners at work."""
        return len(self.open) - 2 * self.ok, self.blamed, self.at_work


@dataclass(frozen=True, slots=True)
class Lines:
    """What rows and columns explain. `unclear` holds candidates of which one is it, with the cells of all."""

    explained: dict[Place, list[Cell]]
    unclear: list[tuple[tuple[Place, ...], list[Cell]]]


class Peeling:
    """The rows and columns of all variants, and the cells that nothing explains yet."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._lines: dict[Place, Line] = defaultdict(Line)
        self._known: Counter[str] = Counter()
        self._guilty: dict[Place, Weight] = {}
        self.open: dict[Cell, None] = {}
        failing = []
        for cell in cells:
            if cell.ok:
                for place in cell.places:
                    self._lines[place].ok += 1
            else:
                failing.append(cell)
        for cell in failing:
            self.open[cell] = None
            self._count(cell, 1)
        self._weigh(list(self._lines))

    def at_work(self, place: Place) -> bool:
        """Whether anything works there."""
        return place in self._lines and self._lines[place].ok > 0

    def heaviest(self, cells: Iterable[Cell]) -> int:
        """The net weight of the heaviest guilty line that any of these cells lies in; 0 without one."""
        places = {place for cell in cells for place in cell.places}
        return max((self._guilty[place][0] for place in places if place in self._guilty), default=0)

    def take(self, cells: Iterable[Cell]) -> None:
        """Takes cells out that something else explains."""
        dirty: set[Place] = set()
        for cell in cells:
            del self.open[cell]
            self._count(cell, -1)
            dirty.update(cell.places)
        self._weigh(dirty)

    def peel(self) -> Lines:
        """Takes all guilty lines out, the heaviest first."""
        explained: dict[Place, list[Cell]] = {}
        unclear = []
        while self._guilty:
            chosen, *rivals = self._heaviest()
            taken = list(self._lines[chosen].open.values())
            if rivals:
                taken = list(dict.fromkeys(cell for p in (chosen, *rivals) for cell in self._lines[p].open.values()))
                unclear.append(((chosen, *rivals), taken))
            else:
                self._known[chosen.name] += len(taken)
                explained[chosen] = taken
            self.take(taken)
        return Lines(_handed_over(_without_bystanders(explained)), unclear)

    def _count(self, cell: Cell, sign: int) -> None:
        for place in cell.places:
            if not cell.supports(place.role):
                continue
            line = self._lines[place]
            line.add(cell, place, sign)
            line.at_work += sign * (self._lines[cell.partner(place.role)].ok > 0)

    def _weigh(self, places: Iterable[Place]) -> None:
        for place in places:
            line = self._lines[place]
            if line.guilty:
                self._guilty[place] = line.weight
            else:
                self._guilty.pop(place, None)

    def _heaviest(self) -> list[Place]:
        """The line to take next, and those that explain the same cells as well as it does."""
        best = max(self._guilty.values())
        ties = sorted(place for place, weight in self._guilty.items() if weight == best)
        if len(ties) == 1:
            return ties
        standing = {place: self._standing(place) for place in ties}
        chosen = max(ties, key=standing.__getitem__)
        crossed = self._lines[chosen].open
        rivals = [
            place
            for place in ties
            if place in crossed
            and standing[place] == standing[chosen]
            and self._lines[place].open.get(chosen) is crossed[place]
            and not self._lines[place].guilty_without(crossed[place], place)
        ]
        return [chosen, *rivals]

    def _standing(self, place: Place) -> int:
        """What else speaks against the endpoint: cells that its other lines explain or have explained."""
        others = (Place(variant, role, place.name) for variant in LINK_VARIANTS for role in BOTH_ENDS)
        return self._known[place.name] + sum(
            len(self._lines[other].open) for other in others if other != place and other in self._guilty
        )


def _without_bystanders(explained: Mapping[Place, list[Cell]]) -> dict[Place, list[Cell]]:
    """Leaves out lines whose every cell lies in another guilty line: four bad sources do not make a bad destination."""
    kept = {place: list(cells) for place, cells in explained.items()}
    for place in explained:
        heirs = [(cell, cell.partner(place.role)) for cell in kept[place]]
        if all(heir in kept and cell.supports(heir.role) for cell, heir in heirs):
            del kept[place]
            for cell, heir in heirs:
                kept[heir].append(cell)
    return kept


def _handed_over(explained: Mapping[Place, list[Cell]]) -> dict[Place, list[Cell]]:
    """Gives cells that two guilty lines cross in to the one whose trouble they show and whom they blame."""
    families = {place: main_family(cells) for place, cells in explained.items()}
    kept: dict[Place, list[Cell]] = {place: [] for place in explained}
    for place, cells in explained.items():
        for cell in cells:
            heir = cell.partner(place.role)
            better = (
                cell.family is not families[place]
                and families.get(heir) is cell.family
                and cell.result.blame is not place.role
                and cell.supports(heir.role)
            )
            kept[heir if better else place].append(cell)
    return kept
