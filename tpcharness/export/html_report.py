"""The whole run as one HTML file: what is broken and who has to act first, every cell's evidence behind it.

The file needs nothing but itself: style, script and data are inside, and its content security policy allows exactly
these, by hash, and no network. Findings and tables are plain HTML, made here; the matrix and the evidence are drawn
by the scripts in `assets` from the data of `report_cells`, as text nodes only (the policy forbids markup from strings).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tpcharness.export.document import to_json
from tpcharness.export.quantities import count_text, duration_text, size_text
from tpcharness.export.report_cells import report_cells, shown
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.finding import Finding
from tpcharness.model.plan import Dropped
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import Cell, CellState, MatrixStore

MOST_ENDPOINTS = 15
"""So many of the worst endpoints stand in the open, the others behind a click; so do single links."""

MOST_SINGLES = 10
MOST_NAMES = 3

_SCRIPTS = ("cells.js", "matrix.js", "evidence.js", "page.js")
_BAD = (CellState.FAILURE, CellState.ERROR)
_ENDS = {
    None: "This run has no end: it was killed, or is still going on.",
    RunEnd.DEADLINE: "The run was cut short by its deadline.",
    RunEnd.MAX_FAILURES: "The run was stopped after too many failures.",
    RunEnd.INTERRUPTED: "The run was interrupted.",
}
_NOT_ENDPOINTS = {
    Blame.PATH: "the network between the two",
    Blame.ISSUER: "the token issuer",
    Blame.CLIENT: "whoever runs this harness",
}
_STATES = {
    CellState.FAILURE: "failed",
    CellState.ERROR: "our own error",
    CellState.SKIPPED: "not tried",
    CellState.STALE: "too old to count",
    CellState.OK: "ok",
}


def html_report(run: RunFacts, store: MatrixStore, findings: Sequence[Finding], *, now: datetime | None = None) -> str:
    """The text of the file; pure ASCII, so that it is the same in every encoding.

    `now` lets green cells expire. For 170 endpoints it takes a few seconds and has less than 2 MB.
    """
    assets = files("tpcharness.export") / "assets"
    style = (assets / "report.css").read_text(encoding="ascii")
    script = "\n".join((assets / name).read_text(encoding="ascii") for name in _SCRIPTS)
    environment = Environment(
        loader=PackageLoader("tpcharness.export", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, count=count_text, size=size_text, duration=duration_text, moment=_moment)
    cells = list(store.cells(now=now))
    probes = {result.probe_id: result for result in store.results()}
    told = [_told(finding, run, probes) for finding in findings]
    endpoints = _endpoints(run, store, cells, now)
    text = environment.get_template("report.html").render(
        run=run,
        end=_ENDS.get(run.ended, ""),
        title=_verdict(cells, store, findings),
        states=[(word, state.value, count) for state, word in _STATES.items() if (count := _count(cells, state))],
        cells=len(cells),
        findings=[each for each in told if not each.single],
        singles=[each for each in told if each.single],
        most_singles=MOST_SINGLES,
        endpoints=endpoints,
        most_endpoints=MOST_ENDPOINTS,
        variants=[variant.value for variant in store.variants()],
        sizes=sorted({result.size_bytes for cell in cells for result in cell.results}),
        dropped=_dropped(run.dropped),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=script_json(report_cells(run, store, findings, now=now)),
    )
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def script_json(document: object) -> Markup:
    """JSON that can stand in a script element whatever its texts hold: no character that HTML gives a meaning."""
    text = to_json(document)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - nothing is left that HTML reads


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("ascii")).digest()).decode("ascii")


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _count(cells: Iterable[Cell], *states: CellState) -> int:
    return sum(cell.state in states for cell in cells)


def _verdict(cells: Sequence[Cell], store: MatrixStore, findings: Sequence[Finding]) -> str:
    """One sentence for people in a hurry."""
    bad, skipped = _count(cells, *_BAD), _count(cells, CellState.SKIPPED)
    doors = [cell for cell in store.doors().values() if cell.state in _BAD]
    if not cells:
        return f"{count_text(len(doors), 'endpoint')} failed; no link was probed." if doors else "No link was probed."
    if not bad and not doors and not skipped:
        return f"All {len(cells):,} cells are good: every copy arrived and was read back."
    parts = [f"{bad:,} of {count_text(len(cells), 'cell')} {'fails' if bad == 1 else 'fail'}"] if bad else []
    if skipped:
        parts.append(
            f"{skipped:,} {'of ' + count_text(len(cells), 'cell') + ' ' if not parts else ''}could not be tried"
        )
    if not parts:
        parts.append(f"{count_text(len(doors), 'endpoint')} failed the door check")
    narrow = sum(finding.kind.narrow for finding in findings)
    told = [count_text(n, word) for n, word in ((len(findings) - narrow, "cause"), (narrow, "single link")) if n]
    explain = "explains" if len(findings) == 1 else "explain"
    return " and ".join(parts) + (f": {' and '.join(told)} {explain} it." if told else ".")


@dataclass(frozen=True, slots=True)
class _Told:
    """A finding as the page tells it. `link` is the fragment of its typical cell's evidence, empty without one."""

    finding: Finding
    who: str
    link: str

    @property
    def single(self) -> bool:
        return self.finding.kind.narrow


