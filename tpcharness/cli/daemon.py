"""`tpcharness daemon`: probes all year, and tells Prometheus and people with a browser."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import Invocation, pass_invocation

if TYPE_CHECKING:
    from tpcharness.config.configuration import Config

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


class CannotRunError(click.ClickException):
    """Our own side is in the way: state directory, history, address."""

    exit_code = ExitCode.OUR_SIDE


class TooLargeError(click.ClickException):
    """The configuration asks for more than a service can do."""

    exit_code = ExitCode.CONFIG


def _listen(text: str) -> str:
    """For `type=_listen`: as in the file, but port 0 is any free one; the log says which."""
    from tpcharness.config.addresses import check_listen
    from tpcharness.config.problems import Unfit

    host, _, port = text.rpartition(":")
    try:
        check_listen(f"{host}:1" if port == "0" else text)
    except Unfit as error:
        raise click.BadParameter(f'"{text}" {error}; {error.hint}') from None
    return text


@click.command("daemon")
@click.argument("config_path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--listen", metavar="HOST:PORT", type=_listen, help="Where pages and metrics are, in place of the file's."
)
@click.option(
    "--web-config",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="TLS and passwords for pages and metrics, in the format of Prometheus's exporters.",
)
@click.option("--log-level", type=click.Choice(LEVELS), help="How much to tell on stderr.  [default: info]")
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True, help="How a line looks.")
@pass_invocation
def command(
    invocation: Invocation,
    *,
    config_path: Path | None,
    listen: str | None,
    web_config: Path | None,
    log_level: str | None,
    log_format: str,
) -> ExitCode:
    """Probe the endpoints of FILE again and again, and serve metrics and pages about them until SIGTERM.

    SIGHUP reads FILE again, SIGUSR1 writes the tasks to the log. Without FILE: $TPCHARNESS_CONFIG, else
    ./endpoints.toml. What stays at the storages when it ends is taken away by the next start.
    """
    import asyncio

    import uvloop

    from tpcharness.assembly import SystemClock, new_run_id
    from tpcharness.config.load import load_config
    from tpcharness.config.places import default_path
    from tpcharness.config.problems import ConfigErrors
    from tpcharness.daemon.daemon import run_daemon
    from tpcharness.daemon.logs import LogFormat, logging_to
    from tpcharness.daemon.memory import tight_heaps
    from tpcharness.daemon.notify import Notifier
    from tpcharness.daemon.reload import Blueprint, prepare
    from tpcharness.engine.plan import ScheduleTooLarge
    from tpcharness.payload.lock import StateUnusable
    from tpcharness.results.history import HistoryError

    def override(config: Config) -> Config:
        daemon = config.daemon
        if listen is not None:
            daemon = replace(daemon, listen=listen)
        if web_config is not None:
            daemon = replace(daemon, web_config=str(web_config.absolute()))
        return replace(config, daemon=daemon)

    path = config_path or default_path(os.environ)
    config = load_config(path, environ=os.environ)
    if isinstance(config, ConfigErrors):
        raise config
    try:
        prepared = prepare(override(config))  # its warnings are told by the log
    except ScheduleTooLarge as error:
        raise TooLargeError(str(error)) from error
    blueprint = Blueprint(path, dict(os.environ), override)
    level = log_level or ("debug" if invocation.verbosity else "info")
    run_id = new_run_id(SystemClock())
    tight_heaps()
    try:
        with (
            logging_to(sys.stderr, shape=LogFormat(log_format), level=level, run_id=run_id),
            Notifier.from_environ(os.environ) as notifier,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(run_daemon(prepared, blueprint, notifier, run_id=run_id))
    except (StateUnusable, HistoryError, ConfigErrors, ExceptionGroup) as error:
        raise _for_the_user(error) from error
    return ExitCode.OK


def _for_the_user(error: BaseException) -> BaseException:
    """What is in the way, out of the groups of tasks in which it was found; anything else is a bug and stays."""
    from tpcharness.config.problems import ConfigErrors
    from tpcharness.payload.lock import StateUnusable
    from tpcharness.results.history import HistoryError

    first = error
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if isinstance(first, ConfigErrors):
        return first
    return CannotRunError(str(first)) if isinstance(first, StateUnusable | HistoryError) else error
