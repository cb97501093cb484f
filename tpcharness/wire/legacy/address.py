"""Where a legacy door is: the URLs of `Endpoint.gsiftp` and `Endpoint.srm`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from tpcharness.wire.errors import WireError

DEFAULT_PORTS = {"gsiftp": 2811, "srm": 8443, "httpg": 8443}
SRM_PATHS = ("/srm/managerv2", "/srm/v2/server")
"""Where SRM services are when a URL does not say it: dCache, StoRM, DPM and EOS; BeStMan."""


@dataclass(frozen=True, slots=True)
class LegacyUrl:
    """A door. `services` are the URL paths at which an SRM may answer; empty for gsiftp."""

    scheme: str
    host: str
    port: int
    services: tuple[str, ...] = ()

    @classmethod
    def parse(cls, url: str) -> LegacyUrl:
        """The default port and path where the URL names none. Raises WireError for what is no URL of a legacy door."""
        place, query, _ = url.partition("?")
        try:
            parts = urlsplit(place)
            port = parts.port or DEFAULT_PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise WireError("not the URL of a gsiftp or SRM door") from None
        if not parts.hostname:
            raise WireError("a URL without a host")
        if parts.scheme == "gsiftp":
            return cls(parts.scheme, parts.hostname, port)
        return cls(parts.scheme, parts.hostname, port, (parts.path,) if query and parts.path else SRM_PATHS)

    @property
    def place(self) -> str:
        """HOST:PORT, an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}"
