"""Which database, how to connect to it, and what its errors mean. SQLite and PostgreSQL differ here and in `upsert`."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from tpcharness.model.settings import HistorySettings
from tpcharness.results.history.errors import HistoryAway, HistoryError

FILE_NAME = "history.sqlite"
BUSY_SECONDS = 30.0
CONNECT_SECONDS = 10
_WRITER_LOCK = 0x7470_6368  # "tpch": one writer per PostgreSQL database
_SCHEME = "postgresql://"


@dataclass(frozen=True, slots=True)
class Database:
    """Where the history is. `label` stands in messages and holds no password; `file` is None for PostgreSQL."""

    url: URL
    label: str
    file: Path | None = None

    @classmethod
    def of(cls, settings: HistorySettings, state_dir: Path) -> Database:
        """Raises HistoryError for a URL that is none, and for a password file that cannot be read."""
        where = settings.database
        if "://" not in where:
            file = Path(where) if where else state_dir / FILE_NAME
            return cls(URL.create("sqlite", database=f"file:{_quoted(file)}", query={"uri": "true"}), str(file), file)
        if not where.startswith(_SCHEME):
            raise HistoryError(
                f"history database: {where.partition('://')[0]}:// is not known: name a file or postgresql://"
            )
        try:
            url = make_url(where).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            raise HistoryError("history database: not a URL; expected postgresql://USER@HOST:PORT/NAME") from None
        if url.password is not None:
            raise HistoryError(
                "history database: the URL holds a password; put it in a file and name that: password_file"
            )
        label = url.set(drivername="postgresql").render_as_string()
        if settings.password_file:
            url = url.set(password=_password(Path(settings.password_file)))
        return cls(url, label)

    def engine(self, *, writer: bool) -> Engine:
        """One connection, for one thread. A reader cannot change anything, and needs no right to.

        Raises HistoryError when the driver is not installed.
        """
        return self._sqlite(writer) if self.file else self._postgresql(writer)

    def lock(self) -> int:
        """For the writer of a file: keeps every other writer away until this descriptor is closed.

        Of its own, since closing any descriptor of the database itself would undo SQLite's locks. Raises HistoryError.
        """
        try:
            descriptor = os.open(f"{self.file}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HistoryError(f"history {self.label}: {error.strerror or error}; {_UNWRITABLE}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise HistoryError(f"history {self.label}: {_TAKEN}") from error
        return descriptor

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What the database raises within becomes a HistoryError in words."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise self.in_words(error) from error

    def in_words(self, error: Exception) -> HistoryError:
        """What an error of the driver means to the owner of the history."""
        text = _first_line(error)
        for symptom, remedy in _REMEDIES:
            if symptom in text:
                return HistoryError(f"history {self.label}: {text}; {remedy}")
        for symptom, remedy in _PASSING:
            if symptom in text:
                return HistoryAway(f"history {self.label}: {text}; {remedy}")
        lost = isinstance(error, DBAPIError) and (
            error.connection_invalidated or type(error).__name__ == "OperationalError"
        )
        if lost and self.file is None:
            return HistoryAway(f"history {self.label}: {text}; see that the database server runs and lets us in")
        return HistoryError(f"history {self.label}: {text}")

    def _sqlite(self, writer: bool) -> Engine:
        mode = {"mode": "rwc" if writer else "ro"}
        engine = create_engine(
            self.url.update_query_dict(mode), connect_args={"timeout": BUSY_SECONDS}, pool_size=1, max_overflow=0
        )

        def connected(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # transactions are begun below, also before the tables are changed
            if writer:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute(f"PRAGMA journal_size_limit={64 * 1024 * 1024}")
            connection.execute("PRAGMA cache_size=-8192")

        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

        event.listen(engine, "connect", connected)
        event.listen(engine, "begin", begin)
        return engine

    def _postgresql(self, writer: bool) -> Engine:
        options = "-c timezone=UTC" + ("" if writer else " -c default_transaction_read_only=on")
        settings: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "tpcharness",
            "options": options,
            "keepalives_idle": 30,
        }
        try:
            engine = create_engine(self.url, connect_args=settings, pool_size=1, max_overflow=0, pool_pre_ping=True)
        except ModuleNotFoundError:
            raise HistoryError(
                f"history {self.label}: its driver is not installed: pip install 'tpcharness[postgresql]'"
            ) from None

        def connected(connection: Any, _record: object) -> None:
            with connection.cursor() as cursor:
                free = cursor.execute("SELECT pg_try_advisory_lock(%s)", (_WRITER_LOCK,)).fetchone()[0]
            connection.commit()
            if not free:
                connection.close()
                raise HistoryAway(f"history {self.label}: {_TAKEN}")

        if writer:
            event.listen(engine, "connect", connected)
        return engine


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that can say what to do about a row that is there, in the dialect of this connection."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


_TAKEN = "another tpcharness writes to it: give each a database of its own"
_DAMAGED = (
    "the file is damaged; nothing was deleted: try `sqlite3 FILE .recover`, or move it away together with its -wal and "
    "-shm to begin a new one"
)
_UNWRITABLE = "its directory must exist, and file and directory must be writable for us"
_REMEDIES = (
    ("malformed", _DAMAGED),
    ("not a database", _DAMAGED),
    ("readonly database", _UNWRITABLE),
    ("unable to open", _UNWRITABLE),
    ("password authentication failed", "see history.password_file"),
    ("permission denied", "the user must own the tables, or may create them in this database"),
)
_PASSING = (
    ("is full", "make room; what comes meanwhile waits in the journal"),
    ("disk I/O error", "see the disk's health and room; what comes meanwhile waits in the journal"),
    ("is locked", "another program keeps it locked"),
)


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)


def _password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not a text file"
        raise HistoryError(f"history password_file {path}: {why}") from None


def _quoted(path: Path) -> str:
    """A path within a file: URI."""
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
