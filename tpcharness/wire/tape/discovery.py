"""The discovery document: where a storage's tape service is, and which version it speaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.reading import Oddities, read_items, read_object, text_of

WELL_KNOWN = "/.well-known/wlcg-tape-rest-api"

_VERSION = re.compile(r"v?([0-9]{1,4})(?:\.([0-9]{1,4}))?", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-~]+")

# What the packages of dCache ship, and the names that RFC 2606 keeps for documents.
_EXAMPLE_SITE = re.compile(r"example-(?:org|com|net)|example\.(?:org|com|net)")
_EXAMPLE_HOST = re.compile(r"(?:.*\.)?example\.(?:org|com|net)")


@dataclass(frozen=True, slots=True)
class TapeService:
    """One version of the API. `uri` has no trailing slash; `major` 0 does archiveinfo and release only (EOS's v0.1)."""

    uri: str
    version: str
    major: int
    minor: int = 0

    @property
    def can_stage(self) -> bool:
        return self.major >= 1

    @property
    def stage_url(self) -> str:
        return f"{self.uri}/stage"

    @property
    def archive_info_url(self) -> str:
        return f"{self.uri}/archiveinfo"


@dataclass(frozen=True, slots=True)
class Discovery:
    """A document that can be worked with; `services` are those of version 1 or below, the highest first."""

    site_name: str
    services: tuple[TapeService, ...]
    deviations: tuple[str, ...] = ()


def parse_discovery(body: bytes, media_type: str = "application/json") -> Discovery:
    """Reads the document. Raises WireError when it names no service that we could ask, and says what is wrong.

    As gfal2 does it: the highest version that is not above 1 counts, "v" or not before the number.
    """
    document = read_object(body, "the discovery document")
    odd = Oddities()
    if media_type.partition(";")[0].strip().lower() != "application/json":
        odd.note("the discovery document is not sent as application/json")
    site_name = text_of(document.get("sitename"))
    if not site_name.strip():
        raise WireError("the discovery document has no sitename")
    if _EXAMPLE_SITE.search(site_name.lower()):
        raise WireError("the discovery document is the example that comes with the package (its sitename)")
    services = []
    for item in read_items(document.get("endpoints"), "`endpoints` of the discovery document"):
        service = _service(item, odd)
        if service is not None:
            services.append(service)
    usable = sorted((each for each in services if each.major <= 1), key=lambda each: (-each.major, -each.minor))
    if not usable:
        raise WireError("the discovery document names no service of version 1")
    if len({(each.major, each.minor) for each in usable}) < len(usable):
        odd.note("two services of the same version")
    return Discovery(site_name, tuple(usable), tuple(odd.texts))


def _service(item: object, odd: Oddities) -> TapeService | None:
    """One service; None for what is so wrong that only the others can be used."""
    if not isinstance(item, dict):
        odd.note("an item of `endpoints` that is no object")
        return None
    version, uri = text_of(item.get("version")), text_of(item.get("uri"))
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        odd.note("a version that is no number")
        return None
    try:
        parts = urlsplit(uri)
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0 and _PRINTABLE.fullmatch(uri)
    except ValueError:
        usable = None
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise WireError("a `uri` of the discovery document is no https URL that can be asked")
    if _EXAMPLE_HOST.fullmatch((parts.hostname or "").lower()):
        raise WireError("the discovery document is the example that comes with the package (its uri)")
    if not version.strip().lower().startswith("v"):
        odd.note("a version without the v")
    return TapeService(uri.rstrip("/"), version.strip(), int(found[1]), int(found[2] or 0))
