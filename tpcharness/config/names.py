"""Names of endpoints in the file: which globs match them, and where an endpoint's setting is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from tpcharness.config.lines import KeyPath
from tpcharness.config.problems import Problem, did_you_mean
from tpcharness.config.source import Source


def matches(glob: str, names: Iterable[str]) -> bool:
    """Whether a glob matches one of the names at least."""
    return any(fnmatchcase(name, glob) for name in names)


def nobody_here(source: Source, path: KeyPath, glob: str) -> Problem:
    """The problem of a glob, in the list at a path, that matches no endpoint of the file."""
    hint = 'write an endpoint\'s name, or a glob such as "*" or "T1_*"'
    return source.problem(
        path, f'has "{glob}", which is no endpoint here', did_you_mean(glob, source.table("endpoints"), hint)
    )


def written(source: Source, endpoint: str, key: str) -> KeyPath:
    """Where an endpoint's value stands: at the endpoint itself, or in [defaults]."""
    own = ("endpoints", endpoint, key)
    shared = ("defaults", key)
    return shared if source.has(shared) and not source.has(own) else own
