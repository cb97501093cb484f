"""`tpcharness daemon` and `health` as processes, against a grid on this machine."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.command import TOKEN, Ended, Running, Shell
from tests.support.obedient_grid import ObedientGrid
from tests.support.service import Daemon, ServiceManager, daemon
from tpcharness.cli.exits import ExitCode
from tpcharness.daemon.upkeep import START_SECONDS
from tpcharness.results.history.database import FILE_NAME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LINKS = 24
QUICK = {'interval = "30s"': 'interval = "4s"', 'confirm_interval = "10s"': 'confirm_interval = "1s"'}


def quick(grid: ObedientGrid, shell: Shell, more: str = "", **replaced: str) -> Path:
    """The grid's configuration with intervals of a few seconds, in a file of the shell's."""
    text = grid.config.read_text()
    for old, new in (QUICK | replaced).items():
        assert old in text
        text = text.replace(old, new)
    file = shell.folder / "service.toml"
    file.write_text(text + more)
    return file


def all_green(service: Daemon, count: int = LINKS) -> None:
    service.running.until(lambda: list(service.links().values()) == [1.0] * count)


def nothing_forgotten(grid: ObedientGrid, shell: Shell, ended: Ended) -> None:
    """What could not be taken away, or may still come, stands in the ledger, and that is said."""
    grid.quiet()
    left = shell.ledger()
    assert grid.files() <= left
    assert ("left in the ledger for the next start" in ended.stderr) == bool(left)


def test_the_matrix_fills_and_a_stop_leaves_nothing_behind(grid: ObedientGrid, shell: Shell):
    with daemon(shell, quick(grid, shell)) as service:
        all_green(service)
        assert service.samples("/metrics", "tpcharness_endpoint_probe_success") == {
            f'endpoint="SITE-{letter}",variant="door"': 1.0 for letter in "ABCD"
        }
        healthy = shell.run("health", service.url)
        assert (healthy.code, healthy.stderr) == (ExitCode.OK, "")
        assert grid.files()
        service.running.send(signal.SIGTERM)
        ended = service.running.end()
    assert (ended.code, ended.stdout) == (ExitCode.OK, "")
    assert "SIGTERM: stopping" in ended.stderr
    nothing_forgotten(grid, shell, ended)
    gone = shell.run("health", service.url)
    assert gone.code == ExitCode.FAILED
    assert "does not answer" in gone.stderr


def test_after_a_kill_the_next_start_cleans_up_and_counters_go_on(grid: ObedientGrid, shell: Shell):
    config = quick(grid, shell)
    family = "tpcharness_transfer_bytes_total"
    with daemon(shell, config) as service:
        all_green(service)
        before = service.links(family)
        service.running.send(signal.SIGKILL)
        service.running.end()
    grid.quiet()
    left = shell.ledger()
    assert left >= grid.files()
    foreign = grid.put("SITE-C", "seed-of-somebody-else")
    with daemon(shell, config) as service:
        after = service.links(family)
        assert all(after[labels] >= count for labels, count in before.items())
        assert len(service.links()) == LINKS  # the matrix is there at once
        service.running.until(lambda: not left & shell.ledger())
        assert not left & grid.files()
        service.running.send(signal.SIGINT)
        assert service.running.end().code == ExitCode.OK
    grid.quiet()
    assert grid.files() - shell.ledger() == {foreign}


def test_a_reload_takes_links_away_and_a_bad_file_keeps_what_holds(grid: ObedientGrid, shell: Shell):
    config = quick(grid, shell)
    good = config.read_text()
    sections = good.partition("[endpoints.SITE-D]")
    without_d = sections[0] + "[timeouts]" + sections[2].partition("[timeouts]")[2]
    with daemon(shell, config) as service:
        all_green(service)
        config.write_text(without_d)
        service.running.send(signal.SIGHUP)
        service.running.until(lambda: "configuration taken: 3 doors and 12 links" in service.running.stderr)
        assert not [
            labels for labels in service.links("tpcharness_probe_last_run_timestamp_seconds") if "SITE-D" in labels
        ]
        service.running.until(lambda: not any("site-d" in url for url in grid.files()))
        config.write_text(without_d.replace("[timeouts]", "[timeouts]\nsetle = 1"))
        service.running.send(signal.SIGHUP)
        service.running.until(lambda: "is not taken" in service.running.stderr)
        (line,) = [line for line in service.running.stderr.splitlines() if "is not taken" in line]
        assert re.search(r"service\.toml:\d+: error: timeouts\.setle = 1 is not a known key", line)
        assert service.samples("/metrics", "tpcharness_config_last_reload_successful") == {"": 0.0}
        config.write_text(good.replace('name = "testbed"', 'name = "other"'))
        service.running.send(signal.SIGHUP)
        service.running.until(lambda: "harness.name has changed: that needs a restart" in service.running.stderr)
        assert service.samples("/metrics", "tpcharness_config_last_reload_successful") == {"": 1.0}
        all_green(service)
        service.running.send(signal.SIGTERM)
        ended = service.running.end()
        assert ended.code == ExitCode.OK
    nothing_forgotten(grid, shell, ended)


@contextmanager
def reading_its_history(grid: ObedientGrid, shell: Shell) -> Iterator[tuple[Running, Callable[[], object]]]:
    """A service in the middle of its start, and what lets it go on. A start may take minutes."""
    shell.state.mkdir(mode=0o700)
    database = shell.state / FILE_NAME
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        with shell.start("daemon", quick(grid, shell), "--listen", "127.0.0.1:0") as starting:
            starting.until(Path(f"{database}-lock").exists)
            yield starting, lambda: other.execute("ROLLBACK")


def test_a_reload_that_is_asked_for_in_the_middle_of_the_start_is_done_after_it(grid: ObedientGrid, shell: Shell):
    with reading_its_history(grid, shell) as (starting, go_on):
        starting.send(signal.SIGHUP)
        starting.send(signal.SIGUSR1)
        starting.until(lambda: "task start" in starting.stderr)
        go_on()
        starting.until(lambda: "configuration taken" in starting.stderr)
        starting.send(signal.SIGTERM)
        assert starting.end().code == ExitCode.OK


def test_a_stop_in_the_middle_of_the_start_is_obeyed(grid: ObedientGrid, shell: Shell):
    with reading_its_history(grid, shell) as (starting, go_on):
        starting.send(signal.SIGTERM)
        go_on()
        ended = starting.end()
    assert ended.code == ExitCode.OK
    assert "listening" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not shell.ledger()


def test_the_second_daemon_on_a_state_directory_refuses(grid: ObedientGrid, shell: Shell):
    with daemon(shell, grid.config) as service:
        second = shell.run("daemon", grid.config, "--listen", "127.0.0.1:0")
        assert (second.code, second.stdout) == (ExitCode.OUR_SIDE, "")
        assert f"another tpcharness (process {service.running.pid}) is using {shell.state}" in second.stderr
        assert "Traceback" not in second.stderr
        service.running.send(signal.SIGTERM)
        assert service.running.end().code == ExitCode.OK


def test_what_is_in_the_way_is_said_in_one_line(grid: ObedientGrid, shell: Shell):
    (shell.folder / "file").write_text("")
    where = {"TPCHARNESS_STATE_DIR": str(shell.folder / "file" / "state")}
    unwritable = shell.run("daemon", grid.config, "--listen", "127.0.0.1:0", **where)
    assert unwritable.code == ExitCode.OUR_SIDE
    assert f"state directory {where['TPCHARNESS_STATE_DIR']}: Not a directory" in unwritable.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        busy = shell.run("daemon", grid.config, "--listen", address)
    assert busy.code == ExitCode.OUR_SIDE
    assert f"cannot listen on {address}: Address already in use" in busy.stderr
    assert shell.run("daemon", grid.config, "--listen", "10919").code == ExitCode.USAGE
    bad = quick(grid, shell, "\n[oops]\n")
    assert shell.run("daemon", bad).code == ExitCode.CONFIG
    for ended in (unwritable, busy):
        assert "Traceback" not in ended.stderr
    assert shell.ledger() == set()


def test_a_second_signal_leaves_at_once(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-A", "passive_slow:20000")
    with daemon(shell, quick(grid, shell)) as service:
        service.running.until(lambda: any("/copy-" in url for url in shell.ledger()))
        service.running.send(signal.SIGTERM)
        service.running.until(lambda: "stopping" in service.running.stderr)
        begin = time.monotonic()
        service.running.send(signal.SIGTERM)
        assert service.running.end().code == ExitCode.OK
        assert time.monotonic() - begin < 3
    grid.quiet()
    assert grid.files() <= shell.ledger()


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_is_told(grid: ObedientGrid, shell: Shell, abstract: bool):
    address = f"@tpcharness-test-{shell.folder.name}" if abstract else str(shell.folder / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "900000"}
    config = quick(grid, shell)
    with ServiceManager(address) as manager, daemon(shell, config, **environ) as service:
        assert manager.hear("READY=1") == "READY=1"
        assert manager.told[0] == f"EXTEND_TIMEOUT_USEC={int(START_SECONDS * 1e6)}"
        assert manager.told[-1].startswith("STATUS=doors: ")
        for _ in range(3):
            manager.hear("WATCHDOG=1")
        service.running.send(signal.SIGHUP)
        manager.hear("RELOADING=1")
        micros = int(manager.told[-1].removeprefix("MONOTONIC_USEC="))
        assert 0 <= time.monotonic() - micros / 1e6 < 60
        manager.hear("READY=1")
        service.running.send(signal.SIGTERM)
        manager.hear("STOPPING=1")
        assert service.running.end().code == ExitCode.OK
        told = manager.told + manager.pending()
        assert not [word for word in told[told.index("READY=1") :] if word.startswith("EXTEND_TIMEOUT_USEC")]


def test_a_service_that_hangs_feeds_no_watchdog(grid: ObedientGrid, shell: Shell):
    address = str(shell.folder / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "900000"}
    with ServiceManager(address) as manager, daemon(shell, quick(grid, shell), **environ) as service:
        manager.hear("WATCHDOG=1")
        service.running.send(signal.SIGSTOP)
        manager.pending()
        with pytest.raises(AssertionError, match="never heard"):
            manager.hear("WATCHDOG=1", 2.0)
        service.running.send(signal.SIGCONT)
        manager.hear("WATCHDOG=1")
        service.running.send(signal.SIGKILL)
        service.running.end()


def test_the_log_is_json_with_run_and_probe_and_without_secrets(grid: ObedientGrid, shell: Shell):
    grid.echo()
    grid.faults("SITE-B", "passive_403")
    with daemon(shell, quick(grid, shell), "--log-format", "json", "--log-level", "debug") as service:
        service.running.until(lambda: '"level": "info", "logger": "daemon.logs"' in service.running.stderr)
        service.running.send(signal.SIGUSR1)
        service.running.until(lambda: "task service" in service.running.stderr)
        service.running.send(signal.SIGTERM)
        ended = service.running.end()
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    (run_id,) = {line["run"] for line in lines}
    failures = [line for line in lines if line["level"] == "info" and line["logger"] == "daemon.logs"]
    assert failures
    for line in failures:
        assert line["probe"]
        assert "failure" in line["message"]
    dump = next(line for line in lines if line["message"].startswith("task service"))
    assert "engine/service.py" in dump["message"]
    assert re.fullmatch(r"\d{8}T\d{6}Z-\w+", run_id)
    assert not TOKEN.search(ended.stderr)
    assert grid.secret not in ended.stderr
