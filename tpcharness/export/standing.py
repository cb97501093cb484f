"""How a matrix stands: the verdict in one sentence, who has to act for each finding, and the endpoints worst first.

What the HTML report and the pages of the running service say in the same words. Where a finding or an endpoint is
shown differs between them, so links are made by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, Blame, Variant
from tpcharness.results.run import EndpointFacts
from tpcharness.results.store import Cell, CellState

Key = tuple[Subject, Variant]
"""A link in one variant."""

BAD = (CellState.FAILURE, CellState.ERROR)
MOST_NAMES = 3

STATE_WORDS = {
    CellState.FAILURE: "failed",
    CellState.ERROR: "our own error",
    CellState.SKIPPED: "not tried",
    CellState.STALE: "too old to count",
    CellState.OK: "ok",
}
NOT_ENDPOINTS = {
    Blame.PATH: "the network between the two",
    Blame.ISSUER: "the token issuer",
    Blame.CLIENT: "whoever runs this harness",
}


_OF_DOORS = (
    FindingKind.ENDPOINT_DOWN,
    FindingKind.REFUSES_TOKENS,
    FindingKind.ISSUER_NOT_ACCEPTED,
    FindingKind.NO_TOKENS,
    FindingKind.OUR_SIDE,
)


def count_states(cells: Iterable[Cell], *states: CellState) -> int:
    return sum(cell.state in states for cell in cells)


def verdict(
    cells: Sequence[Cell],
    doors: Iterable[Cell],
    findings: Sequence[Finding],
    *,
    explained: Collection[Key] | None = None,
    unconfirmed: int = 0,
) -> str:
    """One sentence for people in a hurry; its numbers add up.

    `explained` are the failing cells that the findings were made from, None: all. Of the others so many are
    `unconfirmed`.
    """
    bad, skipped, stale = (count_states(cells, *states) for states in (BAD, (CellState.SKIPPED,), (CellState.STALE,)))
    bad_doors = count_states(doors, *BAD)
    total = count_text(len(cells), "cell")
    findings = [finding for finding in findings if finding.kind is not FindingKind.FAILS_ALONE]  # they explain no cell
    causes = _causes(findings)
    if not cells:
        return (
            f"{count_text(bad_doors, 'endpoint')} failed; no link was probed." if bad_doors else "No link was probed."
        )
    if not bad and not bad_doors and not skipped:
        return _all_well(len(cells), stale) + _lingering(findings)
    parts = [f"{bad:,} of {total} {'fails' if bad == 1 else 'fail'}"] if bad else []
    if skipped:
        parts.append(f"{skipped:,} {'of ' + total + ' ' if not parts else ''}could not be tried")
    if not parts:
        parts.append(f"{count_text(bad_doors, 'endpoint')} failed the door check")
    said = " and ".join(parts)
    open_ = bad + skipped
    down = _behind_doors(findings)
    told = sum(_is_explained(cell, explained, down) for cell in cells) if findings else 0
    explain = "explains" if len(findings) == 1 else "explain"
    if not open_:
        it = "it" if bad_doors == 1 else "them"
        return f"{said}: {causes} {explain} {it}." if findings else f"{said}."
    if told == open_:
        return f"{said}: {causes} {explain} {'it' if open_ == 1 else 'them'}."
    rest = open_ - told - unconfirmed
    counts = [f"{causes} {explain} {told:,} of them"] if told else []
    if unconfirmed:
        counts.append(f"{unconfirmed:,} {'is' if unconfirmed == 1 else 'are'} not confirmed yet")
    if rest and counts:
        counts.append(f"{rest:,} {'is' if rest == 1 else 'are'} not explained")
    return f"{said}: {', '.join(counts)}." if counts else f"{said}."


def _causes(findings: Sequence[Finding]) -> str:
    narrow = sum(finding.kind.narrow for finding in findings)
    counts = (len(findings) - narrow, "cause"), (narrow, "single link")
    return " and ".join(count_text(number, word) for number, word in counts if number)


def _lingering(findings: Sequence[Finding]) -> str:
    if not findings:
        return "."
    return f"; {_causes(findings)} {'is' if len(findings) == 1 else 'are'} not known to be over yet."


def _all_well(number: int, stale: int) -> str:
    whole, are = ("The only cell", "is") if number == 1 else (f"All {number:,} cells", "are")
    if not stale:
        return f"{whole} {are} good: every copy arrived and was read back"
    if stale == number:
        return f"{whole} {are} too old to count"
    return f"No cell fails; {stale:,} of {number:,} {'is' if stale == 1 else 'are'} too old to count"


def _behind_doors(findings: Iterable[Finding]) -> frozenset[str]:
    """The endpoints for whose doors other probes were skipped, as far as a finding says so."""
    return frozenset(
        name for finding in findings if finding.kind in _OF_DOORS for name in (*finding.culprits, *finding.destinations)
    )


def _is_explained(cell: Cell, explained: Collection[Key] | None, down: Collection[str]) -> bool:
    if cell.state in BAD:
        return explained is None or (cell.subject, cell.variant) in explained
    if cell.state is not CellState.SKIPPED or cell.worst.reason is not Reason.ENDPOINT_DOWN:
        return False
    subject = cell.subject
    return isinstance(subject, LinkSubject) and (subject.source in down or subject.destination in down)


@dataclass(frozen=True, slots=True)
class Told:
    """A finding as a page tells it. `link` leads to the evidence of its typical result, empty without one."""

    finding: Finding
    who: str
    link: str
    of_door: bool

    @property
    def single(self) -> bool:
        return self.finding.kind.narrow


def tell(finding: Finding, sites: Mapping[str, str], typical: Result | None, link: Callable[[Result], str]) -> Told:
    """`sites` by endpoint; `typical` is the result of the finding's `probe_id`."""
    of_door = typical is not None and typical.variant in DOOR_VARIANTS
    return Told(finding, _who(finding, sites), "" if typical is None else link(typical), of_door)


