"""Former runs, for the commands that speak of them: out of a file, or out of a daemon's history."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpcharness import __version__
from tpcharness.cli.exits import ExitCode
from tpcharness.config.quantities import MAX_KEPT_SECONDS, parse_duration
from tpcharness.diagnosis.findings import find
from tpcharness.export.recording import fill_store, read_recording
from tpcharness.model.finding import Finding
from tpcharness.results.fields import DocumentError
from tpcharness.results.run import HISTORY, EndpointFacts, RunEnd, RunFacts
from tpcharness.results.store import MatrixStore

if TYPE_CHECKING:
    from tpcharness.config.configuration import Config
    from tpcharness.results.history import Reader

STDIN = Path("-")


class UnreadableRun(click.ClickException):
    """A word of the command line names no run that can be read: a matter of usage, not of the configuration."""

    exit_code = ExitCode.USAGE


class UnreadableHistory(click.ClickException):
    """The history that the configuration names cannot be read: our side, no storage's."""

    exit_code = ExitCode.OUR_SIDE


@dataclass(frozen=True, slots=True)
class FormerRun:
    """A run that was read back. `incomplete` is a sentence, empty when the run came to its end."""

    facts: RunFacts
    store: MatrixStore
    findings: tuple[Finding, ...]
    incomplete: str = ""


def read_run(path: Path) -> FormerRun:
    """The run of a JSON lines file or of a JSON document; "-" is stdin.

    Raises UnreadableRun, which names the file and the line, when it is missing or no such thing.
    """
    try:
        with nullcontext(sys.stdin) if path == STDIN else path.open(encoding="utf-8") as stream:
            recording = read_recording(stream)
    except OSError as error:
        raise UnreadableRun(f"cannot read {path}: {error.strerror or error}") from None
    except DocumentError as error:
        raise UnreadableRun(f"{path}: not a run that can be read: {error}") from None
    return FormerRun(recording.run, fill_store(recording), recording.findings, recording.incomplete)


def moment(text: str) -> datetime:
    """For `type=moment`: "7d" is seven days ago, "2026-11-22" or "2026-11-22T12:00" is that time, UTC by default."""
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text, MAX_KEPT_SECONDS))
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f'"{text}" is no time; write how long ago, such as "7d", or a time, such as "2026-11-22T12:00"'
        ) from None


def check_times(since: datetime, until: datetime) -> None:
    """Raises a usage error unless there is any time between the two."""
    if since >= until:
        raise click.UsageError(f"--since {since:%Y-%m-%dT%H:%MZ} is not before --until {until:%Y-%m-%dT%H:%MZ}")


@contextmanager
def history_of(config: Config) -> Iterator[Reader]:
    """The history of the daemon with this configuration, also while it runs. Raises UnreadableHistory."""
    from tpcharness.results.history import HistoryError, open_reader

    try:
        with open_reader(config.history, Path(config.harness.state_dir)) as reader:
            yield reader
    except HistoryError as error:
        raise UnreadableHistory(f"{error} (of {config.path}; --config names another)") from None


def read_history(config: Config, since: datetime, until: datetime) -> FormerRun:
    """What arrived last for each cell in that time, as if it were one run. Raises UnreadableHistory."""
    with history_of(config) as reader:
        results = tuple(reader.newest(since, until))
    store = MatrixStore(config.endpoints, capacity=max(1, len(results)))
    for result in results:
        store.add(result)
    facts = facts_of_time(
        config,
        since,
        until,
        doors=store.door_tally().total,
        links=store.links().total,
        alone=store.alone_tally().total,
    )
    return FormerRun(facts, store, find(results))


def facts_of_time(config: Config, since: datetime, until: datetime, *, doors: int, links: int, alone: int) -> RunFacts:
    """The facts of a time in a daemon's life. There was no plan: what came is what was planned."""
    return RunFacts(
        run_id=f"{HISTORY}{since:%Y%m%dT%H%M%SZ}-{until:%Y%m%dT%H%M%SZ}",
        started_at=since,
        version=__version__,
        harness=config.harness.name,
        config_path=str(config.path),
        endpoints=tuple(EndpointFacts.of(endpoint) for endpoint in config.endpoints.values()),
        planned_doors=doors,
        planned_links=links,
        planned_alone=alone,
        ended_at=until,
        ended=RunEnd.COMPLETE,
    )
