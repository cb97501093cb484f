"""The harness itself: whether it is well, what it does now, and what it costs."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from grafana.codes import OK_COLOUR, words
from grafana.frame import Shelf, board, window
from grafana.promql import HARNESS, or_else, quantile
from grafana.shapes import Query, graph, number, ranking

_BAD_COLOUR = "#C4162A"


def make() -> Dashboard:
    """The dashboard."""
    return board(
        "harness",
        "the harness itself",
        "Whether the harness is well, what it does now, and what it costs.",
        [window()],
        [
            Shelf(4, _health()),
            Shelf(8, _work(), "What it does"),
            Shelf(8, _time(), "Whether it is in time"),
            Shelf(8, _cost(), "What it costs"),
            Shelf(8, _traces(), "What it leaves"),
        ],
    )


def _health() -> list[tuple[int, Panel]]:
    build = ranking(
        "Version",
        "Of each harness that is chosen at the top.",
        f"max by (instance, version, python) (tpcharness_build_info{{{HARNESS}}})",
        {"instance": "Harness", "version": "Version", "python": "Python"},
    )
    answers = number(
        "Prometheus reaches it",
        "On each of its two paths.",
        Query(f'up{{job=~"tpcharness.*",{HARNESS}}}', "{{job}}"),
        unit="none",
        mappings=words({"0": ("no", _BAD_COLOUR), "1": ("yes", OK_COLOUR)}),
    )
    ticked = number(
        "Scheduler ticked",
        "How long ago; a healthy one ticks every few seconds.",
        Query(f"time() - tpcharness_scheduler_last_tick_timestamp_seconds{{{HARNESS}}}", "{{instance}}"),
        unit="s",
        steps=((None, OK_COLOUR), (60.0, "#FF9830"), (120.0, _BAD_COLOUR)),
    )
    reloaded = number(
        "Configuration on disk",
        "Whether the last look at it found it right; otherwise the last good one holds.",
        Query(f"tpcharness_config_last_reload_successful{{{HARNESS}}}", "{{instance}}"),
        unit="none",
        mappings=words({"0": ("refused", _BAD_COLOUR), "1": ("in use", OK_COLOUR)}),
    )
    since = number(
        "Configuration in use for",
        "The time since one was last taken.",
        Query(f"time() - tpcharness_config_last_reload_success_timestamp_seconds{{{HARNESS}}}", "{{instance}}"),
        unit="s",
    )
    return [(8, build), (4, answers), (4, ticked), (4, reloaded), (4, since)]


def _work() -> list[tuple[int, Panel]]:
    under_way = graph(
        "Under way",
        "Probes that run, and those that wait for a place.",
        Query(f"sum by (variant) (tpcharness_probes_in_flight{{{HARNESS}}})", "{{variant}}"),
        Query(f"sum by (instance) (tpcharness_probes_waiting{{{HARNESS}}})", "waiting at {{instance}}"),
        unit="none",
        stacked=True,
    )
    done = graph(
        "Probes an hour",
        "By outcome, on average over the window; `error` means that the harness itself failed.",
        Query(
            "3600 * sum by (outcome) "
            f'(rate(tpcharness_endpoint_probes_total{{{HARNESS},role="destination"}}[$window]))',
            "{{outcome}}",
        ),
        unit="none",
        stacked=True,
    )
    skipped = graph(
        "Turns that were skipped",
        "In the window, and why.",
        Query(
            or_else(
                f"sum by (reason) (increase(tpcharness_probes_skipped_total{{{HARNESS}}}[$window]))", "reason", "none"
            ),
            "{{reason}}",
        ),
        unit="none",
        stacked=True,
    )
    return [(8, under_way), (8, done), (8, skipped)]


def _time() -> list[tuple[int, Panel]]:
    lag = graph(
        "From due to started",
        "If it grows without end, the intervals are too short for the limits.",
        Query(quantile(0.5, "tpcharness_scheduler_lag_seconds", HARNESS, "instance"), "half of them, {{instance}}"),
        Query(quantile(0.99, "tpcharness_scheduler_lag_seconds", HARNESS, "instance"), "99 %, {{instance}}"),
        unit="s",
    )
    loop = graph(
        "Lag of the event loop",
        "How late a timer comes. Above some 50 ms the phases of probes are measured too long.",
        Query(quantile(0.99, "tpcharness_event_loop_lag_seconds", HARNESS, "instance"), "99 %, {{instance}}"),
        unit="s",
    )
    phases = graph(
        "Phases of all probes",
        "Nine of ten take less.",
        Query(quantile(0.9, "tpcharness_phase_duration_seconds", HARNESS, "variant", "phase"), "{{variant}} {{phase}}"),
        unit="s",
    )
    return [(8, lag), (8, loop), (8, phases)]


def _cost() -> list[tuple[int, Panel]]:
    memory = graph(
        "Memory",
        "Resident.",
        Query(f'process_resident_memory_bytes{{job="tpcharness",{HARNESS}}}', "{{instance}}"),
        unit="bytes",
    )
    processor = graph(
        "Processor",
        "1 is one core.",
        Query(f'rate(process_cpu_seconds_total{{job="tpcharness",{HARNESS}}}[$__rate_interval])', "{{instance}}"),
        unit="none",
    )
    rendering = graph(
        "Writing metrics",
        "How long the last answer to a scrape took.",
        Query(f"max by (path) (tpcharness_exposition_render_seconds{{{HARNESS}}})", "{{path}}"),
        unit="s",
    )
    return [(8, memory), (8, processor), (8, rendering)]


def _traces() -> list[tuple[int, Panel]]:
    journal = graph(
        "Journal",
        "Results that are safe on disk, and not yet in the database. It is short when the database is well.",
        Query(f"sum by (instance) (tpcharness_history_journal_bytes{{{HARNESS}}})", "{{instance}}"),
        unit="bytes",
    )
    unwritten = graph(
        "History that could not be written",
        "Failed writes in the window.",
        Query(
            f"sum by (instance) (increase(tpcharness_history_write_failures_total{{{HARNESS}}}[$window]))",
            "{{instance}}",
        ),
        unit="none",
    )
    leftovers = graph(
        "Files at the storages",
        "What the ledger names: seeds, files in flight, and what could not be deleted.",
        Query(f"topk(10, sum by (endpoint) (tpcharness_leftover_files{{{HARNESS}}}))", "{{endpoint}}"),
        unit="none",
        stacked=True,
    )
    return [(8, journal), (8, unwritten), (8, leftovers)]
