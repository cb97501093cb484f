"""What a whole matrix means: the causes that explain its failures, n sentences in place of n x n cells.

Explained first is what is known best: failed doors and missing tokens, then a matrix in which nothing works at all,
pairs of implementations, rows and columns (`lines`), and what is left (`blocks`). Each takes its cells with it, so a
failure is explained once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from tpcharness.diagnosis import finding_text as text
from tpcharness.diagnosis.blocks import blocks, distrustful, part_lines
from tpcharness.diagnosis.board import Board
from tpcharness.diagnosis.contrasts import comparable, draw, settled, told_by
from tpcharness.diagnosis.doors import CLIENT, Fallen, accepting, fallen_doors, issuer_of, missing_from
from tpcharness.diagnosis.endpoint_findings import endpoint_finding, failing_alone
from tpcharness.diagnosis.implementation_pairs import MIN_BOTH_SIDES, Pair, pair_findings, pairs
from tpcharness.diagnosis.lines import Peeling
from tpcharness.diagnosis.matrix_view import (
    MIN_SHARE,
    Cell,
    Place,
    destinations_of,
    latest,
    main_family,
    newest,
    reasons_of,
    sources_of,
    typical,
    variants_of,
)
from tpcharness.diagnosis.scene import Scene
from tpcharness.diagnosis.shapes import shapes
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Phase, Variant

MIN_ENDPOINTS = 3
"""With fewer, a matrix in which everything fails is a few failing links."""

_FIRST = (FindingKind.NO_TOKENS, FindingKind.OUR_SIDE, FindingKind.ISSUER_NOT_ACCEPTED, FindingKind.EVERYTHING)


def find(results: Iterable[Result]) -> tuple[Finding, ...]:
    """The causes behind the failures among these results, worst first; empty when nothing failed.

    Takes all results of a run or of many, in any order: of each subject, variant and size the latest counts.
    Every failing cell is explained by one finding; what was skipped for failed doors, by each endpoint that is down.
    Where several variants together tell more than each of them, open blames are settled and the sentences say so.
    A cell that is certain of its blame never supports an accusation of the other end.
    """
    current = newest(results)
    alone, cells = latest(current)
    drawn = draw(Scene(alone, cells, current)) if comparable(current) else []
    cells = settled(cells, drawn)
    doors = alone[Variant.DOOR]
    findings, rest = _behind_doors(doors, cells)
    found, rest = _behind_root_doors(alone, cells, rest)
    findings += found
    found, rest = _without_tokens(rest)
    board = Board(rest)
    findings += found + _of_links(doors, board)
    findings = told_by(findings, drawn)
    findings += told_by(failing_alone(alone, findings), drawn)
    return tuple(sorted(findings, key=_worst_first))


def _worst_first(finding: Finding) -> tuple[int, int, tuple[str, ...], int, str]:
    kind = finding.kind
    rank = 0 if kind in _FIRST else 1 if kind is FindingKind.ENDPOINT_DOWN else 3 if kind.narrow else 2
    return rank, -finding.cells, finding.culprits, list(FindingKind).index(kind), finding.sentence


def _behind_doors(doors: Mapping[str, Result], cells: Sequence[Cell]) -> tuple[list[Finding], list[Cell]]:
    """The findings about doors; and the cells that these do not explain, as far as they were tried."""
    fallen = fallen_doors(doors)
    of_name = {name: number for number, each in enumerate(fallen) for name in each.doors}
    taken: dict[int, dict[Cell, None]] = defaultdict(dict)
    there: Counter[int] = Counter()
    rest = []
    for cell in cells:
        fallen_there = {of_name[name] for name in cell.link if name in of_name}
        if cell.tried or cell.skipped_for_door:
            there.update(fallen_there)
        culprits = [place for place in cell.places if place.name in of_name and _explains(cell, place)]
        for place in culprits:
            taken[of_name[place.name]][cell] = None
        if not culprits and cell.tried:
            rest.append(cell)
    return [_fallen_finding(each, list(taken[number]), there[number]) for number, each in enumerate(fallen)], rest


def _behind_root_doors(
    doors: Mapping[Variant, Mapping[str, Result]], cells: Iterable[Cell], rest: Iterable[Cell]
) -> tuple[list[Finding], list[Cell]]:
    """The findings about root doors of endpoints that are well otherwise; and what is left of `rest` after them."""
    https = doors[Variant.DOOR]
    own = {name: door for name, door in doors[Variant.ROOT_DOOR].items() if name not in https or https[name].ok}
    findings, unexplained = _behind_doors(own, [cell for cell in cells if Variant.ROOT_DOOR in cell.variant.doors])
    open_still = set(unexplained)
    return findings, [cell for cell in rest if cell in open_still or Variant.ROOT_DOOR not in cell.variant.doors]


def _explains(cell: Cell, down: Place) -> bool:
    return cell.skipped_for_door or (cell.failing and cell.supports(down.role))


def _fallen_finding(fallen: Fallen, taken: list[Cell], of: int) -> Finding:
    door, names, cells = fallen.typical, tuple(fallen.doors), len(taken)
    blame = door.blame
    match fallen.kind:
        case FindingKind.ENDPOINT_DOWN:
            sentence = text.endpoint_down(fallen.culprit, door.variant, door.reason, blame, cells, of)
        case FindingKind.REFUSES_TOKENS:
            issuer = issuer_of(door)
            sentence = text.refuses_tokens(
                fallen.culprit, door.variant, issuer, fallen.accepted, door.reason, cells, of
            )
        case FindingKind.ISSUER_NOT_ACCEPTED:
            blame = Blame.UNDETERMINED
            sentence = text.issuer_not_accepted(fallen.culprit, names, door.reason, cells, of)
        case FindingKind.OUR_SIDE if blame is not Blame.CLIENT:
            blame = Blame.UNDETERMINED
            sentence = text.nobody_reached(
                names, tuple({each.reason: None for each in fallen.doors.values()}), cells, of
            )
        case _:
            ours = fallen.kind is FindingKind.OUR_SIDE
            issuer = "" if fallen.culprit == CLIENT else fallen.culprit
            sentence = text.no_tokens(issuer, names, (door.reason,), blame, cells, of, ours=ours)
    return Finding(
        kind=fallen.kind,
        culprits=(fallen.culprit,),
        reason=door.reason,
        blame=blame,
        cells=cells,
        of=of,
        sentence=sentence,
        variants=variants_of(taken),
        probe_id=door.probe_id,
        destinations=() if names == (fallen.culprit,) else names,
    )


def _without_tokens(tried: Iterable[Cell]) -> tuple[list[Finding], list[Cell]]:
    """What several links fail for that no storage can help; and all other cells."""
    groups: dict[tuple[Reason, Blame, str], list[Cell]] = defaultdict(list)
    rest = []
    for cell in tried:
        if cell.failing and cell.nobodys:
            groups[cell.result.reason, cell.result.blame, missing_from(cell.result)].append(cell)
        else:
            rest.append(cell)
    findings = []
    for (reason, blame, issuer), cells in groups.items():
        if len({cell.link for cell in cells}) == 1:
            rest += cells
            continue
        names = sorted({name for cell in cells for name in cell.link})
        ours = blame is Blame.CLIENT and reason.phase is not Phase.TOKEN
        findings.append(
            Finding(
                kind=FindingKind.OUR_SIDE if ours else FindingKind.NO_TOKENS,
                culprits=(issuer or CLIENT if not ours else CLIENT,),
                reason=reason,
                blame=blame,
                cells=len(cells),
                of=len(cells),
                sentence=text.no_tokens(issuer, names, (reason,), blame, len(cells), len(cells), ours=ours),
                variants=variants_of(cells),
                probe_id=typical(cells),
                sources=sources_of(cells),
                destinations=destinations_of(cells),
            )
        )
    return findings, rest


def _of_links(doors: Mapping[str, Result], board: Board) -> list[Finding]:
    """The findings about what was tried between storages."""
    peeling = Peeling(board.cells)
    whole: dict[Reason, list[Cell]] = defaultdict(list)
    for cells in _all_red(board):
        whole[main_family(cells)] += cells
        peeling.take(cells)

    paired: list[Pair] = []
    for pair in pairs(board.cells, peeling.open):
        # Rows and columns are the simpler explanation unless the pair explains more than any of them.
        left = pair.only(peeling.open)
        if min(pair.sizes) >= MIN_BOTH_SIDES and left.dense and left.weight > peeling.heaviest(left.failing):
            peeling.take(left.failing)
            paired.append(left)
    peeled = peeling.peel()
    bad = {place: list(cells) for place, cells in peeled.explained.items()}

    def accuse(lines: Mapping[Place, Iterable[Cell]]) -> None:
        for place, cells in lines.items():
            fresh = [cell for cell in cells if cell in peeling.open]
            peeling.take(fresh)
            bad.setdefault(place, []).extend(fresh)

    accuse(distrustful(board.cells, peeling.open, Reason.PASSIVE_TLS_FAILED))
    for pair in pairs(board.cells, peeling.open):
        left = pair.only(peeling.open)
        if left.dense:
            peeling.take(left.failing)
            paired.append(left)
    blocked = blocks(board.cells, peeling.open)
    for cells in blocked:
        peeling.take(cells)
    accuse(part_lines(board.cells, peeling.open))

    findings = [_everything(cells, board) for cells in whole.values()]
    findings += pair_findings(paired)
    findings += [
        endpoint_finding(shape, board, peeling.at_work, doors, accepting(doors, _issuer(doors, shape.name)))
        for shape in shapes(bad)
    ]
    findings += [_unclear(candidates, cells, board) for candidates, cells in _same_candidates(peeled.unclear)]
    findings += [_block(same, board) for same in _same_ends(blocked)]
    return findings + [_link(cells, board) for cells in _by_path(peeling.open)]


def _issuer(doors: Mapping[str, Result], name: str) -> str:
    return issuer_of(doors[name]) if name in doors else ""


def _all_red(board: Board) -> Iterable[list[Cell]]:
    """Variants in which nothing works, for one cause and for no end's certain fault: no storage is to blame alone."""
    for cells in board.by_variant.values():
        sources, destinations = sources_of(cells), destinations_of(cells)
        if min(len(sources), len(destinations)) < MIN_ENDPOINTS - 1 or len({*sources, *destinations}) < MIN_ENDPOINTS:
            continue
        agreeing = Counter(cell.family for cell in cells if cell.failing).most_common(1)
        certain = sum(cell.certain for cell in cells)
        ok = any(cell.ok for cell in cells)
        if not ok and agreeing[0][1] >= MIN_SHARE * len(cells) and certain <= (1 - MIN_SHARE) * len(cells):
            yield cells


