"""The ledger: what we created at storages and have not seen gone. Lines are added; now and then it is written anew."""

from __future__ import annotations

import asyncio
import errno
import functools
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from tpcharness.payload.lock import StateUnusable
from tpcharness.payload.names import PayloadFile

FILE_NAME = "ledger.jsonl"

COMPACT_LINES = 10_000
"""From so many lines on a ledger is written anew when most of them speak of files that are gone."""

P = ParamSpec("P")
T = TypeVar("T")


class LedgerError(StateUnusable):
    """The ledger cannot be read or written: no request may go out that creates anything."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One file that may exist at a storage because of us. The URL holds no secret.

    With `tape_paths` it is a request for staging that may be open, and these are its files.
    """

    endpoint: str
    url: str
    run_id: str
    created_at: datetime
    tape_paths: tuple[str, ...] = ()


class Ledger:
    """JSON lines in one file; an async context manager, used under the StateLock of its directory.

    A line is with the kernel before `add` returns, so a kill -9 loses nothing; a loss of power may. One thread
    writes, so lines keep their order whoever is cancelled meanwhile. The file stays bounded however long a run lasts.
    """

    def __init__(self, path: Path, *, compact_lines: int = COMPACT_LINES) -> None:
        self._path = path
        self._compact_lines = compact_lines
        self._lines = 0
        self._entries: dict[str, LedgerEntry] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._descriptor = -1

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """What is not known to be gone, in the order of creation, of this run and of former ones."""
        return tuple(self._entries.values())

    def holds(self, file: PayloadFile) -> bool:
        """Whether we may have created this file."""
        return file.url in self._entries

    async def open(self) -> None:
        """Reads what former runs left and rewrites it without what is gone; raises LedgerError.

        A torn last line is dropped: it was being written when its process died, so its request never went out.
        """
        self._entries = await self._in_thread(self._load)
        self._lines = len(self._entries)

    async def close(self) -> None:
        """Waits for what is being written."""
        await self._in_thread(self._release)
        self._thread.shutdown()

    async def __aenter__(self) -> Ledger:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def add(self, entry: LedgerEntry) -> None:
        """Writes down a file, before the request that creates it; raises LedgerError when that does not work."""
        former = self._entries.get(entry.url)
        self._entries[entry.url] = entry
        try:
            await self._note(_line(entry))
        except LedgerError:
            if former is None:
                del self._entries[entry.url]
            raise

    async def check(self) -> None:
        """Raises LedgerError when our file is not at its place any more: the next start would not find it."""
        await self._in_thread(self._check)

    async def gone(self, what: PayloadFile | LedgerEntry) -> None:
        """Writes down that a file was seen to be absent, or that a request for staging has ended.

        Never raises for the disk's sake: without this line the next start asks for the file again, no more.
        """
        if self._entries.pop(what.url, None) is None:
            return
        with suppress(LedgerError):
            await self._note(_record(gone=what.url))

    async def _note(self, line: str) -> None:
        """Writes a line, or everything that holds with it in a new file, when the old one is long."""
        self._lines += 1
        if self._lines < max(self._compact_lines, 4 * len(self._entries)):
            await self._in_thread(self._write, line)
        else:
            self._lines = len(self._entries)
            # Whatever was given to the thread before is in these entries, and what comes later is written after them.
            await self._in_thread(self._write_and_compact, line, self.entries)

    async def _in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        job = functools.partial(work, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        except OSError as error:
            text = f"ledger {self._path}: {error.strerror or error}; without it nothing may be created at a storage"
            raise LedgerError(text) from error

    def _load(self) -> dict[str, LedgerEntry]:
        entries = _read(self._path)
        self._write_anew(entries.values())
        return entries

    def _write_anew(self, entries: Iterable[LedgerEntry]) -> None:
        """A file of these entries in place of the old one, which stays as it was if that does not work."""
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as stream:
            stream.writelines(_line(entry) for entry in entries)
            stream.flush()
            os.fsync(stream.fileno())
        descriptor = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            draft.replace(self._path)
        except OSError:
            os.close(descriptor)
            raise
        self._release()
        self._descriptor = descriptor

    def _write_and_compact(self, line: str, entries: tuple[LedgerEntry, ...]) -> None:
        """The line as ever; that the file cannot be written anew is no reason to stop."""
        self._write(line)
        with suppress(OSError):
            self._write_anew(entries)

    def _write(self, line: str) -> None:
        """One line, whole or not at all."""
        data = line.encode()
        before = os.fstat(self._descriptor)
        if not before.st_nlink:
            raise _taken_away()
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            os.ftruncate(self._descriptor, before.st_size)
            raise

    def _check(self) -> None:
        try:
            there = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise _taken_away() from None
        except OSError:
            return  # a file system that hesitates takes nothing away; writing will tell
        if not os.path.samestat(there, os.fstat(self._descriptor)):
            raise _taken_away()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _taken_away() -> OSError:
    return FileNotFoundError(errno.ENOENT, "it was removed or replaced while we were using it")


def _read(path: Path) -> dict[str, LedgerEntry]:
    """The entries of a ledger file that are not gone; raises LedgerError for a file that is damaged."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise _damaged(path, 0) from error
    entries: dict[str, LedgerEntry] = {}
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last newline is torn, or nothing
        try:
            _apply(json.loads(line), entries)
        except ValueError as error:
            raise _damaged(path, number) from error
    return entries


def _apply(record: object, entries: dict[str, LedgerEntry]) -> None:
    match record:
        case {"gone": str(url)}:
            entries.pop(url, None)
        case {"endpoint": str(endpoint), "url": str(url), "run": str(run_id), "at": str(at), **rest}:
            paths = _tape_paths(rest.get("tape", []))
            entries[url] = LedgerEntry(endpoint, url, run_id, datetime.fromisoformat(at), paths)
        case _:
            raise ValueError("not a line of a ledger")


def _tape_paths(paths: object) -> tuple[str, ...]:
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise ValueError("not the files of a request")
    return tuple(paths)


def _damaged(path: Path, number: int) -> LedgerError:
    return LedgerError(
        f"ledger {path}, line {number}: damaged; it says what is left at storages, so look before you move it away"
    )


def _line(entry: LedgerEntry) -> str:
    tape = {"tape": list(entry.tape_paths)} if entry.tape_paths else {}
    return _record(endpoint=entry.endpoint, url=entry.url, run=entry.run_id, at=entry.created_at.isoformat(), **tape)


def _record(**fields: str | list[str]) -> str:
    return json.dumps(fields) + "\n"
