"""Metrics of a single run: to a file, and to a Pushgateway."""

from __future__ import annotations

import socket

import pytest

from tests.support.command import Shell
from tests.support.obedient_grid import ObedientGrid
from tests.support.real_pushgateway import pushed, pushgateway
from tests.support.scraped import of_family, samples_of
from tpcharness.cli.exits import ExitCode


def test_a_run_writes_a_file_for_the_textfile_collector(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "checksum_wrong")
    ended = shell.run("matrix", grid.config, "-q", "-s", "SITE-[AB]", "-d", "SITE-[AB]", "-o", "prometheus:tpc.prom")
    assert ended.code == ExitCode.FAILED
    samples = samples_of((shell.folder / "tpc.prom").read_bytes())
    doors = of_family(samples, "tpcharness_endpoint_probe_success", "endpoint")
    assert doors == {("SITE-A",): 1.0, ("SITE-B",): 0.0}
    states = of_family(samples, "tpcharness_links", "variant", "state")
    assert {key: count for key, count in states.items() if count} == {
        ("https-pull", "skipped"): 2,
        ("https-push", "skipped"): 2,
    }
    codes = of_family(samples, "tpcharness_result_code_info", "code", "reason")
    code = of_family(samples, "tpcharness_endpoint_probe_result_code", "endpoint")["SITE-B",]
    assert (f"{code:.0f}", "checksum_mismatch") in codes


@pytest.mark.real
@pytest.mark.parametrize("command", ["matrix", "check"])
def test_a_run_pushes_at_its_end(grid: ObedientGrid, shell: Shell, command: str):
    config = [grid.config] if command == "matrix" else ["-c", grid.config]
    with pushgateway(shell.folder) as url:
        ended = shell.run(command, *config, "-q", "--push-gateway", url)
        assert (ended.code, ended.stderr) == (ExitCode.OK, "")
        (samples,) = pushed(url).values()
    assert samples["tpcharness_endpoint_probe_success[('endpoint', 'SITE-A'), ('variant', 'door')]"] == 1
    assert (command == "matrix") == any(name.startswith("tpcharness_probe_success[") for name in samples)


@pytest.mark.parametrize("command", ["matrix", "check"])
def test_a_gateway_that_is_away_is_told_and_costs_no_result(grid: ObedientGrid, shell: Shell, command: str):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = [grid.config] if command == "matrix" else ["-c", grid.config]
    ended = shell.run(command, *config, "-q", "--push-gateway", url)
    assert ended.stderr.splitlines() == [f"error: cannot push to {url}: [Errno 111] Connection refused"]
    assert ended.code == ExitCode.OUR_SIDE
    assert "4 of 4" in ended.stdout


@pytest.mark.parametrize("command", ["matrix", "check"])
def test_a_url_that_is_none_is_a_usage_error_before_anything_is_asked(grid: ObedientGrid, shell: Shell, command: str):
    before = grid.requests()
    ended = shell.run(command, "--push-gateway", "http://ada:canary-word@gw.example:9091")
    assert ended.code == ExitCode.USAGE
    assert '"http://gw.example:9091" holds a user name' in ended.stderr
    assert "canary-word" not in ended.stderr
    assert grid.requests() == before
