"""`tpcharness clean`: what the ledger names and nothing else. After a killed run: test_interrupt."""

from __future__ import annotations

import pytest

from tests.support.command import Shell
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode


def leave_one(grid: ObedientGrid, shell: Shell) -> str:
    """A door's file that could not be deleted; its URL."""
    grid.faults("SITE-A", "delete_refused")
    assert shell.run("check", "SITE-A", "-q", "-c", grid.config).code == ExitCode.FAILED
    (url,) = shell.ledger()
    assert grid.files() == {url}
    return url


def test_an_empty_ledger_asks_nobody(grid: ObedientGrid, shell: Shell):
    before = grid.requests()
    ended = shell.run("clean", grid.config)
    assert (ended.code, ended.stdout, ended.stderr) == (ExitCode.OK, "nothing to clean: the ledger is empty\n", "")
    assert grid.requests() == before


def test_what_cannot_be_removed_is_kept_with_the_reason_until_it_can(grid: ObedientGrid, shell: Shell):
    url = leave_one(grid, shell)
    ended = shell.run("clean", grid.config)
    assert ended.code == ExitCode.FAILED
    assert ended.stdout.startswith(f"kept     {url}  (cleanup_refused: DELETE was answered 403")
    assert shell.ledger() == grid.files() == {url}


def test_what_somebody_else_has_removed_is_gone(grid: ObedientGrid, shell: Shell):
    url = leave_one(grid, shell)
    grid.heal()
    ended = shell.run("clean", grid.config)
    assert (ended.code, ended.stdout) == (ExitCode.OK, f"gone     {url}\n")
    assert shell.ledger() == set()


def test_files_of_endpoints_that_are_not_configured_any_more_are_kept(grid: ObedientGrid, shell: Shell):
    url = leave_one(grid, shell)
    renamed = shell.folder / "renamed.toml"
    renamed.write_text(grid.config.read_text().replace("[endpoints.SITE-A]", "[endpoints.SITE-Z]"))
    before = grid.requests()
    ended = shell.run("clean", renamed)
    assert (ended.code, ended.stdout) == (ExitCode.FAILED, f"kept     {url}  (endpoint SITE-A is not configured)\n")
    assert grid.requests() == before
    assert shell.ledger() == {url}


@pytest.mark.slow
def test_a_ledger_that_names_other_files_is_not_obeyed(grid: ObedientGrid, shell: Shell):
    url = leave_one(grid, shell)
    grid.heal()
    foreign = grid.put("SITE-A", "sub/not-ours")
    ledger = shell.state / "ledger.jsonl"
    lines = ledger.read_text()
    ledger.write_text(lines.replace(url, foreign))
    before = grid.requests()
    ended = shell.run("clean", grid.config)
    assert ended.code == ExitCode.FAILED
    assert ended.stdout.startswith(f"kept     {foreign}  (")
    assert grid.requests() == before
    assert grid.files() == {foreign}


@pytest.mark.slow
def test_a_damaged_ledger_stops_everything(grid: ObedientGrid, shell: Shell):
    leave_one(grid, shell)
    ledger = shell.state / "ledger.jsonl"
    ledger.write_text("not a ledger\n" + ledger.read_text())
    before, text = grid.requests(), ledger.read_text()
    for words in (("clean", grid.config), ("check", "-c", grid.config)):
        ended = shell.run(*words)
        assert ended.code == ExitCode.OUR_SIDE
        assert f"{ledger}, line 1: damaged" in ended.stderr
    assert ledger.read_text() == text
    assert grid.requests() == before
