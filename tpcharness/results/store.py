"""The latest state of every cell of the matrix, and how often what came out."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto

from tpcharness.model.endpoint import EndpointSubject, LinkSubject, Subject
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS, Outcome, Variant


class CellState(StrEnum):
    """What is known of a cell. A cell without any result has no state: it is absent (design 5, rule 6)."""

    OK = "ok"
    STALE = "stale"
    SKIPPED = "skipped"
    ERROR = "error"
    FAILURE = "failure"


BADNESS = {state: badness for badness, state in enumerate(CellState)}
"""Of several sizes the worst is what a cell is."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One subject probed in one way: the latest result per size, worst first.

    `states` goes with `results`, one each; the first of both is what the cell is (design 4, last line).
    """

    subject: Subject
    variant: Variant
    results: tuple[Result, ...]
    states: tuple[CellState, ...]

    @property
    def worst(self) -> Result:
        return self.results[0]

    @property
    def state(self) -> CellState:
        return self.states[0]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many probes ended how. A retried probe counts once, as its last attempt."""

    ok: int = 0
    failure: int = 0
    error: int = 0
    skipped: int = 0

    @classmethod
    def of(cls, counts: Counter[Outcome]) -> Tally:
        return cls(counts[Outcome.OK], counts[Outcome.FAILURE], counts[Outcome.ERROR], counts[Outcome.SKIPPED])

    @property
    def total(self) -> int:
        return self.ok + self.failure + self.error + self.skipped


@dataclass(frozen=True, slots=True)
class EndpointTally:
    """How the probes of one endpoint ended, by the part that it played; `alone` is all but doors and links."""

    door: Tally
    source: Tally
    destination: Tally
    alone: Tally = Tally()


@dataclass(slots=True)
class _Counts:
    door: Counter[Outcome] = field(default_factory=Counter)
    source: Counter[Outcome] = field(default_factory=Counter)
    destination: Counter[Outcome] = field(default_factory=Counter)
    alone: Counter[Outcome] = field(default_factory=Counter)

    def all(self) -> tuple[Tally, Tally, Tally, Tally]:
        return Tally.of(self.door), Tally.of(self.source), Tally.of(self.destination), Tally.of(self.alone)


class _Kind(Enum):
    """What tallies tell apart."""

    LINK = auto()
    DOOR = auto()
    ALONE = auto()

    @classmethod
    def of(cls, variant: Variant) -> _Kind:
        if variant.of_link:
            return cls.LINK
        return cls.DOOR if variant in DOOR_VARIANTS else cls.ALONE