def _everything(cells: list[Cell], board: Board) -> Finding:
    variants, reasons = variants_of(cells), reasons_of(cells)
    blame = Counter(cell.result.blame for cell in cells).most_common(1)[0][0]
    if blame in (Blame.SOURCE, Blame.DESTINATION):
        blame = Blame.UNDETERMINED
    names = {name for cell in cells for name in cell.link}
    return Finding(
        kind=FindingKind.EVERYTHING,
        culprits=(),
        reason=reasons[0],
        blame=blame,
        cells=len(cells),
        of=len(cells),
        sentence=text.everything(len(names), (variants, variants_of(board.cells)), reasons, blame),
        variants=variants,
        probe_id=typical(cells),
        sources=sources_of(cells),
        destinations=destinations_of(cells),
    )


def _same_candidates(
    unclear: Iterable[tuple[tuple[Place, ...], list[Cell]]],
) -> Iterable[tuple[list[tuple[str, Blame]], list[Cell]]]:
    found: dict[frozenset[str], tuple[dict[tuple[str, Blame], None], list[Cell]]] = {}
    for places, cells in unclear:
        names, taken = found.setdefault(frozenset(place.name for place in places), ({}, []))
        names.update(dict.fromkeys((place.name, place.role) for place in places))
        taken += cells
    return [(sorted(names), cells) for names, cells in found.values()]


