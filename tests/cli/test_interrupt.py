"""Ctrl-C, SIGTERM and SIGKILL in the middle of a run: what is written, what is left, and what comes after."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import Running, Shell
from tests.support.obedient_grid import ObedientGrid, obedient_grid
from tpcharness.cli.exits import ExitCode
from tpcharness.export.jsonl import read_jsonl

PLANNED = 28
SLOW_COPIES = 3


@contextmanager
def in_the_middle(grid: ObedientGrid, shell: Shell, *words: str) -> Iterator[Running]:
    """A matrix in which all is done but three pulls from SITE-A, which would take minutes."""
    grid.faults("SITE-A", "passive_slow:20000")  # a minute for a copy, three seconds for the door
    lines = shell.folder / "run.jsonl"
    with shell.start("matrix", grid.config, "--output", f"jsonl:{lines}", *words) as running:
        running.until(lambda: lines.exists() and lines.read_text().count("\n") == 1 + PLANNED - SLOW_COPIES)
        running.until(lambda: len(copies(shell.ledger())) == SLOW_COPIES)
        yield running


def lines_of(shell: Shell) -> list[str]:
    return (shell.folder / "run.jsonl").read_text().splitlines(keepends=True)


def copies(urls: set[str]) -> set[str]:
    return {url for url in urls if "/copy-" in url}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_stops_cleans_and_writes_what_there_is(
    grid: ObedientGrid, shell: Shell, number: signal.Signals, code: ExitCode
):
    with in_the_middle(grid, shell, "--format", "json") as running:
        running.send(number)
        ended = running.end()
    assert ended.code == code
    assert "stopping" in ended.stderr
    results = ended.document["results"]
    reasons = [result["reason"] for result in results]
    assert (reasons.count("ok"), reasons.count("cancelled")) == (24 - SLOW_COPIES, SLOW_COPIES)
    assert ended.document["run"]["ended"] == "interrupted"
    recording = read_jsonl(lines_of(shell))
    assert recording.incomplete == ""
    assert len(recording.results) == PLANNED
    assert grid.files() == shell.ledger() == set()


def test_a_second_one_leaves_at_once_and_clean_does_the_rest(grid: ObedientGrid, shell: Shell):
    with in_the_middle(grid, shell) as running:
        running.send(signal.SIGINT)
        running.until(lambda: "once more to leave them to `tpcharness clean`" in running.stderr)
        begin = time.monotonic()
        running.send(signal.SIGINT)
        ended = running.end()
        assert time.monotonic() - begin < 3  # to look whether a file still grows takes five
    assert ended.code == ExitCode.INTERRUPTED
    assert "files of ours are still at the storages; `tpcharness clean` removes them" in ended.stdout
    assert json.loads(lines_of(shell)[-1])["type"] == "summary"
    grid.quiet()
    left = shell.ledger()
    assert copies(left)
    assert grid.files() <= left
    foreign = grid.put("SITE-B", "copy-of-somebody-else")
    cleaned = shell.run("clean", grid.config)
    assert cleaned.code == ExitCode.OK
    assert {line.split()[1] for line in cleaned.stdout.splitlines()} == left
    assert {line.split()[0] for line in cleaned.stdout.splitlines()} <= {"removed", "gone"}
    assert grid.files() == {foreign}
    assert shell.ledger() == set()


def killed(grid: ObedientGrid, shell: Shell) -> set[str]:
    """What a run that was killed in the middle has left."""
    with in_the_middle(grid, shell, "--quiet") as running:
        running.send(signal.SIGKILL)
        assert running.end().code == -signal.SIGKILL
    grid.quiet()
    left = shell.ledger()
    assert grid.files()
    assert grid.files() <= left
    return left


def test_what_a_killed_run_left_is_cleaned_and_the_rest_stays(grid: ObedientGrid, shell: Shell):
    left = killed(grid, shell)
    recording = read_jsonl(lines_of(shell))
    assert recording.incomplete
    foreign = grid.put("SITE-C", "seed-of-somebody-else")
    ended = shell.run("clean", grid.config)
    assert (ended.code, ended.stderr) == (ExitCode.OK, "")
    assert {line.split()[1] for line in ended.stdout.splitlines()} == left
    assert grid.files() == {foreign}
    again = shell.run("clean", grid.config)
    assert (again.code, again.stdout) == (ExitCode.OK, "nothing to clean: the ledger is empty\n")


@pytest.mark.slow
def test_the_next_run_cleans_first_and_says_so(grid: ObedientGrid, shell: Shell):
    left = killed(grid, shell)
    ended = shell.run("matrix", grid.config, "-s", "SITE-B", "-d", "SITE-C", "--quiet", "--format", "json")
    assert ended.code == ExitCode.OK
    assert f"an earlier run left {len(left)} files; cleaning up first" in ended.stderr
    assert ended.document["run"]["warnings"] == []
    assert grid.files() == shell.ledger() == set()


@pytest.mark.slow
def test_a_run_goes_on_although_leftovers_cannot_be_removed_and_says_what_is_kept(grid: ObedientGrid, shell: Shell):
    killed(grid, shell)
    grid.faults("SITE-A", "delete_refused")
    words = ("-s", "SITE-B", "-d", "SITE-C", "--quiet", "--format", "json")
    ended = shell.run("matrix", grid.config, *words)
    assert ended.code == ExitCode.OK
    assert len(shell.ledger()) == 1
    (warning,) = ended.document["run"]["warnings"]
    assert warning == "1 file of ours is still at the storages; `tpcharness clean` removes it"


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("clean",), ("matrix", "--quiet"), ("check", "-c"), ("probe", "SITE-B", "SITE-C", "-c")]
)
def test_beside_a_live_run_nothing_else_works_on_its_state(grid: ObedientGrid, shell: Shell, words: tuple[str, ...]):
    with in_the_middle(grid, shell, "--quiet") as running:
        before, files, ledger = grid.requests(), grid.files(), shell.ledger()
        ended = shell.run(*words, grid.config)
        assert (ended.code, ended.stdout) == (ExitCode.OUR_SIDE, "")
        assert f"process {running.pid}" in ended.stderr
        assert str(shell.state) in ended.stderr
        assert grid.requests() == before
        assert (grid.files(), shell.ledger()) == (files, ledger)
        running.send(signal.SIGKILL)
        running.end()


@pytest.mark.slow
def test_a_run_with_a_state_directory_of_its_own_may_go_beside(grid: ObedientGrid, shell: Shell):
    with in_the_middle(grid, shell, "--quiet") as running:
        others = {"TPCHARNESS_STATE_DIR": str(shell.folder / "another")}
        ended = shell.run("matrix", grid.config, "-s", "SITE-B", "-d", "SITE-C", "-q", **others)
        assert ended.code == ExitCode.OK
        assert copies(shell.ledger())
        running.send(signal.SIGKILL)
        running.end()


@pytest.mark.slow
def test_a_storage_that_writes_on_keeps_its_file_in_the_ledger(tmp_path: Path, shell: Shell):
    (folder := tmp_path / "grid").mkdir()
    with obedient_grid(folder, "dcache", "storm") as grid:
        grid.faults("SITE-A", "passive_slow:20000")
        words = ("-s", "SITE-A", "-d", "SITE-B", "--variant", "https-pull", "--size", "200kB", "--format", "json", "-q")
        with shell.start("matrix", grid.config, *words) as running:
            running.until(lambda: copies(shell.ledger()))
            running.until(lambda: copies(grid.files()))
            running.send(signal.SIGINT)
            ended = running.end()
        assert ended.code == ExitCode.INTERRUPTED
        left = shell.ledger()
        assert len(left) == 1
        assert copies(left) == left
        assert any("still at the storages" in warning for warning in ended.document["run"]["warnings"])
        grid.quiet()
        assert shell.run("clean", grid.config).code == ExitCode.OK
        assert grid.files() == shell.ledger() == set()
