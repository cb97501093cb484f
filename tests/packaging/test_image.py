"""The container image: linted, built from Debian's packages, run as an engine would run it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.packaging.containers import ROOT, Container
from tests.support.grid import grid_process

PATIENCE_SECONDS = 90.0
SITES = 3
CELLS = SITES * (SITES - 1)


def test_dockerfile_is_clean() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    ended = subprocess.run([linter, ROOT / "Dockerfile"], check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_only_what_the_image_needs_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert "*" in lines
    assert all((ROOT / name).exists() for name in sent)
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = [
        line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY ") and "--from" not in line
    ]
    assert sorted(name for names in copied for name in names) == sorted(sent)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
def test_the_image_is_modest(container: Container) -> None:
    """No root, nothing but its volume to write to, no tool that it does not need, no trace of where it was built."""
    settings = container.settings
    assert settings["User"] == "10919:10919"
    assert settings["Volumes"] == {"/var/lib/tpcharness": {}}
    assert settings["ExposedPorts"] == {"10919/tcp": {}}
    assert settings["StopSignal"] == "SIGTERM"
    assert settings["Healthcheck"]["Test"] == ["CMD", "tpcharness", "health"]
    assert settings["Entrypoint"] == ["tpcharness"]
    assert settings["Cmd"] == ["daemon", "/etc/tpcharness/endpoints.toml", "--listen", "0.0.0.0:10919"]
    assert container.run("tpcharness", "--version", user="10919:10919").startswith("tpcharness ")
    assert not list(container.root.glob("opt/tpcharness/bin/pip*"))
    assert not (container.root / "source").exists()
    writable = container.run("find", "/opt", "/usr", "/etc", "-xdev", "-perm", "-o+w", "!", "-type", "l")
    assert writable == ""


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
def test_its_daemon_runs_a_matrix_on_a_read_only_root(container: Container) -> None:
    entry, words = container.settings["Entrypoint"], container.settings["Cmd"]
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
        free.close()
        with grid_process(folder, "--sites", str(SITES)) as grid:
            mounted = {folder: "/etc/tpcharness"}
            text = grid.config.read_text().replace(str(folder), "/etc/tpcharness")
            grid.config.write_text(text)
            _give(folder, *map(int, container.settings["User"].split(":")))
            # Loopback in place of all addresses: here it shares the network of the tests.
            command = container.read_only([*entry, *words[:-1], listen], mounted)
            with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as daemon:
                try:
                    _until(daemon, folder / "log", lambda: _get(listen, "/-/healthy") is not None)
                    health = container.settings["Healthcheck"]["Test"][1:]
                    check = container.read_only([*health, f"http://{listen}"], mounted)
                    assert subprocess.run(check, check=False, capture_output=True).returncode == 0
                    _until(daemon, folder / "log", lambda: _good_cells(listen) == 2 * CELLS)
                finally:
                    daemon.send_signal(signal.SIGTERM)
                    try:
                        daemon.wait(PATIENCE_SECONDS)
                    finally:
                        daemon.kill()
            assert daemon.returncode == 0
        assert "Traceback" not in (folder / "log").read_text(errors="replace")


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
def test_what_runs_it_in_these_tests_gives_it_no_more_than_an_engine_would(container: Container) -> None:
    look = "import os; print(os.statvfs('/').f_flag & os.ST_RDONLY, os.getuid(), os.getgroups())"
    command = container.read_only(["python", "-c", look], {})
    seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert seen == f"{os.ST_RDONLY} 10919 []\n"


def _give(folder: Path, user: int, group: int) -> None:
    """The folder with all in it to the container's user."""
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, user, group)


def _until(process: subprocess.Popen[bytes], log: Path, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < end, log.read_text(errors="replace")
        time.sleep(0.1)


def _get(address: str, path: str) -> str | None:
    """The body of a page; nothing while it is not to be had."""
    connection = HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return body if answer.status == 200 else None


def _good_cells(address: str) -> int:
    text = _get(address, "/metrics/links") or ""
    return sum(line.startswith("tpcharness_probe_success{") and line.endswith(" 1") for line in text.splitlines())
