"""`report --since` and `history export`: what a daemon remembers, read by commands of their own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from tests.export.samples import door, failed, good
from tests.support.clocks import WallClock
from tests.support.command import Ended, Shell
from tpcharness.cli.exits import ExitCode
from tpcharness.model.result import Result
from tpcharness.model.settings import HistorySettings
from tpcharness.results.history import open_history
from tpcharness.results.history.database import FILE_NAME

_CONFIG = """
[harness]
name = "remembering"
contact = "grid@example.org"
[tokens.t]
kind = "file"
path = "token"
[defaults]
tokens = "t"
[endpoints.SITE-A]
https = "https://a.example/x"
[endpoints.SITE-B]
https = "https://b.example/x"
"""
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


def remembered() -> list[Result]:
    """Ten hours ago SITE-A -> SITE-B failed; since two hours all is well."""
    results = [
        replace(failed("SITE-A", "SITE-B"), started_at=NOW - 10 * HOUR),
        *(replace(good("SITE-A", "SITE-B"), started_at=NOW - hours * HOUR) for hours in (2, 1)),
        replace(good("SITE-B", "SITE-A"), started_at=NOW - 2 * HOUR),
        *(replace(door(name), started_at=NOW - 3 * HOUR) for name in ("SITE-A", "SITE-B")),
    ]
    return [replace(result, probe_id=f"{number:05d}") for number, result in enumerate(results)]


@pytest.fixture
def daemon(shell: Shell) -> Shell:
    """Where a daemon has been at work."""
    (shell.folder / "endpoints.toml").write_text(_CONFIG)
    (shell.folder / "token").write_text("never-used-here\n")
    (shell.folder / "token").chmod(0o600)

    async def remember() -> None:
        async with open_history(HistorySettings(), shell.state, WallClock()) as history:
            for result in remembered():
                history.journal.add(result)

    shell.state.mkdir()
    asyncio.run(remember())
    return shell


def outcomes(ended: Ended) -> dict[str, str]:
    return {f"{each['subject']['source']}>": each["outcome"] for each in ended.document["results"]}


def test_the_last_of_each_cell_is_the_report(daemon: Shell) -> None:
    ended = daemon.run("report", "--since", "1d", "--format", "json")
    assert (ended.code, ended.stderr) == (ExitCode.OK, "")
    assert outcomes(ended) == {"SITE-A>": "ok", "SITE-B>": "ok"}
    run = ended.document["run"]
    assert (run["harness"], run["ended"], run["planned_links"], len(run["doors"])) == ("remembering", "complete", 2, 2)
    assert ended.document["results"][0]["evidence"]["exchanges"]


def test_until_shows_how_it_was(daemon: Shell) -> None:
    ended = daemon.run("report", "--since", "1d", "--until", "5h", "--format", "json")
    assert ended.code == ExitCode.FAILED
    assert outcomes(ended) == {"SITE-A>": "failure"}
    assert ended.document["findings"]
    assert "0 of 1 ok, 1 failed" in daemon.run("report", "--since", "1d", "--until", "5h").stdout


def test_a_time_is_told_as_a_time_and_not_as_a_run(daemon: Shell) -> None:
    since = f"{NOW - 20 * HOUR:%Y-%m-%dT%H:%M}"
    ended = daemon.run("report", "--since", since, "-o", "html:a.html", "-o", "markdown:a.md", "-o", "table:-")
    page, words = ((daemon.folder / name).read_text() for name in ("a.html", "a.md"))
    for text in (" ".join(ended.stdout.split()), words):
        assert f"the last result of each between {NOW - 20 * HOUR:%Y-%m-%d %H:%M}:00 UTC and " in text
        assert "h 00 min" not in text
    assert "This time" in page
    assert "the last result of each that was probed in that time: 2 doors, 2 links" in page
    for said in ("<dt>Planned", " to move<", "This run", "<dt>Ended"):
        assert said not in page


def test_every_output_takes_it(daemon: Shell) -> None:
    words = [word for name in ("html", "junit", "markdown", "jsonl") for word in ("-o", f"{name}:out.{name}")]
    assert daemon.run("report", "--since", f"{NOW - 20 * HOUR:%Y-%m-%dT%H:%M}", *words).code == ExitCode.OK
    again = daemon.run("report", "out.jsonl", "--format", "json")
    assert again.code == ExitCode.OK
    assert outcomes(again) == {"SITE-A>": "ok", "SITE-B>": "ok"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), ExitCode.USAGE, "name either a FILE or --since"),
        (("file", "--since", "1d"), ExitCode.USAGE, "name either a FILE or --since"),
        (("file", "--until", "1d"), ExitCode.USAGE, "--until and --config go with --since"),
        (("--since", "yesterday"), ExitCode.USAGE, '"yesterday" is no time; write how long ago, such as "7d"'),
        (("--since", "1h", "--until", "2h"), ExitCode.USAGE, "is not before --until"),
        (("--since", "1min"), ExitCode.NOTHING_TO_DO, "nothing was probed in that time"),
        (("--since", "1d", "-e", "SITE-C"), ExitCode.USAGE, 'no such endpoint: "SITE-C"'),
    ],
)
def test_words_that_do_not_fit(daemon: Shell, words: tuple[str, ...], code: ExitCode, message: str) -> None:
    ended = daemon.run("report", *words)
    assert (ended.code, ended.stdout) == (code, "")
    assert message in ended.stderr


def test_a_history_that_is_not_there_or_damaged_is_our_side(shell: Shell) -> None:
    (shell.folder / "endpoints.toml").write_text(_CONFIG)
    for command in (("report", "--since", "1d"), ("history", "export", "jsonl", "-")):
        ended = shell.run(*command)
        assert ended.code == ExitCode.OUR_SIDE
        assert f"Error: history {shell.state / FILE_NAME}: there is none yet" in ended.stderr
    shell.state.mkdir()
    (shell.state / FILE_NAME).write_bytes(b"no such thing " * 100)
    ended = shell.run("report", "--since", "1d")
    assert ended.code == ExitCode.OUR_SIDE
    assert "file is not a database; the file is damaged; nothing was deleted" in ended.stderr


def test_export_to_json_lines_holds_everything_and_can_be_reported(daemon: Shell) -> None:
    ended = daemon.run("history", "export", "jsonl", "all.jsonl")
    assert (ended.code, ended.stdout, ended.stderr) == (ExitCode.OK, "", "6 results written\n")
    lines = [json.loads(line) for line in (daemon.folder / "all.jsonl").read_text().splitlines()]
    assert [line["type"] for line in lines] == [
        "run",
        "result",
        "door",
        "door",
        "result",
        "result",
        "result",
        "summary",
    ]
    assert [line["started_at"] for line in lines[1:-1]] == sorted(line["started_at"] for line in lines[1:-1])
    assert all(line["evidence"]["exchanges"] for line in lines[1:2])
    again = daemon.run("report", "all.jsonl", "--format", "json")
    assert (again.code, again.stderr) == (ExitCode.FAILED, "")  # the failure of the morning is in it, too
    part = daemon.run("history", "export", "jsonl", "-", "--since", "150min")
    assert [line["type"] for line in part.lines] == ["run", "result", "result", "result", "summary"]


def test_export_to_parquet(daemon: Shell) -> None:
    assert daemon.run("history", "export", "parquet", "all.parquet").code == ExitCode.OK
    rows = parquet.read_table(daemon.folder / "all.parquet").to_pylist()
    expected = sorted(remembered(), key=lambda result: result.started_at)
    assert [row["probe_id"] for row in rows] == [result.probe_id for result in expected]
    for row, result in zip(rows, expected, strict=True):
        assert (row["started_at"], row["outcome"], row["code"]) == (result.started_at, result.outcome, result.code)
        assert row["throughput"] == (result.throughput and round(result.throughput, 6))
        assert row["phase_token_seconds"] == result.phases.get("token") or row["phase_token_seconds"] == 0.012346
    assert {row["source"] for row in rows} == {None, "SITE-A", "SITE-B"}
    assert not list(daemon.folder.glob(".*.part"))


def test_what_cannot_be_written_is_one_line(daemon: Shell) -> None:
    for form in ("jsonl", "parquet"):
        ended = daemon.run("history", "export", form, Path("nowhere") / "x")
        assert ended.code == ExitCode.OUR_SIDE
        assert ended.stderr == "Error: cannot write nowhere/x: No such file or directory\n"
    assert "parquet needs a file" in daemon.run("history", "export", "parquet", "-").stderr


def test_without_the_library_for_parquet_it_says_what_to_install(daemon: Shell) -> None:
    blocked = daemon.folder / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text("import sys\nsys.modules['pyarrow'] = None\n")
    path = f"{blocked}:{Path(__file__).parents[2]}"
    ended = daemon.run("history", "export", "parquet", "x.parquet", PYTHONPATH=path)
    assert ended.stderr == "Error: Parquet needs pyarrow: pip install 'tpcharness[parquet]'\n"
