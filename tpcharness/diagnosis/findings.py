"""What a whole matrix means: the endpoints and links that explain its failures, n sentences in place of n x n cells.

The shapes are madalert's (ecosystem 4): a bad row is a bad source, a bad column a bad destination. Every variant is
a matrix of its own, peeled greedily: the line that explains most failing cells goes first and takes these cells with
it, so that partners which are culprits themselves do not count for or against anybody else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tpcharness.diagnosis import finding_text as text
from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant

MIN_SHARE = 0.8
"""Share of a line's cells that must fail, and of these that must agree, before the line is accused."""

MIN_PARTNERS = 2
"""One partner alone cannot tell an endpoint's fault from the link's."""

_ROLES = (Blame.SOURCE, Blame.DESTINATION)
_KINDS = {Blame.SOURCE: FindingKind.BAD_AS_SOURCE, Blame.DESTINATION: FindingKind.BAD_AS_DESTINATION}
_RANKS = {
    FindingKind.ENDPOINT_DOWN: 0,
    FindingKind.BAD_AS_SOURCE: 1,
    FindingKind.BAD_AS_DESTINATION: 1,
    FindingKind.SINGLE_LINK: 2,
}
_WORST_FIRST = {Outcome.FAILURE: 0, Outcome.ERROR: 1, Outcome.OK: 2, Outcome.SKIPPED: 3}


class _Place(NamedTuple):
    """A row or a column of a matrix: an endpoint in one role."""

    role: Blame
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """One link in one variant, with the worst of its latest results per size."""

    source: str
    destination: str
    variant: Variant
    result: Result
    places: tuple[_Place, _Place]
    suspects: frozenset[Blame]
    """Everybody whose fault it may be, as far as this one cell can tell."""

    @classmethod
    def of(cls, source: str, destination: str, variant: Variant, result: Result) -> _Cell:
        """The cell of this link."""
        places = _Place(Blame.SOURCE, source), _Place(Blame.DESTINATION, destination)
        suspects = frozenset(alternative.blame for alternative in result.alternatives)
        if not suspects or result.blame is not Blame.UNDETERMINED:
            suspects |= {result.blame}
        return cls(source, destination, variant, result, places, suspects)

    @property
    def ok(self) -> bool:
        return self.result.outcome is Outcome.OK

    @property
    def failing(self) -> bool:
        return self.result.outcome in (Outcome.FAILURE, Outcome.ERROR)

    @property
    def skipped_for_door(self) -> bool:
        return self.result.outcome is Outcome.SKIPPED and self.result.reason is Reason.ENDPOINT_DOWN

    def partner(self, role: Blame) -> _Place:
        """The other end, seen from this role."""
        row, column = self.places
        return column if role is Blame.SOURCE else row

    def supports(self, role: Blame) -> bool:
        """Whether it may be the fault of the endpoint in this role: not if only the opposite one is suspected."""
        return role in self.suspects or not self.suspects <= set(_ROLES)


@dataclass(slots=True)
class _Line:
    """The cells of one endpoint in one role and variant that speak for or against it."""

    ok: int = 0
    open: dict[_Place, _Cell] = field(default_factory=dict)
    blamed: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)

    def add(self, cell: _Cell, role: Blame, count: int = 1) -> None:
        """Counts a failing cell in, or out again."""
        if count > 0:
            self.open[cell.partner(role)] = cell
        else:
            del self.open[cell.partner(role)]
        if cell.result.blame is role:
            self.blamed += count
        else:
            self.reasons[cell.result.reason] += count

    @property
    def guilty(self) -> bool:
        """Whether nearly all that was tried fails, and for a common cause."""
        failing = len(self.open)
        agreeing = self.blamed + max(self.reasons.values(), default=0)
        tried = self.ok + failing
        return tried >= MIN_PARTNERS and failing >= MIN_SHARE * tried and agreeing >= MIN_SHARE * failing


