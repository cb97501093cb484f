"""The product as a user has it: commands in processes of their own, what they print, end with and leave behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.grid import ROOT

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.02

TOKEN = re.compile(r"eyJ[\w-]")
"""How every token of the testbed's issuer begins."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that is over."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def document(self) -> dict[str, Any]:
        """stdout as one JSON value, which it must be as a whole."""
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        return value

    @property
    def lines(self) -> list[dict[str, Any]]:
        """stdout as JSON lines, each of them whole."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Running:
    """A command under way."""

    def __init__(self, process: subprocess.Popen[str], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr
        self._began = time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stderr(self) -> str:
        """What it has said there so far."""
        descriptor = self._stderr.fileno()
        # Not by reading on: the place in the file is the command's too.
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def until(self, condition: Callable[[], object]) -> None:
        """Waits for the condition. Fails when the command ends before it holds."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self._process.poll() is None, f"ended too early: {self.end()}"
            assert time.monotonic() < end, "waited in vain"
            time.sleep(_POLL_SECONDS)

    def end(self) -> Ended:
        """Waits for the command's end."""
        stdout, _ = self._process.communicate(timeout=PATIENCE_SECONDS)
        return Ended(self._process.returncode, stdout, self.stderr, time.monotonic() - self._began)


@dataclass(frozen=True, slots=True)
class Shell:
    """Where a user types. `folder` holds all that commands may write; the state directory is in it."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def scratch(self) -> Path:
        """What commands take for /tmp."""
        return self.folder / "tmp"

    def run(self, *words: object, **environ: str) -> Ended:
        """A command from its start to its end."""
        with self.start(*words, **environ) as running:
            return running.end()

    @contextmanager
    def start(self, *words: object, **environ: str) -> Iterator[Running]:
        """A command; killed at the end of the context if it still runs then."""
        self.scratch.mkdir(exist_ok=True)
        with (
            tempfile.TemporaryFile() as stderr,
            subprocess.Popen(
                [sys.executable, "-m", "tpcharness", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                cwd=self.folder,
                env=self._environ() | environ,
            ) as process,
        ):
            try:
                yield Running(process, stderr)
            finally:
                if process.poll() is None:
                    process.kill()

    def ledger(self) -> set[str]:
        """The URLs that the ledger names as not yet gone; read by the test's own eyes."""
        urls: set[str] = set()
        try:
            text = (self.state / "ledger.jsonl").read_text()
        except FileNotFoundError:
            return urls
        for line in text.split("\n")[:-1]:
            record = json.loads(line)
            if "gone" in record:
                urls.discard(record["gone"])
            else:
                urls.add(record["url"])
        return urls

    def written(self) -> str:
        """Everything that commands have written below the folder."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in files)

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.scratch),
            "LANG": "C.UTF-8",
            "COLUMNS": "120",
            "PYTHONPATH": str(ROOT),
            # uvloop has one for each TLS connection that is still taking its leave when a loop closes.
            "PYTHONWARNINGS": "error",
            "TPCHARNESS_STATE_DIR": str(self.state),
        }
