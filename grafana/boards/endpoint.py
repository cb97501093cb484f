"""One endpoint: alone, as source, as destination, and where its time goes."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.codes import OK_COLOUR, result_codes, words
from grafana.frame import Shelf, board, choice, to_board, variant, window
from grafana.promql import HARNESS, HARNESS_AND_VARIANT, or_else, quotient
from grafana.shapes import VALUE, Query, Way, graph, number, ranking, timeline

_THIS = f'{HARNESS},endpoint="$endpoint"'
_LINKS = f'{HARNESS_AND_VARIANT},endpoint="$endpoint"'
_OTHER = {"source": "destination", "destination": "source"}


def make() -> Dashboard:
    """The dashboard."""
    return board(
        "endpoint",
        "endpoint",
        "One endpoint: its own check, its links in both roles, and where the time goes.",
        [
            choice("endpoint", "Endpoint", 'label_values(tpcharness_endpoint_info{instance=~"$instance"}, endpoint)'),
            variant(),
            window(),
        ],
        [
            Shelf(6, [(14, _findings()), (10, _blamed())]),
            Shelf(5, [(12, _facts()), (12, _standing())]),
            Shelf(6, _alone(), "Checked alone"),
            *_role("source"),
            *_role("destination"),
            Shelf(8, [(12, _phases("source")), (12, _phases("destination"))], "Where the time goes"),
            Shelf(7, _neighbour(), "How much we ask of it"),
        ],
    )


def _findings() -> Panel:
    named = 'culprit=~"(.+ )?$endpoint((,| ).+)?"'
    return ranking(
        "What it is blamed for, alone or with others",
        "The findings that name it: what the confirmed states of the whole matrix mean.",
        or_else(
            f"sum by (kind, culprit, reason, blame) (tpcharness_finding_cells{{{HARNESS},{named}}})", "kind", "nothing"
        ),
        {"kind": "Finding", "culprit": "Culprit", "reason": "Reason", "blame": "To act", VALUE: "Cells"},
        ways={"culprit": Way("The findings on the harness's page", "${daemon_url}/")},
    )


def _blamed() -> Panel:
    return ranking(
        "Probes that failed by its fault",
        "In the range of time at the top; single probes, before confirmation.",
        or_else(
            f"sum by (variant, reason) (increase(tpcharness_endpoint_blamed_total{{{_THIS}}}[$__range])) > 0",
            "variant",
            "none",
        ),
        {"variant": "Variant", "reason": "Reason", VALUE: "Probes"},
    )


def _facts() -> Panel:
    return ranking(
        "What it is",
        "As its configuration and its server say.",
        f"max by (site, host, implementation, version) (tpcharness_endpoint_info{{{_THIS}}})",
        {"site": "Site", "host": "Host", "implementation": "Implementation", "version": "Version"},
    )


def _standing() -> Panel:
    return number(
        "How it stands",
        "In downtime it is not probed; after many refusals it is left alone; confirmed is what was seen repeatedly.",
        Query(f"max by (endpoint) (tpcharness_endpoint_downtime{{{_THIS}}})", "downtime of {{endpoint}}"),
        Query(f"max by (endpoint) (tpcharness_endpoint_paused{{{_THIS}}})", "pause of {{endpoint}}"),
        Query(
            f'max by (endpoint) (tpcharness_endpoint_confirmed_failure{{{_THIS},variant=~"door|root-door"}} '
            f"or 0 * tpcharness_endpoint_downtime{{{_THIS}}})",
            "confirmed down, {{endpoint}}",
        ),
        unit="none",
        mappings=words({"0": ("no", OK_COLOUR), "1": ("yes", "#A352CC")}),
    )


def _alone() -> list[tuple[int, Panel]]:
    codes = timeline(
        "Its own checks",
        "The endpoint without any partner: its doors, and what else is asked of it alone.",
        Query(f"tpcharness_endpoint_probe_result_code{{{_THIS}}}", "{{variant}}"),
        mappings=result_codes(),
    )
    share = number(
        "Time it was ok",
        "Of the time, not of the checks; before confirmation.",
        Query(f"avg_over_time(tpcharness_endpoint_probe_success{{{_THIS}}}[$__range])", "{{variant}}"),
        unit="percentunit",
    )
    duration = graph(
        "Duration of the check",
        "All phases but the wait for a place.",
        Query(f"tpcharness_endpoint_probe_duration_seconds{{{_THIS}}}", "{{variant}}"),
        unit="s",
    )
    age = number(
        "Last checked",
        "How long ago.",
        Query(f"time() - tpcharness_endpoint_probe_last_run_timestamp_seconds{{{_THIS}}}", "{{variant}}"),
        unit="s",
    )
    speed = graph(
        "Speed without a partner",
        "Latest good transfer between the endpoint and us: the halves of its links.",
        Query(f"tpcharness_endpoint_probe_throughput_bytes_per_second{{{_THIS}}}", "{{variant}}"),
        unit="Bps",
        empty="no direct transfer is probed, or none is good",
    )
    return [(8, codes), (4, share), (5, duration), (4, speed), (3, age)]


def _role(role: str) -> list[Shelf]:
    links = graph(
        f"Links as {role}",
        "What they are now.",
        Query(f'sum by (state) (tpcharness_endpoint_links{{{_LINKS},role="{role}"}})', "{{state}}"),
        unit="none",
        stacked=True,
    )
    reasons = graph(
        f"Failures as {role}",
        "Probes that failed in the window, whoever was to blame.",
        Query(
            or_else(
                f'sum by (reason) (increase(tpcharness_endpoint_failures_total{{{_LINKS},role="{role}"}}[$window]))',
                "reason",
                "none",
            ),
            "{{reason}}",
        ),
        unit="none",
        stacked=True,
    )
    other = _OTHER[role]
    partners = timeline(
        f"Each link as {role}",
        "One row for each partner. Good to look at up to some 40 partners.",
        Query(
            f'max by ({other}, variant) (tpcharness_probe_result_code{{{HARNESS_AND_VARIANT},{role}="$endpoint"}})',
            f"{{{{{other}}}}} {{{{variant}}}}",
        ),
        mappings=result_codes(),
        ways=[
            to_board("link", "Link", **{role: "${endpoint}", other: f"${{__field.labels.{other}}}"}),
        ],
        empty="no result: not tried, skipped, stale, or left out by link_metrics",
    )
    return [Shelf(8, [(12, links), (12, reasons)], f"As {role}"), Shelf(10, [(24, partners)])]


def _phases(role: str) -> Panel:
    return graph(
        f"Phases as {role}",
        "Average seconds of each step of a probe.",
        Query(
            quotient(
                "tpcharness_endpoint_phase_seconds_sum",
                "tpcharness_endpoint_phase_seconds_count",
                f'{_LINKS},role="{role}"',
                "phase",
            ),
            "{{phase}}",
        ),
        unit="s",
        stacked=True,
        empty="no probe ended in the window",
    )


def _neighbour() -> list[tuple[int, Panel]]:
    used = number(
        "Moved today",
        "Since midnight UTC, against the budget of the configuration.",
        Query(f"max by (endpoint) (tpcharness_endpoint_used_bytes{{{_THIS}}})", "{{endpoint}}"),
        unit="bytes",
    )
    transfers = number(
        "Copies today",
        "Since midnight UTC, against the budget of the configuration.",
        Query(f"max by (endpoint) (tpcharness_endpoint_used_transfers{{{_THIS}}})", "{{endpoint}}"),
        unit="none",
    )
    leftovers = graph(
        "Our files there",
        "Files that the ledger names, and the deletions that failed.",
        Query(f"sum by (endpoint) (tpcharness_leftover_files{{{_THIS}}})", "files at {{endpoint}}"),
        Query(
            f"sum by (endpoint) (increase(tpcharness_cleanup_failures_total{{{_THIS}}}[$window]))",
            "failed deletions at {{endpoint}}",
        ),
        unit="none",
    )
    return [(6, used), (6, transfers), (12, leftovers)]
