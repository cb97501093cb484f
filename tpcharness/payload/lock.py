"""One harness per state directory: two would delete each other's files in flight."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

FILE_NAME = "lock"


class StateUnusable(Exception):  # noqa: N818 - reads as what it is
    """Our own state directory does not do; the message says how to go on."""


class StateBusy(StateUnusable):
    """Another process works with this state directory."""


class StateLock:
    """Holds the state directory (made if it is missing) for as long as the context lasts, or this process.

    The kernel lets go of a flock when its holder dies, however it dies; the pid in the file is for people only.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._descriptor: int | None = None

    def __enter__(self) -> StateLock:
        """Raises StateBusy when another process holds it, StateUnusable when there can be no lock there."""
        try:
            self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._state_dir / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnusable(f"state directory {self._state_dir}: {error.strerror or error}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StateBusy(
                f"another tpcharness (process {holder}) is using {self._state_dir}: "
                "wait for it, stop it, or give this one a state_dir of its own"
            ) from error
        except OSError as error:
            os.close(descriptor)
            raise StateUnusable(f"state directory {self._state_dir} cannot be locked: {error.strerror}") from error
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
