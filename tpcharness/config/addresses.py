"""What an endpoint's or issuer's URL, a URL path and a listening address may look like: pure, no look-ups."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tpcharness.config.problems import Unfit

_REMEDY_BY_SCHEME = {
    "davs": "write https:// in place of davs://: it is the same protocol",
    "dav": "plain http would show the tokens to everybody; write the https:// address of the door",
    "http": "plain http would show the tokens to everybody; write the https:// address of the door",
    "root": "write the https:// address of the door here, and root:// in the key `root`",
    "roots": "write the https:// address of the door here, and roots:// in the key `root`",
    "srm": "write the https:// address of the WebDAV door here, and srm:// in the key `srm`",
    "gsiftp": "write the https:// address of the WebDAV door here, and gsiftp:// in the key `gsiftp`",
    "": "write the whole address: https://HOST:PORT/PATH",
}
DATABASE_HINT = 'write a file, or "postgresql://USER@HOST:PORT/NAME" with the password in password_file'
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*", re.ASCII)


def check_endpoint_url(url: str) -> str:
    """The URL of the directory below which we may write, without its trailing slash. Raises Unfit."""
    parts = _check_https(url)
    check_path(parts.path)
    return url.rstrip("/")


def check_root_url(url: str) -> str:
    """The root:// or roots:// URL of an endpoint's directory, without its trailing slash. Raises Unfit."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in {"root", "roots"}:
        raise Unfit("is not a root:// or roots:// URL", "write roots://HOST:PORT//PATH; https stands in another key")
    parts = _check_https(f"https://{rest}")
    if not parts.path.startswith("//"):
        raise Unfit("has no // before its path", f"write {scheme}://HOST:PORT//PATH, with two slashes")
    check_path(parts.path)
    if "%" in parts.path or "&" in parts.path:
        raise Unfit("has % or & in its path", "xroot decodes nothing: use a directory with a plain name")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/') or '//'}"


def check_gsiftp_url(url: str) -> str:
    """The gsiftp:// URL of an endpoint's directory, without its trailing slash. Raises Unfit."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme != "gsiftp":
        raise Unfit("is not a gsiftp:// URL", "write gsiftp://HOST:PORT/PATH; https stands in another key")
    _check_legacy(scheme, rest)
    return url.rstrip("/")


def check_srm_url(url: str) -> str:
    """The srm:// or httpg:// URL of an endpoint's directory, without its trailing slash; srm:// may name the service
    and the directory apart, as .../managerv2?SFN=/PATH. Raises Unfit.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in {"srm", "httpg"}:
        raise Unfit("is not a srm:// URL", "write srm://HOST:PORT/PATH or srm://HOST:PORT/SERVICE?SFN=/PATH")
    place, query, path = rest.partition("?SFN=")
    _check_legacy(scheme, place)
    if query and (scheme != "srm" or not path.startswith("/")):
        raise Unfit("has an SFN that is no path", "write srm://HOST:PORT/SERVICE?SFN=/PATH")
    check_path(path)
    return url.rstrip("/")


def _check_legacy(scheme: str, rest: str) -> None:
    """All after scheme:// of an old door's URL: the rules of https hold."""
    try:
        parts = _check_https(f"https://{rest}")
    except Unfit as unfit:
        raise Unfit(str(unfit), unfit.hint.replace("https://", f"{scheme}://")) from None
    check_path(parts.path)


def check_issuer_url(url: str) -> str:
    """An issuer, unchanged: its `iss` is compared as an exact string, the trailing slash included. Raises Unfit."""
    _check_https(url)
    return url


def check_page_url(url: str) -> str:
    """The address under which people find our pages, without its trailing slash. Raises Unfit."""
    if not url.startswith(("https://", "http://")):
        raise Unfit("is not an address of web pages", "write https://HOST/PATH, as people type it into a browser")
    _check_url(url, plain_too=True)
    _check_no_query(url)
    return url.rstrip("/")


def check_document_url(url: str) -> str:
    """Where a public document is fetched from; a query is fine. Raises Unfit."""
    parts = _check_url(url, plain_too=True)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise Unfit("is not an https URL", "write https://, or name a file: who can forge it can silence the alerts")
    if parts.fragment:
        raise Unfit("has a fragment", "remove everything from # on")
    return url


def check_database(text: str) -> str:
    """A file, or a PostgreSQL database without a password. Raises Unfit, with no part of the URL in it."""
    if "password=" in text.lower().replace(" ", "") and "://" not in text:
        raise Unfit("is not a database that can be used", DATABASE_HINT)
    if "://" not in text:
        return text
    if not text.startswith("postgresql://"):
        raise Unfit("is not a database that can be used", DATABASE_HINT)
    try:
        parts = urlsplit(text)
        keys = {key.lower() for key, _ in parse_qsl(parts.query)}
        inside = parts.password is not None or bool(keys & {"password", "passfile", "sslpassword"})
        named = bool(parts.path.strip("/"))
        _ = parts.port
    except ValueError:
        raise Unfit("is not a valid URL", DATABASE_HINT) from None
    if inside:
        raise Unfit("has a password in it", "remove it from the URL, and put it into a file: password_file = ...")
    if not named:
        raise Unfit("names no database", DATABASE_HINT)
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, though it may begin with "127."
        return False


def check_path(path: str) -> str:
    """A URL path as it goes on the wire: percent-encoded, no steps upwards however they are spelt. Raises Unfit."""
    if not _PATH.fullmatch(path):
        raise Unfit("is not a valid URL path", "begin it with / and percent-encode everything unusual, blanks as %20")
    if {".", ".."} & set(unquote(path).split("/")):
        raise Unfit("has . or .. in its path", "write the path without detours")
    return path


def check_tape_file(path: str) -> str:
    """A plain path of one file, not percent-encoded, which every server reads in the one way. Raises Unfit."""
    parts = path.split("/")
    if not path.startswith("/") or len(parts) < 2 or not all(parts[1:]):
        raise Unfit("is not the path of a file", "begin it with /, with no doubled slash and none at the end")
    if {".", ".."} & set(parts):
        raise Unfit("has . or .. in its path", "write the path without detours")
    if not path.isprintable() or set('%\\?#"') & set(path):
        raise Unfit("has characters in it that servers read in different ways", "take another file, encode nothing")
    return path


def check_directory(path: str) -> str:
    """The URL path of a directory below the root, without its trailing slash. Raises Unfit."""
    if not path.startswith("/") or not path.strip("/"):
        raise Unfit("is not the path of a directory", "begin it with /, as in the URL at the https door")
    return check_path(path).rstrip("/")


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
    parts = _check_url(url)
    _check_no_query(url)
    return parts


def _check_no_query(url: str) -> None:
    if "?" in url or "#" in url:
        raise Unfit("has a query or fragment", "remove everything from ? or # on")


def _check_url(url: str, *, plain_too: bool = False) -> SplitResult:
    if any(char.isspace() or not char.isprintable() for char in url):
        raise Unfit("has blanks or control characters in it", "percent-encode them, blanks as %20")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unfit("is not a valid URL", "check the port and the brackets around an IPv6 address") from None
    if parts.scheme != "https" and not (plain_too and parts.scheme == "http"):
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
    return parts
