"""What a service as a process has to bear: kill -9 at any moment, hundreds of copies at its end, a state that is spoilt
or gone, a disk that is full, a configuration that is far too large."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.test_daemon import all_green, nothing_forgotten, quick
from tests.support.command import PATIENCE_SECONDS, Shell
from tests.support.grid import ROOT
from tests.support.netns import apart
from tests.support.obedient_grid import ObedientGrid
from tests.support.service import Daemon, daemon
from tpcharness.cli.exits import ExitCode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

COUNTERS = (
    ("/metrics/links", "tpcharness_transfer_bytes_total"),
    ("/metrics", "tpcharness_endpoint_probes_total"),
    ("/metrics", "tpcharness_endpoint_phase_seconds_count"),
)


def counters_of(service: Daemon) -> dict[tuple[str, str], float]:
    return {
        (family, labels): value for path, family in COUNTERS for labels, value in service.samples(path, family).items()
    }


@pytest.mark.parametrize("seed", range(6))
def test_a_kill_at_any_moment_loses_no_file_and_no_count(grid: ObedientGrid, shell: Shell, seed: int):
    """Four lives of one service: killed while it starts, twice somewhere in its work, and ended well."""
    moments = random.Random(seed)
    config = quick(grid, shell)
    seen: dict[tuple[str, str], float] = {}
    with shell.start("daemon", config, "--listen", "127.0.0.1:0") as starting:
        deadline = time.monotonic() + moments.uniform(0.2, 3.0)
        starting.until(lambda: time.monotonic() > deadline)
        starting.send(signal.SIGKILL)
        starting.end()
    for _ in range(2):
        with daemon(shell, config) as service:
            counted = counters_of(service)
            assert all(counted[key] >= value for key, value in seen.items())
            wanted = (shell.state / "ledger.jsonl").stat().st_size + moments.randrange(100, 20_000)
            service.running.until(lambda: (shell.state / "ledger.jsonl").stat().st_size >= wanted)  # noqa: B023
            seen = counters_of(service)
            service.running.send(signal.SIGKILL)
            service.running.end()
        grid.quiet()
        left = shell.ledger()
        assert grid.files() <= left
    with daemon(shell, config) as service:
        counted = counters_of(service)
        assert all(counted[key] >= value for key, value in seen.items())
        service.running.until(lambda: not left & shell.ledger())
        assert not left & grid.files()
        all_green(service)
        service.running.send(signal.SIGTERM)
        ended = service.running.end()
        assert ended.code == ExitCode.OK
    nothing_forgotten(grid, shell, ended)


def test_a_stop_with_500_probes_in_flight_is_in_time_and_a_later_clean_finds_the_rest(grid: ObedientGrid, shell: Shell):
    for letter in "ABCD":
        grid.faults(f"SITE-{letter}", "passive_slow:20000")
    sizes = [1_000_000 + number for number in range(23)]
    config = quick(
        grid,
        shell,
        "\n[limits]\nconcurrency = 700\nper_host = 700\n",
        **{
            "[defaults]": f"[defaults]\nmax_transfers = 700\nsizes = {sizes}",
            "[daemon]": '[daemon]\nstop_within = "10s"',
        },
    )
    with daemon(shell, config) as service:
        service.running.until(lambda: len([url for url in shell.ledger() if "/copy-" in url]) >= 500)
        begin = time.monotonic()
        service.running.send(signal.SIGTERM)
        ended = service.running.end()
        assert time.monotonic() - begin < 10 + 4
    assert ended.code == ExitCode.OK
    grid.quiet()
    nothing_forgotten(grid, shell, ended)
    cleaned = shell.run("clean", config)
    assert cleaned.code == ExitCode.OK, cleaned.stderr
    assert grid.files() == set()
    assert shell.ledger() == set()


def test_a_state_directory_that_is_removed_ends_the_service_and_what_stays_is_named(grid: ObedientGrid, shell: Shell):
    with daemon(shell, quick(grid, shell)) as service:
        all_green(service)
        grid.faults("SITE-C", "delete_refused")
        shutil.rmtree(shell.state)
        ended = service.running.end()
    assert ended.code == ExitCode.OUR_SIDE
    assert ended.stderr.splitlines()[-1].startswith(f"Error: ledger {shell.state}/ledger.jsonl: it was removed")
    grid.quiet()
    for url in grid.files():
        assert f"left at SITE-C: {url}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_spoilt_database_is_kept_and_said_in_one_line(grid: ObedientGrid, shell: Shell):
    shell.state.mkdir()
    database = shell.state / "history.sqlite"
    database.write_bytes(b"\xa5" * 8192)
    refused = shell.run("daemon", quick(grid, shell), "--listen", "127.0.0.1:0")
    assert refused.code == ExitCode.OUR_SIDE
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert str(database) in line
    assert "nothing was deleted" in line
    assert "Traceback" not in refused.stderr
    assert database.read_bytes() == b"\xa5" * 8192


def test_ten_thousand_endpoints_by_mistake_are_refused(shell: Shell):
    config = shell.folder / "endpoints.toml"
    crowd = "".join(f'[endpoints.X{number}]\nhttps = "https://x{number}.example/vo"\n' for number in range(10_000))
    tokens = '[defaults]\ntokens = "ours"\n[tokens.ours]\nkind = "env"\nvariable = "BEARER_TOKEN"\n'
    config.write_text(f'[harness]\nname = "crowd"\n{tokens}{crowd}')
    refused = shell.run("daemon", config, "--listen", "127.0.0.1:0", BEARER_TOKEN="x")
    assert refused.code == ExitCode.CONFIG, refused.stderr
    assert "a service repeats at most" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not shell.state.exists()


def apart_with_disk(shell: Shell, options: str, *command: str) -> subprocess.CompletedProcess[str]:
    """A command for which the state directory is a file system of its own, in memory; it has its own network too."""
    shell.state.mkdir(parents=True, exist_ok=True)
    setting = f'mount -t tmpfs -o {options} tmpfs "$0" && ip link set lo up && exec "$@"'
    words, environ = apart(["sh", "-c", setting, str(shell.state), *command])
    environ["TPCHARNESS_STATE_DIR"] = str(shell.state)
    environ["PATH"] += ":/sbin:/usr/sbin"
    return subprocess.run(
        words, env=environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=3 * PATIENCE_SECONDS
    )


def test_a_state_directory_that_cannot_be_written(grid: ObedientGrid, shell: Shell):
    command = [sys.executable, "-m", "tpcharness", "daemon", str(quick(grid, shell)), "--listen", "127.0.0.1:0"]
    refused = apart_with_disk(shell, "ro", *command)
    assert refused.returncode == ExitCode.OUR_SIDE
    assert refused.stderr.splitlines()[-1] == f"Error: state directory {shell.state}: Read-only file system"
    assert "Traceback" not in refused.stderr


def test_a_full_disk_is_told_and_forgiven(shell: Shell):
    (shell.folder / "grid").mkdir()
    done = apart_with_disk(
        Shell(shell.folder / "grid"), "size=4m", sys.executable, "-m", "tests.daemon.full_disk", str(shell.folder)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "told and forgiven\n"
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
