"""The facts of one run: who ran what, when, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.plan import Dropped, Plan

HISTORY = "history-"
"""How the id of a run begins that is a time out of a service's history."""


class RunEnd(StrEnum):
    """Why a run was over."""

    COMPLETE = "complete"
    DEADLINE = "deadline"
    MAX_FAILURES = "max_failures"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What a reader of a report needs to know about an endpoint: never its credentials."""

    name: str
    site: str = ""
    host: str = ""

    @classmethod
    def of(cls, endpoint: Endpoint) -> EndpointFacts:
        return cls(endpoint.name, endpoint.site, endpoint.host)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run. `ended` and `ended_at` are None while it goes on, and in what a killed run left behind."""

    run_id: str
    started_at: datetime
    version: str
    harness: str
    config_path: str = ""
    endpoints: tuple[EndpointFacts, ...] = ()
    planned_doors: int = 0
    planned_links: int = 0
    planned_alone: int = 0
    planned_bytes: int = 0
    dropped: tuple[Dropped, ...] = ()
    ended_at: datetime | None = None
    ended: RunEnd | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def begin(
        cls, plan: Plan, *, run_id: str, started_at: datetime, version: str, harness: str, config_path: str = ""
    ) -> RunFacts:
        """The facts of a run that starts with this plan."""
        return cls(
            run_id=run_id,
            started_at=started_at,
            version=version,
            harness=harness,
            config_path=config_path,
            endpoints=tuple(EndpointFacts.of(endpoint) for endpoint in plan.endpoints),
            planned_doors=len(plan.doors),
            planned_links=len(plan.links),
            planned_alone=len(plan.alone),
            planned_bytes=plan.total_bytes,
            dropped=plan.dropped,
        )

    def finish(self, ended: RunEnd, ended_at: datetime, warnings: tuple[str, ...] = ()) -> RunFacts:
        """The same run, over; the warnings are added to those that it has."""
        return replace(self, ended=ended, ended_at=ended_at, warnings=(*self.warnings, *warnings))

    @property
    def planned(self) -> int:
        """How many probes were planned: doors, links, and endpoints alone."""
        return self.planned_doors + self.planned_links + self.planned_alone

    @property
    def is_history(self) -> bool:
        """Whether this is a time in the life of a service, told as a run: nothing was planned, and it took no time."""
        return self.run_id.startswith(HISTORY)

    @property
    def duration_seconds(self) -> float | None:
        """Wall time from start to end; None while it goes on. Never negative, also when the clock was set back."""
        return None if self.ended_at is None else max(0.0, (self.ended_at - self.started_at).total_seconds())
