from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.grid import ROOT, grid_process
from tpcharness.cli.exits import ExitCode
from tpcharness.cli.main import cli
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.testbed.fault_catalogue import CATALOGUE
from tpcharness.testbed.xroot.faults import RootFault

HEAVY = ("aiohttp", "cryptography", "jwt", "uvloop", "tpcharness.testbed")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def up(*options: str) -> Result:
    return CliRunner().invoke(cli, ["testbed", "up", *options])


@pytest.mark.parametrize("words", [["testbed", "--help"], ["testbed", "up", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        f"import sys; from tpcharness.cli.main import cli; cli.main({words!r}, standalone_mode=False); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    assert "Usage:" in output
    assert output.splitlines()[-1] == "[]"


def test_faults_are_listed_by_the_words_that_fault_takes() -> None:
    result = up("--list-faults")
    listed = {line.split()[0] for line in result.stdout.splitlines()}
    assert result.exit_code == ExitCode.OK
    assert {f"SITE=root_{fault}" for fault in RootFault} <= listed
    assert {f"SITE={name}" for name in CATALOGUE} | {"SITE=tls_expired", "ISSUER=down"} <= listed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dialect", "dcash"), "no dialect 'dcash'; did you mean 'dcache'?"),
        (("--dialect", "zfs"), "no dialect 'zfs'; there are dcache, xrootd5"),
        (("--fault", "SITE-A=refuze"), "no fault 'refuze'; did you mean 'refuse'?"),
        (("--fault", "SITE-A=zzz"), "--list-faults"),
        (("--fault", "SITE-Z=refuse"), "no site 'SITE-Z'"),
        (("--fault", "SITE-A=refused"), "refused"),
        (("--fault", "SITE-A"), "SITE-A"),
        (("--ephemeral", "--base-port", "3000"), "leave --base-port out"),
        (("--sites", "0"), "--sites"),
        (("--marker-period", "0"), "--marker-period"),
    ],
)
def test_usage_errors_start_nothing(here: Path, options: tuple[str, ...], message: str) -> None:
    result = up(*options)
    assert result.exit_code == ExitCode.USAGE
    assert message in result.stderr
    assert list(here.iterdir()) == []


def test_a_directory_with_other_things_is_left_alone(here: Path) -> None:
    (here / ".testbed").mkdir()
    (here / ".testbed" / "thesis.tex").write_text("years of work")
    result = up()
    assert result.exit_code == ExitCode.OUR_SIDE
    assert "holds other things" in result.stderr
    assert (here / ".testbed" / "thesis.tex").read_text() == "years of work"


def test_a_configuration_of_somebody_else_is_not_overwritten(here: Path) -> None:
    (here / "mine.toml").write_text("[harness]\n")
    result = up("--ephemeral", "--config", "mine.toml")
    assert result.exit_code == ExitCode.OUR_SIDE
    assert (here / "mine.toml").read_text() == "[harness]\n"


def test_a_port_in_use_says_what_to_do(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = up("--base-port", str(taken.getsockname()[1]))
    assert result.exit_code == ExitCode.OUR_SIDE
    assert "in use" in result.stderr
    assert "--ephemeral" in result.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_the_normal_end(here: Path, number: signal.Signals) -> None:
    with grid_process(here, "--sites", "2", "--fault", "SITE-B=active_503") as testbed:
        config = load_config(testbed.config, environ={"HOME": str(here)})
        assert isinstance(config, Config)
        assert {name: endpoint.https for name, endpoint in config.endpoints.items()} == testbed.ready["sites"]
        assert testbed.ready["pid"] == testbed.process.pid
        assert stat.S_IMODE(testbed.directory.stat().st_mode) == 0o700
        assert f"tpcharness matrix {testbed.config}" in testbed.stderr.read_text()
        assert testbed.stop(number) == ExitCode.OK
    assert not testbed.directory.exists()
    assert "Traceback" not in testbed.stderr.read_text()


def test_two_testbeds_do_not_share_a_directory(here: Path) -> None:
    with grid_process(here, "--sites", "1") as testbed:
        result = up("--ephemeral", "--directory", str(testbed.directory))
        assert result.exit_code == ExitCode.OUR_SIDE
        assert "another testbed uses" in result.stderr
        assert (testbed.directory / "client-secret").exists()


def test_what_a_killed_testbed_left_is_taken_over(here: Path) -> None:
    with grid_process(here, "--sites", "1") as testbed:
        assert testbed.stop(signal.SIGKILL) == -signal.SIGKILL
    secret = (testbed.directory / "client-secret").read_text()
    (testbed.directory / "state").mkdir()
    (here / "ready.json").unlink()
    with grid_process(here, "--sites", "1") as testbed:
        assert (testbed.directory / "client-secret").read_text() != secret
        assert not (testbed.directory / "state").exists()


def test_the_configuration_goes_to_stdout_by_default(here: Path) -> None:
    command = [sys.executable, "-m", "tpcharness", "testbed", "up", "--ephemeral", "--sites", "1"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stderr is not None
        assert "1 storage and" in process.stderr.readline()
        process.terminate()
        stdout, _ = process.communicate(timeout=30)
    assert process.returncode == ExitCode.OK
    (here / "endpoints.toml").write_text(stdout)
    assert stdout.startswith("# A grid on this machine")
    assert "[endpoints.SITE-A]" in stdout


def switch(ready: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["testbed", "fault", "--ready-file", str(ready), *words])


def test_the_testbed_of_this_directory_is_the_one_that_is_meant(here: Path) -> None:
    lonely = CliRunner().invoke(cli, ["testbed", "fault", "SITE-A=refuse"])
    assert lonely.exit_code == ExitCode.USAGE
    assert "no testbed runs in .testbed" in lonely.stderr
    (here / "grid").mkdir()
    with grid_process(here / "grid", "--sites", "2") as grid:
        assert stat.S_IMODE((grid.directory / "ready.json").stat().st_mode) == 0o600
        (here / ".testbed").symlink_to(grid.directory)
        on = CliRunner().invoke(cli, ["testbed", "fault", "SITE-A=refuse"])
        assert (on.exit_code, on.stdout) == (ExitCode.OK, "SITE-A=refuse\n")
    assert "no testbed runs" in CliRunner().invoke(cli, ["testbed", "fault"]).stderr


def test_help_cuts_no_sentence_off() -> None:
    for words in ([], ["testbed"]):
        assert "..." not in CliRunner().invoke(cli, [*words, "--help"]).stdout.partition("Commands:")[2]


def test_faults_from_a_file(tmp_path: Path) -> None:
    planted = tmp_path / "faults.txt"
    planted.write_text("# what is wrong today\n\nSITE-B=checksum_absent  # no sums\nSITE-A=active_503:nth=2\n")
    with grid_process(tmp_path, "--sites", "2", "--fault-file", str(planted), "--fault", "SITE-A=refuse"):
        on = switch(tmp_path / "ready.json").stdout.splitlines()
        assert on == ["SITE-A=refuse", "SITE-A=active_503:nth=2", "SITE-B=checksum_absent"]
    planted.write_text("SITE-B=nonsense\n")
    assert up("--sites", "2", "--ephemeral", "--fault-file", str(planted)).exit_code == ExitCode.USAGE


def test_faults_are_switched_by_command(tmp_path: Path) -> None:
    with grid_process(tmp_path, "--sites", "2", "--fault", "SITE-B=checksum_absent") as grid:
        ready = tmp_path / "ready.json"
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        assert switch(ready).stdout.splitlines() == ["SITE-B=checksum_absent"]
        both = switch(ready, "SITE-A=refuse", "SITE-B=active_503:nth=2")
        assert both.stdout.splitlines() == ["SITE-A=refuse", "SITE-B=checksum_absent", "SITE-B=active_503:nth=2"]
        assert switch(ready, "--clear", "SITE-A=refuse").stdout.splitlines() == ["SITE-A=refuse"]
        wrong = switch(ready, "SITE-A=nonsense")
        assert (wrong.exit_code, wrong.stdout) == (ExitCode.USAGE, "")
        assert "no fault 'nonsense'" in wrong.stderr
        assert switch(ready, "SITE-A").exit_code == ExitCode.USAGE
        assert grid.ready["faults"]["secret"] not in both.output + wrong.output
    assert switch(ready).exit_code == ExitCode.OUR_SIDE
