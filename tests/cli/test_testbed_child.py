"""The testbed that a command starts for itself: gone with the command, however the command goes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.command import Running, Shell
from tpcharness.cli import testbed_child
from tpcharness.cli.exits import ExitCode

PATIENCE_SECONDS = 20.0


@pytest.fixture
def half_way(shell: Shell) -> Iterator[tuple[Running, int]]:
    """A matrix in the middle of its run on a testbed of its own, and that testbed's process."""
    with shell.start("matrix", "--testbed", "2", "--size", "64MiB", "--output", "jsonl:run.jsonl") as running:
        lines = shell.folder / "run.jsonl"
        running.until(lambda: lines.exists() and lines.read_text().count("\n") >= 3)
        (child,) = children(running.pid)
        yield running, child


def children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def await_end(pid: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_gone(pid):
        assert time.monotonic() < end, "the testbed outlives its command"
        time.sleep(0.02)


def test_it_ends_with_a_command_that_is_killed(shell: Shell, half_way: tuple[Running, int]):
    running, child = half_way
    assert not is_gone(child)
    running.send(signal.SIGKILL)
    assert running.end().code == -signal.SIGKILL
    await_end(child)
    assert list(shell.scratch.iterdir()) == []


def test_ctrl_c_reaches_the_command_first(shell: Shell, half_way: tuple[Running, int]):
    running, child = half_way
    running.send(signal.SIGINT)
    ended = running.end()
    assert ended.code == ExitCode.INTERRUPTED
    assert "still at the storages" not in ended.stdout + ended.stderr
    assert is_gone(child)
    assert list(shell.scratch.iterdir()) == []


def test_one_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        pytest.raises(click.UsageError, match="no dialect 'dcash'"),
        testbed_child.running_testbed(2, ["--dialect", "dcash"]),
    ):
        pytest.fail("it started")
    assert list(tmp_path.iterdir()) == []


def test_one_has_a_state_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with testbed_child.running_testbed(2) as config:
        assert tmp_path in Path(config.harness.state_dir).parents
        assert list(config.endpoints) == ["SITE-A", "SITE-B"]
    assert list(tmp_path.iterdir()) == []
