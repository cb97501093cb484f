"""The head of a COPY, and what the head of its answer promises (http-tpc 1.1 to 1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import urlsplit

from tpcharness.model.secret import Secret, redact_url

Header = tuple[str, str | Secret]


class Mode(StrEnum):
    """Who moves the bytes. PULL: the destination gets the COPY and fetches. PUSH: the source gets it and sends."""

    PULL = "pull"
    PUSH = "push"

    @property
    def passive_header(self) -> str:
        """The header that names the passive party's file; the request line names the active party's."""
        return "Source" if self is Mode.PULL else "Destination"


class CopyAnswer(StrEnum):
    """What the status of a COPY promises. None of them is a success: only the terminal line is (http-tpc 1.3)."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REDIRECT = "redirect"
    UNSUPPORTED = "unsupported"


def copy_headers(
    mode: Mode,
    passive_url: str,
    passive_token: Secret | None,
    *,
    client_info: str,
    overwrite: bool = False,
    checksum_by_server: bool | None = False,
    extra: Iterable[Header] = (),
) -> tuple[Header, ...]:
    """The headers of a COPY, all but the active party's own Authorization.

    The same tuple serves every hop: a redirected COPY must carry all of them again (http-tpc 1.6).
    `client_info` is what a remote admin finds in his log. `checksum_by_server` False asks the active party not to
    insist on a digest, because the harness verifies by itself; None leaves it to the server, and dCache's default
    fails a transfer whose passive party has no usable digest. `extra` comes last.
    Raises ValueError for a URL that is not https (davs is rewritten; http will do where there is no token to lose)
    and for text that would break out of its header.
    """
    headers: list[Header] = [
        # dCache knows no davs, and XRootD rewrites it for Source only: always https (http-tpc 1.1).
        (mode.passive_header, _passive_url(passive_url, secret=passive_token is not None)),
        # Without it dCache picks delegation by how we logged in; any other value is a 400 elsewhere (http-tpc 1.2).
        ("Credential", "none"),
        # DPM asks for GridSite delegation otherwise, and may redirect to plain http (http-tpc 1.2).
        ("X-No-Delegate", "true"),
        ("Secure-Redirection", "1"),
        ("Overwrite", "T" if overwrite else "F"),
        # The draft's own type; the wildcard, because a server may answer errors in a type of its own (http-tpc 1.2).
        ("Accept", "text/perf-marker-stream, */*"),
        # FTS and gfal2 mark their requests so; StoRM logs it (http-tpc 1.2).
        ("ClientInfo", client_info),
    ]
    if checksum_by_server is not None:
        headers.append(("RequireChecksumVerification", "true" if checksum_by_server else "false"))
    if passive_token is not None:
        # A capital B: StoRM compares the scheme with case (http-tpc 1.2).
        headers.append(("TransferHeaderAuthorization", Secret(f"Bearer {passive_token.reveal()}")))
    headers.extend(extra)
    for name, value in headers:
        _check(name, value)
    return tuple(headers)


def read_copy_status(status: int, content_type: str) -> CopyAnswer:
    """What a status and a Content-Type promise.

    XRootD 5 and Pelican accept with 201, everybody else with 202; a web server without third-party copy answers
    200 with a page, or makes a local copy and says 201, 204 or 207 (http-tpc 1.3). StoRM sends no type at all.
    """
    if status in (200, 201, 202):
        page = any(kind in content_type.lower() for kind in ("html", "xml", "json"))
        return CopyAnswer.UNSUPPORTED if page else CopyAnswer.ACCEPTED
    if 200 <= status < 300 or status in (405, 501):
        return CopyAnswer.UNSUPPORTED
    if 300 <= status < 400:
        return CopyAnswer.REDIRECT
    return CopyAnswer.REFUSED


_BREAKS_OUT = re.compile(r"[^\x20-\x7e]")
_SCHEMES = {"https": "https", "davs": "https", "http": "http", "dav": "http"}


def _passive_url(url: str, *, secret: bool) -> str:
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname or " " in url or _BREAKS_OUT.search(url):
        raise ValueError(f"a passive party's URL is https://host/path, not {redact_url(url)!r}")
    if secret and scheme != "https":
        raise ValueError(f"no token goes over plain http, as {redact_url(url)!r} would have it")
    return parts._replace(scheme=scheme).geturl()


def _check(name: str, value: str | Secret) -> None:
    if _BREAKS_OUT.search(value.reveal() if isinstance(value, Secret) else value):
        raise ValueError(f"the value of {name} is not printable ASCII")
