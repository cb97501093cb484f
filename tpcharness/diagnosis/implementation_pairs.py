"""Pairs of implementations that do not get on with each other, though each works with others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace

from tpcharness.diagnosis import finding_text as text
from tpcharness.diagnosis.matrix_view import (
    Cell,
    destinations_of,
    main_family,
    reasons_of,
    sources_of,
    typical,
    variants_of,
)
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant

MIN_CELLS = 3
MIN_BOTH_SIDES = 2
"""Endpoints on either side before a pair is preferred to an endpoint; else it may be that endpoint alone."""

MIN_SHARE = 0.9
"""Of the cells between the two; a bug of software leaves fewer exceptions than a site's trouble."""


@dataclass(slots=True)
class Pair:
    """All cells of one variant from one implementation to another; `servers` are release or product names."""

    variant: Variant
    servers: tuple[str, str]
    failing: list[Cell] = field(default_factory=list)
    ok: int = 0

    @property
    def sizes(self) -> tuple[int, int]:
        """How many sources and destinations fail."""
        return len({cell.source for cell in self.failing}), len({cell.destination for cell in self.failing})

    @property
    def weight(self) -> int:
        """Cells explained; a working one counts against it twice."""
        return len(self.failing) - 2 * self.ok

    @property
    def by_party(self) -> tuple[str, str]:
        """The two implementations, the active one first."""
        source, destination = self.servers
        (first, *_) = self.failing
        return (source, destination) if first.places[0].active else (destination, source)

    def names_of(self, server: str) -> set[str]:
        """The endpoints that run this one of the two."""
        source, destination = self.servers
        names = {cell.source for cell in self.failing} if server == source else set()
        return names | ({cell.destination for cell in self.failing} if server == destination else set())

    def only(self, still_open: Container[Cell]) -> Pair:
        """The same without failures that something else explains by now."""
        return replace(self, failing=[cell for cell in self.failing if cell in still_open])

    @property
    def dense(self) -> bool:
        """Whether there are enough cells, and they fail, and for one cause."""
        failing = len(self.failing)
        if failing < MIN_CELLS or failing < MIN_SHARE * (failing + self.ok):
            return False
        return Counter(cell.family for cell in self.failing).most_common(1)[0][1] >= MIN_SHARE * failing


def pairs(cells: Iterable[Cell], still_open: Iterable[Cell]) -> list[Pair]:
    """Pairs of implementations that fail with each other and, each of them, work with others; the largest first.

    Releases ("dCache/9.2.21") and products ("dCache") are both looked at; of equals the release is the better name.
    """
    found: dict[tuple[Variant, tuple[str, str]], Pair] = {}
    for cell in still_open:
        for servers in _names(cell.servers):
            key = cell.variant, servers
            found.setdefault(key, Pair(cell.variant, servers)).failing.append(cell)
    found = {key: pair for key, pair in found.items() if len(pair.failing) >= MIN_CELLS}
    if not found:
        return []
    works: Counter[tuple[Variant, Blame, str]] = Counter()
    for (variant, servers), count in Counter((cell.variant, cell.servers) for cell in cells if cell.ok).items():
        names = list(_names(servers))
        for both in names:
            if pair := found.get((variant, both)):
                pair.ok += count
        for source in {source for source, _ in names}:
            works[variant, Blame.SOURCE, source] += count
        for destination in {destination for _, destination in names}:
            works[variant, Blame.DESTINATION, destination] += count

    def contrasted(pair: Pair) -> bool:
        ends = zip((Blame.SOURCE, Blame.DESTINATION), pair.servers, strict=True)
        return all(works[pair.variant, role, server] > pair.ok for role, server in ends)

    good = [pair for pair in found.values() if max(pair.sizes) > 1 and pair.dense and contrasted(pair)]
    exactness = {pair.servers: sum("/" not in name for name in pair.servers) for pair in good}
    return sorted(good, key=lambda pair: (-pair.weight, exactness[pair.servers], pair.servers))


def _names(servers: tuple[str, str]) -> Iterator[tuple[str, str]]:
    if all(servers):
        yield servers
        source, destination = servers
        products = source.partition("/")[0], destination.partition("/")[0]
        if products != servers:
            yield products


def pair_findings(paired: Iterable[Pair]) -> list[Finding]:
    """One finding for the pairs of the same two implementations that fail for one cause."""
    return [_pair_finding(same) for same in _same_servers(paired)]


def _same_servers(paired: Iterable[Pair]) -> Iterable[list[Pair]]:
    """Pairs of the same two implementations that fail for one cause, whichever way and in whatever variant."""
    found: dict[tuple[frozenset[str], Reason], list[Pair]] = defaultdict(list)
    for pair in paired:
        found[frozenset(pair.servers), main_family(pair.failing)].append(pair)
    return found.values()


def _pair_finding(same: list[Pair]) -> Finding:
    failing = [cell for pair in same for cell in pair.failing]
    reasons = reasons_of(failing)
    by_party = {pair.by_party for pair in same}
    if len(by_party) == 1:
        servers, words = by_party.pop(), ("the active party", "the passive one")
    else:
        servers, words = same[0].servers, ("source", "destination")
    count = [len({name for pair in same for name in pair.names_of(server)}) for server in servers]
    return Finding(
        kind=FindingKind.IMPLEMENTATION_PAIR,
        culprits=servers,
        reason=reasons[0],
        blame=Blame.UNDETERMINED,
        cells=len(failing),
        of=sum(len(pair.failing) + pair.ok for pair in same),
        sentence=text.implementation_pair(servers, words, (count[0], count[1]), reasons),
        variants=variants_of(failing),
        probe_id=typical(failing),
        sources=sources_of(failing),
        destinations=destinations_of(failing),
    )
