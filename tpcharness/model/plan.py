"""What a run is going to do, as a value that can be shown before anything is touched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.endpoint import Endpoint, Link, Subject
from tpcharness.model.variant import DIRECT_VARIANTS, Variant


class DropReason(StrEnum):
    """Why a subject that the configuration could mean is not probed."""

    SAME_ENDPOINT = "same_endpoint"
    SAME_STORAGE = "same_storage"
    OPTED_OUT = "opted_out"
    FILTERED = "filtered"
    NO_TOKENS = "no_tokens"
    NO_ROOT_DOOR = "no_root_door"
    NOT_CONFIGURED = "not_configured"
    REDIRECT_AUTH = "redirect_auth"


class Role(StrEnum):
    """What an endpoint does in a transfer: bytes leave it, or reach it."""

    SOURCE = "source"
    DESTINATION = "destination"


_FROM_THE_ENDPOINT = frozenset({Variant.WEBDAV_DOWNLOAD, Variant.ROOT_DOWNLOAD, Variant.CACHE_READ})


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """One probe that will run. `size_bytes` is 0 for what moves no payload of ours."""

    subject: Endpoint | Link
    variant: Variant
    size_bytes: int

    @property
    def ends(self) -> tuple[Endpoint, ...]:
        """The endpoints that it touches, a link's source first."""
        subject = self.subject
        return (subject.source, subject.destination) if isinstance(subject, Link) else (subject,)

    @property
    def roles(self) -> tuple[tuple[Role, Endpoint], ...]:
        """Who takes part in its transfer, and as what: limits and budgets go by that. Empty for what moves too little
        to count: doors, legacy doors, and what is asked of a tape service.
        """
        subject = self.subject
        if isinstance(subject, Link):
            return (Role.SOURCE, subject.source), (Role.DESTINATION, subject.destination)
        if self.variant not in DIRECT_VARIANTS:
            return ()
        return ((Role.SOURCE if self.variant in _FROM_THE_ENDPOINT else Role.DESTINATION, subject),)


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
    """Doors first, then what is asked of endpoints alone, then links in an order that spreads the load.

    What was left out stands in `dropped`.
    """

    doors: tuple[PlannedProbe, ...] = ()
    alone: tuple[PlannedProbe, ...] = ()
    links: tuple[PlannedProbe, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @property
    def probes(self) -> tuple[PlannedProbe, ...]:
        """Everything that will run, in its order."""
        return (*self.doors, *self.alone, *self.links)

    @property
    def total_bytes(self) -> int:
        """Bytes that copies between endpoints, and between an endpoint and us, will move."""
        return sum(probe.size_bytes for probe in (*self.alone, *self.links) if probe.roles)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint that will be touched, in the order of the doors."""
        seen: dict[str, Endpoint] = {}
        for probe in self.probes:
            for endpoint in probe.ends:
                seen.setdefault(endpoint.name, endpoint)
        return tuple(seen.values())
