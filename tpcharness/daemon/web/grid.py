"""The matrix as an HTML table, made on the server: it can be read, followed and printed without any script.

Classes and marks are those of the HTML report, so that one style serves both. A cell has two halves: pull and push;
when more variants are shown, what works and what does not, with the letter of the best.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from tpcharness.daemon.web.addresses import endpoint_path, link_path
from tpcharness.daemon.web.sight import Look
from tpcharness.export.alphabet import LETTERS, UNICODE
from tpcharness.export.protocols import FEW_VARIANTS, best_of
from tpcharness.export.report_cells import shown
from tpcharness.export.standing import BAD, STATE_WORDS
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.variant import Blame, Variant
from tpcharness.results.store import Cell, CellState

MOST_LINES = 200
"""Rows and columns that one page shows: the worst ones; the others are a filter away."""

ROOMY, CLOSE = 14, 48  # lines, up to which a cell has room for its marks; as in the report
DOWNTIME = "downtime"
DOWNTIME_MARK = "\u2193"
_SIZES = {"roomy": (24, 190, 14), "close": (13, 170, 12), "dense": (8, 150, 10)}
"""In pixels: half a cell, the least width of a row's label, and the size of its letters."""
MOST_LABEL, BESIDE_NAME, PER_LETTER = 400, 44, 0.62  # pixels, pixels for count and gaps, and parts of a letter's size
_RANK = {state: rank for rank, state in enumerate(CellState)}


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the matrix is asked for: words in names, sites or addresses (none: all), variants, and the order."""

    sources: str = ""
    destinations: str = ""
    variants: tuple[Variant, ...] = ()
    order: str = "worst"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The table and what to say about it. `cut` counts rows and columns that found no room."""

    table: Markup
    rows: int
    columns: int
    cut: int
    variants: tuple[Variant, ...]
    split: bool
    merged: bool
    states: tuple[str, ...]
    blames: tuple[Blame, ...]


def draw(look: Look, choice: Choice) -> Drawn:
    """Takes a second for a full mesh of 200 endpoints: run it in a thread."""
    known = {variant for cell in (*look.cells, *look.resting) if (variant := cell.variant)}
    variants = tuple(each for each in Variant if each in known and (not choice.variants or each in choice.variants))
    pairs: dict[LinkSubject, dict[Variant, Cell]] = {}
    resting = {id(cell) for cell in look.resting}
    bad: tuple[dict[str, float], dict[str, float]] = {}, {}
    own: tuple[set[str], set[str]] = set(), set()
    for cell in (*look.cells, *look.resting):
        subject = cell.subject
        if not isinstance(subject, LinkSubject) or cell.variant not in variants:
            continue
        pairs.setdefault(subject, {})[cell.variant] = cell
        if id(cell) in resting or cell.state not in (*BAD, CellState.SKIPPED):
            continue
        weight = 1.0 if cell.state in BAD else 0.001
        for side, name in enumerate((subject.source, subject.destination)):
            bad[side][name] = bad[side].get(name, 0.0) + weight
        if cell.state in BAD and cell.worst.blame in (Blame.SOURCE, Blame.DESTINATION):
            side = 0 if cell.worst.blame is Blame.SOURCE else 1
            own[side].add((subject.source, subject.destination)[side])
    rows, columns = (
        _lines(look, words, bad[side], choice.order) for side, words in enumerate((choice.sources, choice.destinations))
    )
    cut = max(0, len(rows) - MOST_LINES) + max(0, len(columns) - MOST_LINES)
    rows, columns = rows[:MOST_LINES], columns[:MOST_LINES]
    size = max(len(rows), len(columns))
    density = "roomy" if size <= ROOMY else "close" if size <= CLOSE else "dense"
    split, merged = len(variants) == FEW_VARIANTS, len(variants) > FEW_VARIANTS
    half, least, letters = _SIZES[density]
    longest = max((len(shown(name, 80)) for name in rows), default=0)
    label = max(least, min(MOST_LABEL, round(PER_LETTER * letters * longest) + BESIDE_NAME))
    width = 2 * half if split or merged or density == "roomy" else half * 3 // 2
    painter = _Painter(variants, density, look.downtimes.keys())
    pieces = [
        f'<table id="grid" class="{density}" width="{label + len(columns) * (width + 1)}"',
        ' aria-label="Matrix: rows are sources, columns are destinations">',
        f'<colgroup><col width="{label}"><col span="{max(1, len(columns))}" width="{width + 1}"></colgroup>',
        '<thead><tr><th class="corner"><span>destination \u2192</span><span>source \u2193</span></th>',
    ]
    pieces += [_header(name, "col", bad[1], own[1]) for name in columns]
    pieces.append("</tr></thead><tbody>")
    for source in rows:
        pieces += ["<tr>", _header(source, "row", bad[0], own[0])]
        pieces += [painter.cell(source, each, pairs.get(LinkSubject(source, each))) for each in columns]
        pieces.append("</tr>")
    pieces.append("</tbody></table>")
    table = Markup("".join(pieces))  # noqa: S704 - every name and text in it is escaped
    states = tuple(state for state in (*STATE_WORDS, DOWNTIME) if state in painter.seen)
    blames = tuple(blame for blame in Blame if blame in painter.blames)
    return Drawn(table, len(rows), len(columns), cut, variants, split, merged, states, blames)


