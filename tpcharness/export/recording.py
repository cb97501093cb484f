"""A former run, read back from whichever of our files holds it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import IO

from tpcharness.diagnosis.findings import find
from tpcharness.export.document import parse_json, read_document
from tpcharness.export.jsonl import Recording, read_jsonl
from tpcharness.results.fields import DocumentError
from tpcharness.results.store import MatrixStore


def read_recording(stream: IO[str]) -> Recording:
    """The run of a JSON lines file or of a JSON document, told apart by the first line; findings are made if absent.

    Raises DocumentError, naming the line, for whatever is neither.
    """
    try:
        head = _first_line(stream)
        recording = read_jsonl(chain(head, stream)) if _is_line(head) else _read_whole(chain(head, stream))
    except UnicodeDecodeError:
        raise DocumentError("not a text file") from None
    return recording if recording.findings else replace(recording, findings=find(recording.results))


def fill_store(recording: Recording) -> MatrixStore:
    """What is remembered of the run."""
    store = MatrixStore((known.name for known in recording.run.endpoints), capacity=max(1, len(recording.results)))
    for result in recording.results:
        store.add(result)
    return store


def _first_line(stream: IO[str]) -> list[str]:
    """The lines up to the first that is not blank."""
    head = []
    for line in stream:
        head.append(line)
        if line.strip():
            break
    return head


def _is_line(head: list[str]) -> bool:
    """Whether this begins JSON lines: a whole object with a type. A document may well stand in one line, too."""
    if not head:
        return True
    try:
        value = json.loads(head[-1])
    except (ValueError, RecursionError):
        return False
    return not isinstance(value, dict) or "schema_version" not in value or "type" in value


def _read_whole(lines: Iterable[str]) -> Recording:
    document = read_document(parse_json("".join(lines), "the document"))
    incomplete = "" if document.run.ended is not None else "the run is incomplete: it has no end"
    return Recording(document.run, document.results, document.findings, incomplete)
