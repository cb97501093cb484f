"""What an endpoint's or issuer's URL, a URL path and a listening address may look like: pure, no look-ups."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

from tpcharness.config.problems import Unfit

_REMEDY_BY_SCHEME = {
    "davs": "write https:// in place of davs://: it is the same protocol",
    "dav": "plain http would show the tokens to everybody; write the https:// address of the door",
    "http": "plain http would show the tokens to everybody; write the https:// address of the door",
    "root": "write the https:// address of the door; root:// is not supported by this version",
    "roots": "write the https:// address of the door; roots:// is not supported by this version",
    "srm": "write the https:// address of the WebDAV door; SRM is not supported",
    "gsiftp": "write the https:// address of the WebDAV door; GridFTP is not supported",
    "": "write the whole address: https://HOST:PORT/PATH",
}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*", re.ASCII)


def check_endpoint_url(url: str) -> str:
    """The URL of the directory below which we may write, without its trailing slash. Raises Unfit."""
    parts = _check_https(url)
    check_path(parts.path)
    return url.rstrip("/")


def check_issuer_url(url: str) -> str:
    """An issuer, unchanged: its `iss` is compared as an exact string, the trailing slash included. Raises Unfit."""
    _check_https(url)
    return url


def check_path(path: str) -> str:
    """A URL path as it goes on the wire: percent-encoded, no steps upwards however they are spelt. Raises Unfit."""
    if not _PATH.fullmatch(path):
        raise Unfit("is not a valid URL path", "begin it with / and percent-encode everything unusual, blanks as %20")
    if {".", ".."} & set(unquote(path).split("/")):
        raise Unfit("has . or .. in its path", "write the path without detours")
    return path


def is_below(path: str, base: str) -> bool:
    """Whether a URL path is the base or something below it, by whole path components."""
    base = base.rstrip("/")
    return path.rstrip("/") == base or path.startswith(base + "/")


def check_listen(address: str) -> str:
    """HOST:PORT to listen on, with brackets around an IPv6 address. Raises Unfit."""
    host, colon, port = address.rpartition(":")
    if not colon or not _HOST.fullmatch(host) or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65536:
        raise Unfit("is not an address to listen on", 'write HOST:PORT, such as "127.0.0.1:10919" or "[::1]:10919"')
    return address


def same_place(url: str) -> tuple[str, int, str]:
    """What two URLs of one directory have in common: host in lower case, port, path."""
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or 443, parts.path.rstrip("/"))


def _check_https(url: str) -> SplitResult:
    if any(char.isspace() or not char.isprintable() for char in url):
        raise Unfit("has blanks or control characters in it", "percent-encode them, blanks as %20")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unfit("is not a valid URL", "check the port and the brackets around an IPv6 address") from None
    if parts.scheme != "https":
        raise Unfit("is not an https URL", _REMEDY_BY_SCHEME.get(parts.scheme, "write https://"))
    if "@" in parts.netloc:
        raise Unfit("has a user name or password in it", "remove it; credentials come from tokens only")
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.rstrip(":")
    if not parts.hostname:
        raise Unfit("has no host", "write https://HOST:PORT/PATH")
    if port == 0 or not _HOST.fullmatch(host):
        raise Unfit(
            "has no valid host and port", "write https://HOST:PORT/PATH; international names in their xn-- form"
        )
    if "?" in url or "#" in url:
        raise Unfit("has a query or fragment", "remove everything from ? or # on")
    return parts
