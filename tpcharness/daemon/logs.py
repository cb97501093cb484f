"""The log of a service: one line per record on stderr, as text or JSON, with run and probe id, without secrets.

A thread writes the lines, so that a full pipe never holds the event loop; when it lags too far behind, lines are
dropped and counted. Nor does a full pipe hold the end of the process for more than a moment.
"""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import os
import queue
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from tpcharness.engine.attempts import current_probe
from tpcharness.export.clean_text import clean_text
from tpcharness.model.progress import Event, ExchangeSeen, ProbeEnded
from tpcharness.model.secret import redact
from tpcharness.model.variant import Outcome

log = logging.getLogger(__name__)

ROOT = "tpcharness"
LEVELS = ("debug", "info", "warning", "error")
LONGEST_LINE = 20_000
MOST_LINES = 10_000
"""Lines that wait for a reader of stderr before new ones are dropped."""

LAST_WORDS_SECONDS = 2.0
"""At the end the reader has so long for the lines that wait."""


class LogFormat(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


@contextmanager
def logging_to(
    stream: TextIO | None = None, *, shape: LogFormat = LogFormat.TEXT, level: str = "info", run_id: str = ""
) -> Iterator[None]:
    """Sends the log of the whole product, and warnings of its libraries, to `stream` (stderr) while the context lasts.

    Raises ValueError for a word that is no level.
    """
    lines: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST_LINES)
    entry = _Entry(lines)
    entry.setFormatter(JsonLines(run_id) if shape is LogFormat.JSON else TextLines(run_id))
    scribe = _Scribe(lines, stream or sys.stderr)
    root, ours = logging.getLogger(), logging.getLogger(ROOT)
    levels = root.level, ours.level
    root.setLevel(logging.WARNING)
    root.addHandler(entry)
    scribe.start()
    try:
        set_level(level)
        yield
    finally:
        root.removeHandler(entry)
        scribe.stop()
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


def set_level(level: str) -> None:
    """From now on; raises ValueError for a word that is no level."""
    if level.lower() not in LEVELS:
        raise ValueError(f"no log level {level!r}: there are {', '.join(LEVELS)}")
    logging.getLogger(ROOT).setLevel(level.upper())


class _Entry(logging.handlers.QueueHandler):
    """Formats in the thread that logs, where the context is the probe's; drops what does not fit into the queue."""

    def __init__(self, lines: queue.Queue[logging.LogRecord | None]) -> None:
        super().__init__(lines)
        self._lines = lines
        self.dropped = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        self.dropped += 1

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.dropped and not self._lines.full():
            text = f"{self.dropped} lines were dropped before this one"
            self.dropped = 0
            note = logging.makeLogRecord({"name": __name__, "levelname": "WARNING", "msg": text})
            super().enqueue(self.prepare(note))
        super().enqueue(record)


class _Scribe:
    """Writes lines in a thread that the end of the process does not wait for.

    To the descriptor where there is one: a thread that is stuck in a Python stream holds its lock, and the interpreter,
    which flushes stderr in the end, would die of that.
    """

    def __init__(self, lines: queue.Queue[logging.LogRecord | None], stream: TextIO) -> None:
        self._lines = lines
        self._stream = stream
        self._over = False
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What waits is written first, as far as the reader takes it in time."""
        try:
            self._lines.put(None, timeout=LAST_WORDS_SECONDS)
        except queue.Full:
            self._over = True
        else:
            self._thread.join(LAST_WORDS_SECONDS)
            self._over = True

    def _write_all(self) -> None:
        while (record := self._lines.get()) is not None and not self._over:
            try:
                self._write(f"{record.getMessage()}\n")
            except (OSError, ValueError):  # nobody reads any more: what was said is lost, the service goes on
                continue

    def _write(self, line: str) -> None:
        try:
            descriptor = self._stream.fileno()
        except io.UnsupportedOperation:
            self._stream.write(line)
            return
        data = line.encode("utf-8", "backslashreplace")
        while data and not self._over:
            data = data[os.write(descriptor, data) :]


class TextLines(logging.Formatter):
    """`2026-11-22T12:00:00.123Z INFO engine.attempts [run/probe] text`; further lines of a text are indented."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        first, *more = _message(self, record)
        place = "/".join(word for word in (self._run_id, current_probe.get()) if word)
        head = f"{_time(record)} {record.levelname} {_room(record)} [{place}] {first}"
        return "\n    ".join([head, *more])


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, run, probe (when there is one), message."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": _time(record), "level": record.levelname.lower(), "logger": _room(record), "run": self._run_id}
        if probe := current_probe.get():
            line["probe"] = probe
        return json.dumps(line | {"message": "\n".join(_message(self, record))}, ensure_ascii=False)


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """The lines of a record, its exception's included; redacted as a whole, for a secret may be broken into lines."""
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text = f"{text}\n{formatter.formatException(record.exc_info)}"
    lines = redact(text[:LONGEST_LINE]).split("\n")
    return [_indented(line) for line in lines]


def _indented(line: str) -> str:
    words = line.lstrip(" ")
    return " " * (len(line) - len(words)) + clean_text(words, LONGEST_LINE)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _room(record: logging.LogRecord) -> str:
    return record.name.removeprefix(f"{ROOT}.")


class ResultLog:
    """An observer that logs how probes end: what failed at level info, the rest, and every request, at debug."""

    def notice(self, event: Event) -> None:
        """Never raises; costs next to nothing below its level."""
        match event:
            case ProbeEnded():
                result = event.result
                level = logging.INFO if result.outcome in (Outcome.FAILURE, Outcome.ERROR) else logging.DEBUG
                if log.isEnabledFor(level):
                    words = [str(result.subject), result.variant, result.outcome, f"{result.reason}, {result.blame}"]
                    log.log(level, "%s", " ".join(words) + (f": {result.hint}" if result.hint else ""))
            case ExchangeSeen() if log.isEnabledFor(logging.DEBUG):
                exchange = event.exchange
                answer = exchange.error if exchange.status is None else f"{exchange.status} {exchange.status_text}"
                log.debug("%s %s: %s (%.3f s)", exchange.method, exchange.url, answer, event.seconds)