def _unclear(candidates: list[tuple[str, Blame]], cells: list[Cell], board: Board) -> Finding:
    variants, reasons = variants_of(cells), reasons_of(cells)
    lines = [Place(variant, role, name) for variant in variants for name, role in candidates]
    fine = {cell for place in lines for cell in board.by_place[place] if cell.ok}
    return Finding(
        kind=FindingKind.UNCLEAR,
        culprits=tuple(dict.fromkeys(name for name, _ in candidates)),
        reason=reasons[0],
        blame=Blame.UNDETERMINED,
        cells=len(cells),
        of=len(cells) + len(fine),
        sentence=text.unclear(candidates, (variants, variants_of(board.cells)), reasons),
        variants=variants,
        probe_id=typical(cells),
        sources=sources_of(cells),
        destinations=destinations_of(cells),
    )


def _same_ends(blocked: Iterable[list[Cell]]) -> Iterable[list[list[Cell]]]:
    """Blocks between the same two groups for one cause, in whatever direction and variant."""
    found: dict[tuple[frozenset[tuple[str, ...]], Reason], list[list[Cell]]] = defaultdict(list)
    for cells in blocked:
        found[frozenset((sources_of(cells), destinations_of(cells))), main_family(cells)].append(cells)
    return found.values()


def _block(same: list[list[Cell]], board: Board) -> Finding:
    cells = [cell for each in same for cell in each]
    variants, reasons = variants_of(cells), reasons_of(cells)
    sources, destinations = sources_of(cells), destinations_of(cells)
    fine = sum(board.working_between(each) for each in same)
    suspected = sum(bool(cell.reported & {Blame.PATH, Blame.UNDETERMINED}) for cell in cells)
    blame = Blame.PATH if 2 * suspected > len(cells) else Blame.UNDETERMINED
    shown = variants, variants_of(board.cells)
    one, other = sources_of(same[0]), destinations_of(same[0])
    if not set(one) & set(other) and set(sources) == set(destinations) == {*one, *other}:
        sentence = text.block_both_ways(one, other, shown, reasons, blame)
    else:
        sentence = text.block(sources, destinations, shown, reasons, blame)
    return Finding(
        kind=FindingKind.BLOCK,
        culprits=tuple(dict.fromkeys((*sources, *destinations))),
        reason=reasons[0],
        blame=blame,
        cells=len(cells),
        of=len(cells) + fine,
        sentence=sentence,
        variants=variants,
        probe_id=typical(cells),
        sources=sources,
        destinations=destinations,
    )


