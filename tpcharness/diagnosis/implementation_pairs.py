"""Pairs of implementations that do not get on with each other, though each works with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tpcharness.diagnosis.matrix_view import Cell
from tpcharness.model.variant import Blame, Variant

MIN_CELLS = 3
MIN_SHARE = 0.9
"""Of the cells between the two; a bug of software leaves fewer exceptions than a site's trouble."""


@dataclass(slots=True)
class Pair:
    """All cells of one variant from one implementation to another; `servers` are release or product names."""

    variant: Variant
    servers: tuple[str, str]
    failing: list[Cell] = field(default_factory=list)
    ok: list[Cell] = field(default_factory=list)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many sources and destinations."""
        cells = (*self.failing, *self.ok)
        return len({cell.source for cell in cells}), len({cell.destination for cell in cells})

    @property
    def dense(self) -> bool:
        """Whether there are enough cells, and they fail, and for one cause."""
        failing = len(self.failing)
        if failing < MIN_CELLS or failing < MIN_SHARE * (failing + len(self.ok)):
            return False
        return Counter(cell.family for cell in self.failing).most_common(1)[0][1] >= MIN_SHARE * failing


def pairs(cells: Iterable[Cell], still_open: Iterable[Cell]) -> list[Pair]:
    """Pairs of implementations that fail with each other and, each of them, work with others; the largest first.

    Releases ("dCache/9.2.21") and products ("dCache") are both looked at; of equals the release is the better name.
    """
    found: dict[tuple[Variant, tuple[str, str]], Pair] = {}
    for cell in still_open:
        for servers in _names(cell):
            key = cell.variant, servers
            found.setdefault(key, Pair(cell.variant, servers)).failing.append(cell)
    found = {key: pair for key, pair in found.items() if len(pair.failing) >= MIN_CELLS}
    if not found:
        return []
    works: Counter[tuple[Variant, Blame, str]] = Counter()
    for cell in cells:
        if cell.ok:
            for source, destination in _names(cell):
                works[cell.variant, Blame.SOURCE, source] += 1
                works[cell.variant, Blame.DESTINATION, destination] += 1
                if pair := found.get((cell.variant, (source, destination))):
                    pair.ok.append(cell)

    def contrasted(pair: Pair) -> bool:
        source, destination = pair.servers
        return (
            works[pair.variant, Blame.SOURCE, source] > len(pair.ok)
            and works[pair.variant, Blame.DESTINATION, destination] > len(pair.ok)
        )

    good = [pair for pair in found.values() if max(pair.sizes) > 1 and pair.dense and contrasted(pair)]
    exactness = {pair.servers: sum("/" not in name for name in pair.servers) for pair in good}
    return sorted(
        good, key=lambda pair: (2 * len(pair.ok) - len(pair.failing), exactness[pair.servers], pair.servers)
    )


def _names(cell: Cell) -> Iterator[tuple[str, str]]:
    source, destination = cell.servers
    if source and destination:
        yield source, destination
        products = source.partition("/")[0], destination.partition("/")[0]
        if products != cell.servers:
            yield products
