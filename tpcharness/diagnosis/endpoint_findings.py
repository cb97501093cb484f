"""One endpoint that explains many cells: what it does wrong, and who has to act."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from tpcharness.diagnosis import finding_text as text
from tpcharness.diagnosis.board import Board
from tpcharness.diagnosis.families import family
from tpcharness.diagnosis.matrix_view import (
    Cell,
    Place,
    destinations_of,
    reasons_of,
    sources_of,
    typical,
    variants_of,
)
from tpcharness.diagnosis.shapes import Shape
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS, LEGACY_VARIANTS, Blame, Outcome, Variant


def endpoint_finding(
    shape: Shape, board: Board, at_work: Callable[[Place], bool], doors: Mapping[str, Result], accepted: int
) -> Finding:
    """The finding about bad lines of one endpoint.

    `at_work` says whether anything works in a line; `accepted` how many endpoints take tokens of the issuer that
    this one is shown tokens of.
    """
    taken, variants = shape.cells, variants_of(shape.cells)
    fine = [cell for place in shape.lines for cell in board.by_place[place] if cell.ok]
    share = len(taken) / (len(taken) + len(fine))
    blame = _blame(shape, at_work)
    kind = shape.kind(share, blame)
    role = next(iter(shape.roles)) if len(shape.roles) == 1 else None
    failing = {_partner(shape.name, cell) for cell in taken}
    accused = text.Accused(
        name=shape.name,
        kind=kind,
        shape=shape.plain_kind,
        role=role,
        partners=(len(failing), len(failing | {_partner(shape.name, cell) for cell in fine})),
        share=share,
        variants=(variants, board.variants_at(shape.name, shape.roles)),
        reasons=reasons_of(taken),
        blame=blame,
        detail=_detail(kind, failing, doors, accepted),
    )
    return Finding(
        kind=kind,
        culprits=(shape.name,),
        reason=accused.reasons[0],
        blame=blame,
        cells=len(taken),
        of=len(taken) + len(fine),
        sentence=text.bad_endpoint(accused),
        variants=variants,
        probe_id=typical(taken),
        sources=sources_of(taken) if fine else (),
        destinations=destinations_of(taken) if fine else (),
    )


def _partner(name: str, cell: Cell) -> str:
    return cell.destination if cell.source == name else cell.source


def _blame(shape: Shape, at_work: Callable[[Place], bool]) -> Blame:
    """Who has to act. An endpoint that fails in both roles is `destination`, as in a door's blame."""
    votes: Counter[Blame] = Counter()
    for place, cells in shape.lines.items():
        blame = _line_blame(place, cells, at_work)
        itself = Blame.DESTINATION if len(shape.roles) > 1 else place.role
        votes[itself if blame is place.role else blame] += len(cells)
    return votes.most_common(1)[0][0]


def _line_blame(place: Place, cells: list[Cell], at_work: Callable[[Place], bool]) -> Blame:
    """Who has to act for a bad line: what the cells say, or, where they cannot tell, what the pattern says.

    The pattern says that it is the endpoint only if most of the partners work with somebody else in that variant.
    """
    if 2 * sum(cell.result.blame is place.role for cell in cells) >= len(cells):
        return place.role
    if 2 * sum(at_work(cell.partner(place.role)) for cell in cells) >= len(cells):
        return place.role
    named = Counter(cell.result.blame for cell in cells).most_common(1)[0][0]
    return named if named is Blame.PATH else Blame.UNDETERMINED


def _detail(kind: FindingKind, partners: set[str], doors: Mapping[str, Result], accepted: int) -> str:
    """What the doors know of it: who issued certificates that are not trusted, who else takes the tokens."""
    if kind is FindingKind.DOES_NOT_TRUST:
        issuers = {facts.issuer for name in partners if name in doors for facts in doors[name].evidence.tls}
        return text.issued_by(issuers.pop(), len(partners)) if len(issuers) == 1 else ""
    if kind is FindingKind.REFUSES_TOKENS and accepted > 1:
        return f"{accepted - 1} other doors accept tokens of the same issuer"
    return ""


def failing_alone(alone: Mapping[Variant, Mapping[str, Result]], told: Iterable[Finding]) -> list[Finding]:
    """What endpoints fail in beside doors and links: one finding for one cause, unless one of `told` is about it.

    Of a legacy door only that it still answers is told; what else keeps us from knowing is nobody's trouble.
    """
    told = tuple(told)
    known = {(finding.culprits, family(finding.reason)) for finding in told}
    used = {probe for finding in told for contrast in finding.contrasts for probe in contrast.probe_ids}
    tried: Counter[str] = Counter()
    groups: dict[tuple[str, Reason, Blame], list[Result]] = defaultdict(list)
    for variant in ENDPOINT_VARIANTS:
        for name, result in alone[variant].items() if variant not in DOOR_VARIANTS else ():
            if variant in LEGACY_VARIANTS and result.reason is not Reason.LEGACY_ANSWERS:
                continue
            tried[name] += result.outcome is not Outcome.SKIPPED
            if result.outcome in (Outcome.FAILURE, Outcome.ERROR) and result.probe_id not in used:
                groups[name, family(result.reason), result.blame].append(result)
    return [
        _alone(name, results, tried[name])
        for (name, cause, _), results in groups.items()
        if ((name,), cause) not in known
    ]


def _alone(name: str, results: list[Result], tried: int) -> Finding:
    first = results[0]
    variants = tuple(result.variant for result in results)
    reasons = tuple(dict.fromkeys(result.reason for result in results))
    return Finding(
        kind=FindingKind.FAILS_ALONE,
        culprits=(name,),
        reason=first.reason,
        blame=first.blame,
        cells=len(results),
        of=tried,
        sentence=text.fails_alone(name, variants, reasons, first.blame),
        variants=variants,
        probe_id=first.probe_id,
    )
