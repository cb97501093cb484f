"""One figure of a run and the budget it is held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure; `yardstick` is what it was held against, and `budget` the most that it should be.

    A measure without a budget is there to be looked at only.
    """

    name: str
    value: float
    unit: str
    yardstick: str = ""
    budget: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the budget was kept; None without one."""
        return None if self.budget is None else self.value <= self.budget

    def document(self) -> dict[str, Any]:
        """The same for JSON, rounded to what a run can tell apart."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "yardstick": self.yardstick,
            "budget": self.budget,
            "met": self.met,
        }


def median_ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios of neighbours: what disturbs a machine for a while disturbs both of a pair."""
    return median(one / other for one, other in zip(ours, others, strict=True))


def interleaved(runs: int, ours: Callable[[], object], other: Callable[[], object]) -> tuple[list[float], list[float]]:
    """CPU seconds of two jobs of this process, turn by turn, each once before that for nothing."""
    spent: tuple[list[float], list[float]] = ([], [])
    ours()
    other()
    for _ in range(runs):
        for seconds, job in zip(spent, (ours, other), strict=True):
            begin = process_time()
            job()
            seconds.append(process_time() - begin)
    return spent


_MARKS = {True: "met", False: "MISSED", None: ""}


def table(measures: Iterable[Measure]) -> str:
    """The measures for people, one a line."""
    rows = [("measure", "value", "budget", "", "held against")]
    for measure in measures:
        budget = "" if measure.budget is None else f"{measure.budget:g} {measure.unit}"
        rows.append(
            (measure.name, f"{measure.value:.2f} {measure.unit}", budget, _MARKS[measure.met], measure.yardstick)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
