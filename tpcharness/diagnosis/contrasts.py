"""What several variants say together: contrasts, what they settle of open verdicts, and which findings they serve.

A contrast never overrides what is certain: it settles only cells whose own result leaves open who has to act, and
only if this result names the party among those who may be, or names nobody at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tpcharness.diagnosis.contrast_rules import RULES
from tpcharness.diagnosis.families import family
from tpcharness.diagnosis.matrix_view import Cell
from tpcharness.diagnosis.scene import Drawn, Scene
from tpcharness.model.contrast import Contrast, ContrastKind
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.result import Result
from tpcharness.model.variant import DEFAULT_VARIANTS, DOOR_VARIANTS, LEGACY_VARIANTS, TAPE_VARIANTS, Blame

MOST_APART = timedelta(days=1)
"""Results that are further apart tell of two days, not of two variants; a service probes several times a day."""

_NOTHING_TO_COMPARE = frozenset({*DEFAULT_VARIANTS, *DOOR_VARIANTS, *TAPE_VARIANTS, *LEGACY_VARIANTS})
_OPEN = frozenset({Blame.UNDETERMINED})


def contrasts(results: Iterable[Result], *, since: datetime | None = None) -> tuple[Contrast, ...]:
    """All contrasts among these results, in any order; of each subject, variant and size the latest result counts.

    What began before `since` is too old to be compared and is left out.
    """
    current = [result for result in results if since is None or result.started_at >= since]
    return tuple(each.contrast for each in draw(Scene.of(current))) if comparable(current) else ()


def comparable(results: Iterable[Result]) -> bool:
    """Whether there is anything beside the two modes of https to compare them with: most meshes have nothing else."""
    return not {result.variant for result in results} <= _NOTHING_TO_COMPARE


def draw(scene: Scene) -> list[Drawn]:
    """The same with what findings need of them. What is told as refused is not told again as a failing role."""
    found = [each for rule in RULES for each in rule(scene) if each.span <= MOST_APART]
    told = {cell for each in found if each.contrast.kind is not ContrastKind.ACTIVE_ROLE for cell in each.cells}
    kept = [
        each
        for each in found
        if each.contrast.kind is not ContrastKind.ACTIVE_ROLE or not all(cell in told for cell in each.cells)
    ]
    return sorted(kept, key=_order)


def _order(each: Drawn) -> tuple[int, str, str]:
    return list(ContrastKind).index(each.contrast.kind), str(each.contrast.subject), each.contrast.sentence


def settled(cells: Iterable[Cell], drawn: Sequence[Drawn]) -> list[Cell]:
    """The cells, those that one contrast settles, and no other one contradicts, with the party that has to act."""
    roles: dict[Cell, set[Blame]] = {}
    for each in drawn:
        for cell in each.cells if each.role is not None and each.contrast.culprit else ():
            roles.setdefault(cell, set()).add(each.role or Blame.UNDETERMINED)
    return [_settled(cell, roles[cell]) if cell in roles else cell for cell in cells]


def _settled(cell: Cell, roles: set[Blame]) -> Cell:
    if len(roles) != 1 or cell.result.blame is not Blame.UNDETERMINED:
        return cell
    (role,) = roles
    if role not in cell.reported and cell.reported != _OPEN:
        return cell
    return Cell.of(*cell.link, cell.variant, replace(cell.result, blame=role, alternatives=()))


def told_by(findings: Iterable[Finding], drawn: Sequence[Drawn]) -> list[Finding]:
    """The findings with the contrasts that serve them: in the sentence, and as values."""
    return [_told_by(finding, [each for each in drawn if _serves(each, finding)]) for finding in findings]


def _serves(each: Drawn, finding: Finding) -> bool:
    """Whether the contrast is about cells of this finding, and accuses nobody whom the finding does not accuse."""
    contrast = each.contrast
    if contrast.culprit and contrast.culprit not in finding.culprits:
        return False
    if finding.kind is FindingKind.FAILS_ALONE:
        return finding.culprits == (str(contrast.subject),) and finding.probe_id in contrast.probe_ids
    return any(_within(cell, finding) for cell in each.cells)


def _within(cell: Cell, finding: Finding) -> bool:
    if cell.variant not in finding.variants or family(cell.result.reason) is not family(finding.reason):
        return False
    if len(finding.culprits) == 1:
        return finding.culprits[0] in cell.link
    return set(cell.link) == set(finding.culprits)


def _told_by(finding: Finding, serving: Sequence[Drawn]) -> Finding:
    if not serving:
        return finding
    clauses = "; ".join(dict.fromkeys(each.clause for each in serving if each.clause))
    sentence = f"{finding.sentence.removesuffix('.')}; {clauses}." if clauses else finding.sentence
    return replace(finding, sentence=sentence, contrasts=tuple(each.contrast for each in serving))
