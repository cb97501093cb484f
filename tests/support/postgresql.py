"""A PostgreSQL cluster of our own from Debian's package: in a directory, on a Unix socket and a loopback port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.real_xrootd import reserved_port

START_SECONDS = 30.0
_POLL_SECONDS = 0.05
_USERS = ("postgres", "nobody")
_ROLE = "tpcharness"


class PostgresqlError(RuntimeError):
    """It is missing or does not come up; the message says what to do or ends with its log."""


class Postgresql:
    """Runs between entry and exit, and can be stopped and started in between. Its directory is its own.

    PostgreSQL refuses to be root, so it runs as an unprivileged user then. The role `tpcharness` has a password, which
    `password_file` holds. Its port is kept for it from entry to exit, also while it is made ready or stands still.
    """

    def __init__(self, directory: Path) -> None:
        self._home = directory
        self._data = directory / "data"
        self._user = _user()
        self._bin = _binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self.password_file = directory / "password"
        self.port = 0
        self._kept = ExitStack()

    def url(self, name: str) -> str:
        """The URL of a database, as a user writes it: without the password."""
        return f"postgresql://{_ROLE}@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        """A new, empty database; gives its URL."""
        self._run("createdb", "-h", str(self._home), "-p", str(self.port), "-U", _ROLE, name)
        return self.url(name)

    def __enter__(self) -> Self:
        with ExitStack() as kept:
            self.port = kept.enter_context(reserved_port())
            self._make()
            self.start()
            self._kept = kept.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._kept:
            self.stop()

    def start(self) -> None:
        """Waits until it answers."""
        settings = (f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._home}")
        more = ("fsync=off", "max_connections=20", "shared_buffers=32MB")
        words = [word for setting in (*settings, *more) for word in ("-c", setting)]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                **self._rights(),
            )
        end = time.monotonic() + START_SECONDS
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise PostgresqlError((self._home / "log").read_text(errors="replace")[-2000:])
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """At once: whoever is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_SECONDS)
            self._process = None

    def _make(self) -> None:
        self.password_file.write_text(secrets.token_urlsafe() + "\n")
        if self._user is not None:
            shutil.chown(self._home, self._user.pw_name)
            shutil.chown(self.password_file, self._user.pw_name)
        words = ("--auth=scram-sha-256", "--auth-local=trust", f"--pwfile={self.password_file}", "--no-sync")
        self._run("initdb", "-D", str(self._data), "-U", _ROLE, "--encoding=UTF8", "--locale=C.UTF-8", *words)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._bin / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self._home, check=False, **self._rights())
        if done.returncode != 0:
            raise PostgresqlError(f"{program}: {done.stdout[-1000:]}{done.stderr[-1000:]}")

    def _rights(self) -> dict[str, object]:
        user = self._user
        return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in _USERS if name in known)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise PostgresqlError("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1]
