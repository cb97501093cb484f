"""The cells that were tried, by everything that they are asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tpcharness.diagnosis.matrix_view import Cell, Place, destinations_of, sources_of
from tpcharness.model.variant import Blame, Variant


class Board:
    """Cells that worked or failed; a cell that was not tried proves nothing and is not here."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self.cells = tuple(cells)
        self.by_variant: dict[Variant, list[Cell]] = defaultdict(list)
        self.by_place: dict[Place, list[Cell]] = defaultdict(list)
        self.by_link: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        for cell in self.cells:
            self.by_variant[cell.variant].append(cell)
            self.by_link[cell.link].append(cell)
            for place in cell.places:
                self.by_place[place].append(cell)

    def working_between(self, cells: Sequence[Cell]) -> int:
        """How many cells work among the sources and destinations of these, which are of one variant."""
        variant, sources, destinations = cells[0].variant, sources_of(cells), destinations_of(cells)
        links = (self.by_link.get((source, destination), ()) for source in sources for destination in destinations)
        return sum(cell.ok and cell.variant is variant for there in links for cell in there)

    def variants_at(self, name: str, roles: Iterable[Blame]) -> tuple[Variant, ...]:
        """The variants in which the endpoint was tried in these roles."""
        return tuple(variant for variant in Variant if any(self.by_place.get(Place(variant, r, name)) for r in roles))
