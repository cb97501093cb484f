"""The shape of endpoints.toml: every key, its type, default and meaning. The docs and `config schema` come from here.

Only what can be judged by looking at one value is judged here (`fields`); `checks` looks at values beside each other
and at the disk. `settle` turns the sections into the values of `model`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from tpcharness.config.fields import (
    Contact,
    Database,
    DocumentUrl,
    Duration,
    EndpointUrl,
    FilePath,
    Filled,
    Glob,
    HarnessName,
    Intervals,
    IssuerUrl,
    Kept,
    LinkVariant,
    Listen,
    Moment,
    Name,
    OneOrMore,
    PageUrl,
    RootDoorUrl,
    Size,
    SomeDuration,
    StageTime,
    TapeFile,
    Text,
    UrlPath,
    Variable,
)
from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.settings import (
    MIB,
    DaemonSettings,
    DowntimeKind,
    HistorySettings,
    LinkDetail,
    RunLimits,
    TimeLimits,
)
from tpcharness.model.variant import DEFAULT_VARIANTS

TOKEN_KINDS_NOT_BUILT = frozenset({"refresh-token", "token-exchange", "oidc-agent", "command", "macaroon"})

MAX_TAPE_FILES = 20
"""A probe needs a few; more would be a list of somebody's data."""

_LIMITS = RunLimits()
_TIMES = TimeLimits()
_DAEMON = DaemonSettings()
_HISTORY = HistorySettings()
_REFRESH_SECONDS = 900.0
_GIB = 1024**3


class Section(BaseModel):
    """A table of the file. Unknown keys are errors, and a number in quotes is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    not_built: ClassVar[frozenset[str]] = frozenset()
    """Keys of the full design that this version does not know yet."""


class HarnessSection(Section):
    """Who we are."""

    not_built = frozenset({"gfal_python"})

    name: HarnessName = Field(
        default="tpcharness",
        description="Name of this harness. Payload files live below <endpoint>/tpcharness/<name>/ and nowhere else, so "
        "two harnesses that probe the same endpoints need two names.",
    )
    contact: Contact = Field(
        default="", description="How an admin whom we bother can reach a person; sent in every request's User-Agent."
    )
    state_dir: FilePath = Field(
        default="",
        description="Directory for the ledger of created files and for results. "
        "Default: $XDG_STATE_HOME/tpcharness/<name>, else ~/.local/state/tpcharness/<name>. "
        "The environment variable TPCHARNESS_STATE_DIR overrides it.",
    )
    ca_path: FilePath = Field(
        default="", description="CA file or hashed directory to trust besides the system's, for every connection."
    )
    opt_out: list[Glob] = Field(
        default_factory=list, description="Endpoints (names or globs) that are never touched, whatever else is said."
    )


class EndpointSettings(Section):
    """What may be said of an endpoint, or in [defaults] of all of them."""

    tokens: Text = Field(
        default="", description="Name of the [tokens.NAME] section that gives the tokens for this endpoint."
    )
    audience: Text = Field(default="", description="Audience (`aud`) to ask for in tokens for this endpoint.")
    scope_base: UrlPath = Field(
        default="",
        description='URL path that "/" in a token\'s scope means at this storage; '
        "the path of `https` is this or something below it.",
    )
    redirect_auth: Annotated[RedirectAuth, Field(strict=False)] = Field(
        default=RedirectAuth.SAME_DOMAIN, description="Whether our token follows a redirect to another host."
    )
    max_transfers: int = Field(
        default=4, ge=1, le=1000, description="Most transfers at once in which the endpoint takes part, for each role."
    )
    implementation: Text = Field(default="", description="What the storage runs, if its answers do not tell.")
    address_family: Annotated[AddressFamily, Field(strict=False)] = Field(
        default=AddressFamily.ANY, description="Which addresses of the host we use."
    )
    ca_path: FilePath = Field(
        default="", description="CA file or hashed directory to trust besides the others at this endpoint."
    )
    bytes_per_day: Size = Field(
        default=100 * _GIB,
        description="Most bytes that a running service copies from and to the endpoint in a day (UTC); 0 is no bound.",
    )
    transfers_per_day: int = Field(
        default=0, ge=0, le=10_000_000, description="Most copies in which it takes part in one day; 0 is no bound."
    )


class ProbeSettings(Section):
    """What may be said of a selection of probes, or in [defaults] of all of them."""

    variant: OneOrMore[LinkVariant] = Field(
        default=list(DEFAULT_VARIANTS), description="How the links are probed: one variant, or several."
    )
    sizes: OneOrMore[Size] = Field(
        default=[MIB], description='Payload sizes, such as "1MiB"; every link is probed with each.'
    )
    interval: SomeDuration = Field(default=6 * 3600.0, description="Time between two rounds of a running service.")


class DefaultsSection(EndpointSettings, ProbeSettings):
    """Values for every endpoint and every selection of probes that does not say otherwise itself."""


class TapeSection(Section):
    """The endpoint's tape system."""

    files: list[TapeFile] = Field(
        default_factory=list,
        max_length=MAX_TAPE_FILES,
        description="The only files that may ever be staged, agreed with the site: plain paths below `scope_base`, "
        "as its Tape REST service has them.",
    )


