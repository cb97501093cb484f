"""Completion scripts and man pages are made from the commands as they are."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.containers import ROOT
from tpcharness.cli.main import COMMANDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    subprocess.run([sys.executable, ROOT / "packaging/generate.py", folder], check=True)
    return folder


def test_each_command_has_a_page(folder: Path) -> None:
    pages = {path.name for path in (folder / "man").iterdir()}
    assert {f"tpcharness-{name}.1.gz" for name in COMMANDS} <= pages
    assert {"tpcharness.1.gz", "tpcharness-testbed-up.1.gz"} <= pages


def test_pages_hold_whole_sentences(folder: Path) -> None:
    page = gzip.decompress((folder / "man/tpcharness.1.gz").read_bytes()).decode()
    assert page.startswith('.TH "TPCHARNESS" "1"')
    assert "..." not in page.replace("ARGS]...", "")


def test_no_line_of_a_help_is_lost_as_a_command_of_roff(folder: Path) -> None:
    commands = {".TH", ".SH", ".B", ".PP", ".TP", ".SS"}
    for page in (folder / "man").iterdir():
        lines = gzip.decompress(page.read_bytes()).decode().splitlines()
        assert {line.split(" ")[0] for line in lines if line.startswith((".", "'"))} <= commands, page.name
    daemon = gzip.decompress((folder / "man/tpcharness-daemon.1.gz").read_bytes()).decode()
    assert "\n\\&./endpoints.toml. What stays" in daemon
    assert "\nSIGHUP reads" in daemon


def test_the_same_source_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "packaging/generate.py", tmp_path], check=True)
    made = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert made == {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_bash_completes_commands(folder: Path) -> None:
    script = f"""
    PATH={Path(sys.executable).parent}:$PATH
    source {folder / "completions/bash"}
    COMP_WORDS=(tpcharness mat) COMP_CWORD=1
    _tpcharness_completion tpcharness
    echo "${{COMPREPLY[@]}}"
    """
    ended = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    assert ended.stdout.split() == ["matrix"]


@pytest.mark.parametrize(("shell", "begins"), [("zsh", "#compdef tpcharness"), ("fish", "function _tpcharness")])
def test_the_other_shells_have_theirs(folder: Path, shell: str, begins: str) -> None:
    assert (folder / "completions" / shell).read_text().lstrip().startswith(begins)
