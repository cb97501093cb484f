"""`tpcharness probe SRC [DST]`: one link, or one endpoint, told as a story."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from tpcharness.cli.completion import endpoint_names, one_of
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import (
    ALL_VARIANTS,
    BEYOND_DOORS,
    OUTPUT_HELP,
    VARIANTS,
    VARIANTS_ALONE,
    Invocation,
    config_option,
    load_or_exit,
    no_such,
    pass_invocation,
    pick_variants,
    size,
)
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.settings import ProbeSelection
from tpcharness.model.variant import DOOR_VARIANTS, ENDPOINT_VARIANTS, Variant


@click.command("probe")
@click.argument("source", metavar="SRC", shell_complete=endpoint_names)
@click.argument("destination", metavar="[DST]", required=False, shell_complete=endpoint_names)
@config_option
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    shell_complete=one_of((*BEYOND_DOORS, ALL_VARIANTS)),
    help=f"How to copy: a name, a glob, or all; repeatable. Links: {VARIANTS}. SRC alone, or both ends of the link: "
    f"{VARIANTS_ALONE}.  [default: https-pull; of SRC alone its doors]",
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
    destination: str | None,
    *,
    config_path: Path | None,
    variants: tuple[str, ...],
    sizes: tuple[int, ...],
    show: str,
    outputs: tuple[str, ...],
) -> ExitCode:
    """Copy one file from SRC to DST and tell every step: both doors, requests, answers, markers, verdict.

    SRC and DST are names of endpoints in the configuration; without DST it is about SRC alone. Like `curl -v`, for
    third-party copies.
    """
    from tpcharness.cli.running import explain_our_side, run_plan
    from tpcharness.engine.plan import make_plan
    from tpcharness.export.alphabet import UNICODE
    from tpcharness.export.formats import Output, OutputError, Outputs
    from tpcharness.export.plan_table import why_nothing
    from tpcharness.export.story import Story

    config = load_or_exit(config_path)
    names = (source,) if destination is None else (source, destination)
    for name in names:
        if name not in config.endpoints:
            raise no_such("endpoint", name, config.endpoints)
    if source == destination:
        raise click.UsageError(f"SRC and DST are both {source}: a file is never copied onto itself")
    ends = tuple(config.endpoints[name] for name in names)
    chosen = _chosen(variants, ends)
    selection = ProbeSelection(chosen, (source,), names[-1:], sizes or ProbeSelection().sizes)
    plan = make_plan(ends, [selection], opt_out=config.harness.opt_out)
    if not (plan.links or plan.alone or (destination is None and plan.doors)):
        click.echo(f"nothing to do: {why_nothing(plan.dropped, UNICODE)}", err=True)
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


def _chosen(variants: tuple[str, ...], ends: tuple[Endpoint, ...]) -> tuple[Variant, ...]:
    """What is to be done, by the number of endpoints."""
    if not variants:
        return DOOR_VARIANTS if len(ends) == 1 else (Variant.HTTPS_PULL,)
    return pick_variants(variants, ENDPOINT_VARIANTS if len(ends) == 1 else BEYOND_DOORS, ends)
