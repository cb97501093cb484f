"""Who is to blame, first of all; then why, and the whole matrix."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.codes import legend, result_codes
from grafana.frame import Shelf, board, to_board, variant, window
from grafana.promql import HARNESS, HARNESS_AND_VARIANT, counted_codes, or_else, quotient
from grafana.shapes import VALUE, Query, Way, graph, matrix, note, number, ranking

_FAILING = counted_codes(f"tpcharness_probe_result_code{{{HARNESS_AND_VARIANT}}} > 0")
_DOORS = counted_codes(
    f'tpcharness_endpoint_probe_result_code{{{HARNESS},variant=~"door|root-door"}} > 0', "endpoint", "variant"
)


def make() -> Dashboard:
    """The dashboard."""
    findings = ranking(
        "Who is to blame",
        "What the confirmed states of the whole matrix mean: one line for one cause, with the cells that it explains. "
        "The harness's own page says each in a sentence.",
        or_else(f"sum by (kind, culprit, reason, blame) (tpcharness_finding_cells{{{HARNESS}}})", "culprit", "nobody"),
        {"culprit": "Culprit", "kind": "Finding", "reason": "Reason", "blame": "To act", VALUE: "Cells"},
        ways={"culprit": Way("The findings on the harness's page", "${daemon_url}/")},
    )
    alerts = ranking(
        "Alerts",
        "What fires now, from grafana/rules.",
        or_else(
            "count by (alertname, severity, endpoint, source, destination, culprit) "
            '(ALERTS{alertname=~"Tpcharness.+",alertstate="firing"})',
            "alertname",
            "none",
        ),
        {
            "alertname": "Alert",
            "severity": "Severity",
            "endpoint": "Endpoint",
            "source": "Source",
            "destination": "Destination",
            "culprit": "Culprit",
        },
    )
    doors = ranking(
        "Endpoints that are down",
        "Their own check fails, so none of the links that need this door are tried.",
        or_else(f"max by (endpoint, variant, reason, blame) ({_DOORS})", "endpoint", "none"),
        {"endpoint": "Endpoint", "variant": "Door", "reason": "Reason", "blame": "To act"},
        ways={"endpoint": to_board("endpoint", "Endpoint", endpoint="${__value.text}")},
    )
    worst = ranking(
        "Endpoints with failing links",
        "Links whose failure is confirmed. Who fails with everybody is at fault; who fails with one, perhaps not.",
        or_else(
            "topk(20, sum by (endpoint, role) "
            f"(tpcharness_endpoint_confirmed_failing_links{{{HARNESS_AND_VARIANT}}}) > 0)",
            "endpoint",
            "none",
        ),
        {"endpoint": "Endpoint", "role": "As", VALUE: "Failing links"},
        ways={"endpoint": to_board("endpoint", "Endpoint", endpoint="${__value.text}")},
    )
    states = number(
        "Links",
        "What every link of the configuration is now; one link counts once for each variant.",
        Query(f"sum by (state) (tpcharness_links{{{HARNESS_AND_VARIANT}}})", "{{state}}"),
        unit="none",
    )
    reasons = graph(
        "Failing links by reason",
        "Latest results, not smoothed.",
        Query(or_else(f"sum by (reason) ({_FAILING})", "reason", "none"), "{{reason}}"),
        unit="none",
        stacked=True,
    )
    blames = graph(
        "Failing links by who has to act",
        "Latest results, not smoothed.",
        Query(or_else(f"sum by (blame) ({_FAILING})", "blame", "nobody"), "{{blame}}"),
        unit="none",
        stacked=True,
    )
    cells = matrix(
        "From row to column, $variant",
        "The latest result of each link; a click leads to the link. Up to some 40 endpoints it can be read as a whole; "
        "with more of them, look at one endpoint on its dashboard.",
        f"max by (source, destination) (tpcharness_probe_result_code{{{HARNESS_AND_VARIANT}}})",
        rows="source",
        columns="destination",
        mappings=result_codes(),
        way=to_board("link", "Link", source="${__data.fields[0]}", destination="${__field.name}"),
        repeat="variant",
        empty="no cell: nothing was tried yet, link_metrics is none, or it is failing and nothing fails",
    )
    share = graph(
        "Links that are ok",
        "Of those that were tried.",
        Query(
            f'sum by (variant) (tpcharness_links{{{HARNESS_AND_VARIANT},state="ok"}}) / '
            f'(sum by (variant) (tpcharness_links{{{HARNESS_AND_VARIANT},state=~"ok|failing"}}) > 0)',
            "{{variant}}",
        ),
        unit="percentunit",
    )
    speed = graph(
        "Throughput of one copy",
        "Verified bytes over the time of the copies, on average over the window.",
        Query(
            quotient(
                "tpcharness_transfer_bytes_total", "tpcharness_transfer_seconds_total", HARNESS_AND_VARIANT, "variant"
            ),
            "{{variant}}",
        ),
        unit="Bps",
        empty="no copy went well in the window",
    )
    return board(
        "overview",
        "overview",
        "Which storage is at fault, why, and between whom copies work.",
        [variant(), window()],
        [
            Shelf(8, [(14, findings), (10, alerts)]),
            Shelf(7, [(8, worst), (8, doors), (8, states)]),
            Shelf(8, [(12, reasons), (12, blames)], "Reasons"),
            Shelf(2, [(24, note("", legend()))], "Matrix"),
            Shelf(18, [(24, cells)]),
            Shelf(8, [(12, share), (12, speed)], "Trend"),
        ],
    )
