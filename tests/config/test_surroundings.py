"""What the configuration names: is it there, is it the right thing, who can read it?"""

import os
from pathlib import Path

import pytest

from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors, Severity

HEAD = '[harness]\ncontact = "me@example.org"\n'
TOKENS = '[tokens.dteam]\nkind = "discovery"\n'


def endpoint(name="A", url="https://a.example/x", tokens="dteam", more=""):
    line = f'tokens = "{tokens}"\n' if tokens else ""
    return f'[endpoints."{name}"]\nhttps = "{url}"\n{line}{more}\n'


def told(folder: Path, text: str, absent: Severity = Severity.ERROR, **environ: str) -> list[tuple[Severity, str]]:
    path = folder / "f.toml"
    path.write_text(text)
    outcome = load_config(path, environ={"HOME": str(folder), **environ}, absent=absent)
    problems = outcome.problems if isinstance(outcome, ConfigErrors) else outcome.warnings
    return [(problem.severity, problem.one_line.removeprefix(f"{folder}/f.toml:")) for problem in problems]


def the_one(folder: Path, text: str, **environ: str) -> tuple[Severity, str]:
    found = told(folder, text, **environ)
    assert len(found) == 1, found
    return found[0]


def client() -> str:
    return (
        HEAD
        + '[tokens.dteam]\nkind = "client-credentials"\nissuer = "https://i/"\nclient_id = "c"\n'
        + 'client_secret_file = "secret"\n'
        + endpoint()
    )


def test_a_secret_file_that_is_not_there(tmp_path):
    severity, line = the_one(tmp_path, client())
    assert severity is Severity.ERROR
    assert line.startswith(f'7: error: tokens.dteam.client_secret_file = "secret" does not exist ({tmp_path}/secret)')
    assert told(tmp_path, client(), absent=Severity.WARNING) == [(Severity.WARNING, line.replace("error", "warning"))]


def test_a_file_of_the_testbed_that_is_not_running(tmp_path):
    text = client().replace('"secret"', '".testbed/client-secret"') + 'ca_path = "{}"\n'
    path = tmp_path / "f.toml"
    path.write_text(text.replace("{}", ".testbed/ca.pem"))
    outcome = load_config(path, environ={"HOME": str(tmp_path)})
    assert isinstance(outcome, ConfigErrors)
    assert len(outcome.problems) == 2
    assert all("is `tpcharness testbed up` running?" in problem.hint for problem in outcome.problems)
    path.write_text(text.replace("{}", "elsewhere/ca.pem"))
    outcome = load_config(path, environ={"HOME": str(tmp_path)})
    assert [".testbed" in problem.one_line for problem in outcome.problems if "testbed up" in problem.hint] == [True]


def test_a_secret_file_that_is_empty_or_a_directory(tmp_path):
    (tmp_path / "secret").touch(mode=0o600)
    assert "is an empty file" in the_one(tmp_path, client())[1]
    (tmp_path / "secret").unlink()
    (tmp_path / "secret").mkdir()
    assert "is not a file" in the_one(tmp_path, client())[1]


@pytest.mark.parametrize(("mode", "severities"), [(0o600, []), (0o400, []), (0o640, ["w"]), (0o604, ["w"])])
def test_a_secret_file_that_others_can_read_is_a_warning(tmp_path, mode, severities):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    secret.chmod(mode)
    found = told(tmp_path, client())
    assert [severity.value[0] for severity, _ in found] == severities
    for _, line in found:
        assert f"chmod 600 {secret}" in line
        assert "canary" not in line


def test_a_token_file_may_come_later(tmp_path):
    text = HEAD + '[tokens.dteam]\nkind = "file"\npath = "token"\n' + endpoint()
    severity, line = the_one(tmp_path, text)
    assert severity is Severity.WARNING
    assert "tokens.dteam.path" in line
    (tmp_path / "token").write_text("x")
    (tmp_path / "token").chmod(0o600)
    assert told(tmp_path, text) == []


def test_a_token_variable_may_be_set_later(tmp_path):
    text = HEAD + '[tokens.dteam]\nkind = "env"\nvariable = "TOKEN"\n' + endpoint()
    severity, line = the_one(tmp_path, text)
    assert severity is Severity.WARNING
    assert "is not set in this environment" in line
    assert told(tmp_path, text, TOKEN="x") == []


@pytest.mark.parametrize("place", ["harness", "endpoint", "tokens"])
def test_ca_paths_must_exist(tmp_path, place):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    text = client()
    line = 'ca_path = "ca"\n'
    after = {"harness": HEAD, "endpoint": endpoint(), "tokens": 'client_id = "c"\n'}[place]
    text = text.replace(after, after + line)
    severity, told_line = the_one(tmp_path, text)
    assert severity is Severity.ERROR
    assert f"does not exist ({tmp_path}/ca)" in told_line
    (tmp_path / "ca").mkdir()
    assert told(tmp_path, text) == []


def test_a_state_dir_that_is_a_file(tmp_path):
    (tmp_path / "state").touch()
    severity, line = the_one(tmp_path, HEAD + 'state_dir = "state"\n' + TOKENS + endpoint())
    assert severity is Severity.ERROR
    assert "is not a directory" in line


def test_what_cannot_even_be_looked_at_is_an_error(tmp_path):
    (tmp_path / "f").write_text("a file where a directory should be")
    text = (
        client()
        .replace('"secret"', '"f/secret"')
        .replace("[tokens", 'ca_path = "f/ca"\nstate_dir = "f/state"\n[tokens')
    )
    found = told(tmp_path, text, absent=Severity.WARNING)
    assert [severity for severity, _ in found] == [Severity.ERROR] * 2
    assert all("cannot be looked at" in line and "Not a directory" in line for _, line in found)


def test_a_secret_may_come_through_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "secret")
    assert told(tmp_path, client()) == []
