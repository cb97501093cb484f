"""Where every result of a service goes, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.export.metrics.self_metrics import SelfMetrics
from tpcharness.model.result import Result
from tpcharness.results.counters import Counters
from tpcharness.results.history import History
from tpcharness.results.latest import LatestStore


@dataclass(frozen=True, slots=True)
class Recorder:
    """The sink of a service.

    The history's journal comes first: what pages and metrics have shown is then never lost by a kill -9, and the
    counters go on from where they were seen to be.
    """

    history: History
    latest: LatestStore
    counters: Counters
    self_metrics: SelfMetrics

    def add(self, result: Result) -> None:
        """Durable on return, as far as the disk takes it; never raises for the disk."""
        self.history.journal.add(result)
        self.latest.add(result)
        self.counters.add(result)
        self.self_metrics.observe(result)
