"""The storages we talk about, and the ordered pairs of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit


class RedirectAuth(StrEnum):
    """What happens to our bearer token when the endpoint redirects us to another host."""

    KEEP = "keep"
    DROP = "drop"
    SAME_DOMAIN = "same-domain"


class AddressFamily(StrEnum):
    """Which addresses of a host are used; a result records the one that was."""

    ANY = "any"
    IPV4 = "ipv4"
    IPV6 = "ipv6"


class SubjectKind(StrEnum):
    """What a result speaks of."""

    LINK = "link"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class EndpointSubject:
    """The name under which a result speaks of one endpoint."""

    endpoint: str
    kind: ClassVar[SubjectKind] = SubjectKind.ENDPOINT

    def __str__(self) -> str:
        return self.endpoint


@dataclass(frozen=True, slots=True)
class LinkSubject:
    """The names under which a result speaks of one link."""

    source: str
    destination: str
    kind: ClassVar[SubjectKind] = SubjectKind.LINK

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination}"


Subject = EndpointSubject | LinkSubject


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One storage's door: URL prefix, credentials to use there, and our manners towards it.

    `https` is the URL of the directory below which we may write, without a trailing slash.
    `scope_base` is the URL path that "/" in a token's scope means at this storage: a scope path is the URL
    path less this base (WLCG token profile 1.1, "paths are relative to the issuer's area").
    `root` is the root:// or roots:// URL of the same directory, empty where there is none.
    `tape_files` are the only files that may ever be staged here: plain paths, as the tape service has them.
    `tape_archive` is the URL path of a directory whose files go to tape, empty where none may be sent there.
    `cache` is the root:// or roots:// URL of a cache in front of this storage, which shows the same directory.
    `gsiftp` and `srm` are the URLs of the same directory at its legacy doors.
    `plain_redirects`: a roots:// door may send us to servers without TLS, which get no token of ours.
    `bytes_per_day` and `transfers_per_day` bound what a running service does to it, both roles together; 0 is no bound.
    """

    name: str
    https: str
    site: str = ""
    tokens: str = ""
    audience: str = ""
    scope_base: str = ""
    redirect_auth: RedirectAuth = RedirectAuth.SAME_DOMAIN
    max_transfers: int = 4
    implementation: str = ""
    address_family: AddressFamily = AddressFamily.ANY
    ca_path: str = ""
    bytes_per_day: int = 0
    transfers_per_day: int = 0
    root: str = ""
    tape_files: tuple[str, ...] = ()
    tape_archive: str = ""
    cache: str = ""
    gsiftp: str = ""
    srm: str = ""
    plain_redirects: bool = False

    @property
    def subject(self) -> EndpointSubject:
        return EndpointSubject(self.name)

    @property
    def host(self) -> str:
        """Host and port as they stand in the URL, in lower case: the key of per-host limits."""
        return urlsplit(self.https).netloc.rpartition("@")[2].lower()

    @property
    def path(self) -> str:
        """The URL path of the prefix, without a trailing slash; empty when the prefix is the root."""
        return urlsplit(self.https).path.rstrip("/")

    def url(self, path: str) -> str:
        """The full URL of an absolute URL path on this endpoint's host."""
        parts = urlsplit(self.https)
        return f"{parts.scheme}://{parts.netloc}{path}"

    def scope_path(self, path: str) -> str:
        """What an absolute URL path is called in a token's scope here.

        Raises ValueError when the path is not below `scope_base`, by whole path components.
        """
        base = self.scope_base.rstrip("/")
        if path == base:
            return "/"
        if not path.startswith(base + "/"):
            raise ValueError(f"path {path} of endpoint {self.name} is not below its scope_base {base}")
        return path[len(base) :]


@dataclass(frozen=True, slots=True)
class Link:
    """An ordered pair of endpoints, source first."""

    source: Endpoint
    destination: Endpoint

    @property
    def subject(self) -> LinkSubject:
        return LinkSubject(self.source.name, self.destination.name)
