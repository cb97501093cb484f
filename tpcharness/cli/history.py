"""`tpcharness history export`: what a daemon remembers, for other programs."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.options import config_option, load_or_exit
from tpcharness.model.variant import DOOR_VARIANTS

if TYPE_CHECKING:
    from tpcharness.results.history import Reader
    from tpcharness.results.run import RunFacts

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class CannotExport(click.ClickException):
    """The file cannot be written, or a library is missing: our side."""

    exit_code = ExitCode.OUR_SIDE


@click.group("history")
def command() -> None:
    """Write out what a daemon remembers. It may be running meanwhile."""


@command.command("export")
@click.argument("form", metavar="FORMAT", type=click.Choice(["jsonl", "parquet"]))
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--since", metavar="TIME", help='What started since then, such as "7d" or "2026-11-22"; default: all.')
@click.option("--until", metavar="TIME", help="And before then; default: now.")
@config_option
def export(form: str, path: Path, since: str | None, until: str | None, config_path: Path | None) -> ExitCode:
    """Write every result of a time to FILE, oldest first.

    FORMAT jsonl is what `report` reads, with evidence as long as that is kept; FILE may be - for stdout. parquet is a
    table of figures, one row for each result. A FILE that is there is replaced when all is written.
    """
    from tpcharness.cli.recorded import check_times, facts_of_time, history_of, moment

    begin = _BEGINNING if since is None else moment(since)
    end = datetime.now(UTC) if until is None else moment(until)
    check_times(begin, end)
    if form == "parquet" and str(path) == "-":
        raise click.UsageError("parquet needs a file: it is not a stream")
    config = load_or_exit(config_path, to_run=False)
    with history_of(config) as reader:
        counts = reader.count(begin, end)
        if not counts:
            click.echo("nothing was probed in that time", err=True)
            return ExitCode.NOTHING_TO_DO
        links = sum(count for variant, count in counts.items() if variant.of_link)
        doors = sum(counts.get(variant, 0) for variant in DOOR_VARIANTS)
        alone = sum(counts.values()) - links - doors
        facts = facts_of_time(config, begin, end, doors=doors, links=links, alone=alone)
        try:
            if form == "parquet":
                _parquet(reader, path, begin, end)
            else:
                _jsonl(reader, path, facts, begin, end)
        except OSError as error:
            raise CannotExport(f"cannot write {path}: {error.strerror or error}") from None
    click.echo(f"{sum(counts.values()):,} results written", err=True)
    return ExitCode.OK


def _jsonl(reader: Reader, path: Path, facts: RunFacts, since: datetime, until: datetime) -> None:
    """Raises OSError; without its summary a reader would take the file for that of a run that was killed."""
    from tpcharness.export.formats import WholeFile
    from tpcharness.export.jsonl import JsonLinesWriter
    from tpcharness.model.variant import Outcome
    from tpcharness.results.store import Tally

    with ExitStack() as stack:
        file = None if str(path) == "-" else stack.enter_context(WholeFile(str(path)))
        stream: IO[str] = sys.stdout if file is None else file.stream
        writer = JsonLinesWriter(stream, replace(facts, ended=None, ended_at=None))
        links, doors, alone = Counter[Outcome](), Counter[Outcome](), Counter[Outcome]()
        for result in reader.everything(since, until):
            writer.add(result)
            kind = links if result.variant.of_link else doors if result.variant in DOOR_VARIANTS else alone
            kind[result.outcome] += 1
            if writer.broken is not None:
                break
        writer.finish(facts, (), links=Tally.of(links), doors=Tally.of(doors), alone=Tally.of(alone))
        if writer.broken is not None:
            raise writer.broken
        if file is not None:
            file.commit()


def _parquet(reader: Reader, path: Path, since: datetime, until: datetime) -> None:
    """Raises OSError, and CannotExport when the library is not installed."""
    from tpcharness.export.parquet import ParquetMissing, write_parquet

    try:
        write_parquet(reader.everything(since, until, whole=False), path)
    except ParquetMissing as error:
        raise CannotExport(str(error)) from None
