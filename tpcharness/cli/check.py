"""`tpcharness check ENDPOINT...`: endpoints alone, by their doors or in other ways."""

from __future__ import annotations

import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path

import click

from tpcharness.cli.completion import endpoint_names, one_of
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import (
    ALL_VARIANTS,
    OUTPUT_HELP,
    VARIANTS_ALONE,
    Invocation,
    config_option,
    format_option,
    load_or_exit,
    no_such,
    pass_invocation,
    pick_variants,
    push_metrics,
    push_option,
    verbose_option,
)
from tpcharness.model.plan import Plan
from tpcharness.model.settings import ProbeSelection
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS


@click.command("check")
@click.argument("endpoints", metavar="[ENDPOINT]...", nargs=-1, shell_complete=endpoint_names)
@config_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    shell_complete=one_of((*VARIANTS_ALONE.split(", "), ALL_VARIANTS)),
    help=f"What to do in place of the doors: a name, a glob, or all; repeatable. Names: {VARIANTS_ALONE}. Tapes are "
    "staged by name only.",
)
@format_option
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT:FILE", help=OUTPUT_HELP)
@push_option
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@verbose_option
@pass_invocation
def command(
    invocation: Invocation,
    endpoints: tuple[str, ...],
    *,
    config_path: Path | None,
    variants: tuple[str, ...],
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    push_gateway: str | None,
    quiet: bool,
) -> ExitCode:
    """Check each ENDPOINT alone (all of them by default): every address, TLS, token, and one small file.

    Names may be globs. The file is written, read back by HEAD with digest and by GET, compared, and deleted; at a root
    door likewise. Other ways to look at an endpoint are asked for by --variant.
    """
    from tpcharness.cli.progress import make_progress
    from tpcharness.cli.running import explain_our_side, run_plan
    from tpcharness.cli.verbose import Verbose
    from tpcharness.engine.plan import make_plan
    from tpcharness.export.alphabet import UNICODE
    from tpcharness.export.door_table import DoorReport
    from tpcharness.export.formats import Format, Output, OutputError, Outputs
    from tpcharness.export.plan_table import why_nothing

    config = load_or_exit(config_path)
    for name in endpoints:
        if not any(fnmatchcase(known, name) for known in config.endpoints):
            raise no_such("endpoint", name, config.endpoints)
    wanted = endpoints or ("*",)
    chosen = [
        endpoint for name, endpoint in config.endpoints.items() if any(fnmatchcase(name, each) for each in wanted)
    ]
    selection = ProbeSelection(pick_variants(variants, ENDPOINT_VARIANTS, chosen) or DOOR_VARIANTS, ("*",), ("*",))
    plan: Plan = make_plan(chosen, [selection], opt_out=config.harness.opt_out)
    if not plan.probes:
        click.echo(f"nothing to do: {why_nothing(plan.dropped, UNICODE)}", err=True)
        return ExitCode.NOTHING_TO_DO
    console = invocation.console()
    try:
        writers = [Output.parse(text) for text in (*formats, *outputs)]
        show_table = not any(writer.path == "-" for writer in writers if writer.format is not Format.TABLE)
        with Outputs([writer for writer in writers if writer != Output(Format.TABLE)], console) as files:
            stderr = invocation.console(sys.stderr)
            progress = make_progress(stderr, len(plan.probes), time.monotonic, quiet=quiet)
            with progress:
                report = run_plan(config, plan, files, [progress, Verbose(stderr, invocation.verbosity)])
            problems = files.finish(report.facts, report.store, report.findings)
        if push_gateway is not None and (problem := push_metrics(push_gateway, config, report)):
            problems.append(problem)
    except OutputError as error:
        raise click.UsageError(str(error)) from error
    if show_table:
        console.print(DoorReport([cell.worst for cell in report.store.endpoint_cells()]))
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    for warning in report.facts.warnings:
        click.echo(f"warning: {warning}", err=True)
    if report.exit_code is ExitCode.OUR_SIDE:
        click.echo(explain_our_side(report), err=True)
    return ExitCode.OUR_SIDE if problems and report.exit_code is ExitCode.OK else report.exit_code
