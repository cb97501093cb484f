"""`tpcharness matrix`: all links of the configuration, once, with a verdict."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.completion import endpoint_names, one_of
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.fail_on import HELP, RULES, FailOn, Rule, fail_on
from tpcharness.cli.options import (
    ALL_VARIANTS,
    BEYOND_DOORS,
    OUTPUT_HELP,
    VARIANTS,
    VARIANTS_ALONE,
    Invocation,
    config_argument,
    duration,
    format_option,
    load_or_exit,
    no_such,
    pass_invocation,
    pick_variants,
    push_metrics,
    push_option,
    size,
    verbose_option,
)
from tpcharness.config.configuration import Config
from tpcharness.model.plan import Plan
from tpcharness.model.variant import Variant

if TYPE_CHECKING:
    from tpcharness.cli.recorded import FormerRun

DEFAULT_TESTBED_SITES = 4


@click.command("matrix")
@config_argument
@click.option(
    "--testbed",
    "testbed_sites",
    is_flag=False,
    flag_value=DEFAULT_TESTBED_SITES,
    type=click.IntRange(2, 100),
    metavar="[N]",
    help="Start a testbed of N storages, run against it, stop it.",
)
@click.option(
    "--fault", "faults", multiple=True, metavar="SITE-B=NAME", help="What is wrong in the testbed; repeatable."
)
@click.option(
    "-s",
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    shell_complete=endpoint_names,
    help="Only links from these; globs; repeatable.",
)
@click.option(
    "-d",
    "--destination",
    "destinations",
    multiple=True,
    metavar="NAME",
    shell_complete=endpoint_names,
    help="Only links to these; globs; repeatable.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    shell_complete=one_of((*BEYOND_DOORS, ALL_VARIANTS)),
    help=f"Only this way to probe: a name, a glob, or all for every one of links; repeatable. Links: {VARIANTS}. "
    f"Endpoints alone: {VARIANTS_ALONE}. What moves tapes runs by its name only.",
)
@click.option(
    "--size", "sizes", multiple=True, type=size, metavar="SIZE", help="File sizes in place of those configured."
)
@click.option("--plan", "show_plan", is_flag=True, help="Show what would be done; touch nothing.")
@click.option("--deadline", type=duration, metavar="TIME", help="Stop after this time, with what there is.")
@click.option("--max-failures", type=click.IntRange(1), metavar="N", help="Start nothing new after N failures.")
@click.option("--concurrency", type=click.IntRange(1, 10_000), metavar="N", help="Probes under way at once.")
@format_option
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT:FILE", help=OUTPUT_HELP)
@push_option
@click.option(
    "--fail-on",
    "rule",
    type=fail_on,
    default="any",
    metavar="RULE",
    show_default=True,
    shell_complete=one_of(RULES),
    help=HELP,
)
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Compare with the run in FILE (json or jsonl)."
)
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@verbose_option
@pass_invocation
def command(
    invocation: Invocation,
    config_path: Path | None,
    *,
    testbed_sites: int | None,
    faults: tuple[str, ...],
    sources: tuple[str, ...],
    destinations: tuple[str, ...],
    variants: tuple[str, ...],
    sizes: tuple[int, ...],
    show_plan: bool,
    deadline: float | None,
    max_failures: int | None,
    concurrency: int | None,
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    push_gateway: str | None,
    rule: FailOn,
    baseline: Path | None,
    quiet: bool,
) -> ExitCode:
    """Probe every link between the endpoints of CONFIG, in pull and in push mode, and say who is at fault.

    First every endpoint is checked alone; links of an endpoint that fails its own check are not tried.
    """
    if rule.rule is Rule.NEW and baseline is None:
        raise click.UsageError("--fail-on new needs a --baseline to compare with")
    former = None
    if baseline is not None:
        from tpcharness.cli.recorded import read_run

        former = read_run(baseline)
    with ExitStack() as stack:
        if testbed_sites is not None:
            if config_path is not None:
                raise click.UsageError("--testbed brings its own configuration: leave CONFIG out")
            from tpcharness.cli.testbed_child import running_testbed

            config = stack.enter_context(running_testbed(testbed_sites, _testbed_options(faults, variants)))
        elif faults:
            raise click.UsageError("--fault is about a testbed: give --testbed too")
        else:
            config = load_or_exit(config_path)
        plan = _plan(config, sources, destinations, variants, sizes)
        if show_plan:
            return _show(config, plan, invocation)
        if not (plan.links or plan.alone):
            click.echo("nothing to do: nothing is left; --plan says why", err=True)
            return ExitCode.NOTHING_TO_DO
        return run_and_write(
            invocation,
            config,
            plan,
            formats=formats,
            files=outputs,
            push_gateway=push_gateway,
            quiet=quiet,
            deadline_seconds=deadline,
            max_failures=max_failures,
            concurrency=concurrency,
            rule=rule,
            baseline=former,
        )


def run_and_write(
    invocation: Invocation,
    config: Config,
    plan: Plan,
    *,
    formats: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    push_gateway: str | None = None,
    quiet: bool = False,
    deadline_seconds: float | None = None,
    max_failures: int | None = None,
    concurrency: int | None = None,
    rule: FailOn,
    baseline: FormerRun | None,
) -> ExitCode:
    """Runs a plan with progress on stderr and its outputs where they belong.

    The comparison with a baseline follows the table, or goes to stderr when stdout belongs to another format.
    """
    from tpcharness.cli.progress import make_progress
    from tpcharness.cli.running import explain_our_side, run_plan
    from tpcharness.cli.verbose import Verbose
    from tpcharness.export.formats import Format, Output, OutputError, Outputs

    console = invocation.console()
    try:
        wanted = [Output.parse(text) for text in files]
        on_stdout = [Output.parse(text) for text in formats] or (
            [] if _uses_stdout(wanted) else [Output.parse("table")]
        )
        outputs = Outputs([*on_stdout, *wanted], console)
        with outputs:
            stderr = invocation.console(sys.stderr)
            progress = make_progress(stderr, len(plan.probes), time.monotonic, quiet=quiet)
            with progress:
                report = run_plan(
                    config,
                    plan,
                    outputs,
                    [progress, Verbose(stderr, invocation.verbosity)],
                    deadline_seconds=deadline_seconds,
                    max_failures=max_failures,
                    concurrency=concurrency,
                )
            problems = outputs.finish(report.facts, report.store, report.findings)
        if push_gateway is not None and (problem := push_metrics(push_gateway, config, report)):
            problems.append(problem)
    except OutputError as error:
        raise click.UsageError(str(error)) from error
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    comparison = None
    if baseline is not None:
        from tpcharness.export.comparison import ComparisonReport
        from tpcharness.results.comparison import compare

        comparison = compare(baseline.store, report.store)
        place = console if on_stdout == [Output(Format.TABLE)] else stderr
        place.print()
        place.print(ComparisonReport(comparison, baseline.facts, report.facts))
    code = report.exit_code
    if code is ExitCode.OUR_SIDE:
        click.echo(explain_our_side(report), err=True)
    if code in (ExitCode.OK, ExitCode.FAILED):  # nothing stopped us: what counts is for the user to say
        code = rule.judge(report.store, report.findings, comparison)
    return ExitCode.OUR_SIDE if problems and code is ExitCode.OK else code


def _testbed_options(faults: tuple[str, ...], variants: tuple[str, ...]) -> list[str]:
    """Storages that copy in both modes, so that a healthy testbed is all green; and what is wrong with them."""
    from tpcharness.cli.demo import DIALECTS

    options = [word for dialect in DIALECTS for word in ("--dialect", dialect)]
    wanted = pick_variants(variants, BEYOND_DOORS)
    fields = {field for each in wanted for field in (*each.needs.source, *each.needs.destination)}
    at_legacy_doors = {each for each in wanted if {"gsiftp", "srm"} & {*each.needs.source, *each.needs.destination}}
    if "root" in fields or any("=root_" in fault for fault in faults):
        options.append("--root")
    if fields & {"tape_files", "tape_archive"} or any("=tape_" in fault for fault in faults):
        options.append("--tape")
    if "cache" in fields:
        options.append("--cache")
    audited = at_legacy_doors and at_legacy_doors <= {Variant.GSIFTP_DOOR, Variant.SRM_DOOR}  # others copy there
    if audited or any(text.partition("=")[2].startswith(("gsiftp_", "srm_")) for text in faults):
        options.append("--legacy")
    return options + [word for fault in faults for word in ("--fault", fault)]


def _uses_stdout(outputs: Iterable[object]) -> bool:
    return any(str(output).endswith(":-") for output in outputs)


def _plan(
    config: Config,
    sources: tuple[str, ...],
    destinations: tuple[str, ...],
    variants: tuple[str, ...],
    sizes: tuple[int, ...],
) -> Plan:
    from tpcharness.engine.mesh import PlanFilter
    from tpcharness.engine.plan import make_plan

    for name in (*sources, *destinations):
        if not any(fnmatchcase(known, name) for known in config.endpoints):
            raise no_such("endpoint", name, config.endpoints)
    endpoints = tuple(config.endpoints.values())
    wanted = pick_variants(variants, BEYOND_DOORS, endpoints)
    # What is asked for by name and configured nowhere is tried wherever anything is.
    more = tuple(each for each in wanted if not any(each in selection.variants for selection in config.probes))
    return make_plan(
        endpoints,
        [replace(selection, variants=(*selection.variants, *more)) for selection in config.probes],
        opt_out=config.harness.opt_out,
        filters=PlanFilter(sources, destinations, variants=wanted, sizes=sizes),
    )


def _show(config: Config, plan: Plan, invocation: Invocation) -> ExitCode:
    """The plan on the screen: what would be asked for and written."""
    from tpcharness.cli.planned_access import planned_access
    from tpcharness.export.plan_table import PlanReport

    scopes, places = planned_access(plan, config.harness.name)
    # An address stays in one piece, to be copied; the terminal breaks the line.
    invocation.console().print(PlanReport(plan, scopes, places), soft_wrap=True)
    return ExitCode.OK if plan.links or plan.alone else ExitCode.NOTHING_TO_DO
