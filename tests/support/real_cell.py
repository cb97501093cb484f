"""One fault of a real storage, and what the harness must find."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.support.real_world import World
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Phase
from tpcharness.wire.copy_request import Mode


@dataclass(frozen=True, slots=True)
class Observation:
    """The result that a cell is about and, where the whole matrix ran, those of the links: "to" or "from" the
    endpoint with the fault, and the mode. `beside` are the results of other copiers than ours of the same servers.
    """

    result: Result
    beside: tuple[Result, ...] = ()
    links: Mapping[tuple[str, Mode], Result] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RealCell:
    """A row of the truth table.

    `mode` None means a door. Several `blames` declare that nobody can tell them apart from here, and `why` says why;
    it also quotes what XRootD 5.5.3 says that one would not expect. `links` are the reasons of the endpoint's links.
    """

    name: str
    mode: Mode | None
    reason: Reason
    blames: frozenset[Blame]
    why: str
    observe: Callable[[World], Awaitable[Observation]]
    links: Mapping[tuple[str, Mode], Reason] = field(default_factory=dict)

    @property
    def phase(self) -> Phase:
        return self.reason.phase
