"""Times in which a storage is announced to be away: its probes are not run, and nobody is blamed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from tpcharness.model.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class Downtime:
    """One announced downtime, from `start` to just before `end`; both are aware.

    `endpoints` are names or globs as in the configuration, `hosts` are host names in lower case without a port, as
    the documents of the infrastructures have them: an endpoint is touched by either. `origin` says who told us.
    """

    start: datetime
    end: datetime
    endpoints: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    text: str = ""
    origin: str = ""

    def touches(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint is meant, at whatever time."""
        return host_name(endpoint) in self.hosts or any(fnmatchcase(endpoint.name, glob) for glob in self.endpoints)

    def active(self, now: datetime) -> bool:
        """Whether it lasts at this time."""
        return self.start <= now < self.end


def host_name(endpoint: Endpoint) -> str:
    """The host in an endpoint's URL as downtimes name it: lower case, no port, no final dot."""
    return (urlsplit(endpoint.https).hostname or "").rstrip(".")
