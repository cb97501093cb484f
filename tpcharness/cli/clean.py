"""`tpcharness clean`: takes away what earlier runs have left at the storages, and only that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import config_argument, load_or_exit

if TYPE_CHECKING:
    from tpcharness.payload.cleaning import Cleaning


@click.command("clean")
@config_argument
def command(config_path: Path | None) -> ExitCode:
    """Remove the payload files that earlier runs noted in the ledger and could not take away.

    Requests for staging that they left open are released and deleted. Nothing else is ever deleted. Refuses to work
    beside a harness that is running on the same state directory.
    """
    from tpcharness.cli.running import clean_up

    cleaning = clean_up(load_or_exit(config_path))
    _tell(cleaning)
    return ExitCode.FAILED if cleaning.kept else ExitCode.OK


def _tell(cleaning: Cleaning) -> None:
    for entry in cleaning.removed:
        click.echo(f"{'ended  ' if entry.tape_paths else 'removed'}  {entry.url}")
    for entry in cleaning.gone:
        click.echo(f"gone     {entry.url}")
    for kept in cleaning.kept:
        click.echo(f"kept     {kept.entry.url}  ({kept.why})")
    if not (cleaning.removed or cleaning.gone or cleaning.kept):
        click.echo("nothing to clean: the ledger is empty")
