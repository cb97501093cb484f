"""No token and no client secret appears in anything that a command prints or writes, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.command import TOKEN, Ended, Shell
from tests.support.grid import ROOT
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode

FILES = ("-o", "json:run.json", "-o", "jsonl:run.jsonl", "-o", "table:run.txt")


@pytest.fixture
def canaries(grid: ObedientGrid, shell: Shell) -> Iterator[list[Ended]]:
    """Put every ended command here; at the end nothing may have sung, and something must have been said."""
    endings: list[Ended] = []
    yield endings
    said = "\n".join([shell.written(), *(ended.stdout + ended.stderr for ended in endings)])
    assert len(said) > 1000
    assert TOKEN.findall(said) == []
    assert grid.secret not in said


@pytest.mark.slow
def test_commands_on_a_healthy_grid(grid: ObedientGrid, shell: Shell, canaries: list[Ended]):
    for words in (
        ("-vv", "matrix", grid.config, *FILES),
        ("-vv", "check", "-c", grid.config),
        ("-vv", "probe", "SITE-A", "SITE-D", "-c", grid.config, "--variant", "https-pull", "--variant", "https-push"),
        ("-vv", "clean", grid.config),
        ("config", "show", grid.config),
        ("config", "show", grid.config, "--format", "json"),
        ("config", "check", grid.config),
    ):
        ended = shell.run(*words)
        assert ended.code == ExitCode.OK
        canaries.append(ended)


def test_storages_that_repeat_the_tokens_they_refuse(grid: ObedientGrid, shell: Shell, canaries: list[Ended]):
    grid.echo()
    grid.faults("SITE-A", "passive_403")
    grid.faults("SITE-B", "active_403", "missing_file")
    grid.faults("SITE-C", "delete_refused")
    ended = shell.run("-vv", "matrix", grid.config, *FILES)
    assert ended.code == ExitCode.FAILED
    document = json.loads((shell.folder / "run.json").read_text())
    exchanges = [each for result in document["results"] for each in result["evidence"]["exchanges"]]
    for place in ("body_excerpt", "status_text"):
        assert any("<redacted>" in exchange[place] for exchange in exchanges)  # they did repeat them
    canaries.append(ended)
    for source, destination in (("SITE-A", "SITE-D"), ("SITE-D", "SITE-B"), ("SITE-B", "SITE-A")):
        canaries.append(shell.run("-vv", "probe", source, destination, "-c", grid.config, "-o", "json:probe.json"))
        assert canaries[-1].code == ExitCode.FAILED
    canaries.append(shell.run("-vv", "check", "-c", grid.config))
    assert canaries[-1].code == ExitCode.FAILED
    canaries.append(shell.run("-vv", "clean", grid.config))
    assert "kept" in canaries[-1].stdout


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["token_refused_direct", "drop_direct", "tpc_unsupported", "no_space"])
def test_other_refusals(grid: ObedientGrid, shell: Shell, canaries: list[Ended], fault: str):
    grid.echo()
    grid.faults("SITE-B", fault)
    canaries.append(shell.run("-vv", "matrix", grid.config, "-d", "SITE-B", *FILES))
    assert canaries[-1].code == ExitCode.FAILED


def test_an_issuer_that_refuses(grid: ObedientGrid, shell: Shell, canaries: list[Ended]):
    grid.issuer("refuses")
    canaries.append(shell.run("-vv", "matrix", grid.config, *FILES))
    assert canaries[-1].code == ExitCode.OUR_SIDE


BUG_IN_A_PROBE = """
import tpcharness.probes.https_transfer as room
async def run_copy(client, request, *others):
    raise RuntimeError(f"with {request.token.reveal()}, {request!r} and {dict(request.headers)}")
room.run_copy = run_copy
"""
BUG_AFTER_THE_RUN = """
import tpcharness.net.client as room
import tpcharness.cli.running as running
seen = []
shown = room.evidence
def evidence(request, *others):
    seen.extend([request] if request.token else [])
    return shown(request, *others)
room.evidence = evidence
def find(results):
    token = seen[0].token.reveal()
    raise RuntimeError(f"with {token}, Bearer {token} and {seen[0]!r}")
running.find = find
"""


@pytest.mark.slow
@pytest.mark.parametrize(("bug", "code"), [(BUG_IN_A_PROBE, ExitCode.FAILED), (BUG_AFTER_THE_RUN, ExitCode.INTERNAL)])
def test_our_own_bugs(grid: ObedientGrid, shell: Shell, canaries: list[Ended], bug: str, code: ExitCode):
    planted = shell.folder / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(bug)
    words = ("-vv", "matrix", grid.config, "-s", "SITE-A", "-d", "SITE-B", "--variant", "https-pull", *FILES)
    ended = shell.run(*words, PYTHONPATH=f"{planted}:{ROOT}")
    assert ended.code == code
    assert "RuntimeError: with <redacted>" in ended.stderr
    canaries.append(ended)
    if code is ExitCode.INTERNAL:
        (report,) = shell.state.glob("tpcharness-crash-*.txt")
        assert "RuntimeError: with <redacted>" in report.read_text()
