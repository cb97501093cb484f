"""Every metric that there is: name, type, labels, help. Renderers, documentation and dashboards take it from here.

Names and labels are public: they are only added (CONTRIBUTING.md). Units are seconds and bytes; a time is in seconds
since 1970; what counts ends in `_total`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Types of Prometheus' text format."""

    GAUGE = "gauge"
    COUNTER = "counter"
    SUMMARY = "summary"
    HISTOGRAM = "histogram"


class Section(StrEnum):
    """Where a metric belongs in the documentation; all but the first and the last are on `/metrics`."""

    LINKS = "Links"
    ENDPOINTS = "Endpoints"
    WHOLE = "The whole matrix"
    HARNESS = "The harness itself"
    ON_DEMAND = "One probe on demand"


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. `one_shot` is whether a single run writes it too, to a file or a Pushgateway."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    section: Section
    one_shot: bool = False

    @property
    def header(self) -> str:
        """The two lines before its samples."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind.value}\n"


_LINK = ("source", "destination", "variant")
_DOOR = ("endpoint", "variant")
_ROLE = ("endpoint", "role", "variant")
_STATES = "ok, failing, error, skipped, stale, never_run or downtime"


def _metric(
    section: Section, name: str, kind: Kind, labels: tuple[str, ...], text: str, *, one_shot: bool = False
) -> Metric:
    return Metric(f"tpcharness_{name}", kind, labels, text, section, one_shot)


def _links(name: str, kind: Kind, text: str, *, one_shot: bool = False) -> Metric:
    return _metric(Section.LINKS, name, kind, _LINK, text, one_shot=one_shot)


def _endpoints(name: str, kind: Kind, labels: tuple[str, ...], text: str, *, one_shot: bool = False) -> Metric:
    return _metric(Section.ENDPOINTS, name, kind, labels, text, one_shot=one_shot)


def _whole(name: str, kind: Kind, labels: tuple[str, ...], text: str, *, one_shot: bool = False) -> Metric:
    return _metric(Section.WHOLE, name, kind, labels, text, one_shot=one_shot)


def _harness(name: str, kind: Kind, labels: tuple[str, ...], text: str, *, one_shot: bool = False) -> Metric:
    return _metric(Section.HARNESS, name, kind, labels, text, one_shot=one_shot)


def _on_demand(name: str, labels: tuple[str, ...], text: str) -> Metric:
    return _metric(Section.ON_DEMAND, name, Kind.GAUGE, labels, text)


# fmt: off
PROBE_SUCCESS = _links("probe_success", Kind.GAUGE,
    "Whether the latest probe of the link succeeded; absent when it never ran, was skipped or is stale.", one_shot=True)
PROBE_RESULT_CODE = _links("probe_result_code", Kind.GAUGE,
    "Reason and blame of the latest probe as a number, 0 for ok; tpcharness_result_code_info says it in words.",
    one_shot=True)
PROBE_DURATION = _links("probe_duration_seconds", Kind.GAUGE,
    "How long the latest probe took, without the wait for its place.", one_shot=True)
PROBE_LAST_RUN = _links("probe_last_run_timestamp_seconds", Kind.GAUGE,
    "When the latest probe that really ran ended.", one_shot=True)
TRANSFER_BYTES = _links("transfer_bytes_total", Kind.COUNTER,
    "Bytes of copies whose size and checksum were found good at the destination.")
TRANSFER_SECONDS = _links("transfer_seconds_total", Kind.COUNTER,
    "Time of the same copies, from the request to the verdict; bytes by seconds is the throughput.")
LINK_CONFIRMED_FAILURE = _links("link_confirmed_failure", Kind.GAUGE,
    "1 where the link fails and has been seen to fail often enough; absent otherwise.")

ENDPOINT_PROBE_SUCCESS = _endpoints("endpoint_probe_success", Kind.GAUGE, _DOOR,
    "Whether the endpoint's own check succeeded; absent when it never ran, was skipped or is stale.", one_shot=True)
ENDPOINT_PROBE_RESULT_CODE = _endpoints("endpoint_probe_result_code", Kind.GAUGE, _DOOR,
    "Reason and blame of the endpoint's own check as a number, 0 for ok.", one_shot=True)
ENDPOINT_PROBE_DURATION = _endpoints("endpoint_probe_duration_seconds", Kind.GAUGE, _DOOR,
    "How long the endpoint's own check took, without the wait for its place.", one_shot=True)
ENDPOINT_PROBE_THROUGHPUT = _endpoints("endpoint_probe_throughput_bytes_per_second", Kind.GAUGE, _DOOR,
    "Verified bytes by time of the latest good transfer between the endpoint and us; absent where none was good.",
    one_shot=True)
ENDPOINT_PROBE_LAST_RUN = _endpoints("endpoint_probe_last_run_timestamp_seconds", Kind.GAUGE, _DOOR,
    "When the latest check of the endpoint that really ran ended.", one_shot=True)
ENDPOINT_CONFIRMED_FAILURE = _endpoints("endpoint_confirmed_failure", Kind.GAUGE, _DOOR,
    "1 where the endpoint's own check fails and has been seen to fail often enough; absent otherwise.")
ENDPOINT_PROBES = _endpoints("endpoint_probes_total", Kind.COUNTER, (*_ROLE, "outcome"),
    "Probes in which the endpoint took part, by outcome; every attempt counts.")
ENDPOINT_FAILURES = _endpoints("endpoint_failures_total", Kind.COUNTER, (*_ROLE, "reason"),
    "Failed probes in which the endpoint took part, by reason, whoever has to act.")
ENDPOINT_BLAMED = _endpoints("endpoint_blamed_total", Kind.COUNTER, (*_DOOR, "reason"),
    "Failed probes for which this endpoint has to act, by reason.")
ENDPOINT_PHASE = _endpoints("endpoint_phase_seconds", Kind.SUMMARY, (*_ROLE, "phase"),
    "Time spent in each phase of the probes in which the endpoint took part.")
ENDPOINT_LINKS = _endpoints("endpoint_links", Kind.GAUGE, (*_ROLE, "state"),
    f"Links of the endpoint by state: {_STATES}. Always complete.", one_shot=True)
ENDPOINT_CONFIRMED_FAILING_LINKS = _endpoints("endpoint_confirmed_failing_links", Kind.GAUGE, _ROLE,
    "Links of the endpoint that have been seen to fail often enough. Always complete.")
ENDPOINT_CERTIFICATE_EXPIRY = _endpoints("endpoint_tls_cert_expiry_timestamp_seconds", Kind.GAUGE, ("endpoint",),
    "When the first of the certificates that the endpoint's addresses presented expires.", one_shot=True)
ENDPOINT_INFO = _endpoints("endpoint_info", Kind.GAUGE, ("endpoint", "site", "host", "implementation", "version"),
    "What is known of the endpoint; implementation and version as its server calls them. Always 1.", one_shot=True)
ENDPOINT_DOWNTIME = _endpoints("endpoint_downtime", Kind.GAUGE, ("endpoint",),
    "Whether the endpoint is in a downtime, and therefore not probed.")
ENDPOINT_PAUSED = _endpoints("endpoint_paused", Kind.GAUGE, ("endpoint",),
    "Whether the endpoint is left alone after too many refusals in a row.")
ENDPOINT_USED_BYTES = _endpoints("endpoint_used_bytes", Kind.GAUGE, ("endpoint",),
    "Bytes of the endpoint's budget that are used up in the running day (UTC).")
ENDPOINT_USED_TRANSFERS = _endpoints("endpoint_used_transfers", Kind.GAUGE, ("endpoint",),
    "Transfers of the endpoint's budget that are used up in the running day (UTC).")

FINDING_CELLS = _whole("finding_cells", Kind.GAUGE, ("kind", "culprit", "reason", "blame"),
    "Failing cells that one cause explains; one sample per finding.", one_shot=True)
LINKS = _whole("links", Kind.GAUGE, ("variant", "state"),
    f"All links by state: {_STATES}. Always complete.", one_shot=True)
PHASE_DURATION = _whole("phase_duration_seconds", Kind.HISTOGRAM, ("variant", "phase"),
    "Time spent in each phase of all probes.")
RESULT_CODE_INFO = _whole("result_code_info", Kind.GAUGE, ("code", "reason", "phase", "blame"),
    "What a result code means; one sample for every code that a probe can end with. Always 1.", one_shot=True)
STALE_AFTER = _whole("stale_after_seconds", Kind.GAUGE, ("variant",),
    "How old a result may become before it is withdrawn; the largest of the variant.")

PROBES_IN_FLIGHT = _harness("probes_in_flight", Kind.GAUGE, ("variant",), "Probes under way.")
PROBES_WAITING = _harness("probes_waiting", Kind.GAUGE, (), "Probes that are due and wait for a place.")
PROBES_SKIPPED = _harness("probes_skipped_total", Kind.COUNTER, ("reason",),
    "Turns that were not taken, and why.")
SCHEDULER_LAG = _harness("scheduler_lag_seconds", Kind.HISTOGRAM, (),
    "How long after its time a probe began.")
SCHEDULER_LAST_TICK = _harness("scheduler_last_tick_timestamp_seconds", Kind.GAUGE, (),
    "When the scheduler last looked what is due.")
LOOP_LAG = _harness("event_loop_lag_seconds", Kind.HISTOGRAM, (),
    "How much later than asked for a timer of the event loop fired.")
LEFTOVER_FILES = _harness("leftover_files", Kind.GAUGE, ("endpoint",),
    "Payload files that nobody needs any more and that were not seen to be gone.")
CLEANUP_FAILURES = _harness("cleanup_failures_total", Kind.COUNTER, ("endpoint",),
    "Probes that could not remove their payload file there when they ended; it stays in the ledger.")
TOKEN_EXPIRY = _harness("token_expiry_timestamp_seconds", Kind.GAUGE, ("tokens",),
    "When the token expires that this source gave last; absent when it does not say.")
TOKEN_REQUESTS = _harness("token_requests_total", Kind.COUNTER, ("tokens", "outcome"),
    "Requests for tokens to this source, by outcome: ok or failure.")
RELOAD_SUCCESSFUL = _harness("config_last_reload_successful", Kind.GAUGE, (),
    "Whether the last load of the configuration was successful; if not, the one before it is in use.")
RELOAD_SUCCESS_TIME = _harness("config_last_reload_success_timestamp_seconds", Kind.GAUGE, (),
    "When the configuration that is in use was loaded.")
JOURNAL_BYTES = _harness("history_journal_bytes", Kind.GAUGE, (),
    "Results that are safe on disk but not in the database yet.")
HISTORY_FAILURES = _harness("history_write_failures_total", Kind.COUNTER, (),
    "Results and batches that the history could not write.")
RENDER_SECONDS = _harness("exposition_render_seconds", Kind.GAUGE, ("path",),
    "How long the last text for this path took to make.")
BUILD_INFO = _harness("build_info", Kind.GAUGE, ("version", "python"), "What is running. Always 1.", one_shot=True)

PROBE_PHASE = _on_demand("probe_phase_seconds", ("phase",), "How long each phase of the probe took.")
PROBE_BYTES = _on_demand("probe_bytes", (), "Bytes that were found at the destination; absent when nothing was.")
PROBE_THROUGHPUT = _on_demand("probe_throughput_bytes_per_second", (),
    "Verified bytes by the time from the request to the verdict; absent when the copy is not good.")
# fmt: on

_ALL = [value for value in list(globals().values()) if isinstance(value, Metric)]

CATALOGUE: tuple[Metric, ...] = tuple(metric for metric in _ALL if metric.section is not Section.ON_DEMAND)
"""All of them, in the order of the documentation. Beside these, `/metrics` has `process_*` of prometheus_client."""

ON_DEMAND: tuple[Metric, ...] = tuple(metric for metric in _ALL if metric.section is Section.ON_DEMAND)
"""What only the answer to `/probe` has, beside the latest result's families of links, there without their labels."""

BY_NAME = {metric.name: metric for metric in CATALOGUE}
