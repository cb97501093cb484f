"""`tpcharness config`: whether endpoints.toml is right, what holds, a first one, and what can stand in it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import Invocation, config_argument, load_or_exit, pass_invocation
from tpcharness.config.places import default_path

if TYPE_CHECKING:
    from tpcharness.config.configuration import Config, SettingValue


@click.group("config")
def command() -> None:
    """Check, show, begin or describe the configuration."""


@command.command(short_help="Tell everything that is wrong with the file.")
@config_argument
def check(config_path: Path | None) -> ExitCode:
    """Tell everything that is wrong with the file: one line for each problem, nothing is contacted.

    A file that it names and that is not there is a warning here, and an error of the commands that need it.
    """
    from tpcharness.config.load import load_config
    from tpcharness.config.problems import ConfigErrors, Severity

    path = config_path or default_path(os.environ)
    config = load_config(path, environ=os.environ, absent=Severity.WARNING)
    for problem in config.problems if isinstance(config, ConfigErrors) else config.warnings:
        click.echo(problem.one_line)
    if isinstance(config, ConfigErrors):
        click.echo(f"{path}: {config}", err=True)
        return ExitCode.CONFIG
    click.echo(f"{path}: ok: {_counts(config)}")
    return ExitCode.OK


@command.command()
@config_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What goes to stdout.",
)
@pass_invocation
def show(invocation: Invocation, config_path: Path | None, form: str) -> None:
    """Show every value that holds and where it comes from."""
    config = load_or_exit(config_path, to_run=False)
    if form == "json":
        click.echo(json.dumps(_as_json(config), indent=2, ensure_ascii=False))
    else:
        click.echo(_as_table(config), color=invocation.colored(sys.stdout))


@command.command(short_help="Write a first endpoints.toml with comments.")
@click.argument("path", metavar="[FILE]", default="endpoints.toml", type=click.Path(path_type=Path))
def init(path: Path) -> None:
    """Write a first endpoints.toml with comments; never over a file that is there."""
    from importlib.resources import files

    starter = files("tpcharness.config").joinpath("starter.toml").read_bytes()
    try:
        with path.open("xb") as file:
            file.write(starter)
    except FileExistsError:
        raise click.UsageError(f"{path} is there already and stays as it is; name another file") from None
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {path}; fill in your endpoints, then run: tpcharness config check {path}")


@command.command(short_help="Print the JSON Schema: every key, its default and meaning.")
def schema() -> None:
    """Print the JSON Schema of the file: every key with type, default and meaning."""
    from tpcharness.config.schema import EndpointsFile

    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **EndpointsFile.model_json_schema()}
    click.echo(json.dumps(document, indent=2))


def _counts(config: Config) -> str:
    counts = (
        (len(config.endpoints), "endpoint"),
        (len(config.tokens), "token source"),
        (len(config.probes), "selection"),
        (len(config.warnings), "warning"),
    )
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)


def _effective(config: Config) -> Iterator[tuple[str, SettingValue, str]]:
    """Key, value, origin. No setting is a secret, but somebody may have put one in the wrong place."""
    from tpcharness.config.written import masked

    for key, value in config.settings():
        yield key, masked(value) if isinstance(value, str) else value, config.origins[key]


def _as_json(config: Config) -> dict[str, object]:
    return {
        "file": str(config.path),
        "settings": {key: {"value": _plain(value), "origin": origin} for key, value, origin in _effective(config)},
        "warnings": [warning.one_line for warning in config.warnings],
    }


def _as_table(config: Config) -> str:
    """Key, value and origin in columns; what somebody has set stands out from our defaults."""
    from tpcharness.config.written import written

    rows = [(key, written(key, value), origin) for key, value, origin in _effective(config)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines, section = [], ""
    for key, value, origin in rows:
        begins = key.rpartition(".")[0]
        lines += [""] if section and begins != section else []
        section = begins
        line = f"{key:<{widths[0]}}  {value:<{widths[1]}}  {origin}"
        lines.append(click.style(line, dim=True) if origin == "default" else line)
    return "\n".join(lines)


def _plain(value: SettingValue) -> object:
    """What JSON has no word for is written as ISO 8601."""
    return value.isoformat() if isinstance(value, datetime) else value
