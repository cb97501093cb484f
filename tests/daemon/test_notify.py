"""The words to the service manager, on a real datagram socket."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support.service import ServiceManager
from tpcharness.daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path):
    address = str(tmp_path / "notify") if request.param == "path" else f"@tpcharness-{tmp_path.name}"
    with ServiceManager(address) as manager:
        yield manager


def test_each_word_is_one_datagram_in_systemd_s_language(manager: ServiceManager):
    with Notifier.from_environ({"NOTIFY_SOCKET": manager.address}) as notifier:
        notifier.starting(2.5, "reading")
        notifier.ready("3 of\n4 ok")
        notifier.reloading(lambda: 12.5)
        notifier.status("busy")
        notifier.watchdog()
        notifier.stopping("cleaning up")
    assert manager.pending() == [
        "EXTEND_TIMEOUT_USEC=2500000", "STATUS=reading",
        "READY=1", "STATUS=3 of 4 ok", "RELOADING=1", "MONOTONIC_USEC=12500000", "STATUS=busy", "WATCHDOG=1",
        "STOPPING=1", "STATUS=cleaning up",
    ]  # fmt: skip


def test_without_a_manager_every_word_goes_nowhere():
    with Notifier.from_environ({}) as notifier:
        notifier.ready("")
        notifier.watchdog()
    assert notifier.watchdog_seconds is None


def test_a_manager_that_is_gone_is_complained_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING), Notifier(str(tmp_path / "nobody")) as notifier:
        notifier.ready("")
        notifier.watchdog()
    assert [record.getMessage() for record in caplog.records] == [
        "the service manager does not hear us: No such file or directory"
    ]


def test_a_manager_that_never_reads_does_not_hold_us(manager: ServiceManager):
    with Notifier(manager.address) as notifier:
        for _ in range(5000):
            notifier.watchdog()
    assert 0 < len(manager.pending()) < 5000


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_ours_or_not(environ: dict[str, str], seconds: float | None):
    assert Notifier.from_environ(environ, pid=7).watchdog_seconds == seconds
