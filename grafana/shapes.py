"""The few shapes of panel that the dashboards are made of; each takes its queries and says what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import (
    common,
    prometheus,
    stat,
    statetimeline,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphGradientMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TableCellBackgroundDisplayMode,
    TableColoredBackgroundCellOptions,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Panel,
    Threshold,
    ValueMapping,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
VALUE = "Value"
"""How Grafana calls the column that holds the numbers of a table."""

NARROWEST = 50
"""Pixels of a column of the matrix, the least that Grafana allows: 36 columns side by side on a wide screen."""

NO_DATA = "no data: does Prometheus scrape the harness?"
"""What a panel says that is never empty beside a harness that is scraped."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query; `legend` names its series from their labels."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a click leads."""

    title: str
    url: str


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    stacked: bool = False,
    ways: Sequence[Way] = (),
    empty: str = NO_DATA,
) -> Panel:
    """Lines over time, or areas on top of each other; or the words of `empty`."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .no_value(empty)
        .min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT)
            .calcs(["lastNotNull"])
            .show_legend(True)
        )
        .color_scheme(builders.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .show_points(VisibilityMode.AUTO)
        .data_links(_links(ways))
    )
    if stacked:
        panel = (
            panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
            .fill_opacity(60)
            .gradient_mode(GraphGradientMode.NONE)
        )
    for query in _range(queries):
        panel = panel.with_target(query)
    return panel.build()


def number(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    mappings: Sequence[ValueMapping] = (),
    steps: Sequence[tuple[float | None, str]] = ((None, "text"),),
    empty: str = "no data",
) -> Panel:
    """What holds now, in big letters; one number for each series. `steps` are values from which a colour holds."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .mappings(list(mappings))
        .thresholds(_thresholds(steps))
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(BigValueTextMode.VALUE_AND_NAME if any(query.legend for query in queries) else BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value(empty)
    )
    for name, query in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(_query(name, query).instant())
    return panel.build()


def timeline(
    title: str,
    description: str,
    query: Query,
    *,
    mappings: Sequence[ValueMapping],
    ways: Sequence[Way] = (),
    empty: str = NO_DATA,
) -> Panel:
    """One row for each series, coloured by what its values mean; or the words of `empty`."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("none")
        .no_value(empty)
        .mappings(list(mappings))
        .merge_values(True)
        .show_value(VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(False)
        )
        .data_links(_links(ways))
        .with_target(_query("A", query).range())
        .build()
    )


def ranking(
    title: str,
    description: str,
    expr: str,
    columns: Mapping[str, str],
    *,
    unit: str = "none",
    ways: Mapping[str, Way] | None = None,
    ascending: bool = False,
    empty: str = NO_DATA,
) -> Panel:
    """A table of what holds now, biggest value first: labels and `Value` as columns, in this order, by their titles.

    Or the words of `empty`.
    """
    order = {name: index for index, name in enumerate(columns)}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .no_value(empty)
        .filterable(True)
        .with_target(_table(expr))
        .with_transformation(DataTransformerConfig("filterFieldsByName", options={"include": {"names": list(columns)}}))
        .with_transformation(
            DataTransformerConfig(
                "organize", options={"excludeByName": {}, "indexByName": order, "renameByName": dict(columns)}
            )
        )
    )
    if VALUE in columns:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(columns[VALUE]).desc(not ascending)])
        panel = panel.override_by_name(columns[VALUE], [DynamicConfigValue("unit", unit)])
    for label, way in (ways or {}).items():
        links = [link.build() for link in _links([way])]
        panel = panel.override_by_name(columns[label], [DynamicConfigValue("links", links)])
    return panel.build()


def matrix(
    title: str,
    description: str,
    expr: str,
    *,
    rows: str,
    columns: str,
    mappings: Sequence[ValueMapping],
    way: Way,
    repeat: str,
    empty: str,
) -> Panel:
    """A table with one label down and another across; one for each value of the variable `repeat`."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("none")
        .mappings(list(mappings))
        .cell_options(TableColoredBackgroundCellOptions(mode=TableCellBackgroundDisplayMode.BASIC))
        .min_width(NARROWEST)
        .no_value(empty)
        .data_links(_links([way]))
        .repeat(repeat)
        .repeat_direction("v")
        .with_target(_table(expr))
        .with_transformation(
            DataTransformerConfig(
                "groupingToMatrix",
                options={"rowField": rows, "columnField": columns, "valueField": VALUE, "emptyValue": "null"},
            )
        )
        .override_by_name(
            f"{rows}\\{columns}",
            [DynamicConfigValue("custom.cellOptions", {"type": "auto"}), DynamicConfigValue("links", [])],
        )
        .build()
    )


def note(title: str, markdown: str) -> Panel:
    """A few words."""
    return text.Panel().title(title).content(markdown).transparent(True).build()


def _query(name: str, query: Query) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(name).expr(query.expr).datasource(SOURCE)
    return made.legend_format(query.legend) if query.legend else made


def _range(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [_query(name, query).range() for name, query in zip("ABCDEFGH", queries, strict=False)]


def _table(expr: str) -> prometheus.Dataquery:
    return _query("A", Query(expr)).instant().format(PromQueryFormat.TABLE)


def _links(ways: Sequence[Way]) -> list[Builder[DashboardLink]]:
    return [
        builders.DashboardLink(way.title).type(DashboardLinkType.LINK).url(way.url).target_blank("://" in way.url)
        for way in ways
    ]


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> builders.ThresholdsConfig:
    return builders.ThresholdsConfig().steps([Threshold(value=value, color=colour) for value, colour in steps])
