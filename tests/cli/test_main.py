"""The door of the command line: quick help, did-you-mean, and every way to end with its exit code."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import tpcharness
from tpcharness import __version__
from tpcharness.cli import main
from tpcharness.cli.exits import ExitCode, Terminated
from tpcharness.cli.main import COMMANDS, Entry, cli
from tpcharness.cli.options import (
    FORMATS,
    Invocation,
    config_option,
    duration,
    load_or_exit,
    no_such,
    pass_invocation,
    size,
)
from tpcharness.cli.terminal import Color, make_console, wants_color
from tpcharness.export.formats import Format
from tpcharness.model.variant import DOOR_VARIANTS, Variant

ROOT = Path(tpcharness.__file__).parents[1]
CANARY = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


def started(*words: str, folder: Path, code: str = "", **options) -> subprocess.Popen[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    command = [sys.executable, *(["-c", code] if code else ["-m", "tpcharness"]), *words]
    return subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def ran(*words: str, folder: Path, code: str = "") -> tuple[int, str, str]:
    process = started(*words, folder=folder, code=code)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def ending(monkeypatch, tmp_path):
    """Runs `tpcharness act` with a command of ours in the table, and gives the runner's result."""
    monkeypatch.setenv("TPCHARNESS_STATE_DIR", str(tmp_path / "state"))

    def run(function, *words):
        monkeypatch.setattr(main, "COMMANDS", {"act": Entry("", "Acts.")})
        monkeypatch.setattr(main.CommandTable, "get_command", lambda *_: click.command("act")(function))
        return CliRunner().invoke(cli, [*words, "act"])

    return run


def test_help_is_shown_without_importing_anything_heavy(tmp_path):
    code = """
import sys, atexit
from tpcharness.cli.main import run
atexit.register(lambda: print("\\n".join(sys.modules), file=sys.stderr))
run()
"""
    for words in (["--help"], ["--version"]):
        status, out, err = ran(*words, folder=tmp_path, code=code)
        assert status == 0
        assert out
        modules = set(err.split())
        assert not {"aiohttp", "asyncio", "pydantic", "rich", "ssl", "uvloop"} & modules
        assert not {entry.module for entry in COMMANDS.values()} & modules


def test_help_names_every_command_with_its_sentence():
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    flat = " ".join(result.output.split())
    for name, entry in COMMANDS.items():
        assert f"{name} " in flat
        assert entry.sentence in flat


@pytest.mark.parametrize("name", ["config", "history", "tape", "testbed"])
def test_a_group_cuts_no_sentence_of_its_commands(name):
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    _, _, table = result.output.partition("Commands:\n")
    assert table
    assert "..." not in table


@pytest.mark.parametrize("name", ["config", "explain"])
def test_the_table_and_the_command_say_the_same(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert command.help
    assert COMMANDS[name].sentence.rstrip(".")[:15] in command.help


def test_version(tmp_path):
    assert ran("--version", folder=tmp_path) == (0, f"tpcharness {__version__}\n", "")


def test_an_unknown_command_is_told_with_the_nearest(tmp_path):
    status, out, err = ran("matrx", folder=tmp_path)
    assert (status, out) == (2, "")
    assert 'no such command: "matrx"; did you mean "matrix"?' in err


@pytest.mark.parametrize("words", [["--nonsense"], ["--color", "red", "explain"], ["explain", "a", "b"]])
def test_usage_errors(tmp_path, words):
    status, out, err = ran(*words, folder=tmp_path)
    assert (status, out) == (2, "")
    assert "Error: " in err


@pytest.mark.parametrize("code", list(ExitCode))
def test_what_a_command_returns_is_the_exit_code(ending, code):
    assert ending(lambda: code).exit_code == code
    assert ending(lambda: sys.exit(code)).exit_code == code


def test_a_command_that_returns_nothing_went_well(ending):
    assert ending(lambda: None).exit_code == 0


def raising(error):
    def act():
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(), 143, "terminated"),
        (click.UsageError("wrong word"), 2, "Error: wrong word"),
        (click.BadParameter("wrong value"), 2, "wrong value"),
        (click.Abort(), 130, "interrupted"),
    ],
)
def test_each_ending_has_its_code_and_words(ending, error, code, told):
    result = ending(raising(error))
    assert result.exit_code == code
    assert told in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "error",
    [RuntimeError(f"lost {CANARY}\n\x1b[31m"), ExceptionGroup("several", [ValueError(CANARY)]), OSError(5, "x")],
)
def test_a_bug_leaves_a_report_without_secrets_and_one_line_that_names_it(ending, tmp_path, error):
    result = ending(raising(error))
    assert result.exit_code == 70
    line = result.stderr
    assert line.count("\n") == 1
    assert line.startswith("internal error: ")
    assert "\x1b" not in line
    (report,) = (tmp_path / "state").iterdir()
    assert str(report) in line
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text()
    assert "Traceback" in text
    assert __version__ in text
    assert type(error).__name__ in text
    assert "eyJ" not in text + line


def test_a_report_goes_to_the_temporary_directory_if_it_must(ending, tmp_path, monkeypatch):
    (tmp_path / "state").write_text("a file in the way")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    result = ending(raising(RuntimeError("x")))
    assert result.exit_code == 70
    assert str(next((tmp_path / "tmp").iterdir())) in result.stderr


