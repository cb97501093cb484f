"""`tpcharness tape`: what tape services say, staging by hand, and what a killed one leaves to the next command."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import TOKEN, Shell
from tests.support.grid import GridProcess, grid_process
from tpcharness.cli.exits import ExitCode

FILE = "/pnfs/site-a.example/dteam/tape-probe/file"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GridProcess]:
    """SITE-A speaks like dCache, SITE-B like EOS, SITE-C like StoRM; each has one file on tape."""
    words = [word for name in ("dcache", "eos", "storm") for word in ("--dialect", name)]
    with grid_process(tmp_path_factory.mktemp("grid"), "--sites", "3", "--tape", *words) as process:
        yield process


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("name", ["SITE-A", "SITE-B", "SITE-C"])
def test_info(grid: GridProcess, shell: Shell, name: str) -> None:
    ended = shell.run("tape", "info", name, "-c", grid.config, "-o", "json:info.json")
    assert (ended.code, ended.stdout, ended.stderr) == (ExitCode.OK, f"{name}  tape-info  ok\n", "")
    (result,) = json.loads((shell.folder / "info.json").read_text())["results"]
    assert (result["variant"], result["reason"]) == ("tape-info", "ok")
    assert not TOKEN.search(json.dumps(result))


def test_where_files_are(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("tape", "archiveinfo", "SITE-A", "-c", grid.config)
    assert (ended.code, ended.stdout) == (ExitCode.OK, f"TAPE           {FILE}\n")
    ended = shell.run("tape", "archiveinfo", "SITE-A", FILE, f"{FILE}-not", "-c", grid.config)
    assert ended.code == ExitCode.FAILED
    assert ended.stdout.splitlines()[1] == f"-              {FILE}-not  (No such file or directory)"
    ended = shell.run("tape", "archiveinfo", "SITE-A", "/elsewhere", "-c", grid.config)
    assert ended.code == ExitCode.OUR_SIDE
    assert "not below its scope_base" in ended.stderr


def test_only_registered_files_are_staged(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("tape", "stage", "SITE-A", f"{FILE}x", "-c", grid.config)
    assert ended.code == ExitCode.USAGE
    assert f'no such registered file: "{FILE}x"; did you mean "{FILE}"?' in ended.stderr
    bare = shell.folder / "bare.toml"
    bare.write_text(grid.config.read_text().replace(f'files = ["{FILE}"]', "files = []"))
    ended = shell.run("tape", "stage", "SITE-A", "-c", bare)
    assert ended.code == ExitCode.USAGE
    assert "add [endpoints.SITE-A.tape] files = [...]" in ended.stderr
    assert shell.ledger() == set()


@pytest.mark.parametrize("words", [("clean",), ("tape", "release", "SITE-B", "-c")])
def test_a_killed_stage_is_ended_by_the_next_command(grid: GridProcess, shell: Shell, words: tuple[str, ...]) -> None:
    with shell.start("tape", "stage", "SITE-B", "-c", grid.config) as running:
        running.until(lambda: any("/stage/" in url for url in shell.ledger()))
        running.send(signal.SIGKILL)
        running.end()
    (url,) = [url for url in shell.ledger() if "/stage/" in url]
    ended = shell.run(*words, grid.config)
    assert ended.code == ExitCode.OK, ended
    assert url in ended.stdout
    assert shell.ledger() == set()
    ended = shell.run("tape", "release", "SITE-B", "-c", grid.config)
    assert ended.stdout == "nothing to release: no request of ours is open at SITE-B\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_recall_that_ends_in_mid_stage_leaves_no_open_request(
    grid: GridProcess, shell: Shell, number: signal.Signals
) -> None:
    """Told to end it ends its request; killed, it leaves it to the next command."""
    with shell.start("probe", "SITE-A", "SITE-B", "--variant", "tape-recall", "-c", grid.config) as running:
        running.until(lambda: any("/stage/" in url for url in shell.ledger()))
        running.send(number)
        running.end()
    requests = {url for url in shell.ledger() if "/stage/" in url}
    assert len(requests) == (1 if number is signal.SIGKILL else 0)
    ended = shell.run("clean", grid.config)
    assert ended.code == ExitCode.OK, ended
    assert all(url in ended.stdout for url in requests)
    assert shell.ledger() == set()


@pytest.mark.slow
def test_a_file_that_a_killed_archive_has_written_is_removed_by_the_next_command(
    grid: GridProcess, shell: Shell
) -> None:
    with shell.start("probe", "SITE-A", "SITE-B", "--variant", "tape-archive", "-c", grid.config) as running:
        running.until(lambda: any("/tape-archive/tpcharness/" in url for url in shell.ledger()))
        running.send(signal.SIGKILL)
        running.end()
    (file,) = [url for url in shell.ledger() if "/tape-archive/" in url]
    ended = shell.run("clean", grid.config)
    assert ended.code == ExitCode.OK, ended
    assert file in ended.stdout
    assert shell.ledger() == set()


@pytest.mark.slow
def test_a_matrix_of_tape(grid: GridProcess, shell: Shell) -> None:
    # One destination: recalls from a tape go one after the other, each with half a minute between its two polls.
    variants = ("--variant", "tape-recall", "--variant", "tape-archive")
    pair = ("--source", "SITE-A", "--destination", "SITE-B")
    ended = shell.run("matrix", grid.config, *variants, *pair, "-q", "-o", "json:tape.json")
    assert ended.code == ExitCode.OK, ended
    results = json.loads((shell.folder / "tape.json").read_text())["results"]
    of_links = [result for result in results if result["variant"].startswith("tape-")]
    assert sorted({result["variant"] for result in of_links}) == ["tape-archive", "tape-recall"]
    assert {result["outcome"] for result in of_links} == {"ok"}
    assert all(result["checksum"]["found"] for result in of_links)
    assert shell.ledger() == set()


def test_an_interrupted_stage_ends_its_request(grid: GridProcess, shell: Shell) -> None:
    with shell.start("tape", "stage", "SITE-C", "-c", grid.config) as running:
        running.until(lambda: any("/stage/" in url for url in shell.ledger()))
        running.send(signal.SIGINT)
        ended = running.end()
    assert ended.code == ExitCode.INTERRUPTED
    assert shell.ledger() == set()


def test_a_fault_of_a_tape_service_is_switched_on_and_off(grid: GridProcess, shell: Shell) -> None:
    ready = ("--ready-file", grid.directory.parent / "ready.json")
    assert shell.run("testbed", "fault", *ready, "SITE-C=tape_file_lost").code == ExitCode.OK
    try:
        ended = shell.run("tape", "info", "SITE-C", "-c", grid.config)
    finally:
        assert shell.run("testbed", "fault", *ready, "--clear").code == ExitCode.OK
    assert ended.code == ExitCode.FAILED
    assert "tape_file_unavailable" in ended.stdout
    assert shell.run("tape", "info", "SITE-C", "-c", grid.config).code == ExitCode.OK
    listed = shell.run("testbed", "up", "--list-faults").stdout
    assert "SITE=tape_never_ends" in listed
    assert "with --tape: the tape service stages for ever" in listed


@pytest.mark.slow
def test_a_stage_from_tape_to_disk(grid: GridProcess, shell: Shell) -> None:
    ended = shell.run("tape", "stage", "SITE-A", "-c", grid.config)
    assert ended.code == ExitCode.OK, ended
    assert ended.stdout.startswith("SITE-A  tape-stage  ok, online after ")
    assert shell.ledger() == set()
