"""Former runs, for the commands that speak of them."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import click

from tpcharness.cli.exits import ExitCode
from tpcharness.export.fields import DocumentError
from tpcharness.export.recording import fill_store, read_recording
from tpcharness.model.finding import Finding
from tpcharness.results.run import RunFacts
from tpcharness.results.store import MatrixStore

STDIN = Path("-")


class UnreadableRun(click.ClickException):
    """A word of the command line names no run that can be read: a matter of usage, not of the configuration."""

    exit_code = ExitCode.USAGE


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
