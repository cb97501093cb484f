"""Whether and how a redirect is followed, and what may travel with it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urljoin, urlsplit

from tpcharness.model.endpoint import RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import redact_url

MAX_HOPS = 10
MAX_SHOWN = 300
# Parents under which anybody may register; the full public suffix list is not worth a dependency here.
SHARED_PARENTS = frozenset(
    f"{second}.{country}"
    for country in ("au", "br", "cn", "in", "jp", "kr", "nz", "pl", "tr", "tw", "uk", "za")
    for second in ("ac", "co", "com", "edu", "gov", "net", "ne", "or", "org", "re")
)
CLOUDS = frozenset({"amazonaws.com", "cloudfront.net", "googleapis.com", "windows.net", "azure.com"})

MAX_LABEL = 63
STATUSES = frozenset({301, 302, 303, 307, 308})

_PRINTABLE = re.compile(r"[!-~]+")
_AUTHORITY = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
_SLASHES = re.compile("/+")


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where to go on, and whether our secrets may go there too."""

    url: str
    with_secrets: bool


def next_hop(url: str, status: int, location: str, method: str, policy: RedirectAuth) -> NextHop | Failure:
    """What to do with a redirect.

    The method is kept whatever the 3xx says, as gfal2 and davix do for COPY and PUT (http-tpc 1.6); only a 303
    to a method that changes things makes no sense. From https to http nothing is followed: XRootD without
    `http.desthttps` sends clients there, and a token would travel in clear. Nor is a DELETE sent on to another
    path: what would be deleted there is not ours.
    """
    if not location:
        return Failure(Reason.REDIRECT_INVALID, f"status {status} without a Location header")
    try:
        target = urljoin(url, location)
        parts, old = urlsplit(target), urlsplit(url)
    except ValueError:
        return Failure(Reason.REDIRECT_INVALID, f"Location is not a URL: {redact_url(location)[:MAX_SHOWN]}")
    shown = redact_url(target)[:MAX_SHOWN]
    if not can_be_asked(target):
        return Failure(Reason.REDIRECT_INVALID, f"Location is not an http address: {shown}")
    if old.scheme == "https" and parts.scheme == "http":
        return Failure(Reason.REDIRECT_DOWNGRADE, f"redirected to {shown}")
    if status == 303 and method not in {"GET", "HEAD"}:
        return Failure(Reason.REDIRECT_INVALID, f"303 See Other is no way to go on with {method}: {shown}")
    if method == "DELETE" and _file(parts.path) != _file(old.path):
        return Failure(Reason.REDIRECT_INVALID, f"our DELETE was redirected to another file: {shown}")
    return NextHop(target, secrets_may_follow(url, target, policy))


def can_be_asked(url: str) -> bool:
    """Whether a URL that somebody gave us is one of http or https that a request can be sent to as it is.

    Nothing is left in it that could end a line of the request's head, no user or password, which are not ours, and no
    host that no name server knows, such as a token of ours made into one (RFC 1035 2.3.4).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = _PRINTABLE.fullmatch(url) and _AUTHORITY.fullmatch(parts.netloc)
    known = all(len(label) <= MAX_LABEL for label in (parts.hostname or "").split("."))
    return plain is not None and known and parts.scheme in {"https", "http"} and port != 0


def _file(path: str) -> str:
    """What a path names, however its server writes slashes and encodes characters (XRootD doubles slashes)."""
    return unquote(_SLASHES.sub("/", path))


def secrets_may_follow(url: str, target: str, policy: RedirectAuth) -> bool:
    """The endpoint's `redirect_auth`: the same host always keeps them, another one by the policy."""
    here, there = (urlsplit(url).hostname or ""), (urlsplit(target).hostname or "")
    if here == there or policy is RedirectAuth.KEEP:
        return True
    return policy is RedirectAuth.SAME_DOMAIN and same_domain(here, there)


def same_domain(one: str, other: str) -> bool:
    """Whether two hosts have the same parent domain of at least two labels: door.site.org and pool7.site.org.

    Where strangers live under one parent (`SHARED_PARENTS`, and clouds) it says nothing; what else there is of that
    kind is for `redirect_auth = "drop"`.
    """
    parents = [host.lower().rstrip(".").split(".")[1:] for host in (one, other)]
    parent = parents[0]
    if parent != parents[1] or len(parent) < 2 or parent[-1].isdigit():
        return False
    return ".".join(parent) not in SHARED_PARENTS and ".".join(parent[-2:]) not in CLOUDS
