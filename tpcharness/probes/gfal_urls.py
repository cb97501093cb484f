"""How gfal2 is told of a payload file, and of what it must not do, protocol by protocol."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from tpcharness.diagnosis.gfal_verdict import Scheme
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.variant import Variant
from tpcharness.payload.names import PayloadFile
from tpcharness.workers.messages import OptionValue

SCHEMES: dict[Variant, Scheme] = {
    Variant.GFAL_DAVS_DAVS: Scheme.DAVS,
    Variant.GFAL_ROOT_ROOT: Scheme.ROOT,
    Variant.GFAL_GSIFTP_GSIFTP: Scheme.GSIFTP,
    Variant.GFAL_SRM_SRM: Scheme.SRM,
}

PULL_ONLY = "copy_mode=pull"
"""In the query of either URL it also ends gfal2's falling back from pull to push to streaming (http-tpc 4.2)."""

_HTTP = "HTTP PLUGIN"
OPTIONS: dict[Scheme, tuple[tuple[str, str, OptionValue], ...]] = {
    Scheme.DAVS: (
        (_HTTP, "ENABLE_FALLBACK_TPC_COPY", False),
        (_HTTP, "ENABLE_STREAM_COPY", False),
        (_HTTP, "RETRIEVE_BEARER_TOKEN", False),  # no macaroons behind our back
        (_HTTP, "LOG_SENSITIVE", False),
    ),
    Scheme.ROOT: (),
    Scheme.GSIFTP: (),
    Scheme.SRM: (),
}


def door_of(endpoint: Endpoint, scheme: Scheme) -> str:
    """The URL of the endpoint's directory in a scheme; empty where it has none."""
    match scheme:
        case Scheme.DAVS:
            return endpoint.https.replace("http", "dav", 1)
        case Scheme.ROOT:
            return endpoint.root
        case Scheme.GSIFTP:
            return endpoint.gsiftp
        case Scheme.SRM:
            return endpoint.srm


def gfal_url(file: PayloadFile, scheme: Scheme) -> str:
    """The file's URL: all doors of an endpoint lead to the same files. Only davs has its path percent-encoded."""
    below = file.path.removeprefix(file.endpoint.path)
    return f"{door_of(file.endpoint, scheme).rstrip('/')}{below if scheme is Scheme.DAVS else unquote(below)}"


def takes_token(endpoint: Endpoint, scheme: Scheme) -> bool:
    """Whether gfal2 is given a token for this door: only under TLS; GSI knows X.509 proxies only."""
    return urlsplit(door_of(endpoint, scheme)).scheme in ("davs", "roots")
