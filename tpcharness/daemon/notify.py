"""What the service manager is told (sd_notify): datagrams to the socket that it names in the environment.

The protocol is systemd's, sd_notify(3): lines of NAME=value. Without a socket every word goes nowhere.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from types import TracebackType

log = logging.getLogger(__name__)

_MICRO = 1_000_000


class Notifier:
    """Speaks to one service manager; a context manager that owns its socket.

    Never blocks and never raises: a manager that does not listen must not stop the service. `watchdog_seconds` is how
    often it wants to hear of us at least, None if it does not ask for that.
    """

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        self.watchdog_seconds = watchdog_seconds
        # A leading "@" stands for the zero byte of an abstract address (sd_notify(3)).
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket: socket.socket | None = None
        self._complained = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, pid: int | None = None) -> Notifier:
        """What NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID say; the watchdog of another process is not ours."""
        micros = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", "") in {"", str(os.getpid() if pid is None else pid)}
        seconds = int(micros) / _MICRO if ours and micros.isdecimal() and int(micros) else None
        address = environ.get("NOTIFY_SOCKET", "")
        return cls(address if address[:1] in {"/", "@"} else "", seconds)

    def __enter__(self) -> Notifier:
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ready(self, status: str) -> None:
        """The service has begun, or has taken a new configuration; `status` is one line for people."""
        self._send("READY=1", _status(status))

    def starting(self, seconds: float, status: str) -> None:
        """The start goes on: `ready`, or this once more, will come within so many seconds."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * _MICRO)}", _status(status))

    def status(self, status: str) -> None:
        """One line for people."""
        self._send(_status(status))

    def reloading(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """A reload begins; `ready` ends it. systemd insists on the time, and would wait in vain without it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(monotonic() * _MICRO)}")

    def watchdog(self) -> None:
        """We are alive."""
        self._send("WATCHDOG=1")

    def stopping(self, status: str) -> None:
        """The service ends."""
        self._send("STOPPING=1", _status(status))

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("the service manager does not hear us: %s", error.strerror or error)


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"
