"""`tpcharness report`: a former run in every format, also one that was killed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.support.command import TOKEN, Shell
from tests.support.former_runs import FormerRuns, make_former_runs
from tests.support.obedient_grid import ObedientGrid
from tpcharness.cli.exits import ExitCode


@pytest.fixture(scope="module")
def runs(module_grid: ObedientGrid, tmp_path_factory: pytest.TempPathFactory) -> FormerRuns:
    return make_former_runs(module_grid, tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("name", ["table", "json", "junit", "markdown"])
def test_json_lines_and_a_document_render_alike(runs: FormerRuns, shell: Shell, name: str):
    first, second = (shell.run("report", path, "--format", name) for path in (runs.lines, runs.document))
    assert first.code == second.code == ExitCode.FAILED
    assert first.stdout == second.stdout
    assert "SITE-B" in first.stdout
    assert (first.stderr, second.stderr) == ("", "")
    assert not TOKEN.search(first.stdout)


def test_a_recording_comes_out_as_it_went_in(runs: FormerRuns, shell: Shell):
    ended = shell.run("report", runs.lines, "--format", "jsonl")
    assert ended.stdout == runs.lines.read_text()
    assert shell.run("report", runs.document, "--format", "json").stdout == runs.document.read_text()


def test_a_good_run_ends_with_0(runs: FormerRuns, shell: Shell):
    ended = shell.run("report", runs.good)
    assert ended.code == ExitCode.OK
    assert "links: 24 of 24 ok" in ended.stdout


def test_several_outputs_at_once(runs: FormerRuns, shell: Shell):
    ended = shell.run("report", runs.lines, "-o", "junit:a.xml", "-o", "markdown:a.md")
    assert "links: 21 of 24 ok, 3 failed" in ended.stdout
    root = ET.fromstring((shell.folder / "a.xml").read_text())
    assert (root.get("tests"), root.get("failures")) == ("28", "3")
    assert (shell.folder / "a.md").read_text().startswith("## Of 24 link probes, 3 failed: SITE-B\n")


def test_a_run_that_was_killed(runs: FormerRuns, shell: Shell):
    torn = shell.folder / "torn.jsonl"
    torn.write_text("".join(runs.lines.read_text().splitlines(keepends=True)[:20]) + '{"type": "result", "run_')
    ended = shell.run("report", torn)
    assert ended.code == ExitCode.CUT_SHORT
    assert f"warning: {torn}: the run is incomplete: it has no summary, and 19 of 28" in ended.stderr
    assert "incomplete" in ended.stdout.splitlines()[-1]
    again = shell.run("report", torn, "--format", "json").document
    assert (again["run"]["ended"], len(again["run"]["doors"]) + len(again["results"])) == (None, 19)
    lines = shell.run("report", torn, "--format", "jsonl").lines
    assert [lines[0]["type"], lines[-1]["type"], len(lines)] == ["run", "result", 20]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no line: the file is empty"),
        ("hello\n", "line 1 column 1"),
        ('{"type":"run"}\n', "line 1.schema_version is missing"),
        ("\0\xff", "not JSON"),
    ],
)
def test_what_is_no_run_is_one_error(shell: Shell, content: str, message: str):
    path = shell.folder / "junk"
    path.write_text(content)
    ended = shell.run("report", path)
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"Error: {path}: not a run that can be read: ")
    assert message in line


def test_a_bad_line_is_named(runs: FormerRuns, shell: Shell):
    path = shell.folder / "bad"
    path.write_text(runs.lines.read_text().replace('"outcome":"failure"', '"outcome":"odd"', 1))
    number = next(i for i, line in enumerate(path.read_text().splitlines(), 1) if '"odd"' in line)
    assert f"line {number}.outcome" in shell.run("report", path).stderr


def test_a_file_that_is_not_there(shell: Shell):
    ended = shell.run("report", "nowhere")
    assert (ended.code, ended.stderr) == (ExitCode.USAGE, "Error: cannot read nowhere: No such file or directory\n")


def test_one_endpoint(runs: FormerRuns, shell: Shell):
    ended = shell.run("report", runs.lines, "--endpoint", "SITE-B", "--format", "markdown")
    assert ended.code == ExitCode.FAILED
    assert ended.stdout.startswith("## Of 12 link probes, 3 failed: SITE-B\n")
    assert "- **who has to act:** SITE-B\n" in ended.stdout
    assert "- answer: `" in ended.stdout
    document = shell.run("report", runs.lines, "-e", "SITE-B", "--format", "json").document
    assert len(document["results"]) == document["run"]["planned_links"] == 12
    assert {door["subject"]["endpoint"] for door in document["run"]["doors"]} == {f"SITE-{c}" for c in "ABCD"}


def test_a_partner_of_the_culprit_sees_the_finding_and_evidence_of_its_own(runs: FormerRuns, shell: Shell):
    ended = shell.run("report", runs.lines, "--endpoint", "SITE-D", "--format", "markdown")
    assert ended.stdout.startswith("## Of 12 link probes, 1 failed: SITE-B\n")
    assert "For example SITE-B -> SITE-D, `https-pull`:" in ended.stdout


def test_an_endpoint_that_is_not_there(runs: FormerRuns, shell: Shell):
    ended = shell.run("report", runs.lines, "--endpoint", "SITE-b")
    assert (ended.code, ended.stdout) == (ExitCode.USAGE, "")
    assert 'no such endpoint: "SITE-b"; did you mean "SITE-B"?' in ended.stderr


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("never", ExitCode.OK),
        ("endpoint", ExitCode.FAILED),
        ("threshold:87%", ExitCode.OK),
        ("threshold:88%", ExitCode.FAILED),
        ("new", ExitCode.USAGE),
    ],
)
def test_what_counts(runs: FormerRuns, shell: Shell, rule: str, code: ExitCode):
    assert shell.run("report", runs.lines, "--fail-on", rule).code == code
