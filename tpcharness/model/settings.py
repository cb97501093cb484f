"""What a user can set, as typed values: `config` makes them, the other rooms take them. Durations are seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tpcharness.model.variant import Variant

MIB = 1024 * 1024


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
    """Who we are: stands in payload paths, User-Agent and ClientInfo."""

    name: str = "tpcharness"
    contact: str = ""
    state_dir: str = ""
    ca_path: str = ""
    opt_out: tuple[str, ...] = ()


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
