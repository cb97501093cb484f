"""Which probes a run consists of, and in which order: pure, the same input gives the same plan.

The order is a round-robin tournament (circle method): every pass (a variant, a size, one direction) goes through
all pairs in rounds in which everybody plays once, and from round to round everybody moves by one seat. In a full
mesh of n endpoints any n // 2 - 1 consecutive links therefore touch each endpoint at most once, in whatever role.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tpcharness.engine.mesh import Mesh, PlanFilter
from tpcharness.engine.turns import Key, key_of
from tpcharness.model.endpoint import Endpoint, EndpointSubject, Link, LinkSubject
from tpcharness.model.needs import able
from tpcharness.model.plan import Dropped, Plan, PlannedProbe, ScheduledProbe
from tpcharness.model.settings import ProbeSelection
from tpcharness.model.variant import DIRECT_VARIANTS, DOOR_VARIANTS, Variant

DOOR_BYTES = 64 * 1024
"""Size of the payload file of a door: enough for more than one TLS record, a burden for nobody."""

MAX_SCHEDULED_LINKS = 200_000
"""A service repeats no more links than this: more than twice the full mesh of WLCG (170 storages in three ways)."""

NO_SIZE = (0,)
"""For what moves no payload of ours: probed once, whatever sizes are configured."""

Work = tuple[Variant, int]
"""What is done to a subject: a variant and a size in bytes."""

_EVERYTHING = PlanFilter()


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
    filters: PlanFilter = _EVERYTHING,
) -> Plan:
    """The plan of one run; endpoint names must be unique, `opt_out` and selections hold globs over them.

    Every selected (subject, variant) is either planned, once per size, or dropped with one reason; the first that
    applies of: filtered, opted out, no root door or something else not configured, same storage. Variants of links are
    for the pairs of a selection, variants of endpoints for all that it names in either role. An endpoint with itself is
    no link and is not mentioned, unless the filters name it both as source and destination (same_endpoint). Every
    endpoint that is planned gets the doors that its variants need; so does one whose door is asked for, by its variant
    in a selection or filter. A root door that is asked for where there is none is not mentioned.
    """
    planner = _Planner(endpoints, Mesh(endpoints, opt_out, filters), filters)
    for selection in selections:
        planner.take(selection)
    return planner.plan()


class _Planner:
    """Collects what the selections of one plan come to."""

    def __init__(self, endpoints: Sequence[Endpoint], mesh: Mesh, filters: PlanFilter) -> None:
        self._endpoints = endpoints
        self._mesh = mesh
        self._filters = filters
        self._links: dict[tuple[str, str], dict[Work, None]] = {}
        self._link_works: dict[Work, None] = {}
        self._alone: dict[Work, dict[str, None]] = {}
        self._asked_doors: dict[str, set[Variant]] = defaultdict(set)
        self._dropped: dict[tuple[str, str, Variant], Dropped] = {}
        self._dropped_alone: dict[tuple[str, Variant], Dropped] = {}

    def take(self, selection: ProbeSelection) -> None:
        """Works one selection in."""
        sources = self._mesh.matching(selection.sources)
        destinations = self._mesh.matching(selection.destinations)
        sizes = self._filters.sizes or selection.sizes
        if asked := set(DOOR_VARIANTS).intersection((*selection.variants, *self._filters.variants)):
            for name in sources | destinations:
                self._asked_doors[name] |= asked
        self._take_alone(selection, sources | destinations, sizes)
        self._take_links(selection, sources, destinations, sizes)

    def _take_alone(self, selection: ProbeSelection, names: frozenset[str], sizes: tuple[int, ...]) -> None:
        for variant in selection.variants:
            if variant.of_link or variant in DOOR_VARIANTS:
                continue
            for name in self._mesh.by_name:
                if name not in names:
                    continue
                if why := self._mesh.endpoint_objection(name, variant):
                    self._dropped_alone.setdefault((name, variant), Dropped(EndpointSubject(name), variant, *why))
                    continue
                for work in _works(variant, sizes):
                    self._alone.setdefault(work, {})[name] = None

    def _take_links(
        self,
        selection: ProbeSelection,
        sources: frozenset[str],
        destinations: frozenset[str],
        sizes: tuple[int, ...],
    ) -> None:
        ways = {variant: _works(variant, sizes) for variant in selection.variants if variant.of_link}
        if not ways:
            return
        for source, destination in self._mesh.pairs(sources, destinations):
            for variant, works in ways.items():
                if why := self._mesh.link_objection(source, destination, variant):
                    subject = LinkSubject(source, destination)
                    self._dropped.setdefault((source, destination, variant), Dropped(subject, variant, *why))
                else:
                    self._link_works |= works
                    self._links.setdefault((source, destination), {}).update(works)

    def plan(self) -> Plan:
        """What it all came to."""
        doors, dropped_doors = self._doors()
        by_name = self._mesh.by_name
        alone = (
            PlannedProbe(endpoint, *work)
            for work, names in self._alone.items()
            for endpoint in self._endpoints
            if endpoint.name in names
        )
        links = _spread(by_name, self._links, self._link_works)
        dropped = (*dropped_doors, *self._dropped_alone.values(), *self._dropped.values())
        return Plan(tuple(doors), tuple(alone), tuple(links), dropped)

    def _doors(self) -> tuple[list[PlannedProbe], list[Dropped]]:
        needed = self._needed_doors()
        doors: list[PlannedProbe] = []
        dropped: list[Dropped] = []
        for endpoint in self._endpoints:
            for door in DOOR_VARIANTS if endpoint.root else (Variant.DOOR,):
                if door in needed[endpoint.name]:
                    doors.append(PlannedProbe(endpoint, door, DOOR_BYTES))
                elif door in self._asked_doors[endpoint.name]:
                    if why := self._mesh.endpoint_objection(endpoint.name, door):
                        dropped.append(Dropped(endpoint.subject, door, *why))
                    else:
                        doors.append(PlannedProbe(endpoint, door, DOOR_BYTES))
        return doors, dropped

    def _needed_doors(self) -> dict[str, set[Variant]]:
        needed: dict[str, set[Variant]] = defaultdict(set)
        doors = {variant: variant.doors for variant in Variant}
        for pair, works in self._links.items():
            wanted = {door for variant, _ in works for door in doors[variant]}
            for name in pair:
                needed[name] |= wanted
        for (variant, _), names in self._alone.items():
            for name in names:
                needed[name].update(doors[variant])
        return needed


def _works(variant: Variant, sizes: tuple[int, ...]) -> dict[Work, None]:
    """A variant in all sizes; a recall copies a file that is there, in its own size, and mounts a tape each time."""
    sized = variant in DIRECT_VARIANTS or (variant.of_link and variant is not Variant.TAPE_RECALL)
    return dict.fromkeys((variant, size) for size in (sizes if sized else NO_SIZE))


def schedule_of(
    endpoints: Sequence[Endpoint],
    selections: Sequence[ProbeSelection],
    intervals: Sequence[float],
    opt_out: Iterable[str],
    door_interval_seconds: float,
) -> tuple[ScheduledProbe, ...]:
    """What a running service repeats: doors first, then endpoints alone, then the links, in the order of the plan.

    `intervals` are seconds, one for each selection. What two selections choose runs at the shorter of the two. Raises
    ScheduleTooLarge instead of working out more than MAX_SCHEDULED_LINKS links.
    """
    shy = tuple(opt_out)
    most = max((_count(endpoints, selection, shy) for selection in selections), default=0)
    if most > MAX_SCHEDULED_LINKS:
        raise ScheduleTooLarge(most, len(endpoints))
    doors: dict[Key, PlannedProbe] = {}
    alone: dict[Key, ScheduledProbe] = {}
    links: dict[Key, ScheduledProbe] = {}
    for selection, interval in zip(selections, intervals, strict=True):
        plan = make_plan(endpoints, [selection], opt_out=shy)
        doors.update((key_of(probe), probe) for probe in plan.doors)
        for found, probes in ((alone, plan.alone), (links, plan.links)):
            for probe in probes:
                key = key_of(probe)
                if key not in found or interval < found[key].interval_seconds:
                    found[key] = ScheduledProbe(probe, interval)
        if len(links) > MAX_SCHEDULED_LINKS:
            raise ScheduleTooLarge(len(links), len(endpoints))
    scheduled_doors = (ScheduledProbe(probe, door_interval_seconds) for probe in doors.values())
    return (*scheduled_doors, *alone.values(), *links.values())


def _count(endpoints: Sequence[Endpoint], selection: ProbeSelection, opt_out: Sequence[str]) -> int:
    """How many links one selection comes to, without listing them; two names of one storage count too."""
    mesh = Mesh(endpoints, opt_out, _EVERYTHING)
    shy = mesh.matching(opt_out)
    sources, destinations = mesh.matching(selection.sources) - shy, mesh.matching(selection.destinations) - shy
    links = 0
    for variant in selection.variants:
        if variant.of_link:
            givers, takers = able(variant, endpoints)
            pairs = len(sources & givers) * len(destinations & takers) - len(sources & givers & destinations & takers)
            links += pairs * len(_works(variant, selection.sizes))
    return links


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
