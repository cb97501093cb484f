"""What several commands take alike: the configuration, sizes and durations, names with their nearest neighbour."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from tpcharness.cli.completion import one_of
from tpcharness.cli.terminal import Color, make_console, wants_color
from tpcharness.config.places import default_path
from tpcharness.config.quantities import DURATION_HINT, SIZE_HINT, parse_duration, parse_size
from tpcharness.model.needs import is_configured
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS, LINK_VARIANTS, ROBOT_VARIANTS, Variant

if TYPE_CHECKING:
    from rich.console import Console

    from tpcharness.cli.running import Report
    from tpcharness.config.configuration import Config
    from tpcharness.model.endpoint import Endpoint

F = TypeVar("F", bound=Callable[..., Any])

_CONFIG_HELP = "The endpoints.toml to use; default: $TPCHARNESS_CONFIG, else ./endpoints.toml."

# In words, because --help imports no writer; a test compares them with what can be written.
FORMATS = "table, json, jsonl, junit, markdown, html, prometheus"
ALL_VARIANTS = "all"
VARIANTS = ", ".join(LINK_VARIANTS)
VARIANTS_ALONE = ", ".join(variant for variant in ENDPOINT_VARIANTS if variant not in DOOR_VARIANTS)
BEYOND_DOORS = tuple(variant for variant in Variant if variant not in DOOR_VARIANTS)
"""What can be asked for besides the doors, which are checked anyway."""

OUTPUT_HELP = "Write a format to a file, such as html:report.html; repeatable."

_MOST_NAMES = 12
"""As many known names stand in a message; of more, only the nearest."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was said before the command's name. `verbosity` counts -v, which may stand behind the name as well."""

    color: Color = Color.AUTO
    verbosity: int = 0

    def colored(self, stream: IO[str]) -> bool:
        return wants_color(self.color, os.environ, is_terminal=stream.isatty())

    def console(self, stream: IO[str] | None = None) -> Console:
        """A rich console, on stdout unless told otherwise."""
        return make_console(stream or sys.stdout, self.color, os.environ)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def verbose_option(function: F) -> F:
    """-v for commands that have more to tell, as it stands before the command's name: both are counted."""

    def count(ctx: click.Context, _: click.Parameter, times: int) -> None:
        said = ctx.find_object(Invocation) or Invocation()
        ctx.obj = replace(said, verbosity=said.verbosity + times)

    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=count,
        help="Tell each failure in full on stderr; twice for every request.",
    )(function)


def config_argument(function: F) -> F:
    """[CONFIG] as the command's last argument: `config_path: Path | None`."""
    return click.argument("config_path", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path))(function)


def config_option(function: F) -> F:
    """-c/--config for commands whose arguments are names: `config_path: Path | None`."""
    return click.option(
        "-c", "--config", "config_path", metavar="FILE", type=click.Path(path_type=Path), help=_CONFIG_HELP
    )(function)


def format_option(function: F) -> F:
    """--format, for commands that can write all formats: `formats: tuple[str, ...]`."""
    return click.option(
        "--format",
        "formats",
        multiple=True,
        metavar="FORMAT",
        shell_complete=one_of(FORMATS.split(", ")),
        help=f"What goes to stdout: {FORMATS}.  [default: table]",
    )(function)


def push_option(function: F) -> F:
    """--push-gateway: `push_gateway: str | None`, a URL that was looked at."""
    return click.option(
        "--push-gateway", type=_gateway, metavar="URL", help="At the end, send the metrics to this Pushgateway."
    )(function)


def push_metrics(gateway: str, config: Config, report: Report) -> str | None:
    """Sends the metrics of a run that is over under the harness's name; in one line what went wrong, or None."""
    from tpcharness.export.metrics.push import push
    from tpcharness.export.metrics.textfile import prometheus_text

    text = "".join(prometheus_text(report.facts, report.store, report.findings))
    problem = push(gateway, config.harness.name, text.encode())
    return problem and f"cannot push to {problem}"


