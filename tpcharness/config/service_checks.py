"""What the sections of the running service say beside each other: pages, history, downtimes, budgets. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tpcharness.config.addresses import is_loopback
from tpcharness.config.configuration import Config
from tpcharness.config.lines import KeyPath
from tpcharness.config.moments import parse_moment
from tpcharness.config.names import matches, nobody_here, written
from tpcharness.config.problems import Problem
from tpcharness.config.quantities import format_size
from tpcharness.config.source import Source


def check_service(config: Config, source: Source) -> Iterator[Problem]:
    """Every problem of the service's sections that no single value shows."""
    yield from _pages(config, source)
    yield from _history(config, source)
    yield from _downtimes(source)
    yield from _downtime_sources(config, source)
    yield from _budgets(config, source)


def _pages(config: Config, source: Source) -> Iterator[Problem]:
    host = config.daemon.listen.rpartition(":")[0].strip("[]")
    if not is_loopback(host) and not config.daemon.web_config:
        yield source.warning(
            ("daemon", "listen"),
            "lets other machines read everything, without TLS or passwords",
            "name a web_config, or listen on 127.0.0.1 behind a proxy",
        )


def _history(config: Config, source: Source) -> Iterator[Problem]:
    if config.history.password_file and not config.history.database.startswith("postgresql://"):
        yield source.problem(
            ("history", "password_file"),
            "is for PostgreSQL only, and the database is a file",
            'remove it, or write database = "postgresql://USER@HOST:PORT/NAME"',
        )


def _downtimes(source: Source) -> Iterator[Problem]:
    # From the file, so that the places are right also when the schema has cut out another one.
    names = source.table("endpoints")
    sections = source.values.get("downtimes")
    for index, section in enumerate(sections if isinstance(sections, list) else ()):
        if not isinstance(section, dict):
            continue
        globs = section.get("endpoints", [])
        for glob in globs if isinstance(globs, list) else [globs]:
            if names and isinstance(glob, str) and glob.strip() and not matches(glob, names):
                yield nobody_here(source, ("downtimes", index, "endpoints"), glob)
        start, end = _moment(section.get("start")), _moment(section.get("end"))
        if start is not None and end is not None and end <= start:
            at = ("downtimes", index, "end")
            yield source.problem(at, f"is not after start ({section['start']})", "write the later one as end")


def _moment(value: Any) -> Any:
    """A time that the schema has taken, to be compared; None for one that it has refused already."""
    try:
        return parse_moment(value)
    except ValueError:
        return None


def _downtime_sources(config: Config, source: Source) -> Iterator[Problem]:
    for name, document in config.downtime_sources.items():
        at: KeyPath = ("downtime_sources", name)
        if document.url and document.file:
            yield source.problem((*at, "file"), "stands beside a url", "keep one of the two")
        elif not document.url and not document.file and not (source.has((*at, "url")) or source.has((*at, "file"))):
            yield source.problem(at, "has neither url nor file", "add one of the two")


def _budgets(config: Config, source: Source) -> Iterator[Problem]:
    size = max((size for selection in config.probes for size in selection.sizes), default=0)
    told: set[KeyPath] = set()
    for name, endpoint in config.endpoints.items():
        at = written(source, name, "bytes_per_day")
        if 0 < endpoint.bytes_per_day < size and at not in told:
            told.add(at)
            yield source.warning(
                at,
                f"is less than one payload of {format_size(size)}, which the service will therefore never copy here",
                "write more, or 0 for no bound, or smaller sizes",
            )
