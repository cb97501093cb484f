"""The endpoints of a plan, and what keeps a subject among them from being probed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from tpcharness.model.endpoint import Endpoint, RedirectAuth
from tpcharness.model.needs import able, shortage
from tpcharness.model.plan import DropReason
from tpcharness.model.variant import Variant

_DEFAULT_PORTS = {"https": 443, "http": 80}

Objection = tuple[DropReason, str]
"""Why something is not probed, with a detail for people."""


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """What one run picks from the configuration; an empty tuple picks everything.

    Names are globs. `endpoints` wants a match at either end of a link. An endpoint alone is picked by any of the three.
    `sizes` replace the configured sizes.
    """

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    sizes: tuple[int, ...] = ()


class Mesh:
    """The endpoints of a run, with everything about them that is asked n x n times worked out once.

    Raises ValueError when two have one name.
    """

    def __init__(self, endpoints: Sequence[Endpoint], opt_out: Iterable[str], filters: PlanFilter) -> None:
        self.by_name = {endpoint.name: endpoint for endpoint in endpoints}
        if len(self.by_name) != len(endpoints):
            raise ValueError("endpoint names are not unique")
        self._filters = filters
        self._storages = {endpoint.name: _storage(endpoint.https) for endpoint in endpoints}
        self._known_able: dict[Variant, tuple[frozenset[str], frozenset[str]]] = {}
        self._opted_out = self.matching(opt_out)
        everything = frozenset(self.by_name)
        self._sources = self.matching(filters.sources) if filters.sources else everything
        self._destinations = self.matching(filters.destinations) if filters.destinations else everything
        self._either = self.matching(filters.endpoints) if filters.endpoints else everything
        named = (*filters.sources, *filters.destinations)
        self._alone = self._either & (self.matching(named) if named else everything)

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

    def link_objection(self, source: str, destination: str, variant: Variant) -> Objection | None:
        """Why a link is not probed in this way; None if it is."""
        if source == destination:
            return DropReason.SAME_ENDPOINT, "an endpoint has no link with itself"
        if (
            source not in self._sources
            or destination not in self._destinations
            or not (source in self._either or destination in self._either)
            or not self._picks(variant)
        ):
            return DropReason.FILTERED, ""
        if shy := [name for name in (source, destination) if name in self._opted_out]:
            return DropReason.OPTED_OUT, " and ".join(shy)
        givers, takers = self._able(variant)
        if source not in givers or destination not in takers:
            return shortage(variant, (self.by_name[source], self.by_name[destination]))
        # davix takes both tokens along to wherever a door redirects, even without TLS (seen, davix 0.8.4).
        if variant is Variant.GFAL_DAVS_DAVS and (careful := self._careful(source, destination)):
            return DropReason.REDIRECT_AUTH, " and ".join(careful)
        # XRootD truncates a file that is copied onto itself (design 6).
        if self._storages[source] == self._storages[destination]:
            return DropReason.SAME_STORAGE, self.by_name[source].https
        return None

    def _careful(self, *names: str) -> list[str]:
        return [name for name in names if self.by_name[name].redirect_auth is RedirectAuth.DROP]

    def _able(self, variant: Variant) -> tuple[frozenset[str], frozenset[str]]:
        known = self._known_able.get(variant)
        if known is None:
            known = self._known_able[variant] = able(variant, self.by_name.values())
        return known

    def endpoint_objection(self, name: str, variant: Variant) -> Objection | None:
        """Why an endpoint that was asked for is not probed in this way; None if it is."""
        if not (self._picks(variant) and name in self._alone):
            return DropReason.FILTERED, ""
        if name in self._opted_out:
            return DropReason.OPTED_OUT, name
        return shortage(variant, (self.by_name[name],))

    def _picks(self, variant: Variant) -> bool:
        return not self._filters.variants or variant in self._filters.variants


def _storage(url: str) -> tuple[str, int | None, str]:
    """What makes two spellings of a URL prefix the same place: storages do not care for doubled slashes."""
    parts = urlsplit(url)
    path = "/".join(part for part in unquote(parts.path).split("/") if part)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme), path