def _told(finding: Finding, run: RunFacts, probes: Mapping[str, Result]) -> _Told:
    sites = {facts.name: facts.site for facts in run.endpoints}
    typical = probes.get(finding.probe_id)
    return _Told(finding, _who(finding, sites), "" if typical is None else _link(typical))


def _who(finding: Finding, sites: Mapping[str, str]) -> str:
    """The party that has to act, by name where it is one or are a few endpoints."""
    if finding.blame not in (Blame.SOURCE, Blame.DESTINATION):
        return _NOT_ENDPOINTS.get(finding.blame, "not certain")
    names = finding.culprits
    if len(names) != 1:
        as_source = finding.blame is Blame.SOURCE
        names = (finding.sources or names[:1]) if as_source else (finding.destinations or names[-1:])
    told = ", ".join(_with_site(name, sites.get(name, "")) for name in names[:MOST_NAMES])
    return told + (f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else "")


def _with_site(name: str, site: str) -> str:
    return f"{name} ({site})" if site and site.casefold() != name.casefold() else name


def _link(result: Result) -> str:
    """Where the page shows the evidence of a result."""
    if isinstance(result.subject, LinkSubject):
        return fragment(src=result.subject.source, dst=result.subject.destination, variant=result.variant.value)
    return fragment(endpoint=result.subject.endpoint)


def fragment(**words: str) -> str:
    """A deep link within the page: "#src=SITE-A&dst=SITE-B&variant=https-pull"."""
    return "#" + urlencode({key: shown(word, 200) for key, word in words.items()})


@dataclass(frozen=True, slots=True)
class _Role:
    """How an endpoint fares in one role: `own` of its `bad` cells are its own to mend, most of them for `reason`."""

    bad: int = 0
    own: int = 0
    skipped: int = 0
    tried: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    facts: EndpointFacts
    door: str
    door_reason: str
    source: _Role
    destination: _Role
    link: str

    @property
    def badness(self) -> tuple[bool, int, int, int]:
        roles = self.source, self.destination
        return (
            self.door in _BAD,
            sum(role.own for role in roles),
            sum(role.bad for role in roles),
            sum(role.skipped for role in roles),
        )


def _endpoints(run: RunFacts, store: MatrixStore, cells: Iterable[Cell], now: datetime | None) -> list[_Endpoint]:
    """Every endpoint, worst first; of equals in their own order."""
    known = {facts.name: facts for facts in run.endpoints}
    doors = store.doors(now=now)
    rows: dict[str, list[Cell]] = {name: [] for name in store.endpoints()}
    columns: dict[str, list[Cell]] = {name: [] for name in store.endpoints()}
    for cell in cells:
        if isinstance(cell.subject, LinkSubject):
            rows[cell.subject.source].append(cell)
            columns[cell.subject.destination].append(cell)
    found = []
    for name in store.endpoints():
        door = doors.get(name)
        found.append(
            _Endpoint(
                known.get(name, EndpointFacts(name)),
                "" if door is None else door.state,
                "" if door is None else door.worst.reason.value,
                _role(rows[name], Blame.SOURCE),
                _role(columns[name], Blame.DESTINATION),
                fragment(endpoint=name) if door else "",
            )
        )
    return sorted(found, key=lambda endpoint: endpoint.badness, reverse=True)


def _role(cells: Sequence[Cell], role: Blame) -> _Role:
    bad = [cell for cell in cells if cell.state in _BAD]
    own = [cell.worst.reason.value for cell in bad if cell.worst.blame is role]
    skipped = sum(cell.state is CellState.SKIPPED for cell in cells)
    return _Role(len(bad), len(own), skipped, len(cells) - skipped, max(own, key=own.count, default=""))


def _dropped(dropped: Iterable[Dropped]) -> list[tuple[str, str, list[str]]]:
    """What was left out by cause: why, detail, and whom it concerns."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in dropped:
        subject = f"{each.subject} {each.variant.value}".replace(" -> ", " → ")
        groups.setdefault((each.why.value.replace("_", " "), each.detail), []).append(subject)
    return [(why, detail, subjects) for (why, detail), subjects in groups.items()]
