"""Which states are believed, of all probes: what findings and alerts rest on. Pure.

Metrics of single results and the history do not: they are never smoothed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tpcharness.diagnosis.belief import Belief, seen
from tpcharness.model.endpoint import Subject
from tpcharness.model.result import Result, without_exchanges
from tpcharness.model.variant import Outcome, Variant

_BADNESS = {Outcome.OK: 0, Outcome.SKIPPED: 1, Outcome.ERROR: 2, Outcome.FAILURE: 3}

Cell = tuple[Subject, Variant]
Beliefs = dict[int, Belief[Result]]
"""Of one cell, by size."""


class Confirmations:
    """The confirmed state of every probe that has had a verdict: `k` in a row confirm one (`diagnosis.belief`).

    Results that were skipped say nothing. Evidence of exchanges is not kept.
    """

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ValueError(f"a state cannot be confirmed by {k} results")
        self._k = k
        self._beliefs: dict[Cell, Beliefs] = {}
        self._aside: dict[Cell, set[int]] = {}

    def see(self, result: Result) -> bool:
        """Takes the newest result of a probe; whether that confirmed another state than before."""
        if result.outcome is Outcome.SKIPPED:
            return False
        result = without_exchanges(result)
        cell, size = (result.subject, result.variant), result.size_bytes
        beliefs = self._beliefs.setdefault(cell, {})
        former = beliefs.get(size)
        now = beliefs[size] = seen(former, result, self._k)
        self._tell_again(cell, size)
        return now.believed is not None and (
            former is None or former.believed is None or former.believed.outcome is not now.believed.outcome
        )

    def restore(self, belief: Belief[Result]) -> None:
        """Takes what a former service thought of a probe, in place of what was seen of it here."""
        latest = belief.latest
        self._beliefs.setdefault((latest.subject, latest.variant), {})[latest.size_bytes] = belief

    def knows(self, result: Result) -> bool:
        """Whether this is the newest result that it knows of the probe."""
        belief = self._beliefs.get((result.subject, result.variant), {}).get(result.size_bytes)
        return belief is not None and _same(belief.latest, result)

    def set_aside(self, subject: Subject, variant: Variant, size_bytes: int) -> None:
        """The probe cannot be tried now (its endpoint is down, or in a downtime): its state is not told until it is
        seen again, and then it need not be confirmed anew.
        """
        if size_bytes in self._beliefs.get((subject, variant), ()):
            self._aside.setdefault((subject, variant), set()).add(size_bytes)

    def confirmed(self, subject: Subject, variant: Variant) -> Result | None:
        """The worst confirmed state among the sizes, as its newest result; None when there is none."""
        beliefs = self._beliefs.get((subject, variant))
        return None if beliefs is None else self._worst((subject, variant), beliefs)

    def failing(self) -> Iterator[tuple[Subject, Variant, Result]]:
        """Every (subject, variant) whose confirmed state is a failure or an error."""
        for cell, beliefs in self._beliefs.items():
            worst = self._worst(cell, beliefs)
            if worst is not None and not worst.ok:
                yield *cell, worst

    def states(self, subject: Subject, variant: Variant) -> list[Result]:
        """The newest result of each confirmed state, one for each size: what findings are made of."""
        cell = subject, variant
        beliefs = self._beliefs.get(cell)
        return [] if beliefs is None else self._told(cell, beliefs)

    def pending(self, subject: Subject, variant: Variant, size_bytes: int) -> bool:
        """Whether the latest result disagrees with the confirmed state, and has to be looked at again soon."""
        belief = self._beliefs.get((subject, variant), {}).get(size_bytes)
        return belief is not None and belief.pending(self._k)

    def forget(self, subject: Subject, variant: Variant, size_bytes: int) -> None:
        """The probe is not configured any more."""
        cell = subject, variant
        if beliefs := self._beliefs.get(cell):
            beliefs.pop(size_bytes, None)
            self._tell_again(cell, size_bytes)
            if not beliefs:
                del self._beliefs[cell]

    def _tell_again(self, cell: Cell, size_bytes: int) -> None:
        if aside := self._aside.get(cell):
            aside.discard(size_bytes)
            if not aside:
                del self._aside[cell]

    def _told(self, cell: Cell, beliefs: Mapping[int, Belief[Result]]) -> list[Result]:
        aside = self._aside.get(cell, ()) if self._aside else ()
        return [
            belief.believed for size, belief in beliefs.items() if belief.believed is not None and size not in aside
        ]

    def _worst(self, cell: Cell, beliefs: Mapping[int, Belief[Result]]) -> Result | None:
        return max(self._told(cell, beliefs), key=lambda result: _BADNESS[result.outcome], default=None)


def _same(one: Result, other: Result) -> bool:
    return one.probe_id == other.probe_id and one.run_id == other.run_id and one.attempt == other.attempt