def _by_path(still_open: Iterable[Cell]) -> Iterable[list[Cell]]:
    """What is left, by link and blame; the two directions of a pair together where only the path is behind both."""
    by_pair: dict[tuple[frozenset[str], Reason], list[Cell]] = defaultdict(list)
    rest = []
    for cell in still_open:
        if Blame.PATH in cell.reported:
            by_pair[frozenset(cell.link), cell.family].append(cell)
        else:
            rest.append(cell)
    for cells in by_pair.values():
        common = frozenset.intersection(*(_named_suspects(cell) for cell in cells))
        if len({cell.link for cell in cells}) > 1 and Blame.PATH in common:
            yield cells
        else:
            rest += cells
    by_link: dict[tuple[tuple[str, str], Blame], list[Cell]] = defaultdict(list)
    for cell in rest:
        by_link[cell.link, cell.result.blame].append(cell)
    yield from by_link.values()


def _named_suspects(cell: Cell) -> frozenset[str]:
    names = {Blame.SOURCE: cell.source, Blame.DESTINATION: cell.destination}
    return frozenset(names.get(blame, str(blame)) for blame in cell.reported)


def _link(cells: list[Cell], board: Board) -> Finding:
    """One link, or one pair in both directions."""
    links = sorted({cell.link for cell in cells})
    tried = [cell for link in links for cell in board.by_link[link]]
    variants, reasons = variants_of(cells), reasons_of(cells)
    shown = variants, variants_of(tried)
    common = frozenset.intersection(*(_named_suspects(cell) for cell in cells))
    blame = Blame.PATH if common == {str(Blame.PATH)} else cells[0].result.blame
    source, destination = links[0]
    if len(links) > 1:
        sentence = text.bad_path(source, destination, shown, reasons, blame)
    else:
        suspects = {blame} if blame is Blame.PATH else {blame for cell in cells for blame in cell.reported}
        sentence = text.single_link(source, destination, shown, reasons, suspects)
    return Finding(
        kind=FindingKind.SINGLE_LINK if len(links) == 1 else FindingKind.BAD_PATH,
        culprits=(source, destination),
        reason=reasons[0],
        blame=blame,
        cells=len(cells),
        of=len(tried),
        sentence=sentence,
        variants=variants,
        probe_id=typical(cells),
    )
