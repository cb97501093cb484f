"""`tpcharness report`: a former run shown again, or the last state of each cell out of a daemon's history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.fail_on import HELP, FailOn, Rule, fail_on
from tpcharness.cli.options import (
    OUTPUT_HELP,
    Invocation,
    config_option,
    format_option,
    load_or_exit,
    no_such,
    pass_invocation,
)
from tpcharness.model.endpoint import LinkSubject, Subject
from tpcharness.model.variant import DOOR_VARIANTS

if TYPE_CHECKING:
    from tpcharness.cli.recorded import FormerRun
    from tpcharness.model.finding import Finding
    from tpcharness.results.store import MatrixStore


@click.command("report")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--since", metavar="TIME", help='From the history: what came since then, such as "7d" or "2026-11-22".')
@click.option("--until", metavar="TIME", help="With --since: and before then; default: now.")
@config_option
@format_option
@click.option("-o", "--output", "outputs", multiple=True, metavar="FORMAT:FILE", help=OUTPUT_HELP)
@click.option("-e", "--endpoint", "endpoints", multiple=True, metavar="NAME", help="Only what concerns it; repeatable.")
@click.option("--fail-on", "rule", type=fail_on, default="any", metavar="RULE", help=HELP.replace(" new,", ""))
@pass_invocation
def command(
    invocation: Invocation,
    path: Path | None,
    *,
    since: str | None,
    until: str | None,
    config_path: Path | None,
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    endpoints: tuple[str, ...],
    rule: FailOn,
) -> ExitCode:
    """Show the run in FILE again, in any format: JSON lines, also of a run that was killed, or a JSON document.

    FILE may be - for stdin. Ends with 0 or 1 as the run would, and with 6 if it is incomplete or was cut short.

    With --since, in place of FILE: what a daemon has found in that time, the last result of each cell, out of its
    history (also while it runs). Ends with 5 if there is nothing.
    """
    from tpcharness.export.formats import Output, OutputError, Outputs
    from tpcharness.results.run import RunEnd

    if rule.rule is Rule.NEW:
        raise click.BadParameter("a report has nothing to compare with: see `tpcharness diff`", param_hint="--fail-on")
    former = _former(path, since, until, config_path)
    if not former.store.results():
        click.echo("nothing was probed in that time", err=True)
        return ExitCode.NOTHING_TO_DO
    for name in endpoints:
        if name not in former.store.endpoints():
            raise no_such("endpoint", name, former.store.endpoints())
    shown = _concerning(former, endpoints) if endpoints else former
    try:
        files = [Output.parse(text) for text in outputs]
        on_stdout = [Output.parse(text) for text in formats]
        if not on_stdout and not any(output.path == "-" for output in files):
            on_stdout = [Output.parse("table")]
        with Outputs([*on_stdout, *files], invocation.console()) as writers:
            writers.begin(replace(shown.facts, ended=None, ended_at=None))
            for result in shown.store.results():
                writers.add(result)
            problems = writers.finish(shown.facts, shown.store, shown.findings)
    except OutputError as error:
        raise click.UsageError(str(error)) from error
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if shown.incomplete:
        click.echo(f"warning: {path}: {shown.incomplete}", err=True)
    if shown.facts.ended is not RunEnd.COMPLETE:
        return ExitCode.CUT_SHORT
    code = rule.judge(shown.store, shown.findings)
    return ExitCode.OUR_SIDE if problems and code is ExitCode.OK else code


def _former(path: Path | None, since: str | None, until: str | None, config_path: Path | None) -> FormerRun:
    """The run of the file, or of the time: one of the two must be said."""
    from tpcharness.cli.recorded import check_times, moment, read_history, read_run

    if (path is None) == (since is None):
        raise click.UsageError("name either a FILE or --since")
    if path is not None:
        if until is not None or config_path is not None:
            raise click.UsageError("--until and --config go with --since, not with a FILE")
        return read_run(path)
    begin = moment(since or "")
    end = datetime.now(UTC) if until is None else moment(until)
    check_times(begin, end)
    return read_history(load_or_exit(config_path, to_run=False), begin, end)


def _concerning(former: FormerRun, names: Sequence[str]) -> FormerRun:
    """The links of these endpoints and the doors at both of their ends, with the findings that explain them.

    The findings are those of the whole matrix: from its links alone an endpoint could not be told from its partners.
    """
    from tpcharness.results.store import MatrixStore

    wanted = set(names)
    everything = former.store.results()
    involved = wanted.union(*(ends for result in everything if wanted & (ends := _ends(result.subject))))
    results = [
        result for result in everything if _ends(result.subject) & (wanted if result.variant.of_link else involved)
    ]
    store = MatrixStore([known for known in former.store.endpoints() if known in involved])
    for result in results:
        store.add(result)
    facts = replace(
        former.facts,
        endpoints=tuple(known for known in former.facts.endpoints if known.name in involved),
        planned_doors=store.door_tally().total,
        planned_links=store.links().total,
        planned_alone=store.alone_tally().total,
        planned_bytes=sum(result.size_bytes for result in results if result.variant not in DOOR_VARIANTS),
        dropped=tuple(dropped for dropped in former.facts.dropped if wanted & _ends(dropped.subject)),
    )
    findings = tuple(finding for finding in former.findings if _explains(finding, wanted, store))
    return replace(former, facts=facts, store=store, findings=findings)


def _ends(subject: Subject) -> set[str]:
    return {subject.source, subject.destination} if isinstance(subject, LinkSubject) else {subject.endpoint}


def _explains(finding: Finding, wanted: set[str], store: MatrixStore) -> bool:
    """Whether it names one of these, or explains a link of theirs."""
    named = {*finding.culprits, *finding.sources, *finding.destinations}
    if wanted & named:
        return True
    partners = named & set(store.endpoints())
    broken = [_ends(cell.subject) for cell in store.cells() if not cell.worst.ok]
    if finding.kind.narrow:
        return partners in broken
    return any(partners & ends for ends in broken) if partners else bool(broken)
