"""Former runs, for the commands that speak of them."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import click

from tpcharness.export.fields import DocumentError
from tpcharness.export.recording import fill_store, read_recording
from tpcharness.model.finding import Finding
from tpcharness.results.run import RunFacts
from tpcharness.results.store import MatrixStore

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class FormerRun:
    """A run that was read back. `incomplete` is a sentence, empty when the run came to its end."""

    facts: RunFacts
    store: MatrixStore
    findings: tuple[Finding, ...]
    incomplete: str = ""


def read_run(path: Path) -> FormerRun:
    """The run of a JSON lines file or of a JSON document; "-" is stdin.

    A file that is missing or no such thing is one usage error that names the file and the line: what is wrong is a
    word of the command line (exit code 2), not the configuration.
    """
    try:
        with nullcontext(sys.stdin) if path == STDIN else path.open(encoding="utf-8") as stream:
            recording = read_recording(stream)
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except DocumentError as error:
        raise click.UsageError(f"{path} holds no run of tpcharness that can be read: {error}") from None
    return FormerRun(recording.run, fill_store(recording), recording.findings, recording.incomplete)
