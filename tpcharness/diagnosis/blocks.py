"""What is no whole row and no whole column: blocks, and endpoints that fail with some of their partners.

Such shapes also come about by chance when much fails at random, so each has to be unlikely enough to be seen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import comb

from tpcharness.diagnosis.matrix_view import MIN_SHARE, Cell, Place
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Variant

MIN_BLOCK_CELLS = 4
MIN_SIDE = 2
MIN_PARTNERS = 4
MIN_DISTRUSTED = 2
CHANCE = 0.05
"""Seen is only what independent failures would make less often than this."""

_MOST_SEEDS = 32


@dataclass(frozen=True, slots=True)
class _Square:
    """One variant's matrix: how many of its cells were tried, and who stands where; bits are destinations."""

    bits: dict[str, int]
    tried: int
    ok: dict[str, int]


def blocks(tried: Iterable[Cell], still_open: Iterable[Cell]) -> list[list[Cell]]:
    """Groups of sources that fail with the same group of destinations for one cause; no cell is in two of them."""
    squares = _squares(tried)
    by_cause: dict[tuple[Variant, Reason], list[Cell]] = defaultdict(list)
    for cell in still_open:
        if not cell.certain:
            by_cause[cell.variant, cell.family].append(cell)
    found = []
    for (variant, _), cells in by_cause.items():
        rest = {cell.link: cell for cell in cells}
        while best := _best_block(rest, squares[variant]):
            found.append([rest.pop(link) for link in best])
    return found


def _squares(tried: Iterable[Cell]) -> dict[Variant, _Square]:
    by_variant: dict[Variant, list[Cell]] = defaultdict(list)
    for cell in tried:
        by_variant[cell.variant].append(cell)
    squares = {}
    for variant, cells in by_variant.items():
        names = sorted({name for cell in cells for name in cell.link})
        bits = {name: 1 << number for number, name in enumerate(names)}
        ok = dict.fromkeys(names, 0)
        for cell in cells:
            if cell.ok:
                ok[cell.source] |= bits[cell.destination]
        squares[variant] = _Square(bits, len(cells), ok)
    return squares


def _best_block(cells: dict[tuple[str, str], Cell], square: _Square) -> list[tuple[str, str]]:
    """The links of the block that explains most, or nothing.

    Every two rows propose what they have in common. A row has its own diagonal too, for groups whose members all
    fail with each other.
    """
    bad: dict[str, int] = defaultdict(int)
    for source, destination in cells:
        bad[source] |= square.bits[destination]
    rows = {name: mask for name, mask in bad.items() if mask.bit_count() >= MIN_SIDE}
    proposals = Counter(
        (rows[one] | square.bits[one]) & (rows[other] | square.bits[other]) for one, other in combinations(rows, 2)
    )
    likely = sorted(proposals.items(), key=lambda item: (-item[0].bit_count() * item[1], item[0]))
    best: list[tuple[str, str]] = []
    best_weight = 0
    for seed, _ in likely[:_MOST_SEEDS]:
        if seed.bit_count() < MIN_SIDE:
            continue
        links, ok = _grow(seed, rows, square)
        weight = len(links) - 2 * ok
        if weight > best_weight and len(links) >= MIN_BLOCK_CELLS and len(links) >= MIN_SHARE * (len(links) + ok):
            sides = len({source for source, _ in links}), len({destination for _, destination in links})
            if min(sides) >= MIN_SIDE and _unlikely_block(sides, len(links), len(cells), square):
                best, best_weight = links, weight
    return best


def _grow(seed: int, rows: dict[str, int], square: _Square) -> tuple[list[tuple[str, str]], int]:
    """The rows that nearly fill the seed, without the columns that these do not fill; and how many of it work."""
    sources = []
    for name, mask in rows.items():
        failing, fine = (mask & seed).bit_count(), (square.ok[name] & seed).bit_count()
        if failing >= MIN_SIDE and failing >= MIN_SHARE * (failing + fine):
            sources.append(name)
    links: list[tuple[str, str]] = []
    ok = 0
    for destination, bit in square.bits.items():
        if bit & seed:
            failing_sources = [name for name in sources if rows[name] & bit]
            fine = sum(1 for name in sources if square.ok[name] & bit)
            if failing_sources and len(failing_sources) >= MIN_SHARE * (len(failing_sources) + fine):
                links += [(name, destination) for name in failing_sources]
                ok += fine
    return links, ok


def _unlikely_block(sides: tuple[int, int], size: int, failing: int, square: _Square) -> bool:
    names = len(square.bits)
    ways = comb(names, sides[0]) * comb(names, sides[1])
    return ways * _background(failing - size, square.tried - size) ** size < CHANCE


def _background(failing: int, tried: int) -> float:
    """How likely any other cell is to fail for the same cause; never quite impossible."""
    return (failing + 1) / (max(tried, failing) + 1)


def distrustful(tried: Iterable[Cell], still_open: Iterable[Cell], reason: Reason) -> dict[Place, list[Cell]]:
    """Active parties that refuse several partners for that reason, though most others have nothing against these."""
    works = Counter(place for cell in tried if cell.ok for place in cell.places)
    refusing = [cell for cell in still_open if cell.result.reason is reason]
    fails = Counter(place for cell in refusing for place in cell.places)
    found: dict[Place, list[Cell]] = defaultdict(list)
    for cell in refusing:
        active, passive = sorted(cell.places, key=lambda place: not place.active)
        if works[passive] > fails[passive]:
            found[active].append(cell)
    return {place: cells for place, cells in found.items() if len(cells) >= MIN_DISTRUSTED}


def part_lines(tried: Iterable[Cell], still_open: Iterable[Cell]) -> dict[Place, list[Cell]]:
    """Endpoints that fail in one role with several partners for one cause, more of them than chance would choose."""
    squares = _squares(tried)
    sizes = Counter(place for cell in tried for place in cell.places)
    by_place: dict[tuple[Place, Reason], dict[Cell, None]] = defaultdict(dict)
    by_cause: Counter[tuple[Variant, Reason]] = Counter()
    for cell in still_open:
        by_cause[cell.variant, cell.family] += 1
        for place in cell.places:
            if cell.supports(place.role):
                by_place[place, cell.family][cell] = None
    found: dict[Place, list[Cell]] = {}
    taken: set[Cell] = set()
    for (place, cause), cells in sorted(by_place.items(), key=lambda item: (-len(item[1]), item[0])):
        left = [cell for cell in cells if cell not in taken]
        square, size = squares[place.variant], len(left)
        if size < MIN_PARTNERS or place in found:
            continue
        background = _background(by_cause[place.variant, cause] - size, square.tried - size)
        if 2 * len(square.bits) * comb(sizes[place], size) * background**size < CHANCE:
            found[place] = left
            taken.update(left)
    return found
