"""One link: when it worked, how fast, why not, and the way to the harness's own page with the evidence."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.codes import legend, result_codes
from grafana.frame import Shelf, board, choice, variant, window
from grafana.promql import HARNESS_AND_VARIANT, counted_codes, quotient
from grafana.shapes import Query, graph, note, number, ranking, timeline

_THIS = f'{HARNESS_AND_VARIANT},source="$source",destination="$destination"'
_BACK = f'{HARNESS_AND_VARIANT},source="$destination",destination="$source"'

_NO_RESULT = "no result: not tried, skipped, stale, or left out by link_metrics"

_PAGE = (
    "[The harness's page of this link: last results, phases, evidence](${daemon_url}/links/${source}/${destination})"
)


def make() -> Dashboard:
    """The dashboard."""
    known = 'tpcharness_probe_last_run_timestamp_seconds{instance=~"$instance"'
    there = timeline(
        "$source to $destination",
        "The latest result at each moment, not smoothed.",
        Query(f"max by (variant) (tpcharness_probe_result_code{{{_THIS}}})", "{{variant}}"),
        mappings=result_codes(),
        empty=_NO_RESULT,
    )
    back = timeline(
        "$destination to $source",
        "The other direction. If it works, the path and both doors do, too.",
        Query(f"max by (variant) (tpcharness_probe_result_code{{{_BACK}}})", "{{variant}}"),
        mappings=result_codes(),
        empty=_NO_RESULT,
    )
    reason = ranking(
        "Why, and who has to act",
        "The reason of the latest result; `tpcharness explain REASON` says what to do.",
        f"max by (variant, reason, blame) ({counted_codes(f'tpcharness_probe_result_code{{{_THIS}}}', 'variant')})",
        {"variant": "Variant", "reason": "Reason", "blame": "To act"},
        empty=_NO_RESULT,
    )
    confirmed = number(
        "Failure confirmed",
        "Seen several times in a row; only then an alert may name it.",
        Query(
            f"max by (variant) (tpcharness_link_confirmed_failure{{{_THIS}}} "
            f"or 0 * tpcharness_probe_success{{{_THIS}}})",
            "{{variant}}",
        ),
        unit="bool_yes_no",
        steps=((None, "text"), (1.0, "#C4162A")),
        empty="no result",
    )
    share = number(
        "Time it was ok",
        "Of the range at the top; of the time, not of the probes.",
        Query(f"avg by (variant) (avg_over_time(tpcharness_probe_success{{{_THIS}}}[$__range]))", "{{variant}}"),
        unit="percentunit",
        empty="no result",
    )
    age = number(
        "Last run",
        "How long ago, and when a result is withdrawn for its age.",
        Query(f"time() - max by (variant) (tpcharness_probe_last_run_timestamp_seconds{{{_THIS}}})", "{{variant}}"),
        Query(
            f"max by (variant) (tpcharness_stale_after_seconds{{{HARNESS_AND_VARIANT}}})", "stale after, {{variant}}"
        ),
        unit="s",
    )
    speed = graph(
        "Throughput",
        "Verified bytes over the time of the copies, on average over the window.",
        Query(
            quotient("tpcharness_transfer_bytes_total", "tpcharness_transfer_seconds_total", _THIS, "variant"),
            "{{variant}}",
        ),
        unit="Bps",
        empty="no copy went well in the window",
    )
    duration = graph(
        "Duration",
        "All phases but the wait for a place.",
        Query(f"max by (variant) (tpcharness_probe_duration_seconds{{{_THIS}}})", "{{variant}}"),
        unit="s",
        empty=_NO_RESULT,
    )
    return board(
        "link",
        "link",
        "One pair of endpoints: when copies worked, how fast, and why not.",
        [
            choice("source", "Source", f"label_values({known}}}, source)"),
            choice("destination", "Destination", f'label_values({known},source="$source"}}, destination)'),
            variant(),
            window(),
        ],
        [
            Shelf(2, [(24, note("", f"{_PAGE}. {legend()}"))]),
            Shelf(6, [(9, reason), (5, confirmed), (5, share), (5, age)]),
            Shelf(6, [(12, there), (12, back)]),
            Shelf(9, [(12, speed), (12, duration)]),
        ],
    )
