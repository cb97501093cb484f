"""The whole run as one HTML file: what is broken and who has to act first, every cell's evidence behind it.

The file needs nothing but itself: style, script and data are inside, and its content security policy allows exactly
these, by hash, and no network. Findings and tables are plain HTML, made here; the matrix and the evidence are drawn
by the scripts in `assets` from the data of `report_cells`, as text nodes only (the policy forbids markup from strings).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tpcharness.export.alone import alone_table
from tpcharness.export.document import to_json
from tpcharness.export.protocols import contrasts_of
from tpcharness.export.quantities import count_text, duration_text, size_text
from tpcharness.export.remedy import in_code
from tpcharness.export.report_cells import report_cells, shown
from tpcharness.export.standing import STATE_WORDS, count_states, standings, tell, verdict
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.finding import Finding
from tpcharness.model.plan import Dropped
from tpcharness.model.result import Result
from tpcharness.results.run import EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

MOST_ENDPOINTS = 15
"""So many of the worst endpoints stand in the open, the others behind a click; so do single links."""

MOST_SINGLES = 10
MOST_CONTRASTS = 100

_SCRIPTS = ("cells.js", "matrix.js", "evidence.js", "page.js")
_ENDS = {
    None: "This run has no end: it was killed, or is still going on.",
    RunEnd.DEADLINE: "The run was cut short by its deadline.",
    RunEnd.MAX_FAILURES: "The run was stopped after too many failures.",
    RunEnd.INTERRUPTED: "The run was interrupted.",
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
    environment.globals.update(remedy=lambda reason, name: in_code(reason.info.fix, name))
    cells = list(store.cells(now=now))
    probes = {result.probe_id: result for result in store.results()}
    sites = {facts.name: facts.site for facts in run.endpoints}
    told = [tell(finding, sites, probes.get(finding.probe_id), _link) for finding in findings]
    known = {facts.name: facts for facts in run.endpoints}
    doors = store.doors(now=now)
    endpoints = standings(
        [known.get(name, EndpointFacts(name)) for name in store.endpoints()],
        doors,
        cells,
        lambda name: fragment(endpoint=name) if name in doors else "",
    )
    text = environment.get_template("report.html").render(
        run=run,
        end=_ENDS.get(run.ended, ""),
        title=verdict(cells, store.doors().values(), findings),
        states=[
            (word, state.value, count) for state, word in STATE_WORDS.items() if (count := count_states(cells, state))
        ],
        cells=len(cells),
        findings=[each for each in told if not each.single],
        singles=[each for each in told if each.single],
        most_singles=MOST_SINGLES,
        endpoints=endpoints,
        alone=alone_table(store.alone_cells(now=now), lambda name: fragment(endpoint=name)),
        contrasts=contrasts_of(store, now),
        most_contrasts=MOST_CONTRASTS,
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


def _link(result: Result) -> str:
    """Where the page shows the evidence of a result."""
    if isinstance(result.subject, LinkSubject):
        return fragment(src=result.subject.source, dst=result.subject.destination, variant=result.variant.value)
    return fragment(endpoint=result.subject.endpoint)


def fragment(**words: str) -> str:
    """A deep link within the page: "#src=SITE-A&dst=SITE-B&variant=https-pull"."""
    return "#" + urlencode({key: shown(word, 200) for key, word in words.items()})


def _dropped(dropped: Iterable[Dropped]) -> list[tuple[str, str, list[str]]]:
    """What was left out by cause: why, detail, and whom it concerns."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in dropped:
        subject = f"{each.subject} {each.variant.value}".replace(" -> ", " → ")
        groups.setdefault((each.why.value.replace("_", " "), each.detail), []).append(subject)
    return [(why, detail, subjects) for (why, detail), subjects in groups.items()]