def _who(finding: Finding, sites: Mapping[str, str]) -> str:
    """The party that has to act, by name where it is one or are a few endpoints."""
    if finding.blame not in (Blame.SOURCE, Blame.DESTINATION):
        return NOT_ENDPOINTS.get(finding.blame, "not certain")
    names = finding.culprits
    if len(names) != 1:
        as_source = finding.blame is Blame.SOURCE
        names = (finding.sources or names[:1]) if as_source else (finding.destinations or names[-1:])
    told = ", ".join(with_site(name, sites.get(name, "")) for name in names[:MOST_NAMES])
    return told + (f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else "")


def with_site(name: str, site: str) -> str:
    """ "DESY-HH_DATADISK (DESY)"; the site only where the name is not the same word."""
    return f"{name} ({site})" if site and site.casefold() != name.casefold() else name


@dataclass(frozen=True, slots=True)
class RoleStanding:
    """How an endpoint fares in one role: `own` of its `bad` cells are its own to mend, most of them for `reason`."""

    bad: int = 0
    own: int = 0
    skipped: int = 0
    tried: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one endpoint fares: its door, and both roles."""

    facts: EndpointFacts
    door: str
    door_reason: str
    source: RoleStanding
    destination: RoleStanding
    link: str

    @property
    def badness(self) -> tuple[bool, int, int, int]:
        roles = self.source, self.destination
        return (
            self.door in BAD,
            sum(role.own for role in roles),
            sum(role.bad for role in roles),
            sum(role.skipped for role in roles),
        )


def standings(
    endpoints: Sequence[EndpointFacts],
    doors: Mapping[str, Cell],
    cells: Iterable[Cell],
    link: Callable[[str], str],
) -> list[Standing]:
    """Every endpoint, worst first; of equals in their own order. Cells of other endpoints are left out."""
    rows: dict[str, list[Cell]] = {facts.name: [] for facts in endpoints}
    columns: dict[str, list[Cell]] = {facts.name: [] for facts in endpoints}
    for cell in cells:
        if isinstance(cell.subject, LinkSubject):
            rows.get(cell.subject.source, []).append(cell)
            columns.get(cell.subject.destination, []).append(cell)
    found = []
    for facts in endpoints:
        door = doors.get(facts.name)
        found.append(
            Standing(
                facts,
                "" if door is None else door.state,
                "" if door is None else door.worst.reason.value,
                _role(rows[facts.name], Blame.SOURCE),
                _role(columns[facts.name], Blame.DESTINATION),
                link(facts.name),
            )
        )
    return sorted(found, key=lambda standing: standing.badness, reverse=True)


def _role(cells: Sequence[Cell], role: Blame) -> RoleStanding:
    bad = [cell for cell in cells if cell.state in BAD]
    own = [cell.worst.reason.value for cell in bad if cell.worst.blame is role]
    skipped = count_states(cells, CellState.SKIPPED)
    return RoleStanding(len(bad), len(own), skipped, len(cells) - skipped, max(own, key=own.count, default=""))