def mark_of(blame: Blame) -> str:
    """The letter of who has to act."""
    return LETTERS[blame].strip() or "\u00d7"


def _lines(look: Look, words: str, bad: dict[str, float], order: str) -> list[str]:
    wanted = words.lower().replace(",", " ").split()
    names = [
        facts.name
        for facts in look.endpoints
        if not wanted or any(word in f"{facts.name} {facts.site} {facts.host}".lower() for word in wanted)
    ]
    if order == "name":
        return sorted(names, key=str.casefold)
    return sorted(names, key=lambda name: -bad.get(name, 0.0)) if order == "worst" else names


def _header(name: str, scope: str, bad: dict[str, float], own: set[str]) -> str:
    count = int(bad.get(name, 0.0))
    number = f'<b aria-label=", {count} failing">{count}</b>' if count else ""
    mine = ' class="own"' if name in own else ""
    said = escape(shown(name, 80))
    return (
        f'<th scope="{scope}"{mine}><span><a href="{escape(endpoint_path(name))}" title="{said}"><bdi>{said}</bdi></a>'
        f"{number}</span></th>"
    )


class _Painter:
    """Makes cells, and remembers which states and letters the legend has to explain."""

    def __init__(self, variants: Sequence[Variant], density: str, resting: Collection[str]) -> None:
        self.seen: set[str] = set()
        self.blames: set[Blame] = set()
        self._variants = variants
        self._dense = density == "dense"
        self._resting = resting
        self._marks = {state: mark for state, mark in UNICODE.states.items() if state not in BAD}
        if density == "dense":
            self._marks[CellState.OK] = " "

    def cell(self, source: str, destination: str, found: dict[Variant, Cell] | None) -> str:
        if found is None:
            same = ' class="same"' if source == destination else ""
            return f"<td{same}></td>"
        cells = [found.get(variant) for variant in self._variants]
        rests = source in self._resting or destination in self._resting
        halves = [self._half(cell, rests) for cell in cells]
        if len(cells) > FEW_VARIANTS and not rests:
            halves = self._merged([cell for cell in cells if cell is not None], halves)
        states = [state for state, _, _ in halves]
        classes = f"a-{states[0]} b-{states[-1]}" + (" plain" if len(set(states)) == 1 else "")
        text = "".join(mark for _, mark, _ in halves)
        why = "; ".join(dict.fromkeys(word for _, _, word in halves if word))
        title = f' title="{escape(why)}"' if why else ""
        told = text.replace(" ", "\u00a0") if text.strip() else "\u00a0"
        return f'<td class="{classes}"><a href="{escape(link_path(source, destination))}"{title}>{told}</a></td>'

    def _merged(self, known: Sequence[Cell], halves: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """What works, with the letter of the best, and what does not; one piece where it is all the same."""
        worst = max((cell.state for cell in known), key=_RANK.__getitem__)
        words = "; ".join(word for _, _, word in halves if word)
        if not any(cell.state is CellState.OK for cell in known):
            mark = UNICODE.states[worst]
            return [(worst, mark, words)]
        best = best_of(known)
        works = (CellState.OK.value, "" if self._dense else best.mark, str(best))
        return [works, (worst, "", words)]

    def _half(self, cell: Cell | None, rests: bool) -> tuple[str, str, str]:
        """State, mark, and the words for a reader who points at it."""
        if cell is None:
            return "absent", " ", ""
        if rests:
            self.seen.add(DOWNTIME)
            return DOWNTIME, DOWNTIME_MARK, "in downtime"
        state, worst = cell.state, cell.worst
        self.seen.add(state)
        if state not in BAD:
            words = f"{worst.variant.value} {STATE_WORDS[state]}" if state is not CellState.OK else ""
            reason = f", {worst.reason.value}" if state is CellState.SKIPPED else ""
            return state, self._marks[state], words + reason
        self.blames.add(worst.blame)
        why = f"{worst.variant.value} {STATE_WORDS[state]}, {worst.reason.value}, {worst.blame.value} has to act"
        return state, mark_of(worst.blame), why
