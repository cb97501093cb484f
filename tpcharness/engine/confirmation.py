"""Which states are believed: a change counts when it was seen several times in a row. Pure.

Findings and alerts rest on confirmed states. Metrics of single results and the history do not: they are never smoothed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tpcharness.model.endpoint import Subject
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome, Variant

_BADNESS = {Outcome.OK: 0, Outcome.SKIPPED: 1, Outcome.ERROR: 2, Outcome.FAILURE: 3}


@dataclass(slots=True)
class _State:
    """What is known of one probe. `believed` is the newest result of the confirmed state.

    `in_a_row` counts results of the latest outcome, `same_code` those that also agree on reason and blame.
    """

    latest: Result
    in_a_row: int
    same_code: int
    believed: Result | None = None
    aside: bool = False

    def pending(self, wanted: int) -> bool:
        believed = self.believed
        return self.in_a_row < wanted and (believed is None or believed.outcome is not self.latest.outcome)


class Confirmations:
    """The confirmed state of every probe that has had a verdict.

    A state is an outcome: a link that times out now and is reset then is failing all the same. Its reason is that of
    the newest result, unless the confirmed state has another one that was not yet contradicted `k` times in a row;
    so an alert does not change its name with each look. A probe's very first ok needs no confirmation.
    Results that were skipped say nothing. Evidence of exchanges is not kept.
    """

    def __init__(self, k: int) -> None:
        if k < 1:
            raise ValueError(f"a state cannot be confirmed by {k} results")
        self._k = k
        self._states: dict[tuple[Subject, Variant], dict[int, _State]] = {}

    def see(self, result: Result) -> bool:
        """Takes the newest result of a probe; whether that confirmed another state than before."""
        if result.outcome is Outcome.SKIPPED:
            return False
        result = replace(result, evidence=replace(result.evidence, exchanges=()))
        sizes = self._states.setdefault((result.subject, result.variant), {})
        state = sizes.get(result.size_bytes)
        if state is None:
            state = sizes[result.size_bytes] = _State(result, 1, 1)
        else:
            former, state.latest, state.aside = state.latest, result, False
            state.in_a_row = state.in_a_row + 1 if former.outcome is result.outcome else 1
            state.same_code = state.same_code + 1 if former.code == result.code else 1
        return self._settle(state)

    def set_aside(self, subject: Subject, variant: Variant, size_bytes: int) -> None:
        """The probe cannot be tried now (its endpoint is down, or in a downtime): its state is not told until it is
        seen again, and then it need not be confirmed anew.
        """
        if state := self._states.get((subject, variant), {}).get(size_bytes):
            state.aside = True

    def confirmed(self, subject: Subject, variant: Variant) -> Result | None:
        """The worst confirmed state among the sizes, as its newest result; None when there is none."""
        return _worst(self._states.get((subject, variant), {}))

    def failing(self) -> Iterator[tuple[Subject, Variant, Result]]:
        """Every (subject, variant) whose confirmed state is a failure or an error."""
        for (subject, variant), sizes in self._states.items():
            worst = _worst(sizes)
            if worst is not None and not worst.ok:
                yield subject, variant, worst

    def results(self) -> list[Result]:
        """One result for each confirmed state: what findings are made of."""
        return [
            state.believed
            for sizes in self._states.values()
            for state in sizes.values()
            if state.believed is not None and not state.aside
        ]

    def pending(self, subject: Subject, variant: Variant, size_bytes: int) -> bool:
        """Whether the latest result disagrees with the confirmed state, and has to be looked at again soon."""
        state = self._states.get((subject, variant), {}).get(size_bytes)
        return state is not None and state.pending(self._k)

    def retain(self, probes: Iterable[tuple[Subject, Variant, int]]) -> None:
        """Forgets every probe but these: they are not configured any more."""
        kept = set(probes)
        for (subject, variant), sizes in list(self._states.items()):
            for size in [size for size in sizes if (subject, variant, size) not in kept]:
                del sizes[size]
            if not sizes:
                del self._states[subject, variant]

    def _settle(self, state: _State) -> bool:
        believed, latest = state.believed, state.latest
        if believed is None:
            if latest.ok or state.in_a_row >= self._k:
                state.believed = latest
                return True
            return False
        if believed.outcome is not latest.outcome:
            if state.in_a_row < self._k:
                return False
            state.believed = latest
            return True
        if believed.code == latest.code or state.same_code >= self._k:
            state.believed = latest
        return False


def _worst(sizes: dict[int, _State]) -> Result | None:
    told = [state.believed for state in sizes.values() if state.believed is not None and not state.aside]
    return max(told, key=lambda result: _BADNESS[result.outcome], default=None)
