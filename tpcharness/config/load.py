"""The door of this room: a file in, a configuration or all its mistakes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tpcharness.config.checks import check
from tpcharness.config.complaints import judge
from tpcharness.config.configuration import Config
from tpcharness.config.problems import ConfigErrors, Problem, Severity
from tpcharness.config.settle import settle
from tpcharness.config.source import read_source
from tpcharness.config.surroundings import look_around


def load_config(path: Path, *, environ: Mapping[str, str], absent: Severity = Severity.ERROR) -> Config | ConfigErrors:
    """The configuration, or everything that is wrong with the file at once.

    Reads that one file; of the secret files it looks only at whether they are there and who may read them. Whoever
    only wants to know about the file itself lets `absent` files be a warning: they may be there where it will be
    used. Blocks on the disk, so a running event loop calls it in a thread.
    """
    source = read_source(path)
    if isinstance(source, Problem):
        return ConfigErrors([source])
    file, problems = judge(source)
    config = settle(file, source, environ)
    outcome = ConfigErrors([*problems, *check(config, source), *look_around(config, source, environ, absent)])
    return outcome if outcome.errors else replace(config, warnings=outcome.warnings)
