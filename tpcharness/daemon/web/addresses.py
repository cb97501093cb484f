"""Where things stand: the paths of the pages, all from the root, every name quoted."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Result


@lru_cache(maxsize=4096)
def _quoted(name: str) -> str:
    """A matrix names each endpoint hundreds of times."""
    return quote(name, safe="")


def endpoint_path(name: str) -> str:
    return f"/endpoints/{_quoted(name)}"


def link_path(source: str, destination: str) -> str:
    return f"/links/{_quoted(source)}/{_quoted(destination)}"


def probe_path(result: Result) -> str:
    """The page of one attempt."""
    attempt = f"?attempt={result.attempt}" if result.attempt > 1 else ""
    return f"/probes/{quote(result.run_id, safe='')}/{quote(result.probe_id, safe='')}{attempt}"


def subject_path(result: Result) -> str:
    """The page of what the result speaks of."""
    subject = result.subject
    if isinstance(subject, LinkSubject):
        return link_path(subject.source, subject.destination)
    return endpoint_path(subject.endpoint)
