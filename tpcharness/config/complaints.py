"""From the schema's findings to problems that people can act on, all of them at once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tpcharness.config.fields import NOT_SUPPORTED
from tpcharness.config.lines import KeyPath
from tpcharness.config.problems import Problem, Unfit, did_you_mean
from tpcharness.config.schema import (
    TOKEN_KINDS_NOT_BUILT,
    TOKEN_SECTIONS,
    DefaultsSection,
    EndpointSection,
    EndpointsFile,
    HarnessSection,
    LimitsSection,
    ProbeSection,
    TapeSection,
    TimeoutsSection,
)
from tpcharness.config.section import Section
from tpcharness.config.service_schema import (
    DaemonSection,
    DowntimeSection,
    DowntimeSourceSection,
    HistorySection,
)
from tpcharness.config.source import Source

_SECTIONS: dict[str, type[Section]] = {
    "[harness]": HarnessSection,
    "[defaults]": DefaultsSection,
    "[endpoints.NAME]": EndpointSection,
    "[[probes]]": ProbeSection,
    "[limits]": LimitsSection,
    "[timeouts]": TimeoutsSection,
    "[daemon]": DaemonSection,
    "[history]": HistorySection,
    "[[downtimes]]": DowntimeSection,
    "[downtime_sources.NAME]": DowntimeSourceSection,
}
# Their keys are everyday words: who writes one elsewhere does not mean a downtime.
_NO_HOMES = (DowntimeSection, DowntimeSourceSection)
_WRONG_TYPE = {
    "string_type": ("must be a text", "put it in double quotes"),
    "int_type": ("must be a whole number", "write it without quotes and decimals"),
    "int_from_float": ("must be a whole number", "write it without decimals"),
    "list_type": ("must be a list", "put it in brackets: [...]"),
}
_TABLE_TYPES = frozenset({"model_type", "model_attributes_type", "dict_type"})


def judge(source: Source) -> tuple[EndpointsFile, list[Problem]]:
    """The file as the schema sees it, and everything that the schema minds.

    What is wrong is cut out and the rest looked at again, so that one mistake does not hide another from the checks
    that come later: the returned value is the sound part of the file. The first look sees all there is to see;
    what the later ones mind is only what the cuts have left behind.
    """
    values: Any = copy.deepcopy(dict(source.values))
    problems: list[Problem] | None = None
    while True:
        try:
            return EndpointsFile.model_validate(values), problems or []
        except ValidationError as error:
            found = [(_path(values, details), details) for details in error.errors(include_url=False)]
        if problems is None:
            problems = [_problem(source, path, details) for path, details in found]
        for path, details in _last_first(found):
            _cut_out(values, path[:-1] if details["type"] == "missing" else path)


def _last_first(found: list[tuple[KeyPath, ErrorDetails]]) -> Iterator[tuple[KeyPath, ErrorDetails]]:
    """Later list elements before earlier ones too, so that cutting one out does not shift the next."""
    yield from sorted(found, key=lambda item: [str(part).rjust(8) for part in item[0]], reverse=True)


def _cut_out(values: Any, path: KeyPath) -> None:
    for part in path[:-1]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(values, list) and isinstance(path[-1], int):
        del values[path[-1] : path[-1] + 1]
    elif isinstance(values, dict):
        values.pop(path[-1], None)


def _path(values: Any, details: ErrorDetails) -> KeyPath:
    """pydantic's location as a path into the file: without the marks of unions and of dictionary keys."""
    path: KeyPath = ()
    for part in details["loc"]:
        known = part in values if isinstance(values, dict) else isinstance(values, list)
        if known:
            values = values[part]
        if known or (details["type"] == "missing" and part == details["loc"][-1]):
            path = (*path, part)
    return (*path, "kind") if details["type"] == "union_tag_invalid" else path


def _problem(source: Source, path: KeyPath, details: ErrorDetails) -> Problem:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return source.problem(path, *_unknown_key(source, path))
    if kind == "missing":
        return source.problem(path, "is missing", f"add {path[-1]} = ... to this section")
    if kind == "union_tag_not_found":
        return source.problem((*path, "kind"), "is missing", f"write kind = one of {', '.join(TOKEN_SECTIONS)}")
    if kind == "union_tag_invalid":
        return source.problem(path, *_unknown_kind(str(context.get("tag", ""))))
    if kind == "enum":
        allowed = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return source.problem(path, "is not one of the choices", f"write one of {', '.join(allowed)}")
    if kind in _TABLE_TYPES:
        return source.problem(path, "must be a section", "write it as a table with keys of its own")
    if kind in _WRONG_TYPE:
        return source.problem(path, *_WRONG_TYPE[kind])
    if kind == "greater_than_equal":
        return source.problem(path, f"must be at least {context['ge']}")
    if kind == "less_than_equal":
        return source.problem(path, f"must be at most {context['le']}")
    reason = context.get("error")
    if isinstance(reason, Unfit):
        return source.problem(path, str(reason), reason.hint)
    return source.problem(path, f"is not right: {details['msg']}")


def _unknown_kind(kind: str) -> tuple[str, str]:
    allowed = f"write one of {', '.join(TOKEN_SECTIONS)}"
    if kind in TOKEN_KINDS_NOT_BUILT:
        return NOT_SUPPORTED, allowed
    return "is not a kind of token source", did_you_mean(kind, TOKEN_SECTIONS, allowed)


def _unknown_key(source: Source, path: KeyPath) -> tuple[str, str]:
    """Message and remedy for a key that its section does not have."""
    section, key = _section(source, path), str(path[-1])
    if path[0] == "tokens" and any(key in other.model_fields for other in TOKEN_SECTIONS.values()):
        return f"is not used by this kind of token source ({source.value((*path[:-1], 'kind'))})", "remove it"
    homes = [name for name, other in _SECTIONS.items() if key in other.model_fields and other not in _NO_HOMES]
    if homes:
        return "does not belong here", f"move it to {' or '.join(homes)}"
    known = section.model_fields
    return "is not a known key", did_you_mean(key, known, f"known here: {', '.join(known)}")


def _section(source: Source, path: KeyPath) -> type[Section]:
    """The shape of the section in which a path's last key stands."""
    if len(path) == 1:
        return EndpointsFile
    if path[0] == "tokens":
        return TOKEN_SECTIONS[source.value((*path[:2], "kind"))]
    if path[0] == "endpoints" and path[2:3] == ("tape",) and len(path) > 3:
        return TapeSection
    return _SECTIONS_BY_KEY[str(path[0])]


_SECTIONS_BY_KEY = {name.strip("[]").partition(".")[0]: section for name, section in _SECTIONS.items()}
