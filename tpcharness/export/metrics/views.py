"""What the metrics ask of a running service. `daemon.running.Running` is one; a test's table may be another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from tpcharness.config.configuration import Config
from tpcharness.model.endpoint import Subject
from tpcharness.model.finding import Finding
from tpcharness.model.plan import ScheduledProbe
from tpcharness.model.result import Result
from tpcharness.model.variant import Variant
from tpcharness.results.counters import Counters
from tpcharness.results.latest import LatestStore


class ConfirmationsView(Protocol):
    """Which states are believed."""

    def confirmed(self, subject: Subject, variant: Variant) -> Result | None: ...


class ScheduleView(Protocol):
    """What is probed, and what keeps it from being probed. Times are epoch seconds."""

    @property
    def scheduled(self) -> Sequence[ScheduledProbe]: ...
    @property
    def confirmations(self) -> ConfirmationsView: ...
    @property
    def skipped(self) -> Mapping[Any, int]: ...
    def downtime_of(self, endpoint: str, now: float) -> object | None: ...
    def paused_until(self, endpoint: str, now: float) -> float | None: ...
    def used(self, endpoint: str, now: float) -> tuple[int, int]: ...
    def stale_after_seconds(self, subject: Subject, variant: Variant) -> float | None: ...


class StatusView(Protocol):
    """What the service is doing; `ticked_at` is loop time."""

    @property
    def ticked_at(self) -> float: ...
    @property
    def in_flight(self) -> Mapping[Variant, int]: ...
    @property
    def waiting(self) -> int: ...


class ServiceView(Protocol):
    """Who runs the probes."""

    def status(self) -> StatusView: ...


class ReloadView(Protocol):
    """How the last look at the configuration ended."""

    @property
    def ok(self) -> bool: ...
    @property
    def succeeded_at(self) -> datetime: ...


class JournalView(Protocol):
    """Results on their way into the database."""

    @property
    def bytes(self) -> int: ...


class HistoryView(Protocol):
    """What is remembered on disk."""

    @property
    def journal(self) -> JournalView: ...
    @property
    def write_failures(self) -> int: ...


class RunningView(Protocol):
    """A service under way."""

    @property
    def config(self) -> Config: ...
    @property
    def latest(self) -> LatestStore: ...
    @property
    def counters(self) -> Counters: ...
    @property
    def schedule(self) -> ScheduleView: ...
    @property
    def service(self) -> ServiceView: ...
    @property
    def history(self) -> HistoryView: ...
    @property
    def reload_state(self) -> ReloadView: ...
    @property
    def findings(self) -> Sequence[Finding]: ...
    def leftovers(self) -> Mapping[str, int]: ...
    def token_expiries(self) -> Mapping[str, datetime]: ...
    def token_requests(self) -> Mapping[tuple[str, str], int]: ...
