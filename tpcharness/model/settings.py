"""What a user can set, as typed values: `config` makes them, the other rooms take them. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tpcharness.model.variant import Variant

MIB = 1024 * 1024
DAY_SECONDS = 86400.0


class TokenKind(StrEnum):
    """Where bearer tokens come from."""

    FILE = "file"
    ENV = "env"
    DISCOVERY = "discovery"
    CLIENT_CREDENTIALS = "client-credentials"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """One `[tokens.NAME]` section; fields that the kind does not use are empty."""

    name: str
    kind: TokenKind
    path: str = ""
    variable: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    ca_path: str = ""


@dataclass(frozen=True, slots=True)
class HarnessSettings:
    """Who we are: stands in payload paths, User-Agent and ClientInfo.

    `gfal_python` is the Python that has gfal2; where it is empty, one is looked for.
    """

    name: str = "tpcharness"
    contact: str = ""
    state_dir: str = ""
    ca_path: str = ""
    opt_out: tuple[str, ...] = ()
    gfal_python: str = ""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """All clocks of a probe, each on its own (reference http-tpc 6.3, rule 6).

    `response_seconds` must outlast the 60 s that XRootD legally waits for the source's HEAD before it answers.
    `marker_silence_seconds` 0 switches that clock off (Pelican is legally silent while bytes stand still).
    """

    connect_seconds: float = 30.0
    tls_seconds: float = 30.0
    request_seconds: float = 60.0
    response_seconds: float = 90.0
    first_marker_seconds: float = 60.0
    first_byte_seconds: float = 150.0
    no_progress_seconds: float = 90.0
    marker_silence_seconds: float = 60.0
    transfer_seconds: float = 600.0
    settle_seconds: float = 10.0
    cleanup_seconds: float = 60.0
    stage_seconds: float = 7200.0


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much may be under way at once; an endpoint's own `max_transfers` bounds it in each role."""

    concurrency: int = 64
    per_host: int = 8


@dataclass(frozen=True, slots=True)
class ProbeSelection:
    """One `[[probes]]` section: what to run between whom. Names are globs over endpoint names."""

    variants: tuple[Variant, ...] = (Variant.HTTPS_PULL, Variant.HTTPS_PUSH)
    sources: tuple[str, ...] = ("*",)
    destinations: tuple[str, ...] = ("*",)
    sizes: tuple[int, ...] = (MIB,)


class LinkDetail(StrEnum):
    """Which links the metrics of `/metrics/links` speak of."""

    AUTO = "auto"  # full for up to 20,000 links (of all variants), else failing
    FULL = "full"
    FAILING = "failing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """The running service.

    Every door is looked at each `door_interval_seconds`. A changed state of a subject is confirmed when it was seen
    `confirmations` times in a row, looked at again every `confirm_interval_seconds` until then. A result older than
    `stale_intervals` of its interval is withdrawn.
    After `max_refusals` refusals (401, 403, 429) in a row an endpoint is left alone for `refusal_pause_seconds`.
    `stop_seconds` bounds the clean-up when the service ends.
    """

    listen: str = "127.0.0.1:10919"
    external_url: str = ""
    web_config: str = ""
    link_metrics: LinkDetail = LinkDetail.AUTO
    confirmations: int = 3
    confirm_interval_seconds: float = 600.0
    door_interval_seconds: float = 900.0
    stale_intervals: float = 3.0
    max_refusals: int = 10
    refusal_pause_seconds: float = DAY_SECONDS
    stop_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What is remembered for how long. An empty `database` is `history.sqlite` in the state directory.

    A `postgresql://USER@HOST:PORT/NAME` URL holds no password: that stands in `password_file`.
    """

    database: str = ""
    password_file: str = ""
    keep_results_seconds: float = 400 * DAY_SECONDS
    keep_evidence_seconds: float = 30 * DAY_SECONDS
    keep_rollups_seconds: float = 5 * 366 * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class DowntimeSettings:
    """One downtime from a manual list, `[[downtimes]]`: endpoints by name or glob, from `start` to `end`."""

    endpoints: tuple[str, ...]
    start: datetime
    end: datetime
    text: str = ""


class DowntimeKind(StrEnum):
    """Whose format a document of downtimes has."""

    GOCDB = "gocdb"
    OSG = "osg"


@dataclass(frozen=True, slots=True)
class DowntimeSource:
    """One `[downtime_sources.NAME]`: a document at a URL or in a file (one of the two), read anew every so often."""

    name: str
    kind: DowntimeKind
    url: str = ""
    file: str = ""
    refresh_seconds: float = 900.0
