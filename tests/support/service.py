"""`tpcharness daemon` as a user starts it: a child process, its pages over HTTP, its word to a service manager."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.support.command import PATIENCE_SECONDS, Running, Shell

_LISTENING = re.compile(r"listening on (http://\S+),")
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that listens."""

    running: Running
    url: str

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        try:
            with urlopen(self.url + path, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def samples(self, path: str, family: str) -> dict[str, float]:
        """One family of a page of metrics, by its labels as they stand there."""
        _, text = self.get(path)
        return {labels: float(value) for name, labels, value in SAMPLE.findall(text) if name == family}

    def links(self, family: str = "tpcharness_probe_success") -> dict[str, float]:
        return self.samples("/metrics/links", family)


@contextmanager
def daemon(shell: Shell, config: Path, *words: object, **environ: str) -> Iterator[Daemon]:
    """A daemon on a port of its own, killed at the end if it still runs then."""
    with shell.start("daemon", config, "--listen", "127.0.0.1:0", *words, **environ) as running:
        running.until(lambda: _LISTENING.search(running.stderr))
        found = _LISTENING.search(running.stderr)
        assert found is not None
        yield Daemon(running, found[1])


class ServiceManager:
    """The other end of NOTIFY_SOCKET: what it was told, line by line."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def __enter__(self) -> ServiceManager:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self, word: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Waits for a datagram in which a line begins with the word; that line. Earlier datagrams are taken too."""
        end = time.monotonic() + seconds
        while select.select([self._socket], [], [], max(0.0, end - time.monotonic()))[0]:
            lines = self._socket.recv(65536).decode().split("\n")
            self.told += lines
            for line in lines:
                if line.startswith(word):
                    return line
        raise AssertionError(f"never heard {word}, only {self.told}")

    def pending(self) -> list[str]:
        """All lines that have come and were not heard yet."""
        lines: list[str] = []
        while select.select([self._socket], [], [], 0)[0]:
            lines += self._socket.recv(65536).decode().split("\n")
        self.told += lines
        return lines
