"""`tpcharness diff`, and the matrix that compares itself with a baseline and counts by --fail-on."""

from __future__ import annotations

import json

import pytest

from tests.support.command import Shell
from tests.support.former_runs import FormerRuns, make_former_runs
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode


@pytest.fixture(scope="module")
def runs(module_grid: ObedientGrid, tmp_path_factory: pytest.TempPathFactory) -> FormerRuns:
    return make_former_runs(module_grid, tmp_path_factory.mktemp("runs"))


def test_diff_says_what_is_newly_broken(runs: FormerRuns, shell: Shell):
    ended = shell.run("diff", runs.good, runs.document)
    assert (ended.code, ended.stderr) == (ExitCode.FAILED, "")
    assert "newly broken: 3" in ended.stdout
    assert "✗ SITE-B → SITE-A https-pull: passive_not_found (blame source SITE-B); was ok" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "3 newly broken, 25 good as before"


def test_diff_is_content_with_what_is_fixed_or_known(runs: FormerRuns, shell: Shell):
    fixed = shell.run("diff", runs.document, runs.good)
    assert (fixed.code, fixed.stdout.splitlines()[-1]) == (ExitCode.OK, "0 newly broken, 3 fixed, 25 good as before")
    known = shell.run("diff", runs.document, runs.lines)
    assert known.code == ExitCode.OK
    assert known.stdout.splitlines()[-1] == "0 newly broken, 3 still broken, 25 good as before"


def test_diff_for_programs_and_tickets(runs: FormerRuns, shell: Shell):
    document = shell.run("diff", runs.good, runs.lines, "--format", "json").document
    assert document["counts"]["newly_broken"] == len(document["changes"]) == 3
    ticket = shell.run("diff", runs.good, runs.lines, "--format", "markdown").stdout
    assert ticket.startswith("## 3 newly broken\n")
    assert json.loads(runs.document.read_text())["run"]["run_id"] in ticket


@pytest.mark.parametrize("words", [("nowhere", "bad"), ("bad", "nowhere"), ("-", "-"), ("bad",)])
def test_diff_needs_two_runs(runs: FormerRuns, shell: Shell, words: tuple[str, ...]):
    ended = shell.run("diff", *(runs.lines if word == "bad" else word for word in words))
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")


def test_matrix_with_a_baseline(grid: ObedientGrid, runs: FormerRuns, shell: Shell):
    grid.faults("SITE-B", "missing_file")
    words = ("matrix", grid.config, "-q", "--fail-on", "new", "--baseline")
    known = shell.run(*words, runs.document)
    assert known.code == ExitCode.OK
    assert known.stdout.splitlines()[-1] == "0 newly broken, 3 still broken, 25 good as before"
    new = shell.run(*words, runs.good, "--format", "json")
    assert new.code == ExitCode.FAILED
    assert len(new.document["results"]) == 24
    assert new.stderr.splitlines()[-1] == "3 newly broken, 25 good as before"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--fail-on", "new"), "needs a --baseline"),
        (("--fail-on", "ani"), 'did you mean "any"?'),
        (("--baseline", "nowhere"), "cannot read nowhere"),
    ],
)
def test_a_wrong_word_stops_the_matrix_before_it_begins(
    grid: ObedientGrid, shell: Shell, words: tuple[str, ...], message: str
):
    before = grid.requests()
    ended = shell.run("matrix", grid.config, *words)
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")
    assert message in ended.stderr
    assert grid.requests() == before


@pytest.mark.parametrize(("rule", "code"), [("never", 0), ("endpoint", 1), ("threshold:87%", 0), ("threshold:88%", 1)])
def test_what_counts_for_the_matrix(grid: ObedientGrid, shell: Shell, rule: str, code: int):
    grid.faults("SITE-B", "missing_file")
    assert shell.run("matrix", grid.config, "-q", "--fail-on", rule).code == code


def test_what_counts_changes_nothing_about_our_own_matters(grid: ObedientGrid, shell: Shell):
    grid.issuer("refuses")
    assert shell.run("matrix", grid.config, "-q", "--fail-on", "never").code == ExitCode.OUR_SIDE
