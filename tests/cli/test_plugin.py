"""`tpcharness plugin` as a monitoring system runs it: exit code, one status line, and nothing on stderr."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import TOKEN, Ended, Shell
from tests.support.grid import ROOT
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.main import cli
from tpcharness.payload.lock import StateLock

OK, WARNING, CRITICAL, UNKNOWN = range(4)
NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def status_line(ended: Ended, status: int) -> str:
    """The first line, after what holds for every run of a plug-in."""
    assert (ended.code, ended.stderr) == (status, ""), ended
    line, *rest = ended.stdout.splitlines()
    assert line.startswith(f"TPCHARNESS {NAMES[status]} - ")
    assert line.count("|") <= 1
    assert not any("|" in each for each in rest)
    assert not TOKEN.search(ended.stdout)
    return line


def figures(line: str) -> dict[str, str]:
    return dict(figure.split("=", 1) for figure in line.partition(" | ")[2].split())


def test_an_endpoint_that_is_well(grid: ObedientGrid, shell: Shell):
    ended = shell.run("plugin", "SITE-A", "-c", grid.config)
    line = status_line(ended, OK)
    assert "SITE-A: door ok in " in line
    assert set(figures(line)) == {"time", "certificate_days"}
    assert ended.stdout.count("\n") == 1
    assert grid.files() == shell.ledger() == set()


@pytest.mark.parametrize("words", [(), ("--variant", "https-push")])
def test_a_link_that_is_well(grid: ObedientGrid, shell: Shell, words: tuple[str, ...]):
    line = status_line(shell.run("plugin", "SITE-A", "SITE-B", *words, "-c", grid.config), OK)
    assert f"SITE-A -> SITE-B {words[-1] if words else 'https-pull'}: 1 MiB copied in " in line
    told = figures(line)
    assert told["size"] == "1048576B;;;0"
    assert re.fullmatch(r"\d+;;;0", told["throughput"])
    assert re.fullmatch(r"\d+(\.\d+)?s;;;0", told["transfer"])
    assert grid.files() == shell.ledger() == set()


def test_a_certificate_that_ends_soon(grid: ObedientGrid, shell: Shell):
    ended = shell.run("plugin", "SITE-A", "--certificate-days", "3000", "-c", grid.config)
    assert "certificate of SITE-A ends in" in status_line(ended, WARNING)


def test_an_endpoint_that_is_down(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "refuse")
    assert "connection_refused" in status_line(shell.run("plugin", "SITE-B", "-c", grid.config), CRITICAL)
    line = status_line(shell.run("plugin", "SITE-A", "SITE-B", "-c", grid.config), CRITICAL)
    assert "SITE-A -> SITE-B https-pull: not tried, SITE-B fails its own check" in line
    assert "connection_refused" in line


def test_a_link_that_fails(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-A", "missing_file")
    ended = shell.run("plugin", "SITE-A", "SITE-B", "-c", grid.config)
    assert "(passive_not_found, blame source SITE-A)" in status_line(ended, CRITICAL)
    assert "\nremedy: " in ended.stdout
    assert "\nasked: COPY https://" in ended.stdout
    assert grid.files() == set()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("SITE-Q",), 'no such endpoint: "SITE-Q"; did you mean'),
        ((), "name one ENDPOINT, or SRC and DST"),
        (("SITE-A", "SITE-B", "SITE-C"), "name one ENDPOINT, or SRC and DST"),
        (("SITE-A", "--variant", "https-push"), "name one ENDPOINT, or SRC and DST"),
        (("SITE-A", "SITE-B", "--variant", "gsiftp"), 'no such variant: "gsiftp"'),
        (("SITE-A", "SITE-A"), "never copied onto itself"),
        (("SITE-A", "--timeout", "soon"), "soon"),
        (("SITE-A", "--bogus"), "--bogus"),
        (("SITE-A", "-c", "nowhere.toml"), "the configuration is invalid"),
    ],
)
def test_a_wrong_word_is_no_storages_fault(grid: ObedientGrid, shell: Shell, words: tuple[str, ...], message: str):
    before = grid.requests()
    assert message in status_line(shell.run("plugin", "-c", grid.config, *words), UNKNOWN)
    assert grid.requests() == before


def test_no_token_is_no_storages_fault(grid: ObedientGrid, shell: Shell):
    grid.issuer("refuses")
    for words in (("SITE-A",), ("SITE-A", "SITE-B")):
        assert "issuer_refused" in status_line(shell.run("plugin", *words, "-c", grid.config), UNKNOWN)


def test_another_harness_is_at_work(grid: ObedientGrid, shell: Shell):
    with StateLock(shell.state):
        line = status_line(shell.run("plugin", "SITE-A", "-c", grid.config), UNKNOWN)
    assert str(shell.state) in line


@pytest.mark.slow
def test_our_time_is_over(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "hang_before_headers")
    ended = shell.run("plugin", "SITE-A", "SITE-B", "--timeout", "14s", "-c", grid.config)
    assert "no verdict within 14 s" in status_line(ended, UNKNOWN)
    assert " s: SITE-A -> SITE-B https-pull\n" in ended.stdout
    assert ended.seconds < 14 + 2  # Python itself starts slowly on a busy machine
    assert grid.files() == shell.ledger() == set()


def test_no_time_for_cleaning_up(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "hang_before_headers")
    ended = shell.run("plugin", "SITE-A", "SITE-B", "--timeout", "3s", "-c", grid.config)
    assert "no verdict within 3 s" in status_line(ended, UNKNOWN)
    assert grid.files() <= shell.ledger() != set()
    assert shell.run("clean", grid.config).code == 0
    assert grid.files() == shell.ledger() == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(grid: ObedientGrid, shell: Shell, number: signal.Signals):
    grid.faults("SITE-B", "hang_before_headers")
    copies = grid.requests().get("COPY", 0)
    with shell.start("plugin", "SITE-A", "SITE-B", "-c", grid.config) as running:
        running.until(lambda: grid.requests().get("COPY", 0) > copies)
        running.send(number)
        ended = running.end()
    assert "interrupted" in status_line(ended, UNKNOWN)
    assert grid.files() == shell.ledger() == set()


def test_a_bug_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh dear")

    monkeypatch.setenv("TPCHARNESS_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("tpcharness.config.load.load_config", broken)
    with pytest.raises(SystemExit) as caught:
        cli.main(["plugin", "SITE-A"])
    told = capsys.readouterr()
    assert (caught.value.code, told.err) == (UNKNOWN, "")
    assert told.out.startswith("TPCHARNESS UNKNOWN - internal error: ZeroDivisionError: oh dear; report saved to ")
    assert len(list(tmp_path.glob("tpcharness-crash-*"))) == 1


def test_the_alarm_rings_whatever_hangs():
    program = (
        "import threading\n"
        "from tpcharness.cli.plugin import Alarm\n"
        "from tpcharness.model.progress import Remark\n"
        "with Alarm(0.2) as alarm:\n"
        "    alarm.notice(Remark('p', 'so far, so good'))\n"
        "    threading.Event().wait()\n"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (UNKNOWN, "")
    line, *rest = done.stdout.splitlines()
    assert line == "TPCHARNESS UNKNOWN - no verdict within 0.2 s"
    assert rest[0] == "what was seen last:"
    assert rest[1].endswith("so far, so good")


def test_help_is_help(shell: Shell):
    ended = shell.run("plugin", "--help")
    assert (ended.code, ended.stderr) == (0, "")
    assert "UNKNOWN" in ended.stdout