@dataclass(slots=True)
class _Tried:
    """The cells that say something, by everything that they are asked for."""

    by_variant: dict[Variant, list[_Cell]] = field(default_factory=lambda: defaultdict(list))
    by_place: dict[_Place, list[_Cell]] = field(default_factory=lambda: defaultdict(list))
    by_link: dict[tuple[str, str], list[_Cell]] = field(default_factory=lambda: defaultdict(list))
    at_work: set[tuple[Variant, _Place]] = field(default_factory=set)

    def add(self, cell: _Cell) -> None:
        self.by_variant[cell.variant].append(cell)
        self.by_link[cell.source, cell.destination].append(cell)
        for place in cell.places:
            self.by_place[place].append(cell)
            if cell.ok:
                self.at_work.add((cell.variant, place))

    def matrices(self) -> Iterator[list[_Cell]]:
        """One matrix per variant, in the order of the variants."""
        return (self.by_variant[variant] for variant in Variant if variant in self.by_variant)


def find(results: Iterable[Result]) -> tuple[Finding, ...]:
    """The causes behind the failures among these results, worst first; empty when nothing failed.

    Takes all results of a run or of many, in any order: of each subject, variant and size the latest counts.
    Every failing cell is explained by one finding; what was skipped for failed doors, by each endpoint that is down.
    A cell that is certain of its blame never supports an accusation of the other end.
    """
    doors, cells = _latest(results)
    down = {name: door for name, door in doors.items() if door.outcome in (Outcome.FAILURE, Outcome.ERROR)}
    by_door: dict[str, list[_Cell]] = {name: [] for name in down}
    tried = _Tried()
    for cell in cells:
        culprits = [place.name for place in cell.places if place.name in down and _explains(cell, place)]
        for name in culprits:
            by_door[name].append(cell)
        if not culprits and (cell.ok or cell.failing):
            tried.add(cell)

    by_place: dict[_Place, list[_Cell]] = defaultdict(list)
    by_link: dict[tuple[str, str, Blame], list[_Cell]] = defaultdict(list)
    for matrix in tried.matrices():
        lines = _peel(matrix)
        for place, taken in lines.items():
            by_place[place] += taken
        explained = {cell for taken in lines.values() for cell in taken}
        for cell in matrix:
            if cell.failing and cell not in explained:
                by_link[cell.source, cell.destination, cell.result.blame].append(cell)

    findings = [_endpoint_down(name, down[name], taken, cells) for name, taken in by_door.items()]
    findings += [_bad_line(place, taken, tried) for place, taken in by_place.items()]
    findings += [_single_link(taken, tried) for taken in by_link.values()]
    order = list(FindingKind).index
    return tuple(sorted(findings, key=lambda f: (_RANKS[f.kind], -f.cells, f.culprits, order(f.kind))))


def _latest(results: Iterable[Result]) -> tuple[dict[str, Result], list[_Cell]]:
    """The doors by endpoint, and the cells."""
    latest: dict[tuple[object, Variant, int], Result] = {}
    for result in results:
        key = result.subject, result.variant, result.size_bytes
        before = latest.get(key)
        if before is None or (before.started_at, before.attempt) <= (result.started_at, result.attempt):
            latest[key] = result
    doors: dict[str, Result] = {}
    cells: dict[tuple[str, str, Variant], Result] = {}
    for result in sorted(latest.values(), key=lambda result: (_WORST_FIRST[result.outcome], result.size_bytes)):
        match result.subject:
            case EndpointSubject(name) if result.variant is Variant.DOOR:
                doors.setdefault(name, result)
            case LinkSubject(source, destination):
                cells.setdefault((source, destination, result.variant), result)
    return dict(sorted(doors.items())), [_Cell.of(*key, cells[key]) for key in sorted(cells)]


def _explains(cell: _Cell, down: _Place) -> bool:
    return cell.skipped_for_door or (cell.failing and cell.supports(down.role))


def _peel(matrix: Iterable[_Cell]) -> dict[_Place, list[_Cell]]:
    """The rows and columns of one variant that explain most, each with the cells that it explains.

    A cell that works weighs against a line as much as two that fail weigh for it; of equals, that line goes first
    which more cells blame, then that whose partners work with others.
    """
    lines: dict[_Place, _Line] = defaultdict(_Line)
    for cell in matrix:
        for place in cell.places:
            if cell.ok:
                lines[place].ok += 1
            elif cell.supports(place.role):
                lines[place].add(cell, place.role)

    at_work = {place for place, line in lines.items() if line.ok}

    def weight(place: _Place) -> tuple[int, int, int]:
        line = lines[place]
        return len(line.open) - 2 * line.ok, line.blamed, len(at_work & line.open.keys())

    explained: dict[_Place, list[_Cell]] = {}
    while guilty := [place for place in sorted(lines) if lines[place].guilty]:
        worst = max(guilty, key=weight)
        explained[worst] = list(lines[worst].open.values())
        for cell in explained[worst]:
            for place in cell.places:
                if cell.supports(place.role):
                    lines[place].add(cell, place.role, -1)
    return _without_bystanders(explained)


