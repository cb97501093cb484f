"""What TAB offers: commands, options, and the words and names that can stand behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tpcharness.cli.fail_on import RULES, fail_on
from tpcharness.cli.main import cli
from tpcharness.cli.options import FORMATS
from tpcharness.model.variant import Variant

FILE = """\
[endpoints.SITE-A]
https = "https://a.example/x"
[endpoints.SITE-B]
nonsense = 1
[endpoints.OTHER]
"""


def offered(*words: str) -> list[str]:
    """What is offered in place of the last of the words."""
    *before, begun = words
    found = ShellComplete(cli, {}, "tpcharness", "_TPCHARNESS_COMPLETE").get_completions(before, begun)
    return [each.value for each in found]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ma", ["matrix"]),
        ("config s", ["schema", "show"]),
        ("matrix --var", ["--variant"]),
        ("matrix --variant https", ["https-pull", "https-push"]),
        ("matrix --variant al", ["all"]),
        ("probe A B --variant root-p", ["root-pull"]),
        ("check --variant https", []),
        ("check --variant webdav", ["webdav-upload", "webdav-download"]),
        ("matrix --format js", ["json", "jsonl"]),
        ("report run.json --format m", ["markdown"]),
        ("matrix --fail-on ne", ["new", "never"]),
        ("explain passive_t", ["passive_timeout", "passive_tls_failed"]),
        ("explain nothing_like_this", []),
    ],
)
def test_words_that_fit_are_offered(line: str, words: list[str]) -> None:
    assert offered(*line.split(" ")) == words


def test_doors_are_no_variant_to_ask_for() -> None:
    assert set(offered("matrix", "--variant", "")) == {*Variant, "all"} - {Variant.DOOR, Variant.ROOT_DOOR}


def test_all_that_is_offered_can_be_said() -> None:
    assert offered("matrix", "--format", "") == FORMATS.split(", ")
    for rule in RULES:
        fail_on(rule)


@pytest.mark.parametrize(
    "line",
    ["check", "check SITE-B", "probe", "probe SITE-A", "plugin", "matrix -s", "matrix --destination", "tape info"],
)
def test_endpoints_of_the_file_that_is_meant_are_offered(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "grid.toml").write_text(FILE)
    monkeypatch.setenv("TPCHARNESS_CONFIG", str(tmp_path / "grid.toml"))
    assert offered(*line.split(" "), "SITE") == ["SITE-A", "SITE-B"]


@pytest.mark.parametrize("line", ["check --config {}", "probe -c {}", "matrix {} --source", "tape stage --config {}"])
def test_a_file_that_is_named_is_the_one(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(FILE)
    monkeypatch.setenv("TPCHARNESS_CONFIG", str(tmp_path / "none.toml"))
    assert offered(*line.format(tmp_path / "mine.toml").split(" "), "O") == ["OTHER"]


@pytest.mark.parametrize("text", [None, "no toml", "endpoints = 1"])
def test_a_file_that_cannot_be_read_offers_nothing_and_says_nothing(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "grid.toml").write_text(text)
    monkeypatch.setenv("TPCHARNESS_CONFIG", str(tmp_path / "grid.toml"))
    assert offered("check", "S") == []
    assert capfd.readouterr() == ("", "")
