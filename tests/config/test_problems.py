"""How problems are told: secrets masked, one line each, the nearest word."""

import pytest

from tpcharness.config.problems import ConfigErrors, Problem, Severity, dotted, nearest, shown

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("harness", "name"), "harness.name"),
        (("endpoints", "a.b", "https"), 'endpoints."a.b".https'),
        (("probes", 0, "sizes", 1), "probes[0].sizes[1]"),
        (("endpoints", 'a"b'), 'endpoints."a\\"b"'),
        ((), ""),
    ],
)
def test_dotted_keys_look_like_the_file(path, text):
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("client_secret", "canary"),
        ("token", JWT),
        ("Password", "canary"),
        ("access_token", ["canary"]),
        ("anything", JWT),
        ("anything", [JWT]),
        ("https", "https://u:canary@a.example/x?authz=canary"),
        ("variable", "canary-that-is-no-name"),
        ("bearer", "canary"),
    ],
)
def test_secrets_are_never_shown(key, value):
    text = shown(("tokens", "x", key), value)
    assert "canary" not in text
    assert "eyJ" not in text


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("tokens", "dteam", '"dteam"'),
        ("client_secret_file", "secret.txt", '"secret.txt"'),
        ("n", 3, "3"),
        ("b", True, "true"),
        ("l", [1, "a"], '[1, "a"]'),
        ("t", {"a": 1}, "{...}"),
        ("s", "a\nb\x1b[31m\u202e", '"a\\nb\\u001b[31m\\u202e"'),
    ],
)
def test_other_values_are_shown_on_one_printable_line(key, value, text):
    assert shown(("x", key), value) == text


def test_long_values_are_cut():
    assert len(shown(("x", "n"), "a" * 1000)) < 100
    assert len(shown(("x", "n"), list(range(1000)))) < 100


def test_nearest_overlooks_case_and_hyphens():
    assert nearest("Max-Transfer", ["max_transfers", "tokens"]) == "max_transfers"
    assert nearest("zzz", ["max_transfers"]) == ""
    assert nearest("x", []) == ""


def test_one_line_and_several_lines_say_the_same():
    problem = Problem("is wrong", "f.toml", 3, key="a.b", value='"x"', hint="write y")
    assert problem.one_line == 'f.toml:3: error: a.b = "x" is wrong; write y'
    assert problem.text == 'error: f.toml:3: a.b is wrong\n  value: "x"\n  hint:  write y'


def test_a_problem_of_the_whole_file():
    problem = Problem("cannot be read", "f.toml")
    assert problem.one_line == "f.toml: error: cannot be read"
    assert problem.text == "error: f.toml: cannot be read"
    assert Problem("is odd", "f.toml", 2, 7).place == "f.toml:2:7"


def test_errors_come_before_warnings_and_in_the_order_of_lines():
    warning = Problem("w", "f", 1, severity=Severity.WARNING)
    late, early = Problem("l", "f", 9), Problem("e", "f", 2)
    errors = ConfigErrors([warning, late, early])
    assert errors.problems == (early, late, warning)
    assert errors.errors == (early, late)
    assert errors.warnings == (warning,)
    assert str(errors) == "2 errors, 1 warning"
    assert errors.text.splitlines()[-1] == "the configuration has 2 errors, 1 warning"