def load_or_exit(path: Path | None, *, to_run: bool = True) -> Config:
    """The configuration, its warnings told on stderr; with errors the command ends here (exit code 3).

    `to_run` False is for commands that only speak of the file: then a file that it names may be missing here.
    """
    from tpcharness.config.load import load_config
    from tpcharness.config.problems import ConfigErrors, Severity

    absent = Severity.ERROR if to_run else Severity.WARNING
    config = load_config(path or default_path(os.environ), environ=os.environ, absent=absent)
    if isinstance(config, ConfigErrors):
        raise config
    for warning in config.warnings:
        click.echo(warning.one_line, err=True)
    return config


def no_such(kind: str, name: str, known: Iterable[str], *, listed_by: str = "") -> click.UsageError:
    """The usage error for a name that does not exist, with the nearest that do; `listed_by` is a command that tells
    all."""
    from tpcharness.config.problems import did_you_mean

    known = list(known)
    hint = did_you_mean(name, known, _some(name, known))
    all_of_them = f" All: {listed_by}" if listed_by else ""
    return click.UsageError(f'no such {kind}: "{name}"; {hint}{all_of_them}')


def _some(name: str, known: list[str]) -> str:
    """All that are known if they are few, else those that are a little like it."""
    if not known:
        return "there are none"
    if len(known) <= _MOST_NAMES:
        return f"known: {', '.join(known)}"
    near = difflib.get_close_matches(name, known, cutoff=0.4)
    return f"nearest of {len(known)}: {', '.join(near)}." if near else f"there are {len(known)}, none like it."


def pick_variants(
    names: Iterable[str], among: Sequence[Variant], endpoints: Sequence[Endpoint] | None = None
) -> tuple[Variant, ...]:
    """The variants of these names, in their fixed order; for a name that means none, the command ends (exit code 2).

    `all` is every one that is between endpoints, or of endpoints where there are no others; a glob is every one that it
    matches. Neither means what moves a tape robot, nor, where `endpoints` are given, what none of them has configured.
    """
    offered = [variant for variant in among if variant not in ROBOT_VARIANTS]
    all_of_them = [variant for variant in offered if variant.of_link] or offered
    chosen: set[Variant] = set()
    for name in names:
        if name in among:
            chosen.add(Variant(name))
            continue
        matching = all_of_them if name == ALL_VARIANTS else [each for each in offered if fnmatchcase(each, name)]
        if not matching and name in Variant.__members__.values():
            raise click.UsageError(_elsewhere(Variant(name)))
        if not matching:
            raise no_such("variant", name, [*(each.value for each in among), ALL_VARIANTS])
        useful = [each for each in matching if endpoints is None or is_configured(each, endpoints)]
        if not useful:
            raise click.UsageError(f'nothing that "{name}" means is configured: {", ".join(matching)}')
        chosen.update(useful)
    return tuple(variant for variant in Variant if variant in chosen)


def _elsewhere(variant: Variant) -> str:
    """What to say of a variant that this command does not know."""
    about, command = ("a link", "probe SRC DST") if variant.of_link else ("one endpoint alone", "check ENDPOINT")
    return f'"{variant}" is about {about}: tpcharness {command} --variant {variant}'


def size(text: str) -> int:
    """For `type=size`: bytes, written as in the configuration."""
    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(f'"{text}" {error}; {SIZE_HINT}') from None


def _gateway(text: str) -> str:
    from tpcharness.export.metrics.push import checked_gateway
    from tpcharness.model.secret import redact_url

    try:
        return checked_gateway(text)
    except ValueError as error:
        raise click.BadParameter(f'"{redact_url(text)}" {error}') from None


def duration(text: str) -> float:
    """For `type=duration`: seconds, written as in the configuration."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f'"{text}" {error}; {DURATION_HINT}') from None
