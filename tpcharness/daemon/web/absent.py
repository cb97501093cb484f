"""What is said of something that is not there: its name again and the nearest that is, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable

from tpcharness.config.problems import nearest
from tpcharness.daemon.running import Running
from tpcharness.daemon.web.addresses import endpoint_path
from tpcharness.engine.plan import make_plan
from tpcharness.export.report_cells import shown
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.variant import Variant

MOST_NAME = 80
"""Characters of a name that are looked at and said again: it comes from whoever asks."""


def no_such(kind: str, name: str, known: Iterable[str]) -> str:
    """One line of plain text about a name that does not exist; the page that shows it escapes it."""
    near = nearest(name[:MOST_NAME], known)
    hint = f'; did you mean "{shown(near, MOST_NAME)}"?' if near else "."
    return f'There is no {kind} "{_said(name)}"{hint}\n'


def no_link_with_itself(name: str) -> str:
    """The same for a link that cannot be."""
    return f'"{_said(name)}" has no link with itself; the endpoint alone is at {endpoint_path(name)}\n'


def why_never(running: Running, source: str, destination: str) -> str:
    """Why a link between two known endpoints is in no schedule; empty if it is."""
    offers, config = running.offers, running.config
    if any((source, destination, variant) in offers for variant in Variant):
        return ""
    ends = [config.endpoints[source], config.endpoints[destination]]
    plan = make_plan(ends, config.probes, opt_out=config.harness.opt_out)
    for each in plan.dropped:
        if each.subject == LinkSubject(source, destination):
            return each.why.value.replace("_", " ") + (f" ({each.detail})" if each.detail else "")
    return "no [[probes]] of the configuration selects it"


def _said(name: str) -> str:
    return shown(name, MOST_NAME).replace("\n", " ")
