"""The door of the command line: which commands there are, and what becomes of everything that they can end with.

`--help` must be quick, so nothing heavy is imported before a command is chosen: the table below holds a sentence for
each command and the place where it lives.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import click

from tpcharness import __version__
from tpcharness.cli.exits import ExitCode, Terminated
from tpcharness.cli.options import Invocation, no_such
from tpcharness.cli.terminal import Color


class Entry(NamedTuple):
    """Where a command lives, and its sentence in --help."""

    module: str
    sentence: str
    attribute: str = "command"


COMMANDS: Mapping[str, Entry] = {
    "matrix": Entry("tpcharness.cli.matrix", "Probe all links between the endpoints, and say who is at fault."),
    "probe": Entry("tpcharness.cli.probe", "Probe one link and tell the whole story."),
    "check": Entry("tpcharness.cli.check", "Check endpoints alone: address, TLS, token, one small file."),
    "plugin": Entry("tpcharness.cli.plugin", "Check one endpoint or link as a monitoring plug-in (0, 1, 2, 3)."),
    "daemon": Entry("tpcharness.cli.daemon", "Probe all year, and serve metrics and pages about it."),
    "health": Entry("tpcharness.cli.health", "Ask a running daemon whether it is well (0, 1)."),
    "report": Entry("tpcharness.cli.report", "Show a former run again, in any format."),
    "diff": Entry("tpcharness.cli.diff", "Compare two runs: newly broken, still broken, fixed."),
    "history": Entry("tpcharness.cli.history", "Write out what a daemon remembers."),
    "tape": Entry("tpcharness.cli.tape", "Ask tape services, and stage registered files."),
    "clean": Entry("tpcharness.cli.clean", "Remove what earlier runs have left at the storages."),
    "config": Entry("tpcharness.cli.config", "Check, show, begin or describe the configuration."),
    "explain": Entry("tpcharness.cli.explain", "Say what a reason, result code or exit code means and what to do."),
    "testbed": Entry("tpcharness.cli.testbed", "Run a grid on this machine that misbehaves on demand."),
}


class CommandTable(click.Group):
    """A group whose commands are imported when they are called, and that owns the exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (entry := COMMANDS.get(cmd_name)) is None:
            return None
        from importlib import import_module

        command: click.Command = getattr(import_module(entry.module), entry.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise no_such("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.sentence) for name, entry in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the chosen command. That nobody reads its output any more (`| head`) is no failure of a storage."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.INTERRUPTED
        return code

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command and exits with its code: what it returns (nothing means 0), or what it ended with."""
        words = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            with _sigterm_raises():
                code = super().main(words, prog_name, complete_var, standalone_mode=False, **extra)
        # The one place that catches everything: what is a bug must end as exit code 70 with a report, not as 1.
        except (Exception, Terminated) as error:
            code = _outcome(error, words)
        sys.exit(int(code or ExitCode.OK))


def _outcome(error: BaseException, words: Sequence[str]) -> int:
    """The exit code for what a command ended with; tells about it on stderr."""
    from tpcharness.config.problems import ConfigErrors

    match error:
        case Terminated():
            click.echo("terminated", err=True)
            return ExitCode.TERMINATED
        case click.Abort():
            click.echo("interrupted", err=True)
            return ExitCode.INTERRUPTED
        case click.UsageError():
            error.show()
            return ExitCode.USAGE
        case click.ClickException():
            error.show()
            return error.exit_code
        case ConfigErrors():
            click.echo(error.text, err=True)
            return ExitCode.CONFIG
        case _:
            return _internal(error, words)


def _internal(error: BaseException, words: Sequence[str]) -> int:
    from tpcharness.cli.crash import headline, save_report

    report = save_report(error, words, os.environ)
    where = f"report saved to {report}" if report else "no place to save a report"
    click.echo(f"internal error: {headline(error)}; {where}; it is our bug, please send it to us", err=True)
    return ExitCode.INTERNAL


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """SIGTERM becomes an exception, so that clean-up runs.

    A command with an event loop puts its own handler over this one, and raises Terminated itself when its work has
    been cancelled and cleaned up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@click.group(cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--color",
    type=click.Choice([choice.value for choice in Color]),
    default=Color.AUTO.value,
    show_default=True,
    help="Whether to colour; auto follows NO_COLOR, FORCE_COLOR, TERM and the terminal.",
)
@click.option("-v", "--verbose", count=True, help="Tell more on stderr; twice for still more.")
@click.version_option(__version__, prog_name="tpcharness", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, color: str, verbose: int) -> None:
    """Probes third-party copies between storages and names who is at fault.

    Begin with `tpcharness testbed demo`, or with `tpcharness config init`.
    """
    ctx.obj = Invocation(Color(color), verbose)
    ctx.color = {Color.ALWAYS: True, Color.NEVER: False}.get(ctx.obj.color)


def run() -> NoReturn:
    """The entry point of the `tpcharness` command and of `python -m tpcharness`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What a storage said must be printable on any terminal.
            stream.reconfigure(errors="backslashreplace")
    cli.main(prog_name="tpcharness")
    raise AssertionError("main exits")
