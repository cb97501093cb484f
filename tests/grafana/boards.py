"""The committed dashboards as the tests read them: panels, their queries, and the labels that these must return."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
RULES = sorted((ROOT / "grafana" / "rules").glob("*.yml"))

VALUE = "Value"

Board = dict[str, Any]
Panel = dict[str, Any]


def all_boards() -> dict[str, Board]:
    """Every committed dashboard by its uid."""
    boards = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))]
    return {board["uid"]: board for board in boards}


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel. `needs` are the labels that its legend, columns and links are made of."""

    board: str
    panel: str
    expr: str
    instant: bool
    needs: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.board}: {self.panel}"

    def with_values(self, values: dict[str, str]) -> str:
        """The expression with the dashboard's variables set; raises KeyError for one that has no value."""
        return re.sub(r"\$(\w+|\{\w+\})", lambda found: values[found[1].strip("{}")], self.expr)


def asked() -> tuple[Asked, ...]:
    """Every query of every panel."""
    return tuple(
        Asked(uid, panel["title"], target["expr"], bool(target.get("instant")), needed_labels(panel, target))
        for uid, board in all_boards().items()
        for panel in board["panels"]
        for target in panel.get("targets", ())
    )


def needed_labels(panel: Panel, target: dict[str, Any]) -> frozenset[str]:
    """Labels without which the panel shows nothing, or a click leads nowhere."""
    needs = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
    for step in panel.get("transformations", ()):
        options = step["options"]
        if step["id"] == "groupingToMatrix":
            needs |= {options["rowField"], options["columnField"]}
        if step["id"] == "filterFieldsByName":
            needs |= set(options["include"]["names"])
    for url in urls(panel):
        needs |= set(re.findall(r"\$\{__field\.labels\.(\w+)\}", url))
    return frozenset(needs - {VALUE})


def urls(part: object) -> Iterator[str]:
    """Every address below a part of a dashboard."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "url" and isinstance(value, str):
                yield value
            else:
                yield from urls(value)
    elif isinstance(part, list):
        for value in part:
            yield from urls(value)


def variables(board: Board) -> dict[str, dict[str, Any]]:
    """The variables of a dashboard by name."""
    return {variable["name"]: variable for variable in board["templating"]["list"]}
