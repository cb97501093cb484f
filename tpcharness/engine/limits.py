"""How much may be under way at once: over all, at each endpoint in each role, and at each host.

A probe takes all its places at once or none, so that nobody ever holds one place while waiting for another: there
is nothing to deadlock on. Everything here is synchronous; who waits, and in which order, is `line`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.plan import PlannedProbe, Role
from tpcharness.model.settings import RunLimits


@dataclass(slots=True, eq=False)
class Place:
    """Room for `bound` probes at one spot. `kept` is a seat that is held back for one particular probe."""

    label: str
    bound: int
    taken: int = 0
    kept: int = 0

    def __post_init__(self) -> None:
        if self.bound < 1:
            raise ValueError(f"the limit of {self.label} is {self.bound}: nothing could ever run")

    @property
    def full(self) -> bool:
        return self.taken >= self.bound


class Limits:
    """The places of one run.

    A link takes one place in the whole run, one at its source in the role of source, one at its destination in the
    role of destination, and one at each host; a direct transfer one at its endpoint in the role that it has there. A
    door, and whatever else moves no bytes that count, takes one in the run and one at its host. A link within one host
    takes one place there. Raises ValueError for a limit below 1.
    """

    def __init__(self, run: RunLimits) -> None:
        self._run = run
        self._whole = Place("the run", run.concurrency)
        self._places: dict[tuple[str, str], Place] = {}
        Place("a host", run.per_host)

    @property
    def exhausted(self) -> bool:
        """Whether nothing more can start, whatever it is."""
        return self._whole.full

    @property
    def free(self) -> int:
        """How many more can start, as far as the whole run is concerned."""
        return max(0, self._whole.bound - self._whole.taken)

    def places(self, probe: PlannedProbe) -> tuple[Place, ...]:
        """Every place that the probe needs, apart from the one in the whole run."""
        roles = (self._role(role, endpoint) for role, endpoint in probe.roles)
        hosts = dict.fromkeys(endpoint.host for endpoint in probe.ends)
        return (*roles, *map(self._host, hosts))

    def _role(self, role: Role, endpoint: Endpoint) -> Place:
        key = (role.value, endpoint.name)
        if key not in self._places:
            self._places[key] = Place(f"{endpoint.name} as {role}", endpoint.max_transfers)
        return self._places[key]

    def _host(self, host: str) -> Place:
        key = ("host", host)
        if key not in self._places:
            self._places[key] = Place(f"host {host}", self._run.per_host)
        return self._places[key]

    def know(self, endpoints: Iterable[Endpoint]) -> None:
        """Makes the places of endpoints as they are now; else the first probe that asks brings its endpoint's bound."""
        for endpoint in endpoints:
            for role in Role:
                self._role(role, endpoint)

    def take(self, places: tuple[Place, ...]) -> None:
        """Takes them all, and one in the whole run. The caller has looked that there is room."""
        for place in (self._whole, *places):
            place.taken += 1

    def give_back(self, places: tuple[Place, ...]) -> None:
        """The opposite of `take`."""
        for place in (self._whole, *places):
            place.taken -= 1

    def try_acquire(self, probe: PlannedProbe) -> bool:
        """Takes every place that the probe needs, or none; for those who do not wait in a line."""
        places = self.places(probe)
        if self.exhausted or any(place.full for place in places):
            return False
        self.take(places)
        return True

    def release(self, probe: PlannedProbe) -> None:
        """Gives back what `try_acquire` took."""
        self.give_back(self.places(probe))
