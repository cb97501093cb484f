"""The web-config file: what the toolkit takes, and one clear error for everything else."""

from pathlib import Path

import pytest

from tpcharness.config.problems import ConfigErrors
from tpcharness.daemon.web.web_config import RateLimit, WebConfig, load_web_config

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"


def load(folder: Path, text: str) -> WebConfig | ConfigErrors:
    file = folder / "web.yml"
    file.write_text(text)
    return load_web_config(file)


@pytest.mark.parametrize("text", ["", "# nothing\n", "basic_auth_users:\n", "{}"])
def test_an_empty_file_switches_everything_off(tmp_path, text):
    assert load(tmp_path, text) == WebConfig()


def test_everything_that_the_toolkit_knows_is_read(tmp_path):
    for name in ("c.pem", "k.pem", "ca.pem"):
        (tmp_path / name).touch()
    found = load(
        tmp_path,
        f"""
tls_server_config:
  cert_file: c.pem
  key_file: k.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.pem
  client_allowed_sans: [prometheus.example]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [ECDHE-RSA-AES128-GCM-SHA256]
  prefer_server_cipher_suites: true
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=31536000
rate_limit: {{interval: 500ms, burst: 20}}
basic_auth_users:
  ada: {HASH}
""",
    )
    assert isinstance(found, WebConfig), found.text
    assert found.tls is not None
    assert found.tls.cert_file == tmp_path / "c.pem"
    assert found.tls.client_allowed_sans == ("prometheus.example",)
    assert found.tls.min_version == "TLS13"
    assert found.headers == {"Strict-Transport-Security": "max-age=31536000"}
    assert found.rate_limit == RateLimit(0.5, 20)
    assert found.users == {"ada": HASH}
    assert HASH not in repr(found)


TLS = "tls_server_config: {cert_file: here, key_file: here, "


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("basic_auth_user:\n  a: b\n", 1, "basic_auth_user", 'did you mean "basic_auth_users"?'),
        ("\nbasic_auth_users:\n  ada: secret-in-clear\n", 3, "basic_auth_users.ada", "htpasswd"),
        ("basic_auth_users:\n  ada: $2y$31$" + "a" * 53, 2, "basic_auth_users.ada", "cost 4 to 15"),
        (f"basic_auth_users:\n  a: {HASH}\n  a: {HASH}\n", 3, "basic_auth_users.a", "stands twice"),
        ("tls_server_config:\n  cert_file: here\n", 2, "tls_server_config.key_file", "is missing"),
        ("tls_server_config:\n  cert_file: nowhere\n  key_file: here\n", 2, "tls_server_config.cert_file", "No such"),
        (TLS + "min_version: TLS14}", 1, "tls_server_config.min_version", "did you mean"),
        (TLS + "client_auth_type: RequestClientCert}", 1, "tls_server_config.client_auth_type", "nobody verifies"),
        (TLS + "client_ca_file: here}", 1, "tls_server_config", "client_auth_type"),
        (TLS + "curve_preferences: [X25519]}", 1, "tls_server_config.curve_preferences", "remove it"),
        ("tls_server_config: {cert: inline, key_file: here}", 1, "tls_server_config.cert", "cert_file"),
        ("http_server_config: {headers: {X-Powered-By: us}}", 1, "http_server_config.headers.X-Powered-By", "known"),
        ("http_server_config: {http2: maybe}", 1, "http_server_config.http2", "true or false"),
        ("rate_limit: {interval: soon}", 1, "rate_limit.interval", "1s"),
        ("rate_limit: {burst: 0}", 1, "rate_limit.burst", "whole number"),
        ("- a list\n", 1, "", "is no mapping"),
        ("a: [\n", 2, "", "not valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_remedy(tmp_path, text, line, key, said):
    (tmp_path / "here").touch()
    found = load(tmp_path, text)
    assert isinstance(found, ConfigErrors)
    problem = next(each for each in found.problems if said in each.text)
    assert (problem.line, problem.key) == (line, key)
    assert problem.file.endswith("web.yml")
    assert "secret-in-clear" not in found.text
    assert HASH not in found.text


def test_all_mistakes_are_told_at_once(tmp_path):
    found = load(tmp_path, "basic_auth_users: {a: b, c: d}\nrate_limit: {burst: no}\n")
    assert isinstance(found, ConfigErrors)
    assert len(found.problems) == 3


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: \x00", b"!!python/object:os.system {a: b}", b"[" * 5000])
def test_hostile_bytes_are_an_error_and_nothing_else(tmp_path, content):
    file = tmp_path / "web.yml"
    file.write_bytes(content)
    assert isinstance(load_web_config(file), ConfigErrors)


def test_a_file_that_is_not_there(tmp_path):
    found = load_web_config(tmp_path / "absent.yml")
    assert isinstance(found, ConfigErrors)
    assert "absent.yml" in found.text