def _without_bystanders(explained: Mapping[_Place, list[_Cell]]) -> dict[_Place, list[_Cell]]:
    """Leaves out lines whose every cell lies in another guilty line: four bad sources do not make a bad destination."""
    kept = {place: list(cells) for place, cells in explained.items()}
    for place in explained:
        heirs = [(cell, cell.partner(place.role)) for cell in kept[place]]
        if all(heir in kept and cell.supports(heir.role) for cell, heir in heirs):
            del kept[place]
            for cell, heir in heirs:
                kept[heir].append(cell)
    return kept


def _endpoint_down(name: str, door: Result, taken: list[_Cell], cells: Iterable[_Cell]) -> Finding:
    there = [cell for cell in cells if name in (cell.source, cell.destination)]
    of = sum(cell.ok or cell.failing or cell.skipped_for_door for cell in there)
    return Finding(
        kind=FindingKind.ENDPOINT_DOWN,
        culprits=(name,),
        reason=door.reason,
        blame=door.blame,
        cells=len(taken),
        of=of,
        sentence=text.endpoint_down(name, door.reason, door.blame, len(taken), of),
        variants=_variants(taken),
        probe_id=door.probe_id,
    )


def _bad_line(place: _Place, taken: list[_Cell], tried: _Tried) -> Finding:
    variants = _variants(taken)
    fine = [cell for cell in tried.by_place[place] if cell.ok and cell.variant in variants]
    reasons = _by_frequency(taken)
    blame = _line_blame(place, taken, tried)
    failing_partners = {cell.partner(place.role) for cell in taken}
    return Finding(
        kind=_KINDS[place.role],
        culprits=(place.name,),
        reason=reasons[0],
        blame=blame,
        cells=len(taken),
        of=len(taken) + len(fine),
        sentence=text.bad_line(
            place.name,
            place.role,
            (len(failing_partners), len(failing_partners | {cell.partner(place.role) for cell in fine})),
            (variants, _variants(tried.by_place[place])),
            reasons,
            blame,
        ),
        variants=variants,
        probe_id=_typical(taken, reasons[0]),
    )


def _line_blame(place: _Place, taken: list[_Cell], tried: _Tried) -> Blame:
    """Who has to act for a bad line: what the cells say, or, where they cannot tell, what the pattern says.

    The pattern says that it is the endpoint only if most of the partners work with somebody else in that variant.
    """
    if 2 * sum(cell.result.blame is place.role for cell in taken) >= len(taken):
        return place.role
    named = Counter(cell.result.blame for cell in taken).most_common(1)[0][0]
    if named in (Blame.ISSUER, Blame.CLIENT):
        return named
    if 2 * sum((cell.variant, cell.partner(place.role)) in tried.at_work for cell in taken) >= len(taken):
        return place.role
    return named if named is Blame.PATH else Blame.UNDETERMINED


def _single_link(taken: list[_Cell], tried: _Tried) -> Finding:
    first = taken[0]
    variants = _variants(taken)
    all_variants = _variants(tried.by_link[first.source, first.destination])
    reasons = _by_frequency(taken)
    suspects = frozenset(blame for cell in taken for blame in cell.suspects)
    return Finding(
        kind=FindingKind.SINGLE_LINK,
        culprits=(first.source, first.destination),
        reason=reasons[0],
        blame=first.result.blame,
        cells=len(variants),
        of=len(all_variants),
        sentence=text.single_link(first.source, first.destination, (variants, all_variants), reasons, suspects),
        variants=variants,
        probe_id=_typical(taken, reasons[0]),
    )


def _variants(cells: Iterable[_Cell]) -> tuple[Variant, ...]:
    present = {cell.variant for cell in cells}
    return tuple(variant for variant in Variant if variant in present)


def _by_frequency(cells: Iterable[_Cell]) -> tuple[Reason, ...]:
    return tuple(reason for reason, _ in Counter(cell.result.reason for cell in cells).most_common())


def _typical(cells: Iterable[_Cell], reason: Reason) -> str:
    return next(cell.result.probe_id for cell in cells if cell.result.reason is reason)
