"""`tpcharness plugin`: one endpoint or one link as a monitoring plug-in.

Exempt from the exit codes of everybody else: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, and everything goes to stdout.
"""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from tpcharness.cli.completion import endpoint_names
from tpcharness.cli.exits import ExitCode, Terminated
from tpcharness.cli.options import VARIANTS, VARIANTS_ALONE, config_option, duration, no_such
from tpcharness.model.settings import ProbeSelection
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS, LINK_VARIANTS, Variant

if TYPE_CHECKING:
    from tpcharness.cli.running import Report
    from tpcharness.config.configuration import Config
    from tpcharness.export.plugin_text import Verdict
    from tpcharness.model.plan import Plan
    from tpcharness.model.progress import Event

TIMEOUT = "55s"
"""Monitoring systems usually kill a check after 60 s."""

CLEANUP_SECONDS = 12.0
"""Kept of the time-out for taking our files away, but half of it at most. A copy that was given up needs most of it:
its destination is watched for 5 s before it is deleted."""

CERTIFICATE_DAYS = 14.0

_UNKNOWN = 3
_MOST_SEEN = 30


class PluginCommand(click.Command):
    """A command that tells the monitoring whatever happens, also a wrong word: as UNKNOWN, on stdout."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            raise click.exceptions.Exit(_tell(_own_matter(error, args))) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with redirect_stderr(io.StringIO()):
                return super().invoke(ctx)
        # As at the door of the command line: exit code 1 or 2 for a matter of ours would accuse a storage.
        except (Exception, KeyboardInterrupt, Terminated) as error:
            return _tell(_own_matter(error, sys.argv[1:]))


@click.command("plugin", cls=PluginCommand)
@click.argument("names", metavar="ENDPOINT | SRC DST", nargs=-1, shell_complete=endpoint_names)
@config_option
@click.option(
    "--variant",
    metavar="NAME",
    help=f"How to copy from SRC to DST: {VARIANTS}.  [default: https-pull]  What to do at one ENDPOINT: "
    f"{VARIANTS_ALONE}.  [default: its doors]",
)
@click.option(
    "-t",
    "--timeout",
    type=duration,
    default=TIMEOUT,
    show_default=True,
    metavar="TIME",
    help="UNKNOWN after this time.",
)
@click.option(
    "--certificate-days",
    type=click.FloatRange(0),
    default=CERTIFICATE_DAYS,
    show_default=True,
    metavar="DAYS",
    help="WARNING when a certificate ends sooner.",
)
def command(
    names: tuple[str, ...], *, config_path: Path | None, variant: str | None, timeout: float, certificate_days: float
) -> int:
    """Check one ENDPOINT, or one copy from SRC to DST, for a monitoring system.

    Prints one status line with performance data, and the evidence below it. Ends with 0 OK; 1 WARNING: a certificate
    is about to end; 2 CRITICAL: a storage or the path failed; 3 UNKNOWN: we could not find out.
    """
    from tpcharness.config.load import load_config
    from tpcharness.config.places import default_path
    from tpcharness.config.problems import ConfigErrors
    from tpcharness.export.plugin_text import Status, judge, unknown

    chosen = _variant(names, variant)
    config = load_config(config_path or default_path(os.environ), environ=os.environ)
    if isinstance(config, ConfigErrors):
        raise config
    plan = _plan(config, names, chosen)
    with Alarm(timeout) as alarm:
        report = _run(config, plan, timeout, alarm)
    if report.exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        return _tell(unknown("interrupted", alarm.seen))
    results = {(str(result.subject), result.variant): result for result in report.store.results()}
    doors = [results[name, door] for name in names for door in DOOR_VARIANTS if (name, door) in results]
    result = min(doors, key=lambda door: door.ok) if chosen in DOOR_VARIANTS else results[" -> ".join(names), chosen]
    verdict = judge(result, doors, certificate_warning_days=certificate_days)
    if report.exit_code is ExitCode.CUT_SHORT and verdict.status is Status.UNKNOWN:
        verdict = _too_late(timeout, alarm.seen)
    return _tell(replace(verdict, details=(*verdict.details, *report.facts.warnings)))


class Alarm:
    """An observer that remembers what was seen last, and ends the process when the time is over, whatever hangs.

    A monitoring system that has to kill us learns nothing. What cannot be taken away by then stays in the ledger, as
    after any kill, and the next run removes it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._seen: deque[str] = deque(maxlen=_MOST_SEEN)
        self._last_word = threading.Lock()
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._last_word.acquire()  # never returns when it rings at this very moment: one of us speaks, not both

    @property
    def seen(self) -> tuple[str, ...]:
        return tuple(self._seen)

    def notice(self, event: Event) -> None:
        from tpcharness.model.progress import ExchangeSeen, MarkerSeen, PhaseEntered, ProbeStarted, Remark, TerminalSeen

        match event:
            case ProbeStarted(label=text) | TerminalSeen(text=text) | Remark(text=text):
                self._note(text)
            case PhaseEntered(phase=phase):
                self._note(f"phase {phase}")
            case ExchangeSeen(exchange=exchange):
                self._note(f"{exchange.method} {exchange.url}: {exchange.status or exchange.error}")
            case MarkerSeen(bytes_claimed=claimed):
                self._note(f"marker: {'no' if claimed is None else claimed} bytes")

    def _note(self, text: str) -> None:
        self._seen.append(f"{time.monotonic() - self._began:.1f} s: {text}")

    def _ring(self) -> None:
        self._last_word.acquire()
        _tell(_too_late(self._seconds, self.seen))
        sys.stdout.flush()
        os._exit(_UNKNOWN)


