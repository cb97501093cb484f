"""The done-when of the findings, by the real command on real sockets: five faults, five findings, no other."""

from __future__ import annotations

import json

import pytest

from tests.support.command import Shell
from tpcharness.cli.exits import ExitCode

SITES = 12
FAULTS = {
    "SITE-B": "tpc_unsupported",
    "SITE-D": "wrong_content",
    "SITE-F": "passive_403",
    "SITE-H": "tls_expired",
    "SITE-J": "missing_file",
}
EXPECTED = {
    ("bad_as_active", "SITE-B", "tpc_unsupported", "destination"),
    ("bad_as_active", "SITE-D", "checksum_mismatch", "destination"),
    ("refuses_tokens", "SITE-F", "passive_forbidden", "destination"),
    ("endpoint_down", "SITE-H", "tls_expired", "destination"),
    ("bad_as_source", "SITE-J", "passive_not_found", "source"),
}


@pytest.mark.slow
def test_five_faults_are_five_findings_and_no_other(shell: Shell) -> None:
    faults = [word for site, name in FAULTS.items() for word in ("--fault", f"{site}={name}")]
    ended = shell.run(
        "matrix", "--testbed", str(SITES), *faults, "--format", "table", "--output", "json:run.json", "-q"
    )
    assert ended.code == ExitCode.FAILED
    document = json.loads((shell.folder / "run.json").read_text())
    findings = document["findings"]
    assert {(each["kind"], *each["culprits"], each["reason"], each["blame"]) for each in findings} == EXPECTED
    assert len(findings) == len(EXPECTED)

    links = [result for result in document["results"] if result["subject"]["kind"] == "link"]
    assert len(links) == 2 * SITES * (SITES - 1)
    not_ok = {result["probe_id"] for result in links if result["outcome"] != "ok"}
    assert sum(each["cells"] for each in findings) == len(not_ok)
    for each in findings:
        assert each["cells"] == each["of"]
        assert each["sentence"].startswith(each["culprits"][0])
    for site in FAULTS:
        assert f"✗ {site} " in ended.stdout


@pytest.mark.slow
def test_a_testbed_without_faults_has_no_findings(shell: Shell) -> None:
    ended = shell.run("matrix", "--testbed", "7", "--format", "json", "--quiet")
    assert (ended.code, ended.document["findings"]) == (ExitCode.OK, [])


def test_a_fault_needs_a_testbed(shell: Shell) -> None:
    ended = shell.run("matrix", "--fault", "SITE-B=refuse")
    assert ended.code == ExitCode.USAGE
    assert "--testbed" in ended.stderr


def test_a_fault_that_does_not_exist_is_said_to_be_none(shell: Shell) -> None:
    ended = shell.run("matrix", "--testbed", "2", "--fault", "SITE-B=no_such_fault")
    assert ended.code != ExitCode.OK
    assert "no_such_fault" in ended.stderr
