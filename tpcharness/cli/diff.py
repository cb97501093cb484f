"""`tpcharness diff OLD NEW`: what has become better or worse from one run to the other."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import Invocation, pass_invocation


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "markdown"]),
    default="table",
    show_default=True,
    help="What goes to stdout.",
)
@pass_invocation
def command(invocation: Invocation, old: Path, new: Path, form: str) -> ExitCode:
    """Compare two runs, cell by cell: newly broken, still broken (and for which reason), fixed, new, gone.

    OLD and NEW are files that --output json:FILE or jsonl:FILE has written. Ends with 1 if something is newly broken.
    """
    from tpcharness.cli.recorded import read_run
    from tpcharness.export.comparison import ComparisonReport, comparison_document, comparison_markdown
    from tpcharness.results.comparison import compare

    if old == new == Path("-"):
        raise click.UsageError("OLD and NEW cannot both be stdin")
    before, after = read_run(old), read_run(new)
    comparison = compare(before.store, after.store)
    match form:
        case "json":
            click.echo(json.dumps(comparison_document(comparison, before.facts, after.facts), indent=2))
        case "markdown":
            click.echo("".join(comparison_markdown(comparison, before.facts, after.facts)), nl=False)
        case _:
            invocation.console().print(ComparisonReport(comparison, before.facts, after.facts))
    return ExitCode.FAILED if comparison.worse else ExitCode.OK
