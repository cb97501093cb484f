"""The systemd unit, by systemd's own judgement. How it behaves on notify and watchdog is tested with the daemon."""

from __future__ import annotations

import configparser
import subprocess

import pytest

from tests.packaging.containers import ROOT, finished
from tpcharness.cli.exits import ExitCode
from tpcharness.daemon.upkeep import START_SECONDS, STARTS_TOLD
from tpcharness.model.settings import DaemonSettings

UNIT = ROOT / "packaging/tpcharness.service"
EXPOSED_AT_MOST = 15
"""Tenths of systemd's 0 to 10; 0.2 of it is for being on the network at all."""


class Unit(configparser.RawConfigParser):
    """A unit's settings by section; of a key that stands twice, the last."""

    def __init__(self) -> None:
        super().__init__(strict=False, comment_prefixes=("#",), interpolation=None)
        self.read(UNIT)

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@pytest.mark.real
def test_little_is_exposed() -> None:
    finished("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED_AT_MOST}", UNIT)


@pytest.mark.real
def test_the_threshold_can_be_missed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=1", str(UNIT)]
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_it_has_time_to_clean_up() -> None:
    service = Unit()["Service"]
    assert int(service["TimeoutStopSec"]) > DaemonSettings().stop_seconds


def test_it_has_time_to_read_its_history() -> None:
    """The first word that it still starts comes long before systemd gives up; then it asks for more as it needs it."""
    assert int(Unit()["Service"]["TimeoutStartSec"]) > 2 * START_SECONDS / STARTS_TOLD


def test_what_cannot_get_better_is_not_tried_again() -> None:
    service = Unit()["Service"]
    assert service["RestartPreventExitStatus"].split() == [str(int(code)) for code in (ExitCode.USAGE, ExitCode.CONFIG)]
    assert int(service["SuccessExitStatus"]) == ExitCode.TERMINATED


def test_it_is_told_when_all_is_up_and_that_it_lives() -> None:
    service = Unit()["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert service["ExecReload"] == '/bin/sh -c "kill -HUP ${MAINPID}"'
