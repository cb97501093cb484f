"""What all dashboards have in common: variables, ways from one to the other, and where the panels stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardLinkType,
    GridPos,
    Panel,
    RowPanel,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.shapes import SOURCE, Way

WIDTH = 24
TAG = "tpcharness"
DAEMON_URL = "http://127.0.0.1:10919"

_ALL = VariableOption(selected=True, text=["All"], value=["$__all"])
_KEEP = "var-datasource=${datasource}&${instance:queryparam}&${__url_time_range}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Panels side by side, with their widths; they must fill the 24 columns. `title` heads a row of its own."""

    height: int
    panels: Sequence[tuple[int, Panel]]
    title: str = ""


def board(
    name: str, title: str, description: str, variables: Iterable[VariableModel], shelves: Iterable[Shelf]
) -> Dashboard:
    """A dashboard `tpcharness-NAME` with these variables beside those that all have. Raises ValueError for a gap."""
    made = (
        builders.Dashboard(f"tpcharness: {title}")
        .uid(f"{TAG}-{name}")
        .description(description)
        .tags([TAG])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-24h", "now")
        .refresh("1m")
        .timezone("utc")
        .link(
            builders.DashboardLink("tpcharness")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            builders.DashboardLink("The harness's own pages")
            .type(DashboardLinkType.LINK)
            .url("${daemon_url}/")
            .target_blank(True)
        )
        .build()
    )
    made.templating = DashboardDashboardTemplating(list_val=[*_common_variables(), *variables])
    made.panels = list(_placed(shelves))
    return made


def to_board(name: str, title: str, **values: str) -> Way:
    """The way to another dashboard, with these variables set."""
    chosen = "".join(f"&var-{variable}={value}" for variable, value in values.items())
    return Way(title, f"/d/{TAG}-{name}?{_KEEP}{chosen}")


def choice(name: str, label: str, query: str, *, many: bool = False) -> VariableModel:
    """A variable with the values of a label, one of them chosen, or many and at first all."""
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": "A"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(many)
        .include_all(many)
    )
    return (variable.current(_ALL).all_value(".+") if many else variable).build()


def variant() -> VariableModel:
    return choice("variant", "Variant", 'label_values(tpcharness_links{instance=~"$instance"}, variant)', many=True)


def window() -> VariableModel:
    """Over how long rates are taken: probes are rare, so shorter than an interval shows gaps."""
    lengths = ("5m", "30m", "1h", "6h", "1d", "7d")
    return (
        builders.CustomVariable("window")
        .label("Averaged over")
        .values(",".join(lengths))
        .options([VariableOption(selected=length == "6h", text=length, value=length) for length in lengths])
        .current(VariableOption(selected=True, text="6h", value="6h"))
        .build()
    )


def as_json(dashboard: Dashboard) -> str:
    """The file that Grafana reads."""
    return json.dumps(dashboard, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _common_variables() -> list[VariableModel]:
    daemon_url = builders.TextBoxVariable("daemon_url").label("Pages of the harness").default_value(DAEMON_URL)
    return [
        builders.DatasourceVariable("datasource").label("Prometheus").type("prometheus").build(),
        choice("instance", "Harness", "label_values(tpcharness_build_info, instance)", many=True),
        daemon_url.current(VariableOption(selected=True, text=DAEMON_URL, value=DAEMON_URL)).build(),
    ]


def _placed(shelves: Iterable[Shelf]) -> Iterable[Panel | RowPanel]:
    """The panels with their numbers and places, from the top downwards."""
    number, y = 0, 0
    for shelf in shelves:
        if shelf.title:
            number += 1
            yield _row(shelf.title, number, y)
            y += 1
        x = 0
        for width, panel in shelf.panels:
            number += 1
            panel.id_val, panel.grid_pos = number, GridPos(h=shelf.height, w=width, x=x, y=y)
            x += width
            yield panel
        if x != WIDTH:
            raise ValueError(f"the shelf {shelf.title!r} is {x} wide, not {WIDTH}")
        y += shelf.height


def _row(title: str, number: int, y: int) -> RowPanel:
    row = builders.Row(title).build()
    row.id_val, row.grid_pos, row.collapsed = number, GridPos(h=1, w=WIDTH, x=0, y=y), False
    return row
