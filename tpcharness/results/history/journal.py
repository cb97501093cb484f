"""The journal: results that are not in the database yet, as lines of JSON in files that are read once and removed.

A line is with the kernel before `add` returns, so a kill -9 loses nothing; a loss of power may. Nothing here waits for
a database: when it is away for an hour, lines gather, up to a bound.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from tpcharness.model.result import Result
from tpcharness.results.history.errors import HistoryError
from tpcharness.results.record import result_document, to_json

FOLDER = "journal"
DAMAGED = "damaged"
"""Where lines go that cannot be read: a person may still."""
MAX_BYTES = 64 * 1024 * 1024

Line = bytes  # the class below has `bytes` of its own

_log = logging.getLogger(__name__)


class Journal:
    """A sink. `add` is called by one thread, everything else by the writer's; used under the state directory's lock.

    `write_failures` counts results that the disk, or the bound of `max_bytes`, did not let in: they are lost to the
    history. `refusing` says whether the last one was not let in. `bytes` is what waits.
    """

    def __init__(self, state_dir: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = state_dir / FOLDER
        self._max_bytes = max_bytes
        self._lock = threading.Lock()  # held for one write or one exchange of two numbers, never while a file is opened
        self._number = 0
        self._descriptor = -1
        self._size = 0
        self._waiting: dict[Path, int] = {}
        self.refusing = False
        self.write_failures = 0

    @property
    def bytes(self) -> int:
        return self._size + sum(self._waiting.values())

    def open(self) -> None:
        """Finds what a former process left, and begins a new file. Raises HistoryError when that cannot be."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            left = {path: path.stat().st_size for path in sorted(self._folder.glob("*.jsonl"))}
            self._number = max((int(path.stem) for path in left if path.stem.isdecimal()), default=0)
            self._waiting = left
            self._descriptor = self._next()
        except OSError as error:
            raise HistoryError(
                f"journal {self._folder}: {error.strerror or error}; results must be written there before they are "
                "anywhere else: make room, make it writable, or name another state_dir"
            ) from error

    def close(self) -> None:
        """Closes the file. What is in it is read at the next start."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def add(self, result: Result) -> None:
        """Writes one line, whole or not at all. Never raises for the disk's sake: that is counted, and said once."""
        data = to_json(result_document(result)).encode() + b"\n"
        with self._lock:
            problem = self._write(data)
        if problem is None:
            self.refusing = False
            return
        self.write_failures += 1
        if not self.refusing:
            self.refusing = True
            _log.error(
                "journal %s: %s; results are missing from the history until that is mended", self._folder, problem
            )

    def take(self) -> list[Path]:
        """Files that are complete, oldest first; what comes from now on goes to a new one.

        Raises OSError when no new file can be made; nothing is lost then.
        """
        if self._size:
            fresh = self._next()
            with self._lock:
                full, self._descriptor = self._descriptor, fresh
                size, self._size = self._size, 0
                self._waiting[self._path(self._number - 1)] = size
            os.close(full)
        return sorted(self._waiting)

    def done(self, path: Path) -> None:
        """The lines of this file are in the database, or among the damaged ones: it goes."""
        path.unlink(missing_ok=True)
        with self._lock:
            self._waiting.pop(path, None)

    def put_aside(self, path: Path, number: int, line: Line, why: str) -> None:
        """Keeps a line that cannot be read, and says so."""
        with (self._folder / DAMAGED).open("ab") as stream:
            stream.write(line + b"\n")
        _log.error("journal %s, line %d: %s; it is kept in %s", path, number, why, self._folder / DAMAGED)

    def _write(self, data: Line) -> str | None:
        """None, or why it is not written."""
        if self.bytes + len(data) > self._max_bytes:
            return f"full: {self.bytes:,} bytes wait for the database"
        try:
            written = os.write(self._descriptor, data)
            if written == len(data):
                self._size += written
                return None
            os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            return error.strerror or str(error)
        return "no space left"

    def _next(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path(self._number + 1), flags, 0o600)
        self._number += 1
        return descriptor

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}.jsonl"


def read_lines(path: Path) -> list[Line]:
    """The whole lines of a file of the journal; a torn last one was being written when its process died."""
    return path.read_bytes().split(b"\n")[:-1]
