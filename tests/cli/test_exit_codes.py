"""The exit codes of a run, each by a real one. 70 has its own tests, 130 and 143 are in test_interrupt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command import Shell
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode

LINKS = 24


def counted(results, key):
    values = [result[key] for result in results]
    return {value: values.count(value) for value in values}


def doors(document):
    return {door["subject"]["endpoint"]: door for door in document["run"]["doors"]}


def altered(config: Path, shell: Shell, old: str, new: str) -> Path:
    """The same configuration, but for one text."""
    text = config.read_text()
    assert old in text
    copy = shell.folder / "altered.toml"
    copy.write_text(text.replace(old, new))
    return copy


def without_token(config: Path, shell: Shell) -> Path:
    """The same configuration, but SITE-D has a source of tokens that gives none."""
    head, section, rest = config.read_text().partition("[endpoints.SITE-D]")
    source = '[tokens.broken]\nkind = "env"\nvariable = "NO_SUCH_TOKEN"\n\n'
    copy = shell.folder / "altered.toml"
    copy.write_text(head + source + section + rest.replace('tokens = "testbed"', 'tokens = "broken"'))
    return copy


@pytest.mark.slow
def test_0_everything_passed(grid: ObedientGrid, shell: Shell):
    assert shell.run("matrix", grid.config, "-s", "SITE-A", "-d", "SITE-B").code == ExitCode.OK


def test_1_something_failed(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "missing_file")
    ended = shell.run("matrix", grid.config, "--format", "json")
    assert ended.code == ExitCode.FAILED
    document = ended.document
    assert counted(document["results"], "outcome") == {"ok": LINKS - 3, "failure": 3}
    (finding,) = document["findings"]
    assert (finding["culprits"], finding["reason"], finding["blame"]) == (["SITE-B"], "passive_not_found", "source")
    assert grid.files() == shell.ledger() == set()


def test_1_an_endpoint_is_down(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-B", "refuse")
    ended = shell.run("matrix", grid.config, "--format", "json")
    assert ended.code == ExitCode.FAILED
    assert ended.seconds < 20
    document = ended.document
    assert doors(document)["SITE-B"]["reason"] == "connection_refused"
    touching = [link for link in document["results"] if "SITE-B" in link["subject"].values()]
    assert counted(touching, "reason") == {"endpoint_down": 12}
    assert counted(touching, "outcome") == {"skipped": 12}
    assert all(link["outcome"] == "ok" for link in document["results"] if link not in touching)
    (finding,) = document["findings"]
    assert (finding["culprits"], finding["reason"]) == (["SITE-B"], "connection_refused")
    assert grid.files() == set()


def test_1_one_endpoint_has_no_usable_token(grid: ObedientGrid, shell: Shell):
    ended = shell.run("matrix", without_token(grid.config, shell), "--format", "json")
    assert ended.code == ExitCode.FAILED
    document = ended.document
    door = doors(document)["SITE-D"]
    assert (door["outcome"], door["reason"], door["blame"]) == ("error", "token_source_failed", "client")
    assert "NO_SUCH_TOKEN" in door["hint"]
    assert counted(document["results"], "outcome") == {"ok": 12, "skipped": 12}
    (finding,) = document["findings"]
    assert (finding["culprits"], finding["reason"]) == (["SITE-D"], "token_source_failed")


@pytest.mark.slow
def test_1_one_endpoint_has_no_source_of_tokens_at_all(grid: ObedientGrid, shell: Shell):
    head, section, rest = grid.config.read_text().partition("[endpoints.SITE-D]")
    config = shell.folder / "altered.toml"
    config.write_text(head + section + rest.replace('tokens = "testbed"\n', ""))
    ended = shell.run("matrix", config)
    assert ended.code == ExitCode.FAILED
    assert "SITE-D" in ended.stderr
    assert "tokens" in ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("probe", "SITE-A", "SITE-Q"),
        ("probe", "SITE-A", "SITE-A"),
        ("probe", "SITE-A", "SITE-B", "--variant", "gsiftp"),
        ("check", "SITE-Q"),
        ("check", "--format", "xml"),
    ],
)
def test_2_names_that_do_not_exist(grid: ObedientGrid, shell: Shell, words: tuple[str, ...]):
    before = grid.requests()
    ended = shell.run(*words, "-c", grid.config)
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")
    assert words[-1] in ended.stderr
    assert grid.requests() == before


@pytest.mark.parametrize("words", [("matrix",), ("clean",), ("check", "-c"), ("probe", "SITE-A", "SITE-B", "-c")])
def test_3_all_errors_of_the_configuration_at_once(grid: ObedientGrid, shell: Shell, words: tuple[str, ...]):
    text = grid.config.read_text()
    config = shell.folder / "wrong.toml"
    config.write_text(
        text.replace('settle = "100ms"', 'setle = "100ms"')
        .replace('kind = "client-credentials"', 'kind = "client-credential"')
        .replace('site = "Site-B"', "site = 7")
    )
    ended = shell.run(*words, config)
    assert (ended.code, ended.stdout) == (ExitCode.CONFIG, "")
    for problem in ("setle", "settle", "client-credential", "site"):
        assert problem in ended.stderr
    assert ended.stderr.count(f"{config}:") >= 3
    assert not shell.state.exists()


def test_3_no_configuration(shell: Shell):
    ended = shell.run("matrix")
    assert (ended.code, ended.stdout) == (ExitCode.CONFIG, "")
    assert "endpoints.toml" in ended.stderr
    assert "config init" in ended.stderr


@pytest.mark.parametrize("words", [("matrix",), ("check", "-c"), ("probe", "SITE-A", "SITE-B", "-c")])
def test_4_the_clients_secret_is_wrong(grid: ObedientGrid, shell: Shell, words: tuple[str, ...]):
    wrong = shell.folder / "secret"
    wrong.write_text("never-was-right")
    wrong.chmod(0o600)
    config = altered(grid.config, shell, str(grid.config.parent / "client-secret"), str(wrong))
    ended = shell.run(*words, config)
    assert ended.code == ExitCode.OUR_SIDE
    assert "the same for every endpoint" in ended.stderr
    assert "issuer_refused" in ended.stderr
    assert "[tokens." in ended.stderr
    assert "never-was-right" not in ended.stdout + ended.stderr
    assert grid.files() == set()


@pytest.mark.parametrize(
    ("fault", "reason"), [("down", "issuer_unreachable"), ("unavailable", "issuer_unreachable"), ("garbage", "issuer_")]
)
def test_4_the_issuer_is_down(grid: ObedientGrid, shell: Shell, fault: str, reason: str):
    grid.issuer(fault)
    ended = shell.run("matrix", grid.config, "--format", "json")
    assert ended.code == ExitCode.OUR_SIDE
    assert reason in ended.stderr
    assert "remedy:" in ended.stderr
    assert counted(ended.document["results"], "outcome") == {"skipped": LINKS}


def test_4_the_state_directory_is_no_directory(grid: ObedientGrid, shell: Shell):
    shell.state.write_text("")
    before = grid.requests()
    ended = shell.run("matrix", grid.config)
    assert ended.code in (ExitCode.CONFIG, ExitCode.OUR_SIDE)
    assert str(shell.state) in ended.stderr
    assert grid.requests() == before


@pytest.mark.parametrize("words", [(), ("--plan",)])
def test_5_the_filters_leave_nothing(grid: ObedientGrid, shell: Shell, words: tuple[str, ...]):
    before = grid.requests()
    ended = shell.run("matrix", grid.config, "-s", "SITE-A", "-d", "SITE-A", *words)
    assert ended.code == ExitCode.NOTHING_TO_DO
    assert grid.requests() == before
    assert not shell.state.exists()


@pytest.mark.slow
def test_6_the_deadline(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-A", "passive_slow:40000")  # half a minute for a copy, two seconds for the door
    words = ("--deadline", "5s", "--format", "json", "--output", "jsonl:run.jsonl")
    ended = shell.run("matrix", grid.config, *words)
    assert ended.code == ExitCode.CUT_SHORT
    assert ended.seconds < 20
    document = ended.document
    assert document["run"]["ended"] == "deadline"
    assert len(document["results"]) == LINKS
    assert counted(document["results"], "reason") == {"ok": LINKS - 3, "cancelled": 3}
    summary = json.loads((shell.folder / "run.jsonl").read_text().splitlines()[-1])
    assert (summary["type"], summary["ended"]) == ("summary", "deadline")
    assert grid.files() == shell.ledger() == set()


@pytest.mark.slow
def test_6_too_many_failures(grid: ObedientGrid, shell: Shell):
    grid.faults("SITE-A", "active_503")
    ended = shell.run("matrix", grid.config, "--max-failures", "1", "--concurrency", "1", "--format", "json")
    assert ended.code == ExitCode.CUT_SHORT
    document = ended.document
    assert document["run"]["ended"] == "max_failures"
    outcomes = counted(document["results"], "outcome")
    assert outcomes["failure"] == 1
    assert sum(outcomes.values()) == LINKS
    assert {link["reason"] for link in document["results"] if link["outcome"] == "skipped"} == {"not_reached"}
    assert grid.files() == shell.ledger() == set()