class EndpointSection(EndpointSettings):
    """One storage's door."""

    https: EndpointUrl = Field(description="URL of the directory below which we may write: https://HOST:PORT/PATH.")
    root: RootDoorUrl = Field(
        default="",
        description="The same directory at the root door, for root-pull: roots://HOST:PORT//PATH. "
        "A token is sent there under TLS only.",
    )
    site: Text = Field(default="", description="Name of the site that runs the storage.")
    tape: TapeSection = Field(default=TapeSection(), description=str(TapeSection.__doc__))


class ProbeSection(ProbeSettings):
    """What to run between whom."""

    sources: OneOrMore[Glob] = Field(default=["*"], description="Endpoints to copy from: names or globs.")
    destinations: OneOrMore[Glob] = Field(default=["*"], description="Endpoints to copy to: names or globs.")


class FileTokens(Section):
    """Tokens from a file that somebody else renews."""

    kind: Literal["file"]
    path: FilePath = Field(description="File that holds one token.")


class EnvTokens(Section):
    """A token from an environment variable."""

    kind: Literal["env"]
    variable: Variable = Field(description="Name of the environment variable that holds the token.")


class DiscoveryTokens(Section):
    """WLCG bearer token discovery: BEARER_TOKEN, BEARER_TOKEN_FILE, then the run-time directory and /tmp."""

    kind: Literal["discovery"]


class ClientCredentialsTokens(Section):
    """Tokens that we ask of the issuer ourselves, with the scopes that each step needs."""

    kind: Literal["client-credentials"]
    issuer: IssuerUrl = Field(description="The issuer's URL, exactly as it stands in its tokens' `iss`.")
    client_id: Filled = Field(description="The client's name at the issuer.")
    client_secret_file: FilePath = Field(
        description="File that holds the client's secret; only its owner should read it."
    )
    ca_path: FilePath = Field(
        default="", description="CA file or hashed directory to trust besides the others at the issuer."
    )


TOKEN_SECTIONS: dict[str, type[Section]] = {
    "file": FileTokens,
    "env": EnvTokens,
    "discovery": DiscoveryTokens,
    "client-credentials": ClientCredentialsTokens,
}
TokenSection = Annotated[
    FileTokens | EnvTokens | DiscoveryTokens | ClientCredentialsTokens, Field(discriminator="kind")
]


class LimitsSection(Section):
    """How much may be under way at once."""

    concurrency: int = Field(default=_LIMITS.concurrency, ge=1, le=10_000, description="Most probes at once.")
    per_host: int = Field(
        default=_LIMITS.per_host, ge=1, le=1000, description="Most connections of ours to one host at once."
    )


class TimeoutsSection(Section):
    """All clocks of a probe, each on its own."""

    connect: SomeDuration = Field(default=_TIMES.connect_seconds, description="To open a TCP connection.")
    tls: SomeDuration = Field(default=_TIMES.tls_seconds, description="To finish the TLS handshake.")
    request: SomeDuration = Field(
        default=_TIMES.request_seconds, description="For a small request such as PUT or HEAD."
    )
    response: SomeDuration = Field(
        default=_TIMES.response_seconds,
        description="For the first answer to a COPY; must outlast the 60 s that XRootD waits for the source.",
    )
    first_marker: SomeDuration = Field(
        default=_TIMES.first_marker_seconds, description="For the first performance marker."
    )
    first_byte: SomeDuration = Field(
        default=_TIMES.first_byte_seconds, description="Until markers say that a byte has moved."
    )
    no_progress: SomeDuration = Field(
        default=_TIMES.no_progress_seconds, description="Longest time without more bytes."
    )
    marker_silence: Duration = Field(
        default=_TIMES.marker_silence_seconds, description="Longest silence between two markers; 0 allows any."
    )
    transfer: SomeDuration = Field(default=_TIMES.transfer_seconds, description="For the whole copy.")
    settle: SomeDuration = Field(
        default=_TIMES.settle_seconds, description="Between two looks whether an abandoned copy still grows."
    )
    cleanup: SomeDuration = Field(default=_TIMES.cleanup_seconds, description="To remove what a probe has made.")
    stage: StageTime = Field(default=_TIMES.stage_seconds, description="For a file to come from tape; a day at most.")


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


class EndpointsFile(Section):
    """endpoints.toml of tpcharness."""

    harness: HarnessSection = Field(default=HarnessSection(), description=str(HarnessSection.__doc__))
    defaults: DefaultsSection = Field(default=DefaultsSection(), description=str(DefaultsSection.__doc__))
    tokens: dict[Name, TokenSection] = Field(default_factory=dict, description="Named sources of tokens.")
    endpoints: dict[Name, EndpointSection] = Field(
        default_factory=dict, description="The storages, by their names in the catalogue (RSE, CRIC)."
    )
    probes: list[ProbeSection] = Field(
        default_factory=list, description="What to run between whom; without it, everything between everybody."
    )
    limits: LimitsSection = Field(default=LimitsSection(), description=str(LimitsSection.__doc__))
    timeouts: TimeoutsSection = Field(default=TimeoutsSection(), description=str(TimeoutsSection.__doc__))
    daemon: DaemonSection = Field(default=DaemonSection(), description=str(DaemonSection.__doc__))
    history: HistorySection = Field(default=HistorySection(), description=str(HistorySection.__doc__))
    downtimes: list[DowntimeSection] = Field(
        default_factory=list, description="Announced downtimes: endpoints are left alone, and nobody is blamed."
    )
    downtime_sources: dict[Name, DowntimeSourceSection] = Field(
        default_factory=dict, description="Documents that announce downtimes, by a name of your choice."
    )
