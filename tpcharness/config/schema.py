"""The shape of endpoints.toml: every key, its type, default and meaning. The docs and `config schema` come from here.

Only what can be judged by looking at one value is judged here (`fields`); `checks` looks at values beside each other
and at the disk. `settle` turns the sections into the values of `model`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tpcharness.config.fields import (
    Contact,
    DirectoryPath,
    Duration,
    EndpointUrl,
    FilePath,
    Filled,
    Glob,
    GsiftpUrl,
    HarnessName,
    Interpreter,
    IssuerUrl,
    Name,
    OneOrMore,
    RootDoorUrl,
    Size,
    SomeDuration,
    SomeVariant,
    SrmUrl,
    StageTime,
    TapeFile,
    Text,
    UrlPath,
    Variable,
)
from tpcharness.config.section import Section
from tpcharness.config.service_schema import DaemonSection, DowntimeSection, DowntimeSourceSection, HistorySection
from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.settings import MIB, RunLimits, TimeLimits
from tpcharness.model.variant import DEFAULT_VARIANTS

TOKEN_KINDS_NOT_BUILT = frozenset({"refresh-token", "token-exchange", "oidc-agent", "command", "macaroon"})

MAX_TAPE_FILES = 20
"""A probe needs a few; more would be a list of somebody's data."""

_LIMITS = RunLimits()
_TIMES = TimeLimits()
_GIB = 1024**3


class HarnessSection(Section):
    """Who we are."""

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
    gfal_python: Interpreter = Field(
        default="",
        description="Path or command of the Python that has gfal2, for the gfal- variants. Default: one is looked for.",
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
    plain_redirects: bool = Field(
        default=False,
        description="Whether a roots:// door may send us to servers without TLS, as EOS does to its disk servers; "
        "they get no token of ours.",
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

    variant: OneOrMore[SomeVariant] = Field(
        default=list(DEFAULT_VARIANTS),
        description="How to probe: one variant, or several. Those of links are for every pair of `sources` and "
        "`destinations`, those of one endpoint for every endpoint that is among either. tape-stage, tape-recall and "
        "tape-archive mount tapes: they run where they stand here by name, and never by `--variant all`.",
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
    cache: RootDoorUrl = Field(
        default="",
        description="The same directory through a cache in front of the storage, for cache-read: roots://HOST:PORT//PATH.",
    )
    gsiftp: GsiftpUrl = Field(
        default="",
        description="The same directory at a GridFTP door, for gsiftp-door and gfal-gsiftp-gsiftp: "
        "gsiftp://HOST:PORT/PATH.",
    )
    srm: SrmUrl = Field(
        default="",
        description="The same directory at an SRM door, for srm-door and gfal-srm-srm: srm://HOST:PORT/PATH, or "
        "srm://HOST:PORT/SERVICE?SFN=/PATH.",
    )
    tape_archive: DirectoryPath = Field(
        default="",
        description="URL path of a directory whose files go to tape, below `scope_base`, for tape-archive: what is "
        "copied there costs tape.",
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
    stage: StageTime = Field(
        default=_TIMES.stage_seconds,
        description="For a file to come from tape, or to get there; a day at most.",
    )


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
