"""`explain`: every reason, every code, every exit code; and a word that is none of them."""

import pytest
from click.testing import CliRunner

from tpcharness.cli.exits import ExitCode
from tpcharness.cli.main import cli
from tpcharness.model.reason import TABLE, Reason
from tpcharness.model.variant import Blame, Phase


def explained(*words: str, color: str = "auto") -> str:
    result = CliRunner().invoke(cli, ["--color", color, "explain", *words])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained(reason):
    text = explained(reason.value)
    row = TABLE[reason]
    assert text.startswith(f"{reason}: {row.sentence}\n")
    for fact in (row.phase, row.who, row.fix, row.reference):
        assert fact in text
    for blame in Blame if reason is not Reason.OK else [Blame.NOBODY]:
        assert f"{reason.code(blame)} {blame}" in text


@pytest.mark.parametrize("spelling", ["NO_SPACE", "no-space", "No_Space"])
def test_spelling_is_not_fussy(spelling):
    assert explained(spelling).startswith("no_space: ")


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("blame", list(Blame))
def test_every_code_is_explained(reason, blame):
    if reason is Reason.OK and blame is not Blame.NOBODY:
        return
    text = explained(str(reason.code(blame)))
    assert f"result code {reason.code(blame)}: {reason}: " in text
    assert f"  blame       {blame}\n" in text


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_is_explained(code):
    text = explained(str(code.value))
    assert f"exit code {code.value}: {code.sentence}\n" in text
    assert code.advice in text


def test_a_number_with_two_meanings_gets_both():
    text = explained("130")
    assert "exit code 130: Interrupted" in text
    assert "\n\nresult code 130: token_reduced" in text


def test_the_whole_table_by_phase():
    text = explained()
    lines = text.splitlines()
    headings = [line for line in lines if line in set(Phase)]
    shown = [phase.value for phase in Phase if any(row.phase is phase for row in TABLE.values())]
    assert headings == shown
    for reason, row in TABLE.items():
        (line,) = [line for line in lines if line.split()[:2] == [f"{row.number}x", reason.value]]
        above = [heading for heading in headings if lines.index(heading) < lines.index(line)]
        assert above[-1] == row.phase
        assert row.sentence in line
    for code in ExitCode:
        assert any(line.split()[:1] == [str(code.value)] and code.sentence in line for line in lines)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("forbiden", '"forbidden"'),
        ("tls_expird", '"tls_expired"'),
        ("qqqq", "none like it."),
        ("7", "All: tpcharness explain"),
        ("1", None),
    ],
)
def test_an_unknown_word_gets_the_nearest_and_exit_code_2(word, hint):
    result = CliRunner().invoke(cli, ["explain", word])
    if hint is None:
        assert result.exit_code == 0
        return
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f'"{word}"' in result.stderr
    assert hint in result.stderr


def test_colour_only_when_asked_for():
    assert "\x1b[" not in explained("forbidden")
    assert "\x1b[1mforbidden\x1b[0m: " in explained("forbidden", color="always")
