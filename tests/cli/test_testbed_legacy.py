"""A testbed with legacy doors, as a user has it: shut, opened by faults, and audited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.command import TOKEN, Shell
from tests.support.grid import GridProcess, grid_process
from tpcharness.cli.exits import ExitCode
from tpcharness.testbed.legacy.manners import MANNERS

BOTH = ("--variant", "gsiftp-door", "--variant", "srm-door")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GridProcess]:
    with grid_process(tmp_path_factory.mktemp("grid"), "--sites", "2", "--legacy") as process:
        yield process


def found(document: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(each["subject"]["endpoint"], each["variant"]): each["reason"] for each in document["results"]}


@pytest.mark.parametrize(
    ("faults", "at_gsiftp", "at_srm"),
    [
        ((), "ok", "ok"),
        (("gsiftp_gsi",), "legacy_answers", "ok"),
        (("srm_ping",), "ok", "legacy_answers"),
        (("gsiftp_mail_busy", "srm_certificate"), "malformed_response", "tls_handshake"),
        (("gsiftp_ssh", "srm_no_tls"), "malformed_response", "malformed_response"),
    ],
    ids=str,
)
def test_a_door_is_shut_until_a_fault_opens_it(
    grid: GridProcess, shell: Shell, faults: tuple[str, ...], at_gsiftp: str, at_srm: str
) -> None:
    ready = ("--ready-file", grid.directory.parent / "ready.json")
    texts = [f"SITE-B={fault}" for fault in faults]
    on = shell.run("testbed", "fault", *ready, "--clear", *texts)
    assert (on.code, on.stdout.split()) == (ExitCode.OK, texts)
    ended = shell.run("check", *BOTH, "-c", grid.config, "-o", "json:-")
    assert ended.code == (ExitCode.FAILED if faults else ExitCode.OK), ended
    assert found(ended.document) == {
        ("SITE-A", "gsiftp-door"): "ok",
        ("SITE-A", "srm-door"): "ok",
        ("SITE-B", "gsiftp-door"): at_gsiftp,
        ("SITE-B", "srm-door"): at_srm,
    }
    assert not TOKEN.search(ended.stdout)


def test_two_faults_of_one_door_are_refused(grid: GridProcess, shell: Shell) -> None:
    ready = ("--ready-file", grid.directory.parent / "ready.json")
    assert shell.run("testbed", "fault", *ready, "--clear", "SITE-A=srm_ping").code == ExitCode.OK
    ended = shell.run("testbed", "fault", *ready, "SITE-A=srm_web")
    assert ended.code == ExitCode.USAGE
    assert "'srm_web': the srm door is 'srm_ping': clear that first" in ended.stderr
    assert shell.run("testbed", "fault", *ready).stdout == "SITE-A=srm_ping\n"
    assert shell.run("testbed", "fault", *ready, "--clear").stdout == ""


def test_every_manner_is_listed(shell: Shell) -> None:
    lines = shell.run("testbed", "up", "--list-faults").stdout.splitlines()
    assert {f"SITE={manner}" for manner in MANNERS} <= {line.split()[0] for line in lines}
    assert all("with --legacy: the " in line for line in lines if line.startswith(("SITE=gsiftp_", "SITE=srm_")))


@pytest.mark.parametrize(
    ("words", "reasons"),
    [
        (BOTH, {"ok"}),
        ((*BOTH, "--fault", "SITE-A=gsiftp_plain"), {"ok", "legacy_answers"}),
    ],
    ids=["well", "one open"],
)
def test_a_matrix_brings_such_doors_for_who_asks_for_them(
    shell: Shell, words: tuple[str, ...], reasons: set[str]
) -> None:
    ended = shell.run("matrix", "--testbed", "2", *words, "--format", "json", "--quiet")
    assert ended.code == (ExitCode.OK if reasons == {"ok"} else ExitCode.FAILED)
    assert set(found(ended.document).values()) == reasons
    assert len(ended.document["results"]) == 4


def test_an_open_door_stops_no_link(shell: Shell) -> None:
    words = ("--variant", "https-pull", "--fault", "SITE-A=gsiftp_gsi")
    ended = shell.run("matrix", "--testbed", "2", *words, "--format", "json", "--quiet")
    assert ended.code == ExitCode.OK
    assert {each["reason"] for each in ended.document["results"]} == {"ok"}
