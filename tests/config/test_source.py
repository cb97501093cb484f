"""Files that cannot be read, and TOML that is none: one error, with line and column where there is one."""

import tomllib
from pathlib import Path

import pytest

from tpcharness.config.problems import Problem
from tpcharness.config.source import Source, read_source


def problem_of(path: Path) -> Problem:
    problem = read_source(path)
    assert isinstance(problem, Problem)
    return problem


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("a = 1\nb 2\n", 2, 3, "Expected '=' after a key", "KEY = VALUE"),
        ("a = x\n", 1, 5, "Invalid value", "quotes"),
        ("[a]\nb = 1\n\n[a]\n", 4, 3, "Cannot declare ('a',) twice", "only once"),
        ("a = 1\na = 2\n", 2, 6, "Cannot overwrite a value", "only once"),
        ("a = 1\n\n?\n", 3, 1, "Invalid statement", "[section]"),
        ('a = """\n\nx', 3, 2, "Unterminated string", "the quotes that it begins with"),
        ("a = 'x\n", 1, 7, 'Expected "\'"', "the quotes that it begins with"),
        ('a = "x\n', 1, 7, "Illegal character", "on the same line"),
        ('a = "\x01"\n', 1, 6, "Illegal character", "remove"),
        ("a = 1 # \x01\n", 1, 9, "Found invalid character", "remove"),
        ("a = 6h\n", 1, 6, "Expected newline", '"6h"'),
        ("[endpoints.A/B]\n", 1, 13, "Expected ']'", '[endpoints."A/B"]'),
        ("[[a]\n", 1, 4, "Expected ']]'", "[[probes]]"),
        ("[]\n", 1, 2, "Invalid initial character", "begin with a name"),
        ("a = [1 2]\n", 1, 8, "Unclosed array", "comma"),
        ("a = {b = 1\n", 1, 11, "Unclosed inline table", "}"),
        ("a = {b = 1, b = 2}\n", 1, 18, "Duplicate inline table key", "only once"),
        ('a = "\\u00zz"\n', 1, 8, "Invalid hex value", "two backslashes"),
        ('a = "\\ud800"\n', 1, 12, "Escaped character", "the character itself"),
        ("[a.b]\n[a]\nb.c = 1\n", 3, 8, "Cannot redefine", "all its keys there"),
        ("a = 2026-02-30\n", 1, 5, "Invalid date", "that exists"),
        ("a = [1,\n", 1, 8, "Invalid value", "quotes"),
    ],
)
def test_syntax_errors_have_line_and_column(tmp_path, text, line, column, message, hint):
    path = tmp_path / "f.toml"
    path.write_text(text)
    problem = problem_of(path)
    assert (problem.line, problem.column) == (line, column)
    assert problem.message.startswith(f"is not valid TOML: {message}")
    assert "(at " not in problem.message
    assert hint in problem.hint
    assert problem.one_line.startswith(f"{path}:{line}:{column}: error: ")


def test_a_missing_file(tmp_path):
    problem = problem_of(tmp_path / "none.toml")
    assert "no such file" in problem.message
    assert "config init" in problem.hint


def test_a_directory(tmp_path):
    assert "is a directory" in problem_of(tmp_path).message


def test_a_file_where_a_directory_should_be(tmp_path):
    (tmp_path / "f").write_text("")
    assert "cannot be read: Not a directory" in problem_of(tmp_path / "f" / "g.toml").message


def test_a_name_that_no_file_can_have():
    assert "cannot be read" in problem_of(Path("a\0b")).message


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "f.toml"
    path.write_bytes(b"a = 1\nb = '\xe9'\n")
    problem = problem_of(path)
    assert (problem.line, problem.message) == (2, "is not UTF-8 text")


def test_a_byte_order_mark(tmp_path):
    path = tmp_path / "f.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert "byte order mark" in problem_of(path).message


def test_a_file_nested_without_end(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text("a = " + "[" * 100_000)
    assert "nested too deeply" in problem_of(path).message


def test_a_number_without_end(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text("a = " + "9" * 5000)
    assert "a number that is too long" in problem_of(path).message


def test_a_syntax_error_of_a_newer_python_has_a_remedy_too(tmp_path, monkeypatch):
    def refuse(text):
        raise tomllib.TOMLDecodeError("Something new (at line 1, column 2)")

    monkeypatch.setattr(tomllib, "loads", refuse)
    path = tmp_path / "f.toml"
    path.write_text("a = 1\n")
    assert problem_of(path).one_line.startswith(
        f"{path}:1:2: error: is not valid TOML: Something new; write KEY = VALUE"
    )


def test_a_file_without_end():
    assert "too big" in problem_of(Path("/dev/zero")).message


def test_windows_files_have_the_same_lines(tmp_path):
    path = tmp_path / "f.toml"
    path.write_bytes(b"a = 1\r\n[b]\r\nc = 2\r\n")
    source = read_source(path)
    assert isinstance(source, Source)
    assert source.place(("b", "c")) == f"{path}:3"
    assert source.value(("b", "c")) == 2
    assert source.value(("b", "d")) is None
    assert source.value(("a", "d")) is None
    assert source.table("a") == {}
    assert source.place(()) == str(path)
