"""Generated matrices: all results of a mesh in which everything is well, until something is planted."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tpcharness.model.endpoint import EndpointSubject, LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative, Evidence, Implementation, Result, TlsFacts, TokenFacts
from tpcharness.model.variant import Blame, Outcome, Variant

PULL, PUSH = Variant.HTTPS_PULL, Variant.HTTPS_PUSH
BOTH = (PULL, PUSH)
START = datetime(2026, 11, 22, tzinfo=UTC)
SOURCE, DESTINATION, VAGUE = Blame.SOURCE, Blame.DESTINATION, Blame.UNDETERMINED

GOOD = Result(
    run_id="run",
    probe_id="",
    subject=EndpointSubject(""),
    variant=PULL,
    size_bytes=1,
    started_at=START,
    attempt=1,
    outcome=Outcome.OK,
    reason=Reason.OK,
    blame=Blame.NOBODY,
)


@dataclass
class Matrix:
    """All results of a mesh in which everything is well, until something is planted."""

    names: str
    variants: tuple[Variant, ...] = BOTH
    cells: dict[tuple[str, str, Variant], Result] = field(default_factory=dict)
    doors: dict[str, Result] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for source, destination in itertools.permutations(self.names, 2):
            for variant in self.variants:
                self.cells[source, destination, variant] = replace(
                    GOOD,
                    probe_id=f"{source}{destination}-{variant}",
                    subject=LinkSubject(source, destination),
                    variant=variant,
                )
        for name in self.names:
            self.doors[name] = replace(
                GOOD, probe_id=f"{name}-door", subject=EndpointSubject(name), variant=Variant.DOOR
            )

    def spoil(
        self,
        source: str,
        destination: str,
        reason: Reason,
        blame: Blame,
        *,
        variants: Iterable[Variant] = BOTH,
        alternatives: tuple[Blame, ...] = (),
        outcome: Outcome = Outcome.FAILURE,
    ) -> Matrix:
        """Makes links fail; "*" means all."""
        for (s, d, variant), result in self.cells.items():
            if source in (s, "*") and destination in (d, "*") and variant in variants:
                self.cells[s, d, variant] = replace(
                    result,
                    outcome=outcome,
                    reason=reason,
                    blame=blame,
                    alternatives=tuple(Alternative(reason, each) for each in alternatives),
                )
        return self

    def spoil_party(
        self, name: str, reason: Reason, *, active: bool, blames: str = "itself", path_too: bool = False
    ) -> Matrix:
        """Makes an endpoint fail as the active or as the passive party; the cells blame "itself", "other" or nobody."""
        source_in = PUSH if active else PULL
        for variant in self.variants:
            role, other = (SOURCE, DESTINATION) if variant is source_in else (DESTINATION, SOURCE)
            blame = {"itself": role, "other": other}.get(blames, VAGUE)
            names = (name, "*") if role is SOURCE else ("*", name)
            self.spoil(*names, reason, blame, variants=[variant], alternatives=(role, Blame.PATH) if path_too else ())
        return self

    def spoil_passive(self, source: str, destination: str, reason: Reason) -> Matrix:
        """Makes one link fail, by the passive party's fault or the path's."""
        for variant in self.variants:
            passive = SOURCE if variant is PULL else DESTINATION
            self.spoil(source, destination, reason, VAGUE, variants=[variant], alternatives=(passive, Blame.PATH))
        return self

    def install(self, server: str, names: str) -> Matrix:
        """Says what these endpoints run."""
        for (source, destination, variant), result in self.cells.items():
            old = result.implementation
            self.cells[source, destination, variant] = replace(
                result,
                implementation=Implementation(
                    (server,) if source in names else old.source, (server,) if destination in names else old.destination
                ),
            )
        return self

    def issue(self, names: str, *, tokens: str = "", authority: str = "") -> Matrix:
        """Says whose tokens these endpoints are shown, and who issued their certificates."""
        for name in names:
            evidence = Evidence(
                tokens=(TokenFacts("seed", tokens),) if tokens else (),
                tls=(TlsFacts("127.0.0.1", issuer=authority),) if authority else (),
            )
            self.doors[name] = replace(self.doors[name], evidence=evidence)
        return self

    def close(self, name: str, reason: Reason = Reason.CONNECTION_REFUSED, blame: Blame = DESTINATION) -> Matrix:
        """Makes a door fail, and its links be skipped."""
        outcome = Outcome.ERROR if blame is Blame.CLIENT else Outcome.FAILURE
        self.doors[name] = replace(self.doors[name], outcome=outcome, reason=reason, blame=blame)
        self.spoil(name, "*", Reason.ENDPOINT_DOWN, SOURCE, outcome=Outcome.SKIPPED)
        return self.spoil("*", name, Reason.ENDPOINT_DOWN, DESTINATION, outcome=Outcome.SKIPPED)

    def only(self, sources: str, destinations: str) -> Matrix:
        """Leaves nothing but the links between these."""
        self.cells = {key: cell for key, cell in self.cells.items() if key[0] in sources and key[1] in destinations}
        return self

    @property
    def results(self) -> list[Result]:
        return [*self.doors.values(), *self.cells.values()]
