"""Results as a Parquet table of figures, for pandas, DuckDB, Spark: one row each, no evidence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Result
from tpcharness.model.variant import Phase

ROWS_AT_ONCE = 50_000


class ParquetMissing(Exception):  # noqa: N818 - reads as what it is
    """The library for it is not installed."""


def write_parquet(results: Iterable[Result], path: Path) -> None:
    """Writes a file that appears whole or not at all, holding `ROWS_AT_ONCE` results in memory.

    Raises ParquetMissing, which says what to install, and OSError.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and heavy
        import pyarrow.parquet as parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ParquetMissing("Parquet needs pyarrow: pip install 'tpcharness[parquet]'") from None
    types = {
        "text": pa.dictionary(pa.int32(), pa.string()),
        "name": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, types[kind]) for name, kind, _ in _COLUMNS])
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("xb") as stream, parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
            for rows in _groups(results):
                columns = {name: [of(row) for row in rows] for name, _, of in _COLUMNS}
                writer.write_table(pa.table(columns, schema))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _groups(results: Iterable[Result]) -> Iterator[list[Result]]:
    rest = iter(results)
    while rows := list(islice(rest, ROWS_AT_ONCE)):
        yield rows


def _source(result: Result) -> str | None:
    return result.subject.source if isinstance(result.subject, LinkSubject) else None


def _destination(result: Result) -> str:
    """Of a result about one endpoint it is that endpoint, as in its blame."""
    return result.subject.destination if isinstance(result.subject, LinkSubject) else result.subject.endpoint


def _phase(phase: Phase) -> Callable[[Result], float | None]:
    return lambda result: result.phases.get(phase)


# Public, as the fields of the record are: columns are only added. `text` repeats, `name` hardly does.
_COLUMNS: tuple[tuple[str, str, Callable[[Result], Any]], ...] = (
    ("run_id", "text", lambda result: result.run_id),
    ("probe_id", "name", lambda result: result.probe_id),
    ("attempt", "integer", lambda result: result.attempt),
    ("kind", "text", lambda result: result.subject.kind.value),
    ("source", "text", _source),
    ("destination", "text", _destination),
    ("variant", "text", lambda result: result.variant.value),
    ("size_bytes", "integer", lambda result: result.size_bytes),
    ("started_at", "time", lambda result: result.started_at),
    ("outcome", "text", lambda result: result.outcome.value),
    ("reason", "text", lambda result: result.reason.value),
    ("code", "integer", lambda result: result.code),
    ("phase", "text", lambda result: result.phase.value),
    ("blame", "text", lambda result: result.blame.value),
    ("bytes", "integer", lambda result: result.bytes),
    ("transfer_seconds", "number", lambda result: result.transfer_seconds),
    ("throughput", "number", lambda result: result.throughput),
    *((f"phase_{phase.value}_seconds", "number", _phase(phase)) for phase in Phase),
)