def test_a_bug_with_no_place_for_a_report(ending, tmp_path, monkeypatch):
    (tmp_path / "state").write_text("a file in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "state"))
    result = ending(raising(RuntimeError("x")))
    assert result.exit_code == 70
    assert "no place to save a report" in result.stderr


def test_configuration_errors_are_all_told_on_stderr(ending, tmp_path):
    (tmp_path / "f.toml").write_text("[harness]\nnmae = 1\nname = 3\n")
    result = ending(lambda: load_or_exit(tmp_path / "f.toml"))
    assert result.exit_code == 3
    assert result.stdout == ""
    assert f"error: {tmp_path}/f.toml:2: harness.nmae is not a known key\n  value: 1\n  hint: " in result.stderr
    assert result.stderr.endswith("the configuration has 3 errors, 0 warnings\n")


def test_warnings_of_the_configuration_go_to_stderr(ending, tmp_path):
    (tmp_path / "f.toml").write_text('[endpoints.A]\nhttps = "https://localhost/x"\n')
    seen = []
    result = ending(lambda: seen.append(load_or_exit(tmp_path / "f.toml").path))
    assert result.exit_code == 0
    assert seen == [tmp_path / "f.toml"]
    assert "warning: endpoints.A has no tokens" in result.stderr


def test_the_configuration_of_the_environment_is_used(ending, tmp_path, monkeypatch):
    monkeypatch.setenv("TPCHARNESS_CONFIG", str(tmp_path / "other.toml"))
    result = ending(lambda: load_or_exit(None))
    assert result.exit_code == 3
    assert f"{tmp_path}/other.toml: there is no such file" in result.stderr


def test_sigterm_ends_with_143(tmp_path):
    code = """
import signal, sys, time, click
from tpcharness.cli import main
def act():
    try:
        print("ready", flush=True)
        while True:  # not pause(): a signal that comes just before it would be waited for again
            time.sleep(0.05)
    finally:
        print("cleaned up", flush=True)
main.COMMANDS = {"act": main.Entry(__name__, "Acts.", "acting")}
acting = click.command("act")(act)
main.run()
"""
    for number, status, word in ((signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")):
        process = started("act", folder=tmp_path, code=code)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (status, "cleaned up\n")
        assert err.strip() == word


def test_sigterm_is_given_back_afterwards():
    before = signal.getsignal(signal.SIGTERM)
    CliRunner().invoke(cli, ["explain"])
    assert signal.getsignal(signal.SIGTERM) is before


def test_output_that_nobody_reads_any_more_is_no_failure(tmp_path):
    process = started("explain", folder=tmp_path, stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 130
    process.stderr.close()


@pytest.mark.parametrize(
    ("choice", "environ", "terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_who_decides_about_colour(choice, environ, terminal, wanted):
    assert wants_color(Color(choice), environ, is_terminal=terminal) is wanted


def test_a_console_follows_the_rule(tmp_path):
    with (tmp_path / "out").open("w+") as stream:
        for choice, coloured in ((Color.NEVER, False), (Color.AUTO, False), (Color.ALWAYS, True)):
            stream.truncate(0)
            make_console(stream, choice, {}).print("[red]x[/red]")
            stream.seek(0)
            assert ("\x1b[" in stream.read()) is coloured


def test_what_is_said_before_the_command_reaches_it(ending):
    seen = []
    assert ending(pass_invocation(seen.append), "-vv", "--color", "never").exit_code == 0
    assert seen == [Invocation(Color.NEVER, 2)]


def test_sizes_and_durations_on_the_command_line():
    @click.command()
    @click.option("--size", type=size)
    @click.option("--deadline", type=duration)
    @config_option
    def act(size, deadline, config_path):
        click.echo(f"{size} {deadline} {config_path}")

    runner = CliRunner()
    result = runner.invoke(act, ["--size", "1MiB", "--deadline", "30m", "-c", "x.toml"])
    assert result.output == "1048576 1800.0 x.toml\n"
    result = runner.invoke(act, ["--size", "1 Mb"])
    assert result.exit_code == 2
    assert "Invalid value for '--size': \"1 Mb\" is not a size; write bytes" in result.output
    assert runner.invoke(act, ["--deadline", "soon"]).exit_code == 2
    assert "SIZE" in runner.invoke(act, ["--help"]).output


def test_names_that_do_not_exist():
    assert no_such("endpoint", "SITE-a", ["SITE-A", "SITE-B"]).message == (
        'no such endpoint: "SITE-a"; did you mean "SITE-A"?'
    )
    assert "known: X, Y" in no_such("endpoint", "zzz", ["X", "Y"]).message
    assert "there are none" in no_such("endpoint", "zzz", []).message
    many = [f"SITE-{number}" for number in range(100)]
    assert no_such("endpoint", "zzz", many, listed_by="that").message.endswith("there are 100, none like it. All: that")
    assert no_such("endpoint", "SI", ["SINGLE", *many]).message.endswith("nearest of 101: SITE-9, SITE-8, SITE-7.")


def test_help_names_every_format_and_variant_that_there_is():
    assert FORMATS.split(", ") == list(Format)
    told = " ".join(CliRunner().invoke(cli, ["matrix", "--help"]).output.split())
    assert FORMATS in told
    together = told.replace("- ", "-")  # click breaks lines at hyphens
    for variant in Variant:
        assert (variant in DOOR_VARIANTS) or variant in together, variant
