"""What a run is going to do, as a value that can be shown before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.endpoint import Endpoint, Link, Subject
from tpcharness.model.variant import Variant


class DropReason(StrEnum):
    """Why a subject that the configuration could mean is not probed."""

    SAME_ENDPOINT = "same_endpoint"
    SAME_STORAGE = "same_storage"
    OPTED_OUT = "opted_out"
    FILTERED = "filtered"
    NO_TOKENS = "no_tokens"
    NO_ROOT_DOOR = "no_root_door"


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """One probe that will run."""

    subject: Endpoint | Link
    variant: Variant
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ScheduledProbe:
    """One probe that a running service does again and again, every `interval_seconds` (more than 0)."""

    probe: PlannedProbe
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """One subject that will not be probed, and why."""

    subject: Subject
    variant: Variant
    why: DropReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Doors first, then links in an order that spreads the load; what was left out stands in `dropped`."""

    doors: tuple[PlannedProbe, ...] = ()
    links: tuple[PlannedProbe, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Bytes that third-party copies will move."""
        return sum(probe.size_bytes for probe in self.links)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint that will be touched, in the order of the doors."""
        seen: dict[str, Endpoint] = {}
        for probe in (*self.doors, *self.links):
            subject = probe.subject
            for endpoint in (subject.source, subject.destination) if isinstance(subject, Link) else (subject,):
                seen.setdefault(endpoint.name, endpoint)
        return tuple(seen.values())
