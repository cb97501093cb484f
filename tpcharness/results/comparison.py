"""What has changed between two runs, cell by cell: pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome, Variant
from tpcharness.results.store import Cell, MatrixStore


class Change(StrEnum):
    """What became of a cell, in the order in which people want to read it. Names are public."""

    NEWLY_BROKEN = "newly_broken"
    STILL_BROKEN = "still_broken"
    FIXED = "fixed"
    NEW = "new"
    GONE = "gone"
    STILL_GOOD = "still_good"


class _Knowledge(StrEnum):
    GOOD = "good"
    BROKEN = "broken"
    NONE = "none"


_CHANGES = {
    (_Knowledge.GOOD, _Knowledge.GOOD): Change.STILL_GOOD,
    (_Knowledge.GOOD, _Knowledge.BROKEN): Change.NEWLY_BROKEN,
    (_Knowledge.GOOD, _Knowledge.NONE): Change.GONE,
    (_Knowledge.BROKEN, _Knowledge.GOOD): Change.FIXED,
    (_Knowledge.BROKEN, _Knowledge.BROKEN): Change.STILL_BROKEN,
    (_Knowledge.BROKEN, _Knowledge.NONE): Change.GONE,
    (_Knowledge.NONE, _Knowledge.GOOD): Change.NEW,
    (_Knowledge.NONE, _Knowledge.BROKEN): Change.NEWLY_BROKEN,
}
"""Nobody has excused what breaks and was not known before: it is newly broken, not new."""


@dataclass(frozen=True, slots=True)
class CellChange:
    """One endpoint or link in one variant. `before` and `after` are its worst results; None where it was not probed."""

    subject: Subject
    variant: Variant
    change: Change
    before: Result | None
    after: Result | None

    @property
    def other_reason(self) -> bool:
        """Whether it is still broken, but for another reason or by somebody else's fault."""
        if self.change is not Change.STILL_BROKEN or self.before is None or self.after is None:
            return False
        return self.before.code != self.after.code


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that either run knows, ordered by change, endpoints before links."""

    cells: tuple[CellChange, ...]

    def of(self, change: Change) -> tuple[CellChange, ...]:
        """The cells of which this became."""
        return tuple(cell for cell in self.cells if cell.change is change)

    def count(self, change: Change) -> int:
        return sum(cell.change is change for cell in self.cells)

    @property
    def worse(self) -> bool:
        """Whether anything is newly broken."""
        return self.count(Change.NEWLY_BROKEN) > 0


def compare(before: MatrixStore, after: MatrixStore) -> Comparison:
    """What became of every cell, by its worst size.

    A link that was not tried because an endpoint was down counts as broken, as it does for the exit code. Whatever
    else was not tried is as good as not probed at all.
    """
    old = {(cell.subject, cell.variant): cell.worst for cell in _cells(before)}
    new = {(cell.subject, cell.variant): cell.worst for cell in _cells(after)}
    cells = []
    for subject, variant in dict.fromkeys((*new, *old)):
        pair = old.get((subject, variant)), new.get((subject, variant))
        change = _CHANGES.get((_knowledge(pair[0]), _knowledge(pair[1])))
        if change is not None:
            cells.append(CellChange(subject, variant, change, *pair))
    return Comparison(tuple(sorted(cells, key=_order)))


def _cells(store: MatrixStore) -> Iterator[Cell]:
    yield from store.endpoint_cells()
    yield from store.cells()


def _knowledge(result: Result | None) -> _Knowledge:
    if result is None:
        return _Knowledge.NONE
    if result.ok:
        return _Knowledge.GOOD
    tried = result.outcome is not Outcome.SKIPPED or result.reason is Reason.ENDPOINT_DOWN
    return _Knowledge.BROKEN if tried else _Knowledge.NONE


def _order(cell: CellChange) -> tuple[int, bool, str, int]:
    is_link = isinstance(cell.subject, LinkSubject)
    return list(Change).index(cell.change), is_link, str(cell.subject), list(Variant).index(cell.variant)
