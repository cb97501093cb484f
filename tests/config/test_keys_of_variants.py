"""Keys that variants need: what they become, what is said of values that cannot be meant, and of variants without."""

from __future__ import annotations

from pathlib import Path

import pytest

from tpcharness.config.addresses import check_directory, check_gsiftp_url, check_srm_url
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors, Unfit
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.needs import key_of
from tpcharness.model.variant import DOOR_VARIANTS, Variant

HEAD = """\
[endpoints.A]
https = "https://a.example/vo"
scope_base = "/vo"
"""
KEYS = {
    "root": "roots://a.example//vo",
    "cache": "roots://cache.example:1095//vo",
    "gsiftp": "gsiftp://a.example:2811/vo",
    "srm": "srm://a.example:8446/srm/managerv2?SFN=/vo",
    "tape_archive": "/vo/tape",
}


def loaded(directory: Path, text: str) -> Config | ConfigErrors:
    path = directory / "endpoints.toml"
    path.write_text(text)
    return load_config(path, environ={"HOME": str(directory)})


def sound(directory: Path, text: str) -> Config:
    config = loaded(directory, text)
    assert not isinstance(config, ConfigErrors), config.text
    return config


def written(key: str, value: str) -> str:
    return f'{HEAD}{key} = "{value}"\n'


@pytest.mark.parametrize(("key", "value"), KEYS.items())
def test_a_key_becomes_a_field(tmp_path: Path, key: str, value: str) -> None:
    config = sound(tmp_path, written(key, f"{value}/"))
    assert getattr(config.endpoints["A"], key) == value
    assert dict(config.settings())[f"endpoints.A.{key}"] == value
    assert config.origins[f"endpoints.A.{key}"].endswith("endpoints.toml:4")


def test_every_field_that_a_variant_needs_is_a_key() -> None:
    fields = {field for variant in Variant for side in variant.needs for field in side}
    assert {key_of(field) for field in fields} == {*KEYS, "tape.files"}
    assert fields <= set(Endpoint.__slots__)


@pytest.mark.parametrize(
    ("check", "value", "message", "remedy"),
    [
        (check_gsiftp_url, "a.example/vo", "not a gsiftp://", "gsiftp://HOST:PORT/PATH"),
        (check_gsiftp_url, "gsiftp://", "no host", "gsiftp://HOST"),
        (check_gsiftp_url, "gsiftp://u:p@a.example/vo", "user name", "remove"),
        (check_gsiftp_url, "gsiftp://a.example:0/vo", "valid host and port", "gsiftp://HOST:PORT/PATH"),
        (check_gsiftp_url, "gsiftp://a.example/vo?x", "query", "remove"),
        (check_gsiftp_url, "gsiftp://a.example/vo/../x", "..", "detours"),
        (check_gsiftp_url, "gsiftp://a.example/a b", "blanks", "%20"),
        (check_srm_url, "https://a.example/vo", "not a srm://", "srm://HOST:PORT/PATH"),
        (check_srm_url, "srm://a.example:99999/vo", "not a valid URL", "port"),
        (check_srm_url, "srm://a.example/m?SFN=vo", "SFN that is no path", "SFN=/PATH"),
        (check_srm_url, "srm://a.example/m?SFN=/vo?SFN=/x", "not a valid URL path", "encode"),
        (check_srm_url, "srm://a.example/m?x=/vo", "query", "remove"),
        (check_srm_url, "httpg://a.example/m?SFN=/vo", "SFN that is no path", "SFN=/PATH"),
        (check_directory, "", "not the path of a directory", "begin it with /"),
        (check_directory, "//", "not the path of a directory", "begin it with /"),
        (check_directory, "/a b", "not a valid URL path", "%20"),
        (check_directory, "/a/%2e%2e/b", ".. in its path", "detours"),
    ],
)
def test_what_cannot_be_meant(check: type[str], value: str, message: str, remedy: str) -> None:
    with pytest.raises(Unfit) as caught:
        check(value)
    assert message in str(caught.value)
    assert remedy in caught.value.hint


@pytest.mark.parametrize("url", ["srm://a.example/vo", "httpg://a.example:8446/srm/managerv2", "srm://[::1]:8443/vo"])
def test_takes_doors_of_srm(url: str) -> None:
    assert check_srm_url(f"{url}/") == url


@pytest.mark.parametrize(
    ("key", "value"),
    [("cache", "http://x"), ("gsiftp", "x"), ("srm", "ftp://a/x"), ("tape_archive", "vo"), ("root", "root://a/b")],
)
def test_a_bad_value_is_one_error_that_names_file_line_value_and_remedy(tmp_path: Path, key: str, value: str) -> None:
    errors = loaded(tmp_path, written(key, value))
    assert isinstance(errors, ConfigErrors)
    (problem,) = errors.errors
    assert problem.place.endswith("endpoints.toml:4") or ":4:" in problem.place
    assert (problem.key, problem.value) == (f"endpoints.A.{key}", f'"{value}"')
    assert problem.hint.startswith(("write", "begin"))


def test_a_password_in_a_door_is_not_shown(tmp_path: Path) -> None:
    errors = loaded(tmp_path, written("gsiftp", "gsiftp://u:hunter2@a.example/vo"))
    assert isinstance(errors, ConfigErrors)
    assert "hunter2" not in errors.text


def test_an_archive_that_no_token_could_name(tmp_path: Path) -> None:
    errors = loaded(tmp_path, written("tape_archive", "/tape"))
    assert isinstance(errors, ConfigErrors)
    (problem,) = errors.errors
    assert 'is not below scope_base, "/vo"' in problem.one_line
    assert "endpoints.toml:4" in problem.one_line


@pytest.mark.parametrize(
    ("said", "stored"), [("python3.11", "python3.11"), ("/opt/py", "/opt/py"), ("bin/py", "HERE/bin/py")]
)
def test_the_python_of_gfal(tmp_path: Path, said: str, stored: str) -> None:
    config = sound(tmp_path, f'[harness]\ngfal_python = "{said}"\n{HEAD}')
    assert config.harness.gfal_python == stored.replace("HERE", str(tmp_path))
    missing = [each.one_line for each in config.warnings if each.key == "harness.gfal_python"]
    assert len(missing) == ("/" in said)
    assert all("all others go on" in line for line in missing)
    assert sound(tmp_path, HEAD).harness.gfal_python == ""


@pytest.mark.parametrize("variant", [variant for variant in Variant if variant not in DOOR_VARIANTS])
def test_every_variant_but_doors_may_be_selected(tmp_path: Path, variant: Variant) -> None:
    config = sound(tmp_path, f'{HEAD}[endpoints.B]\nhttps = "https://b/x"\n[[probes]]\nvariant = "{variant}"\n')
    assert config.probes[0].variants == (variant,)
    told = [each.one_line for each in config.warnings if each.key == "probes[0].variant"]
    keys = {key_of(field) for side in variant.needs for field in side}
    if keys:
        (line,) = told
        assert f'has "{variant}", which no endpoint can do' in line
        assert all(key in line for key in keys)
    else:
        assert told == []


def test_a_variant_in_defaults_that_nobody_can_do_is_told_once(tmp_path: Path) -> None:
    config = sound(tmp_path, f'[defaults]\nvariant = ["https-pull", "srm-door"]\n{HEAD}[[probes]]\n[[probes]]\n')
    (told,) = [each for each in config.warnings if "srm-door" in each.one_line]
    assert (told.key, told.line) == ("defaults.variant", 2)
