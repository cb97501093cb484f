"""`tpcharness probe SRC DST`: one link, told as a story."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import (
    OUTPUT_HELP,
    VARIANTS,
    Invocation,
    config_option,
    link_variants,
    load_or_exit,
    no_such,
    pass_invocation,
    size,
)
from tpcharness.model.settings import ProbeSelection
from tpcharness.model.variant import Variant


@click.command("probe")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
@config_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    default=(Variant.HTTPS_PULL.value,),
    show_default=True,
    help=f"How to copy: {VARIANTS}, or all; repeatable.",
)
@click.option(
    "--size", "sizes", multiple=True, type=size, metavar="SIZE", help="File size in place of 1MiB; repeatable."
)
@click.option(
    "--show", type=click.Choice(["heads", "markers", "all"]), default="all", show_default=True, help="What to tell."
)
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT:FILE", help=OUTPUT_HELP)
@pass_invocation
def command(
    invocation: Invocation,
    source: str,
    destination: str,
    *,
    config_path: Path | None,
    variants: tuple[str, ...],
    sizes: tuple[int, ...],
    show: str,
    outputs: tuple[str, ...],
) -> ExitCode:
    """Copy one file from SRC to DST and tell every step: both doors, requests, answers, markers, verdict.

    SRC and DST are names of endpoints in the configuration. Like `curl -v`, for third-party copies.
    """
    from tpcharness.cli.running import explain_our_side, run_plan
    from tpcharness.engine.plan import make_plan
    from tpcharness.export.formats import Output, OutputError, Outputs
    from tpcharness.export.story import Story

    config = load_or_exit(config_path)
    for name in (source, destination):
        if name not in config.endpoints:
            raise no_such("endpoint", name, config.endpoints)
    chosen = link_variants(variants)
    if source == destination:
        raise click.UsageError(f"SRC and DST are both {source}: a file is never copied onto itself")
    selection = ProbeSelection(chosen, (source,), (destination,), sizes or ProbeSelection().sizes)
    plan = make_plan(
        [config.endpoints[source], config.endpoints[destination]], [selection], opt_out=config.harness.opt_out
    )
    if not plan.links:
        why = "; ".join(f"{dropped.why} {dropped.detail}".strip() for dropped in plan.dropped)
        click.echo(f"nothing to do: {why}", err=True)
        return ExitCode.NOTHING_TO_DO
    story = Story(
        invocation.console(sys.stdout),
        time.monotonic,
        heads=show in ("heads", "all"),
        markers=show in ("markers", "all"),
    )
    try:
        with Outputs([Output.parse(text) for text in outputs], invocation.console()) as writers:
            report = run_plan(config, plan, writers, [story], concurrency=1)
            problems = writers.finish(report.facts, report.store, report.findings)
    except OutputError as error:
        raise click.UsageError(str(error)) from error
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    for warning in report.facts.warnings:
        click.echo(f"warning: {warning}", err=True)
    if report.exit_code is ExitCode.OUR_SIDE:
        click.echo(explain_our_side(report), err=True)
    return ExitCode.OUR_SIDE if problems and report.exit_code is ExitCode.OK else report.exit_code
