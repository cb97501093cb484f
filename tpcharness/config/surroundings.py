"""Whether what the configuration names is there: files, directories, environment variables. Opens nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from tpcharness.config.configuration import Config
from tpcharness.config.lines import KeyPath
from tpcharness.config.names import written
from tpcharness.config.problems import Problem, Severity
from tpcharness.config.source import Source
from tpcharness.model.settings import TokenKind, TokenSettings

TESTBED = ".testbed"
"""Where the testbed of this machine has its files, unless told otherwise."""

_CA_HINT = "name a PEM file or a directory of hashed certificates"


def look_around(
    config: Config, source: Source, environ: Mapping[str, str], absent: Severity = Severity.ERROR
) -> Iterator[Problem]:
    """Problems with what the file names. `absent` is how bad it is that a named file does not exist.

    A token is only ever missing for now: somebody else renews it, perhaps only where the harness will run.
    """
    for path, file in _ca_paths(config, source).items():
        found = _look(file)
        if isinstance(found, OSError):
            yield _missing(source, path, file, found, absent, _CA_HINT)
    if "/" in config.harness.gfal_python and isinstance(found := _look(Path(config.harness.gfal_python)), OSError):
        hint = "name the Python that has gfal2; without one the gfal- variants end in errors, and all others go on"
        path, file = ("harness", "gfal_python"), Path(config.harness.gfal_python)
        yield _missing(source, path, file, found, Severity.WARNING, hint)
    for tokens in config.tokens.values():
        yield from _tokens(tokens, source, environ, absent)
    yield from _service(config, source, absent)
    state_dir = Path(config.harness.state_dir)
    found = _look(state_dir)
    if not isinstance(found, OSError) and not stat.S_ISDIR(found.st_mode):
        yield source.problem(("harness", "state_dir"), f"({state_dir}) is not a directory", "name another place")


def _ca_paths(config: Config, source: Source) -> dict[KeyPath, Path]:
    """Each by the place where it is written, so that one in [defaults] counts once."""
    named: dict[KeyPath, str] = {("harness", "ca_path"): config.harness.ca_path}
    for name, tokens in config.tokens.items():
        named[("tokens", name, "ca_path")] = tokens.ca_path
    for name, endpoint in config.endpoints.items():
        named[written(source, name, "ca_path")] = endpoint.ca_path
    return {path: Path(file) for path, file in named.items() if file}


def _tokens(tokens: TokenSettings, source: Source, environ: Mapping[str, str], absent: Severity) -> Iterator[Problem]:
    at = ("tokens", tokens.name)
    if tokens.kind is TokenKind.CLIENT_CREDENTIALS:
        yield from _secret_file(source, (*at, "client_secret_file"), Path(tokens.client_secret_file), absent)
    elif tokens.kind is TokenKind.FILE:
        yield from _secret_file(source, (*at, "path"), Path(tokens.path), Severity.WARNING)
    elif tokens.kind is TokenKind.ENV and not environ.get(tokens.variable):
        yield source.warning((*at, "variable"), "is not set in this environment", "set it to a token before the run")


def _secret_file(source: Source, path: KeyPath, file: Path, absent: Severity) -> Iterator[Problem]:
    found = _look(file)
    if isinstance(found, OSError):
        yield _missing(source, path, file, found, absent, "put the secret there before the run")
    elif stat.S_ISFIFO(found.st_mode):
        return
    elif not stat.S_ISREG(found.st_mode):
        yield source.problem(path, f"is not a file ({file})", "name the file itself")
    elif not found.st_size:
        yield source.problem(path, f"is an empty file ({file})", "put the secret into it")
    elif found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        yield source.warning(path, f"can be read by others ({file} has mode {mode:04o})", f"run: chmod 600 {file}")


def _service(config: Config, source: Source, absent: Severity) -> Iterator[Problem]:
    """What the running service reads: who may use its pages, the database's password, downtimes."""
    if config.daemon.web_config:
        yield from _plain_file(source, ("daemon", "web_config"), Path(config.daemon.web_config), absent)
    if config.history.password_file:
        yield from _secret_file(source, ("history", "password_file"), Path(config.history.password_file), absent)
    for name, document in config.downtime_sources.items():
        if document.file:
            at = ("downtime_sources", name, "file")
            yield from _plain_file(source, at, Path(document.file), Severity.WARNING)  # written by somebody else


def _plain_file(source: Source, path: KeyPath, file: Path, absent: Severity) -> Iterator[Problem]:
    found = _look(file)
    if isinstance(found, OSError):
        yield _missing(source, path, file, found, absent, "write it, or name another file")
    elif stat.S_ISDIR(found.st_mode):
        yield source.problem(path, f"is a directory ({file})", "name the file itself")


def _look(file: Path) -> os.stat_result | OSError:
    try:
        return file.stat()
    except OSError as error:
        return error


def _missing(source: Source, path: KeyPath, file: Path, error: OSError, absent: Severity, hint: str) -> Problem:
    if isinstance(error, FileNotFoundError):
        if TESTBED in file.parts:
            hint = "is `tpcharness testbed up` running? It puts this file there, and takes it away at its end"
        return source.problem(path, f"does not exist ({file})", hint, absent)
    return source.problem(path, f"cannot be looked at ({file}): {error.strerror}", "check the path and its permissions")
