"""What is neither a row nor a column: pairs of implementations, blocks, and endpoints that fail with many, not all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb

from tpcharness.diagnosis.matrix_view import MIN_SHARE, Cell, Place
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant

MIN_PAIR_CELLS = 3
MIN_BLOCK_CELLS = 4
MIN_PAIR_SHARE = 0.9
CHANCE = 0.05
"""A block or a part of a line is seen only if independent failures would make one less often than this."""

_MOST_SEEDS = 200


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
        if failing < MIN_PAIR_CELLS or failing < MIN_PAIR_SHARE * (failing + len(self.ok)):
            return False
        return Counter(cell.family for cell in self.failing).most_common(1)[0][1] >= MIN_PAIR_SHARE * failing


def pairs(cells: Iterable[Cell], still_open: Iterable[Cell]) -> list[Pair]:
    """Pairs of implementations that fail with each other and, each of them, work with others; the largest first.

    Releases ("dCache/9.2.21") and products ("dCache") are both looked at; of equals the release is the better name.
    """
    found: dict[tuple[Variant, tuple[str, str]], Pair] = {}
    for cell in still_open:
        for servers in _names(cell):
            key = cell.variant, servers
            found.setdefault(key, Pair(cell.variant, servers)).failing.append(cell)
    found = {key: pair for key, pair in found.items() if len(pair.failing) >= MIN_PAIR_CELLS}
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


def blocks(tried: Iterable[Cell], still_open: Iterable[Cell]) -> list[list[Cell]]:
    """Groups of sources that fail with the same group of destinations for one cause, the largest first.

    Two sources and two destinations at least; the cells of a block are not in another.
    """
    found = []
    for variant, (names, counts, failing) in _by_variant(tried, still_open).items():
        families: dict[Reason, dict[tuple[str, str], Cell]] = defaultdict(dict)
        for cell in failing:
            if not cell.certain:
                families[cell.family][cell.link] = cell
        rest = sum(counts[variant].values())
        for cells in families.values():
            while best := _densest(cells, counts[variant], names):
                found.append([cells.pop(link) for link in best])
        del rest
    return found


def _by_variant(
    tried: Iterable[Cell], still_open: Iterable[Cell]
) -> dict[Variant, tuple[list[str], dict[Variant, dict[tuple[str, str], bool]], list[Cell]]]:
    raise NotImplementedError
