"""The sections of endpoints.toml for a running service: the daemon itself, its memory, and downtimes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tpcharness.config.fields import (
    Database,
    DocumentUrl,
    FilePath,
    Glob,
    Intervals,
    Kept,
    Listen,
    Moment,
    OneOrMore,
    PageUrl,
    SomeDuration,
    Text,
)
from tpcharness.config.section import Section
from tpcharness.model.settings import DaemonSettings, DowntimeKind, HistorySettings, LinkDetail

_DAEMON = DaemonSettings()
_HISTORY = HistorySettings()
_REFRESH_SECONDS = 900.0


class DaemonSection(Section):
    """The running service."""

    listen: Listen = Field(default=_DAEMON.listen, description="Address and port of the web pages and metrics.")
    external_url: PageUrl = Field(
        default="", description="Address under which people reach the pages, when that is another one: for links."
    )
    web_config: FilePath = Field(
        default="", description="File with TLS and users of the pages, in the format of Prometheus' exporter-toolkit."
    )
    link_metrics: Annotated[LinkDetail, Field(strict=False)] = Field(
        default=_DAEMON.link_metrics,
        description="Which links have metrics of their own: full, failing, none; auto is full for up to 20,000 links.",
    )
    confirmations: int = Field(
        default=_DAEMON.confirmations,
        ge=1,
        le=100,
        description="How often in a row a changed state must be seen before findings and alerts believe it.",
    )
    confirm_interval: SomeDuration = Field(
        default=_DAEMON.confirm_interval_seconds,
        description="How soon a changed state, or a failed door, is looked at again.",
    )
    door_interval: SomeDuration = Field(
        default=_DAEMON.door_interval_seconds, description="Time between two looks at the door of an endpoint."
    )
    stale_after: Intervals = Field(
        default=_DAEMON.stale_intervals,
        description="For how many intervals of its probe a result is good; then it is withdrawn.",
    )
    max_refusals: int = Field(
        default=_DAEMON.max_refusals,
        ge=1,
        le=100_000,
        description="After so many answers 401, 403 or 429 in a row an endpoint is left alone.",
    )
    refusal_pause: SomeDuration = Field(
        default=_DAEMON.refusal_pause_seconds, description="For how long an endpoint that refused us is left alone."
    )
    stop_within: SomeDuration = Field(
        default=_DAEMON.stop_seconds, description="How long the service may clean up when it is stopped."
    )


DAEMON_FIELDS = {
    key: {"stale_after": "stale_intervals", "stop_within": "stop_seconds"}.get(
        key, key if key in DaemonSettings.__slots__ else f"{key}_seconds"
    )
    for key in DaemonSection.model_fields
}
"""What the keys of [daemon] are called in DaemonSettings."""


class HistorySection(Section):
    """What a running service remembers."""

    database: Database = Field(
        default="",
        description="A file for SQLite, or postgresql://USER@HOST:PORT/NAME. "
        "Default: history.sqlite in the state directory.",
    )
    password_file: FilePath = Field(
        default="", description="File that holds the password for PostgreSQL; only its owner should read it."
    )
    keep_results: Kept = Field(default=_HISTORY.keep_results_seconds, description="How long results are kept.")
    keep_evidence: Kept = Field(
        default=_HISTORY.keep_evidence_seconds, description="How long the requests and answers behind them are kept."
    )
    keep_rollups: Kept = Field(
        default=_HISTORY.keep_rollups_seconds, description="How long the sums by hour and day are kept."
    )


class DowntimeSection(Section):
    """A time in which endpoints are announced to be away: they are left alone, and nobody is blamed."""

    endpoints: OneOrMore[Glob] = Field(description="Endpoints that are away: names or globs.")
    start: Moment = Field(description="When it begins, with a time zone: 2026-12-01T08:00:00Z.")
    end: Moment = Field(description="When it ends.")
    text: Text = Field(default="", description="What it is for; shown beside the endpoint.")


class DowntimeSourceSection(Section):
    """A document that announces downtimes, read again and again."""

    kind: Annotated[DowntimeKind, Field(strict=False)] = Field(
        description="gocdb (the answer of get_downtime) or osg (rgdowntime/xml of OSG Topology)."
    )
    url: DocumentUrl = Field(default="", description="Where the document is fetched from; or name a file.")
    file: FilePath = Field(default="", description="File that somebody else keeps up to date; or name a url.")
    refresh: SomeDuration = Field(default=_REFRESH_SECONDS, description="Time between two looks at it.")