class Cells:
    """The latest result per (subject, variant, size), and how many of these ended how: what every store answers.

    A store is a sink. `endpoints` are shown first and in this order even when nothing is known of them; others follow
    as they come. What may be forgotten, and when a result is stale, is for the stores to say.
    """

    def __init__(self, endpoints: Iterable[str] = ()) -> None:
        self._counts = defaultdict[str, _Counts](_Counts, {name: _Counts() for name in endpoints})
        self._outcomes: dict[_Kind, Counter[Outcome]] = {kind: Counter() for kind in _Kind}
        self._latest: dict[tuple[Subject, Variant], dict[int, Result]] = {}

    def cell(self, source: str, destination: str, variant: Variant, *, now: datetime | None = None) -> Cell | None:
        """What is known of a link in this variant, None when it was never probed. Without `now` nothing is stale."""
        return self._cell(LinkSubject(source, destination), variant, now)

    def endpoint_cell(self, name: str, variant: Variant, *, now: datetime | None = None) -> Cell | None:
        """The same of an endpoint alone: one of its doors, or whatever else is asked of it."""
        return self._cell(EndpointSubject(name), variant, now)

    def cells(self, *, now: datetime | None = None) -> Iterator[Cell]:
        """Every link cell of which something is known."""
        for subject, variant in self._latest:
            if variant.of_link and (cell := self._cell(subject, variant, now)) is not None:
                yield cell

    def doors(self, *, now: datetime | None = None) -> dict[str, Cell]:
        """The worst door of every endpoint that was checked, by name, in the order of `endpoints()`."""
        found: dict[str, Cell] = {}
        for cell in self.door_cells(now=now):
            former = found.get(str(cell.subject))
            if former is None or self._badness(cell.state) > self._badness(former.state):
                found[str(cell.subject)] = cell
        return found

    def door_cells(self, *, now: datetime | None = None) -> Iterator[Cell]:
        """Every door that was checked, endpoint by endpoint in the order of `endpoints()`."""
        for name in self._counts:
            for variant in DOOR_VARIANTS:
                if (cell := self._cell(EndpointSubject(name), variant, now)) is not None:
                    yield cell

    def endpoint_cells(self, *, now: datetime | None = None) -> Iterator[Cell]:
        """Everything that was asked of endpoints alone: each with its doors first, in the order of `endpoints()`."""
        for name in self._counts:
            for variant in ENDPOINT_VARIANTS:
                if (cell := self._cell(EndpointSubject(name), variant, now)) is not None:
                    yield cell

    def alone_cells(self, *, now: datetime | None = None) -> Iterator[Cell]:
        """The same without the doors."""
        return (cell for cell in self.endpoint_cells(now=now) if cell.variant not in DOOR_VARIANTS)

    def results(self) -> tuple[Result, ...]:
        """Every result that is remembered, oldest first."""
        raise NotImplementedError

    def endpoints(self) -> tuple[str, ...]:
        """The names of all endpoints that were announced or spoken of."""
        return tuple(self._counts)

    def variants(self) -> tuple[Variant, ...]:
        """The link variants that were probed, in their fixed order."""
        seen = {variant for _, variant in self._latest}
        return tuple(variant for variant in Variant if variant.of_link and variant in seen)

    def links(self) -> Tally:
        """How all link probes ended."""
        return Tally.of(self._outcomes[_Kind.LINK])

    def door_tally(self) -> Tally:
        """How all door probes ended."""
        return Tally.of(self._outcomes[_Kind.DOOR])

    def alone_tally(self) -> Tally:
        """How all probes of endpoints alone ended that are no doors."""
        return Tally.of(self._outcomes[_Kind.ALONE])

    def endpoint(self, name: str) -> EndpointTally:
        """How the probes of one endpoint ended; all zero when it is not known."""
        return EndpointTally(*self._counts.get(name, _Counts()).all())

    def _cell(self, subject: Subject, variant: Variant, now: datetime | None) -> Cell | None:
        sizes = self._latest.get((subject, variant))
        if not sizes:
            return None
        judged = [(self._state(result, now), result) for result in sizes.values()]
        judged.sort(key=lambda pair: -self._badness(pair[0]))
        return Cell(subject, variant, tuple(result for _, result in judged), tuple(state for state, _ in judged))

    def _state(self, result: Result, now: datetime | None) -> CellState:
        """What one result says now. `now` None: as if no time had gone by."""
        raise NotImplementedError

    def _badness(self, state: CellState) -> int:
        """Of several sizes the one with the highest number is what the cell is."""
        return BADNESS[state]

    def _announce(self, names: Iterable[str]) -> None:
        """Speaks of exactly these endpoints from now on: the known ones in their order, then the new ones."""
        wanted = dict.fromkeys(names)
        counts = {name: counts for name, counts in self._counts.items() if name in wanted}
        self._counts = defaultdict(_Counts, counts | {name: _Counts() for name in wanted if name not in counts})

    def _count(self, result: Result, step: int) -> None:
        kind = _Kind.of(result.variant)
        self._outcomes[kind][result.outcome] += step
        subject = result.subject
        if isinstance(subject, LinkSubject):
            self._counts[subject.source].source[result.outcome] += step
            self._counts[subject.destination].destination[result.outcome] += step
        else:
            counts = self._counts[subject.endpoint]
            (counts.door if kind is _Kind.DOOR else counts.alone)[result.outcome] += step


class MatrixStore(Cells):
    """All results of one run, and the latest state of every cell.

    Only green expires: an ok that started more than `green_seconds` before the `now` of a query is stale, while
    a failure stands until something newer is known; None means that nothing expires.
    At most `capacity` results are kept; the oldest go first and are counted in `forgotten`. The tallies are about
    everything that ever came.
    """

    def __init__(
        self, endpoints: Iterable[str] = (), *, green_seconds: float | None = None, capacity: int = 200_000
    ) -> None:
        super().__init__(endpoints)
        self._arrived: deque[Result] = deque()
        self._green_seconds = green_seconds
        self._capacity = capacity
        self.forgotten = 0

    def add(self, result: Result) -> None:
        """Takes a result in. An earlier attempt that comes late does not replace a later one."""
        if len(self._arrived) >= self._capacity:
            self._forget(self._arrived.popleft())
        self._arrived.append(result)
        sizes = self._latest.setdefault((result.subject, result.variant), {})
        before = sizes.get(result.size_bytes)
        if before is not None and before.probe_id == result.probe_id:
            if before.attempt > result.attempt:
                return
            self._count(before, -1)
        sizes[result.size_bytes] = result
        self._count(result, 1)

    def results(self) -> tuple[Result, ...]:
        """Every result, each attempt by itself, in the order of arrival."""
        return tuple(self._arrived)

    def _state(self, result: Result, now: datetime | None) -> CellState:
        if result.outcome is not Outcome.OK:
            return CellState(result.outcome.value)
        if now is None or self._green_seconds is None:
            return CellState.OK
        age_seconds = (now - result.started_at).total_seconds()
        return CellState.STALE if age_seconds > self._green_seconds else CellState.OK

    def _forget(self, result: Result) -> None:
        """Counters are about everything that ever came and stay; the cell goes if nothing newer is known of it."""
        self.forgotten += 1
        key = (result.subject, result.variant)
        sizes = self._latest.get(key, {})
        if sizes.get(result.size_bytes) is result:
            del sizes[result.size_bytes]
            if not sizes:
                del self._latest[key]
