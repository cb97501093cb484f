"""`matrix` over several protocols, by the real command on real sockets: the contrast of a fault, and no other."""

from __future__ import annotations

import pytest

from tests.support.command import Shell
from tpcharness.cli.exits import ExitCode

WAYS = [word for name in ("https-pull", "https-push", "root-pull", "webdav-*") for word in ("--variant", name)]


@pytest.mark.slow
def test_direct_transfers_work_and_third_party_copy_is_refused(shell: Shell) -> None:
    ended = shell.run(
        "matrix", "--testbed", "3", "--fault", "SITE-B=tpc_unsupported", *WAYS, "--format", "json", "--quiet"
    )
    assert ended.code == ExitCode.FAILED
    document = ended.document
    (finding,) = document["findings"]
    assert (finding["kind"], finding["culprits"]) == ("bad_as_active", ["SITE-B"])
    assert "direct upload works, pull is refused" in finding["sentence"]
    assert "direct download works, push is refused" in finding["sentence"]
    told = {(each["kind"], each["culprit"]) for each in document["contrasts"]}
    assert told == {("third_party_refused", "SITE-B")}


@pytest.mark.slow
def test_all_is_well_and_the_table_says_how_fast(shell: Shell) -> None:
    ended = shell.run("matrix", "--testbed", "3", *WAYS, "--quiet")
    assert ended.code == ExitCode.OK
    assert "which work, the best as a capital: p https-pull, u https-push, r root-pull" in ended.stdout
    assert "endpoints alone; a number is MB/s" in ended.stdout
    assert "endpoints alone: 6 of 6 ok" in ended.stdout
    assert "contrast:" not in ended.stdout
