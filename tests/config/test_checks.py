"""What shows only between several values."""

from pathlib import Path

import pytest

from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors, Severity

HEAD = '[harness]\ncontact = "me@example.org"\n'
TOKENS = '[tokens.dteam]\nkind = "discovery"\n'


def endpoint(name="A", url="https://a.example/x", tokens="dteam", more=""):
    line = f'tokens = "{tokens}"\n' if tokens else ""
    return f'[endpoints."{name}"]\nhttps = "{url}"\n{line}{more}\n'


def told(folder: Path, text: str, **environ: str) -> list[tuple[Severity, str]]:
    path = folder / "f.toml"
    path.write_text(text)
    outcome = load_config(path, environ={"HOME": str(folder), **environ})
    problems = outcome.problems if isinstance(outcome, ConfigErrors) else outcome.warnings
    return [(problem.severity, problem.one_line.removeprefix(f"{folder}/f.toml:")) for problem in problems]


def the_one(folder: Path, text: str, **environ: str) -> tuple[Severity, str]:
    found = told(folder, text, **environ)
    assert len(found) == 1, found
    return found[0]


def test_a_file_without_endpoints(tmp_path):
    for text in (HEAD, HEAD + "[endpoints]\n", ""):
        severity, line = the_one(tmp_path, text)
        assert severity is Severity.ERROR
        assert "endpoints names no endpoint; add a section" in line


def test_a_token_section_that_does_not_exist_is_told_with_the_nearest(tmp_path):
    severity, line = the_one(tmp_path, HEAD + TOKENS + endpoint() + endpoint("B", "https://b.example/x", "dteem"))
    assert severity is Severity.ERROR
    assert line == '11: error: endpoints.B.tokens = "dteem" does not exist; did you mean "dteam"?'


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ('https = "https://b.example/x"\ntokens = "dteem"', 'tokens = "dteem" does not exist; did you mean "dteam"?'),
        ('root = "root://b.example//x"\ntokens = "dteem"', 'tokens = "dteem" does not exist; did you mean "dteam"?'),
        ('https = "ftp://b.example/x"\ntokens = "dteem"', 'tokens = "dteem" does not exist; did you mean "dteam"?'),
        ('tokens = "x.y"', 'tokens = "x.y" does not exist; there is no [tokens."x.y"] section; add it'),
        ('tokens = "dteem"\nnonsense = 1', 'tokens = "dteem" does not exist; did you mean "dteam"?'),
    ],
)
def test_unknown_tokens_are_told_whatever_else_is_wrong_with_the_endpoint(tmp_path, section, line):
    found = [told_line for _, told_line in told(tmp_path, HEAD + TOKENS + endpoint() + f"[endpoints.B]\n{section}\n")]
    assert next(each for each in found if "does not exist" in each).endswith(f"error: endpoints.B.{line}")


@pytest.mark.parametrize("tokens", ['"dteam"', '""', "1", '["dteem"]', '"dt\\neem"'])
def test_tokens_that_are_there_or_wrong_in_another_way_are_not_called_unknown(tmp_path, tokens):
    text = HEAD + TOKENS + endpoint() + f"[endpoints.B]\ntokens = {tokens}\n"
    found = told(tmp_path, text)
    assert found
    assert not [line for _, line in found if "does not exist" in line]


def test_unknown_tokens_of_defaults_are_no_mistake_where_nobody_has_them(tmp_path):
    assert told(tmp_path, HEAD + '[defaults]\ntokens = "none"\n' + TOKENS + endpoint()) == []


def test_a_wrong_value_in_defaults_is_told_once_and_there(tmp_path):
    text = HEAD + '[defaults]\ntokens = "none"\nca_path = "none.pem"\n'
    text += endpoint(tokens="") + endpoint("B", "https://b.example/x", tokens="")
    missing, remedy = tmp_path / "none.pem", "name a PEM file or a directory of hashed certificates"
    assert told(tmp_path, text) == [
        (
            Severity.ERROR,
            '4: error: defaults.tokens = "none" does not exist; there is no [tokens.none] section; add it',
        ),
        (
            Severity.ERROR,
            f'5: error: defaults.ca_path = "none.pem" does not exist ({missing}); {remedy}',
        ),
    ]


def test_an_endpoint_without_tokens_is_a_warning(tmp_path):
    severity, line = the_one(tmp_path, HEAD + endpoint(tokens=""))
    assert severity is Severity.WARNING
    assert line.startswith("3: warning: endpoints.A has no tokens")


