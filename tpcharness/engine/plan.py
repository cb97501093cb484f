"""Which probes a run consists of, and in which order: pure, the same input gives the same plan.

The order is a round-robin tournament (circle method): every pass (a variant, a size, one direction) goes through
all pairs in rounds in which everybody plays once, and from round to round everybody moves by one seat. In a full
mesh of n endpoints any n // 2 - 1 consecutive links therefore touch each endpoint at most once, in whatever role.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from tpcharness.model.endpoint import Endpoint, Link, LinkSubject
from tpcharness.model.plan import Dropped, DropReason, Plan, PlannedProbe, ScheduledProbe
from tpcharness.model.settings import ProbeSelection
from tpcharness.model.variant import DOOR_VARIANTS, Variant

DOOR_BYTES = 64 * 1024
"""Size of the payload file of a door: enough for more than one TLS record, a burden for nobody."""

MAX_SCHEDULED_LINKS = 200_000
"""A service repeats no more links than this: more than twice the full mesh of WLCG (170 storages in three ways)."""

_DEFAULT_PORTS = {"https": 443, "http": 80}

Work = tuple[Variant, int]
"""What is done to a link: a variant and a size in bytes."""


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """What one run picks from the configuration; an empty tuple picks everything.

    Names are globs. `endpoints` wants a match at either end of a link. `sizes` replace the configured sizes.
    """

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    sizes: tuple[int, ...] = ()


class ScheduleTooLarge(ValueError):  # noqa: N818 - reads as what it is
    """More links than a service can repeat: most probably a list that was meant for something else."""

    def __init__(self, links: int, endpoints: int) -> None:
        super().__init__(
            f"the selections of [[probes]] come to at least {links:,} links between {endpoints:,} endpoints; a service "
            f"repeats at most {MAX_SCHEDULED_LINKS:,}; name fewer sources, destinations, variants or sizes in "
            "[[probes]], or remove endpoints"
        )


def make_plan(
    endpoints: Sequence[Endpoint],
    selections: Sequence[ProbeSelection],
    *,
    opt_out: Iterable[str] = (),
    filters: PlanFilter = PlanFilter(),
) -> Plan:
    """The plan of one run; endpoint names must be unique, `opt_out` and selections hold globs over them.

    Every selected (link, variant) is either planned, once per size, or dropped with one reason; the first that
    applies of: filtered, opted out, no root door, same storage. An endpoint with itself is no link and is not
    mentioned, unless the filters name it both as source and destination (same_endpoint). Every endpoint that a planned
    link touches gets the doors that the link's variant needs; so does one whose door is asked for, by its variant in a
    selection or filter. A root door that is asked for where there is none is not mentioned.
    """
    mesh = _Mesh(endpoints, opt_out, filters)
    wanted: dict[tuple[str, str], dict[Work, None]] = {}
    passes: dict[Work, None] = {}
    dropped: dict[tuple[str, str, Variant], Dropped] = {}
    asked_doors: dict[str, set[Variant]] = defaultdict(set)

    for selection in selections:
        sources = mesh.matching(selection.sources)
        destinations = mesh.matching(selection.destinations)
        variants = [variant for variant in selection.variants if variant.of_link]
        sizes = filters.sizes or selection.sizes
        if asked := set(DOOR_VARIANTS).intersection((*selection.variants, *filters.variants)):
            for name in sources | destinations:
                asked_doors[name] |= asked
        for source, destination in mesh.pairs(sources, destinations):
            for variant in variants:
                if why := mesh.objection(source, destination, variant):
                    subject = LinkSubject(source, destination)
                    dropped.setdefault((source, destination, variant), Dropped(subject, variant, *why))
                else:
                    works = dict.fromkeys((variant, size) for size in sizes)
                    passes |= works
                    wanted.setdefault((source, destination), {}).update(works)

    needed: dict[str, set[Variant]] = defaultdict(set)
    for pair, works in wanted.items():
        for name in pair:
            needed[name].update(door for variant, _ in works for door in variant.doors)
    doors: list[PlannedProbe] = []
    dropped_doors: list[Dropped] = []
    for endpoint in endpoints:
        for door in DOOR_VARIANTS if endpoint.root else (Variant.DOOR,):
            if door in needed[endpoint.name]:
                doors.append(PlannedProbe(endpoint, door, DOOR_BYTES))
            elif door in asked_doors[endpoint.name]:
                if door_why := mesh.door_objection(endpoint.name, door):
                    dropped_doors.append(Dropped(endpoint.subject, door, *door_why))
                else:
                    doors.append(PlannedProbe(endpoint, door, DOOR_BYTES))

    links = tuple(_spread(mesh.by_name, wanted, passes))
    return Plan(tuple(doors), links, (*dropped_doors, *dropped.values()))


def schedule_of(
    endpoints: Sequence[Endpoint],
    selections: Sequence[ProbeSelection],
    intervals: Sequence[float],
    opt_out: Iterable[str],
    door_interval_seconds: float,
) -> tuple[ScheduledProbe, ...]:
    """What a running service repeats: doors first, then the links in the order of the plan.

    `intervals` are seconds, one for each selection. What two selections choose runs at the shorter of the two. Raises
    ScheduleTooLarge instead of working out more than MAX_SCHEDULED_LINKS links.
    """
    shy = tuple(opt_out)
    most = max((_count(endpoints, selection, shy) for selection in selections), default=0)
    if most > MAX_SCHEDULED_LINKS:
        raise ScheduleTooLarge(most, len(endpoints))
    doors: dict[tuple[str, Variant], PlannedProbe] = {}
    links: dict[tuple[LinkSubject, Variant, int], ScheduledProbe] = {}
    for selection, interval in zip(selections, intervals, strict=True):
        plan = make_plan(endpoints, [selection], opt_out=shy)
        doors.update(((str(probe.subject.subject), probe.variant), probe) for probe in plan.doors)
        for probe in plan.links:
            key = (LinkSubject(*_names(probe)), probe.variant, probe.size_bytes)
            if key not in links or interval < links[key].interval_seconds:
                links[key] = ScheduledProbe(probe, interval)
        if len(links) > MAX_SCHEDULED_LINKS:
            raise ScheduleTooLarge(len(links), len(endpoints))
    return (*(ScheduledProbe(probe, door_interval_seconds) for probe in doors.values()), *links.values())


def _names(probe: PlannedProbe) -> tuple[str, str]:
    assert isinstance(probe.subject, Link)  # noqa: S101 - for the type checker: a plan's links are links
    return probe.subject.source.name, probe.subject.destination.name


def _count(endpoints: Sequence[Endpoint], selection: ProbeSelection, opt_out: Sequence[str]) -> int:
    """How many links one selection comes to, without listing them; two names of one storage count too."""
    mesh = _Mesh(endpoints, opt_out, PlanFilter())
    shy = mesh.matching(opt_out)
    sources, destinations = mesh.matching(selection.sources) - shy, mesh.matching(selection.destinations) - shy
    variants = sum(variant.of_link for variant in selection.variants)
    return (len(sources) * len(destinations) - len(sources & destinations)) * variants * len(selection.sizes)


class _Mesh:
    """The endpoints of a run, with everything about them that is asked n x n times worked out once."""

    def __init__(self, endpoints: Sequence[Endpoint], opt_out: Iterable[str], filters: PlanFilter) -> None:
        self.by_name = {endpoint.name: endpoint for endpoint in endpoints}
        if len(self.by_name) != len(endpoints):
            raise ValueError("endpoint names are not unique")
        self._filters = filters
        self._storages = {endpoint.name: _storage(endpoint.https) for endpoint in endpoints}
        self._opted_out = self.matching(opt_out)
        everything = frozenset(self.by_name)
        self._sources = self.matching(filters.sources) if filters.sources else everything
        self._destinations = self.matching(filters.destinations) if filters.destinations else everything
        self._either = self.matching(filters.endpoints) if filters.endpoints else everything

    def matching(self, globs: Iterable[str]) -> frozenset[str]:
        """The names that at least one of the globs matches."""
        patterns = tuple(globs)
        return frozenset(name for name in self.by_name if any(fnmatchcase(name, pattern) for pattern in patterns))

    def pairs(self, sources: frozenset[str], destinations: frozenset[str]) -> Iterator[tuple[str, str]]:
        """Ordered pairs in the order of the endpoints."""
        for source in self.by_name:
            if source not in sources:
                continue
            for destination in self.by_name:
                if destination in destinations and (source != destination or self._names_itself(source)):
                    yield source, destination

    def _names_itself(self, name: str) -> bool:
        return name in self._filters.sources and name in self._filters.destinations

    def objection(self, source: str, destination: str, variant: Variant) -> tuple[DropReason, str] | None:
        """Why this is not probed, with a detail for people; None if it is."""
        if source == destination:
            return DropReason.SAME_ENDPOINT, "an endpoint has no link with itself"
        if (
            source not in self._sources
            or destination not in self._destinations
            or not (source in self._either or destination in self._either)
            or (self._filters.variants and variant not in self._filters.variants)
        ):
            return DropReason.FILTERED, ""
        if shy := [name for name in (source, destination) if name in self._opted_out]:
            return DropReason.OPTED_OUT, " and ".join(shy)
        if variant is Variant.ROOT_PULL and (without := self._without_root(source, destination)):
            return DropReason.NO_ROOT_DOOR, " and ".join(without)
        # XRootD truncates a file that is copied onto itself (design 6).
        if self._storages[source] == self._storages[destination]:
            return DropReason.SAME_STORAGE, self.by_name[source].https
        return None

    def _without_root(self, *names: str) -> list[str]:
        return [name for name in names if not self.by_name[name].root]

    def door_objection(self, name: str, door: Variant) -> tuple[DropReason, str] | None:
        """Why a door that was asked for is not probed; None if it is."""
        filters = self._filters
        variant_kept = not filters.variants or door in filters.variants
        if not (variant_kept and name in self._either and name in self._sources | self._destinations):
            return DropReason.FILTERED, ""
        if name in self._opted_out:
            return DropReason.OPTED_OUT, name
        return None


def _storage(url: str) -> tuple[str, int | None, str]:
    """What makes two spellings of a URL prefix the same place: storages do not care for doubled slashes."""
    parts = urlsplit(url)
    path = "/".join(part for part in unquote(parts.path).split("/") if part)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme), path


def _spread(
    by_name: Mapping[str, Endpoint], wanted: Mapping[tuple[str, str], Mapping[Work, None]], passes: Iterable[Work]
) -> Iterator[PlannedProbe]:
    """The wanted links, pass by pass: the whole mesh is seen once before anything is seen a second time."""
    touched = {name for pair in wanted for name in pair}
    matches = list(_tournament([name for name in by_name if name in touched]))
    links = {pair: Link(by_name[pair[0]], by_name[pair[1]]) for pair in wanted}
    for work in passes:
        for turned in (False, True):
            for home, away in matches:
                pair = (away, home) if turned else (home, away)
                if work in wanted.get(pair, ()):
                    yield PlannedProbe(links[pair], *work)


def _tournament(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every pair of names once, by the circle method; home and away alternate, so that roles are balanced."""
    seats: list[str | None] = list(names)
    if len(seats) % 2:
        seats.insert(0, None)
    half = len(seats) // 2
    for turn in range(len(seats) - 1):
        for first, second in zip(seats[:half], reversed(seats[half:]), strict=True):
            if first is not None and second is not None:
                yield (second, first) if turn % 2 else (first, second)
        seats.insert(1, seats.pop())
