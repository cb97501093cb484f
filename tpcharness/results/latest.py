"""What a running service knows now: the newest result of everything that it probes, and nothing older."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from tpcharness.model.endpoint import EndpointSubject, LinkSubject, Subject
from tpcharness.model.result import Result, without_exchanges
from tpcharness.model.variant import DOOR_VARIANTS, Outcome, Phase, Variant
from tpcharness.results.store import BADNESS, Cell, Cells, CellState

Key = tuple[Subject, Variant]
"""What is probed in one way: the row of the schedule, of the store and of the metrics."""

StaleAfter = Callable[[Subject, Variant], float | None]
"""How old, in seconds, a result may become before it says nothing any more; None: it never does."""

MAX_SIZES = 16
"""Sizes that are kept per cell; probes on demand may ask for any size, and must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Glance:
    """The few facts of a cell that metrics ask for again and again. Replaced as a whole when a result comes.

    `labels` are source, destination and variant of a link, or endpoint and variant. `results` are worst first, as
    if none was stale, and `starts` is when they began. `last_run` is when the last probe that was not skipped ended,
    None if none was. Times are epoch seconds.
    """

    subject: Subject
    variant: Variant
    labels: tuple[str, ...]
    results: tuple[Result, ...]
    starts: tuple[float, ...]
    last_run: float | None

    def current(self, now: float, stale_after_seconds: float | None) -> Result | None:
        """The worst result that is not stale, None when all are. `now` is epoch seconds."""
        if stale_after_seconds is None:
            return self.results[0]
        oldest = now - stale_after_seconds
        for result, start in zip(self.results, self.starts, strict=True):
            if start >= oldest:
                return result
        return None


class LatestStore(Cells):
    """The newest result per (subject, variant, size), for as long as the subject is in the schedule.

    Exchanges are dropped from the evidence: what is left is a few hundred bytes per cell, and the history has the
    rest. Results of every outcome become stale, by `stale_after` and the start of the probe. Of several sizes those
    that are not stale say what the cell is. The tallies are about what is known now. `version`
    grows with each change, `generation` with each `retain`.
    """

    def __init__(self, endpoints: Iterable[str] = (), *, stale_after: StaleAfter | None = None) -> None:
        super().__init__(endpoints)
        self._stale_after = stale_after
        self._glances: dict[Key, Glance] = {}
        self._last_run: dict[Key, float] = {}
        self._kept: frozenset[Key] | None = None
        self.version = 0
        self.generation = 0

    def add(self, result: Result) -> None:
        """Takes a result in; it replaces the one before it, whatever the wall clock says.

        An earlier attempt of the same probe that comes late is passed over, and so is a result of what `retain` has
        dropped: what was under way during a reload must not bring a removed link back.
        """
        key = (result.subject, result.variant)
        if self._kept is not None and key not in self._kept:
            return
        sizes = self._latest.setdefault(key, {})
        before = sizes.pop(result.size_bytes, None)
        if before is not None:
            if _same_probe(before, result) and before.attempt > result.attempt:
                sizes[before.size_bytes] = before
                return
            self._count(before, -1)
        elif len(sizes) >= MAX_SIZES:
            self._count(sizes.pop(next(iter(sizes))), -1)
        slim = without_exchanges(result)
        sizes[result.size_bytes] = slim
        self._count(slim, 1)
        if result.outcome is not Outcome.SKIPPED:
            self._last_run[key] = ended_at(result)
        worst = tuple(sorted(sizes.values(), key=lambda each: -BADNESS[CellState(each.outcome.value)]))
        starts = tuple(each.started_at.timestamp() for each in worst)
        self._glances[key] = Glance(*key, _labels(result), worst, starts, self._last_run.get(key))
        self.version += 1

    def restore(self, results: Iterable[Result]) -> None:
        """Takes in what an earlier life knew, oldest first; before anything newer is added."""
        for result in results:
            self.add(result)

    def retain(self, keep: Collection[Key]) -> tuple[Key, ...]:
        """Forgets everything but these, at once and for as long as no other `retain` says so; what was dropped.

        The endpoints are those of `keep` from then on: known ones in their order, then new ones as they come in it.
        """
        self._kept = frozenset(keep)
        dropped = tuple(key for key in self._latest if key not in self._kept)
        for key in dropped:
            for result in self._latest.pop(key).values():
                self._count(result, -1)
            self._glances.pop(key, None)
            self._last_run.pop(key, None)
        self._announce(name for subject, _ in keep for name in _names(subject))
        self.generation += 1
        self.version += 1
        return dropped

    def results(self) -> tuple[Result, ...]:
        """The newest result of every subject, variant and size, by the start of the probe."""
        found = [result for sizes in self._latest.values() for result in sizes.values()]
        return tuple(sorted(found, key=lambda result: result.started_at))

    def door(self, endpoint: str, *, now: datetime | None = None) -> Cell | None:
        """What is known of one endpoint's worst door, without going over all of them."""
        known = (self._cell(EndpointSubject(endpoint), variant, now) for variant in DOOR_VARIANTS)
        return max((cell for cell in known if cell), key=lambda cell: self._badness(cell.state), default=None)

    def glances(self) -> tuple[Glance, ...]:
        """All cells, doors and links, as they are now: a copy that no later result changes."""
        return tuple(self._glances.values())

    def glance(self, subject: Subject, variant: Variant) -> Glance | None:
        """One of them."""
        return self._glances.get((subject, variant))

    def stale_after_seconds(self, subject: Subject, variant: Variant) -> float | None:
        """How old a result of this may become; None: it never becomes stale."""
        return None if self._stale_after is None else self._stale_after(subject, variant)

    def _state(self, result: Result, now: datetime | None) -> CellState:
        if now is not None:
            limit = self.stale_after_seconds(result.subject, result.variant)
            if limit is not None and (now - result.started_at).total_seconds() > limit:
                return CellState.STALE
        return CellState(result.outcome.value)

    def _badness(self, state: CellState) -> int:
        """A stale size says nothing as long as another one does."""
        return -1 if state is CellState.STALE else super()._badness(state)


def duration_seconds(result: Result) -> float:
    """The time that the probe took, without the wait for its place."""
    return sum(seconds for phase, seconds in result.phases.items() if phase is not Phase.QUEUED)


def ended_at(result: Result) -> float:
    """When the probe was over, in epoch seconds: its start is taken when it has its place."""
    return result.started_at.timestamp() + duration_seconds(result)


def _same_probe(one: Result, other: Result) -> bool:
    return one.probe_id == other.probe_id and one.run_id == other.run_id


def _names(subject: Subject) -> tuple[str, ...]:
    return (subject.source, subject.destination) if isinstance(subject, LinkSubject) else (subject.endpoint,)


def _labels(result: Result) -> tuple[str, ...]:
    return (*_names(result.subject), result.variant.value)