def test_tokens_that_nobody_uses_are_a_warning(tmp_path):
    severity, line = the_one(tmp_path, HEAD + TOKENS + '[tokens.x]\nkind = "discovery"\n' + endpoint())
    assert severity is Severity.WARNING
    assert line.startswith("5: warning: tokens.x is used by no endpoint")


def test_two_names_for_one_place_are_a_warning(tmp_path):
    text = HEAD + TOKENS + endpoint() + endpoint("B", "https://A.example:443/x/")
    severity, line = the_one(tmp_path, text)
    assert severity is Severity.WARNING
    assert line.startswith("10: warning: endpoints.B.https")
    assert f"is also the URL of A ({tmp_path}/f.toml:5)" in line


def test_names_that_differ_in_case_only_are_an_error(tmp_path):
    text = HEAD + TOKENS + endpoint("Site") + endpoint("SITE", "https://b.example/x")
    severity, line = the_one(tmp_path, text)
    assert severity is Severity.ERROR
    assert "endpoints.SITE differs from Site" in line


@pytest.mark.parametrize(
    ("base", "url", "fits"),
    [
        ("/x", "https://a.example/x", True),
        ("/x/", "https://a.example/x/y", True),
        ("/", "https://a.example/x", True),
        ("", "https://a.example", True),
        ("/x/y", "https://a.example/x", False),
        ("/x", "https://a.example/xy", False),
        ("/x", "https://a.example", False),
    ],
)
def test_scope_base_begins_the_path(tmp_path, base, url, fits):
    found = told(tmp_path, HEAD + TOKENS + endpoint(url=url, more=f'scope_base = "{base}"'))
    assert [severity for severity, _ in found] == ([] if fits else [Severity.ERROR])


def test_scope_base_from_defaults_is_told_for_each_endpoint_that_it_does_not_fit(tmp_path):
    text = HEAD + '[defaults]\nscope_base = "/x"\n' + TOKENS + endpoint() + endpoint("B", "https://b.example/y")
    _, line = the_one(tmp_path, text)
    assert line.startswith('11: error: endpoints.B.scope_base ("/x") does not begin the path of https, "/y"')


@pytest.mark.parametrize("glob", ["A", "*", "?", "[AB]", "B"])
def test_globs_that_match(tmp_path, glob):
    text = HEAD + TOKENS + endpoint() + endpoint("B", "https://b.example/x")
    assert told(tmp_path, text + f'[[probes]]\nsources = ["{glob}"]\n') == []


@pytest.mark.parametrize(("glob", "hint"), [("a", 'did you mean "A"?'), ("T1_*", "write an endpoint's name")])
@pytest.mark.parametrize("key", ["sources", "destinations"])
def test_globs_that_match_nothing_are_errors(tmp_path, key, glob, hint):
    severity, line = the_one(tmp_path, HEAD + TOKENS + endpoint() + f'[[probes]]\n{key} = ["*", "{glob}"]\n')
    assert severity is Severity.ERROR
    assert f'has "{glob}", which is no endpoint here; {hint}' in line
    assert line.startswith("10: error: probes[0].")


def test_globs_count_endpoints_that_have_other_mistakes(tmp_path):
    text = HEAD + TOKENS + endpoint() + endpoint("B", "ftp://b/") + '[[probes]]\nsources = ["B"]\n'
    severity, line = the_one(tmp_path, text)
    assert severity is Severity.ERROR
    assert "endpoints.B.https" in line


def test_an_opt_out_that_matches_nothing_is_a_warning(tmp_path):
    severity, line = the_one(tmp_path, HEAD + 'opt_out = ["A", "X"]\n' + TOKENS + endpoint())
    assert severity is Severity.WARNING
    assert 'harness.opt_out = ["A", "X"] has "X", which is no endpoint here' in line


def test_no_contact_is_a_warning_unless_all_is_on_this_machine(tmp_path):
    severity, line = the_one(tmp_path, TOKENS + endpoint())
    assert severity is Severity.WARNING
    assert "harness.contact is empty" in line
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert told(tmp_path, TOKENS + endpoint(url=f"https://{host}:1/x")) == []


def test_a_response_time_shorter_than_xrootd_waits_is_a_warning(tmp_path):
    severity, line = the_one(tmp_path, HEAD + TOKENS + endpoint() + "[timeouts]\nresponse = 60\n")
    assert severity is Severity.WARNING
    assert "timeouts.response = 60" in line
    assert told(tmp_path, HEAD + TOKENS + endpoint() + "[timeouts]\nresponse = 61\n") == []