def _variant(names: Sequence[str], variant: str | None) -> Variant:
    """What is to be done, by the number of names."""
    if not 1 <= len(names) <= 2:
        raise click.UsageError("name one ENDPOINT, or SRC and DST and perhaps a --variant")
    if len(set(names)) < len(names):
        raise click.UsageError(f"SRC and DST are both {names[0]}: a file is never copied onto itself")
    offered, default = (ENDPOINT_VARIANTS, Variant.DOOR) if len(names) == 1 else (LINK_VARIANTS, Variant.HTTPS_PULL)
    if variant is None:
        return default
    known = [each.value for each in offered if each is not Variant.ROOT_DOOR]  # `door` is all doors
    if variant in known:
        return Variant(variant)
    if variant in list(Variant):
        what = "between two endpoints" if len(names) == 1 else "about one endpoint"
        raise click.UsageError(f"name one ENDPOINT, or SRC and DST: {variant} is {what}")
    raise no_such("variant", variant, known)


def _plan(config: Config, names: Sequence[str], variant: Variant) -> Plan:
    from tpcharness.engine.plan import make_plan

    for name in names:
        if name not in config.endpoints:
            raise no_such("endpoint", name, config.endpoints)
    variants = DOOR_VARIANTS if variant in DOOR_VARIANTS else (variant,)
    selection = ProbeSelection(variants, (names[0],), (names[-1],))
    plan = make_plan([config.endpoints[name] for name in names], [selection], opt_out=config.harness.opt_out)
    if not (plan.doors if variant in DOOR_VARIANTS else (*plan.alone, *plan.links)):
        why = "; ".join(f"{dropped.why} {dropped.detail}".strip() for dropped in plan.dropped)
        raise click.UsageError(f"nothing to do: {why}")
    return plan


def _run(config: Config, plan: Plan, timeout_seconds: float, alarm: Alarm) -> Report:
    from rich.console import Console

    from tpcharness.cli.running import run_plan
    from tpcharness.export.formats import Outputs

    reserve = min(CLEANUP_SECONDS, timeout_seconds / 2)
    limits = replace(
        config.timeouts,
        cleanup_seconds=min(config.timeouts.cleanup_seconds, reserve),
        settle_seconds=min(config.timeouts.settle_seconds, reserve / 4),
    )
    with Outputs((), Console(file=io.StringIO())) as nowhere:
        return run_plan(
            replace(config, timeouts=limits), plan, nowhere, [alarm], deadline_seconds=timeout_seconds - reserve
        )


def _too_late(seconds: float, seen: Sequence[str]) -> Verdict:
    from tpcharness.export.plugin_text import unknown

    return unknown(f"no verdict within {seconds:g} s", ("what was seen last:", *seen) if seen else ())


def _own_matter(error: BaseException, words: Sequence[str]) -> Verdict:
    """What the monitoring is told when it is not about a storage."""
    from tpcharness.cli.crash import headline, save_report
    from tpcharness.config.problems import ConfigErrors
    from tpcharness.export.plugin_text import unknown

    match error:
        case KeyboardInterrupt() | click.Abort() | Terminated():
            return unknown("interrupted")
        case click.ClickException():
            return unknown(error.format_message())
        case ConfigErrors():
            return unknown(f"the configuration is invalid: {error}", error.text.splitlines())
        case _:
            report = save_report(error, words, os.environ)
            where = f"report saved to {report}" if report else "no place to save a report"
            return unknown(f"internal error: {headline(error)}; {where}")


def _tell(verdict: Verdict) -> int:
    click.echo(verdict.text)
    return int(verdict.status)
