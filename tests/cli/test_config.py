"""`config check`, `show`, `init` and `schema`, as a person or a script meets them."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from tpcharness.cli.main import cli
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors

GOOD = """\
[harness]
contact = "me@example.org"
[defaults]
tokens = "t"
[tokens.t]
kind = "client-credentials"
issuer = "https://iam.example.org/"
client_id = "us"
client_secret_file = "secret"
[endpoints.A]
https = "https://a.example/x"
[endpoints.B]
https = "https://b.example/x"
[[probes]]
sizes = ["1MiB", "3 MB"]
interval = "90m"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TPCHARNESS_CONFIG", raising=False)
    monkeypatch.delenv("TPCHARNESS_STATE_DIR", raising=False)
    (tmp_path / "secret").write_text("canary")
    (tmp_path / "secret").chmod(0o600)
    return tmp_path


def config(*words: str) -> Result:
    return CliRunner().invoke(cli, ["config", *words])


def test_check_says_ok_in_one_line(here):
    (here / "endpoints.toml").write_text(GOOD)
    result = config("check")
    assert result.exit_code == 0
    assert result.stdout == "endpoints.toml: ok: 2 endpoints, 1 token source, 1 selection, 0 warnings\n"
    assert result.stderr == ""


def test_check_tells_warnings_and_is_content(here):
    (here / "f.toml").write_text(GOOD.replace("contact =", "# contact ="))
    result = config("check", "f.toml")
    assert result.exit_code == 0
    first, last = result.stdout.splitlines()
    assert first.startswith("f.toml:1: warning: harness.contact is empty; ")
    assert last.endswith("1 warning")


def test_check_tells_each_problem_in_one_line(here):
    (here / "f.toml").write_text(GOOD + 'vriant = "x"\n[limits]\nper_host = 0\n[endpoints.C]\nhttps = "davs://c/x"\n')
    remedy = "write https:// in place of davs://: it is the same protocol"
    result = config("check", "f.toml")
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        'f.toml:17: error: probes[0].vriant = "x" is not a known key; did you mean "variant"?',
        "f.toml:19: error: limits.per_host = 0 must be at least 1",
        f'f.toml:21: error: endpoints.C.https = "davs://c/x" is not an https URL; {remedy}',
    ]
    assert result.stderr == "f.toml: 3 errors, 0 warnings\n"


def test_a_named_file_that_is_not_here_matters_only_to_who_needs_it(here):
    (here / "secret").unlink()
    (here / "endpoints.toml").write_text(GOOD)
    result = config("check")
    assert result.exit_code == 0
    assert "endpoints.toml:9: warning: tokens.t.client_secret_file" in result.stdout
    assert config("show").exit_code == 0
    assert isinstance(load_config(Path("endpoints.toml"), environ={}), ConfigErrors)


def test_check_of_a_file_that_is_not_toml(here):
    (here / "f.toml").write_text("[harness\n")
    result = config("check", "f.toml")
    assert result.exit_code == 3
    assert result.stdout.startswith("f.toml:1:9: error: is not valid TOML: ")


def test_the_environment_names_the_file(here, monkeypatch):
    (here / "f.toml").write_text(GOOD)
    monkeypatch.setenv("TPCHARNESS_CONFIG", "f.toml")
    assert config("check").stdout.startswith("f.toml: ok")


def test_no_file_at_all():
    result = config("check")
    assert result.exit_code == 3
    assert "there is no such file" in result.stdout
    assert "config init" in result.stdout


def test_show_tells_every_value_and_its_origin(here, monkeypatch):
    monkeypatch.setenv("TPCHARNESS_STATE_DIR", "/s")
    (here / "endpoints.toml").write_text(GOOD)
    result = config("show")
    assert result.exit_code == 0
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in result.stdout.splitlines() if line}
    assert rows["harness.contact"] == '"me@example.org" endpoints.toml:2'
    assert rows["harness.state_dir"] == '"/s" environment TPCHARNESS_STATE_DIR'
    assert rows["endpoints.B.tokens"] == '"t" [defaults], endpoints.toml:4'
    assert rows["endpoints.B.max_transfers"] == "4 default"
    assert rows["probes[0].sizes"] == '["1MiB", "3MB"] endpoints.toml:15'
    assert rows["probes[0].interval"] == '"1h30m" endpoints.toml:16'
    assert rows["timeouts.transfer"] == '"10m" default'
    assert rows["tokens.t.client_secret_file"] == f'"{here}/secret" endpoints.toml:9'
    assert "canary" not in result.output


def test_show_as_json(here):
    (here / "endpoints.toml").write_text(GOOD)
    result = config("show", "--format", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["file"] == "endpoints.toml"
    assert document["settings"]["probes[0].sizes"] == {"value": [2**20, 3_000_000], "origin": "endpoints.toml:15"}
    assert document["settings"]["probes[0].interval"]["value"] == 5400
    assert document["warnings"] == []


def test_show_keeps_its_output_clean_of_errors(here):
    (here / "endpoints.toml").write_text("[harness]\nx = 1\n")
    result = config("show")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "error: endpoints.toml:2: harness.x is not a known key" in result.stderr


def test_show_masks_what_looks_like_a_token(here):
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
    (here / "endpoints.toml").write_text(GOOD.replace('client_id = "us"', f'client_id = "{token}"'))
    for words in (["show"], ["show", "--format", "json"]):
        result = config(*words)
        assert result.exit_code == 0
        assert "eyJ" not in result.output


def test_init_writes_a_file_that_passes(here):
    result = config("init")
    assert result.exit_code == 0
    assert result.stdout.startswith("wrote endpoints.toml")
    checked = config("check")
    assert checked.exit_code == 0, checked.output
    assert checked.stdout.startswith("endpoints.toml: ok: 2 endpoints")
    assert checked.stdout.endswith("0 warnings\n")


def test_init_never_overwrites(here):
    (here / "mine.toml").write_text("mine")
    result = config("init", "mine.toml")
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert (here / "mine.toml").read_text() == "mine"


def test_init_where_nothing_can_be_written(here):
    result = config("init", "none/endpoints.toml")
    assert result.exit_code == 2
    assert "cannot be written: No such file or directory" in result.stderr


def test_schema_is_a_json_schema():
    result = config("schema")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    assert schema["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "endpoints" in schema["properties"]


def test_an_unknown_sub_command():
    result = config("chek")
    assert result.exit_code == 2
    assert "Did you mean" in result.stderr
