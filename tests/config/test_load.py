"""A whole file: read, judged, settled. Every mistake is told once, with its line, key, value and remedy."""

import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.config.checks import check
from tpcharness.config.complaints import judge
from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.config.places import default_path
from tpcharness.config.problems import ConfigErrors
from tpcharness.config.settle import settle
from tpcharness.config.source import Source
from tpcharness.config.surroundings import look_around
from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.settings import MIB, ProbeSelection, RunLimits, TimeLimits, TokenKind
from tpcharness.model.variant import Variant

FULL = """\
[harness]
name = "example-site"
contact = "grid-ops@example.org"
state_dir = "state"
ca_path = "ca.pem"
opt_out = ["SITE-B"]

[defaults]
sizes = ["1MiB", 0, "3 MB"]
tokens = "dteam"
max_transfers = 2
interval = "1h"

[tokens.dteam]
kind = "client-credentials"
issuer = "https://iam.example.org/"
client_id = "us"
client_secret_file = "secret"

[tokens.mine]
kind = "discovery"

[endpoints.SITE-A]
site = "Site-A"
https = "https://door.site-a.example:2880/pnfs/site-a.example/dteam/"
audience = "https://door.site-a.example:2880"
scope_base = "/pnfs/site-a.example/"
redirect_auth = "drop"
max_transfers = 7
address_family = "ipv6"
implementation = "dcache"
ca_path = "ca.pem"

[endpoints.SITE-B]
https = "https://door.site-b.example/dteam"
tokens = "mine"

[[probes]]
variant = "https-push"
sources = "SITE-*"
destinations = ["SITE-A"]
interval = 90

[[probes]]
sizes = ["10 MB"]

[limits]
concurrency = 5

[timeouts]
transfer = "1h"
marker_silence = 0

[daemon]
listen = "[::1]:8080"
"""

SMALL = """\
[harness]
contact = "me@example.org"
[tokens.t]
kind = "discovery"
[endpoints.A]
https = "https://a.example/x"
tokens = "t"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text("a certificate")
    (tmp_path / "secret").write_text("hush")
    (tmp_path / "secret").chmod(0o600)
    return tmp_path


def load(folder: Path, text: str, **environ: str) -> Config | ConfigErrors:
    path = folder / "endpoints.toml"
    path.write_text(text)
    return load_config(path, environ={"HOME": "/home/me", **environ})


def config_of(folder: Path, text: str, **environ: str) -> Config:
    config = load(folder, text, **environ)
    assert isinstance(config, Config), config.text
    return config


def problems_of(folder: Path, text: str, **environ: str) -> list[str]:
    """Every problem as "LINE severity KEY MESSAGE"."""
    outcome = load(folder, text, **environ)
    problems = outcome.problems if isinstance(outcome, ConfigErrors) else outcome.warnings
    return [f"{problem.line} {problem.severity} {problem.key} {problem.message}" for problem in problems]


def test_every_setting_arrives(folder):
    config = config_of(folder, FULL)
    assert config.harness.name == "example-site"
    assert config.harness.contact == "grid-ops@example.org"
    assert config.harness.state_dir == str(folder / "state")
    assert config.harness.ca_path == str(folder / "ca.pem")
    assert config.harness.opt_out == ("SITE-B",)
    tokens = config.tokens["dteam"]
    assert (tokens.name, tokens.kind) == ("dteam", TokenKind.CLIENT_CREDENTIALS)
    assert (tokens.issuer, tokens.client_id) == ("https://iam.example.org/", "us")
    assert tokens.client_secret_file == str(folder / "secret")
    a, b = config.endpoints["SITE-A"], config.endpoints["SITE-B"]
    assert a.https == "https://door.site-a.example:2880/pnfs/site-a.example/dteam"
    assert (a.name, a.site, a.tokens, a.max_transfers) == ("SITE-A", "Site-A", "dteam", 7)
    assert (a.redirect_auth, a.address_family) == (RedirectAuth.DROP, AddressFamily.IPV6)
    assert (a.audience, a.implementation) == ("https://door.site-a.example:2880", "dcache")
    assert (a.scope_base, a.ca_path) == ("/pnfs/site-a.example", str(folder / "ca.pem"))
    assert (b.tokens, b.max_transfers, b.redirect_auth) == ("mine", 2, RedirectAuth.SAME_DOMAIN)
    assert config.probes == (
        ProbeSelection((Variant.HTTPS_PUSH,), ("SITE-*",), ("SITE-A",), (MIB, 0, 3_000_000)),
        ProbeSelection(sizes=(10_000_000,)),
    )
    assert config.intervals == (90.0, 3600.0)
    assert config.limits == RunLimits(concurrency=5)
    assert config.timeouts == TimeLimits(transfer_seconds=3600.0, marker_silence_seconds=0.0)
    assert config.daemon.listen == "[::1]:8080"
    assert config.warnings == ()


def test_a_small_file_gets_the_defaults_of_the_model(folder):
    config = config_of(folder, SMALL)
    assert config.harness.name == "tpcharness"
    assert config.probes == (ProbeSelection(),)
    assert config.intervals == (21600.0,)
    assert config.limits == RunLimits()
    assert config.timeouts == TimeLimits()
    assert config.warnings == ()


def test_the_values_of_defaults_reach_the_selection_that_is_not_written(folder):
    config = config_of(folder, SMALL + '[defaults]\nsizes = "2MiB"\nvariant = "https-pull"\n')
    assert config.probes == (ProbeSelection(variants=(Variant.HTTPS_PULL,), sizes=(2 * MIB,)),)


@pytest.mark.parametrize(
    ("key", "origin"),
    [
        ("harness.name", "{file}:2"),
        ("endpoints.SITE-A.max_transfers", "{file}:29"),
        ("endpoints.SITE-B.max_transfers", "[defaults], {file}:11"),
        ("endpoints.SITE-B.redirect_auth", "default"),
        ("endpoints.SITE-A.tokens", "[defaults], {file}:10"),
        ("tokens.dteam.kind", "{file}:15"),
        ("probes[0].sizes", "[defaults], {file}:9"),
        ("probes[1].sizes", "{file}:45"),
        ("probes[0].interval", "{file}:42"),
        ("probes[1].sources", "default"),
        ("limits.concurrency", "{file}:48"),
        ("timeouts.transfer", "{file}:51"),
        ("timeouts.connect", "default"),
        ("daemon.listen", "{file}:55"),
    ],
)
def test_every_value_knows_where_it_came_from(folder, key, origin):
    assert config_of(folder, FULL).origins[key] == origin.format(file=folder / "endpoints.toml")


@pytest.mark.parametrize("text", [FULL, SMALL])
def test_settings_and_origins_speak_of_the_same_keys(folder, text):
    config = config_of(folder, text)
    assert {key for key, _ in config.settings()} == set(config.origins)


def test_a_config_cannot_be_changed(folder):
    config = config_of(folder, SMALL)
    for field in fields(config):
        with pytest.raises(AttributeError):
            setattr(config, field.name, None)
    with pytest.raises(TypeError):
        config.endpoints["B"] = config.endpoints["A"]


def test_where_state_is_kept(folder):
    named = SMALL.replace("[harness]", '[harness]\nname = "h"')
    assert config_of(folder, named).harness.state_dir == "/home/me/.local/state/tpcharness/h"
    assert config_of(folder, named, XDG_STATE_HOME="/s").harness.state_dir == "/s/tpcharness/h"
    assert config_of(folder, named, XDG_STATE_HOME="s").harness.state_dir == "/home/me/.local/state/tpcharness/h"
    written = SMALL.replace("[harness]", '[harness]\nstate_dir = "~/x"')
    assert config_of(folder, written).harness.state_dir == "/home/me/x"
    config = config_of(folder, written, TPCHARNESS_STATE_DIR="/elsewhere")
    assert config.harness.state_dir == "/elsewhere"
    assert config.origins["harness.state_dir"] == "environment TPCHARNESS_STATE_DIR"


def test_relative_paths_start_from_the_folder_of_the_file(folder, monkeypatch):
    (folder / "endpoints.toml").write_text(FULL)
    monkeypatch.chdir(folder.parent)
    config = load_config(Path(folder.name) / "endpoints.toml", environ=os.environ)
    assert isinstance(config, Config), config.text
    assert config.harness.ca_path == str(folder / "ca.pem")
    assert config.origins["harness.name"] == f"{folder.name}/endpoints.toml:2"


def test_the_file_that_is_meant_when_none_is_named():
    assert default_path({}) == Path("endpoints.toml")
    assert default_path({"TPCHARNESS_CONFIG": "/etc/x.toml"}) == Path("/etc/x.toml")


def test_all_errors_at_once_each_on_its_line(folder):
    text = """\
[harness]
name = "../x"
nmae = 1
[tokens.t]
kind = "file"
[endpoints.A]
https = "http://a.example/x"
tokens = "T2"
max_transfers = 0
[endpoints.a]
https = "https://a.example/y"
tokens = "t"
scope_base = "/z"
[[probes]]
variant = ["https-pul"]
sources = ["C"]
destinations = ["*"]
"""
    assert problems_of(folder, text) == [
        "2 error harness.name cannot be the name of a directory at the storages",
        "3 error harness.nmae is not a known key",
        "4 error tokens.t.path is missing",
        "7 error endpoints.A.https is not an https URL",
        "8 error endpoints.A.tokens does not exist",
        "9 error endpoints.A.max_transfers must be at least 1",
        "10 error endpoints.a differs from A ({}) in case only".format(f"{folder / 'endpoints.toml'}:6"),
        '13 error endpoints.a.scope_base ("/z") does not begin the path of https, "/y"',
        "15 error probes[0].variant[0] is not a variant",
        '16 error probes[0].sources has "C", which is no endpoint here',
        "1 warning harness.contact is empty",
    ]


def test_nothing_but_the_file_is_read(folder):
    """A secret file that cannot be read as text is looked at, not opened."""
    (folder / "secret").write_bytes(b"\xff\xfe")
    config_of(folder, FULL)


KEYS = st.sampled_from(
    [
        "harness",
        "defaults",
        "tokens",
        "endpoints",
        "probes",
        "limits",
        "timeouts",
        "daemon",
        "kind",
        "path",
        "file",
        "https",
        "sizes",
        "variant",
        "sources",
        "ca_path",
        "scope_base",
        "name",
        "opt_out",
        "connect",
        "zzz",
    ]
)
VALUES = st.recursive(
    st.one_of(
        st.integers(),
        st.floats(),
        st.booleans(),
        st.sampled_from(["", "file", "1MiB", "https-pull", "https://a.example/x", "*", "door", "client-credentials"]),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_no_document_is_too_strange(values):
    """Whatever stands where: every problem is told, nothing raises, nothing hangs."""
    source = Source(Path("f.toml"), "f.toml", values, {})
    file, problems = judge(source)
    config = settle(file, source, {"HOME": "/home/me"})
    found = [*problems, *check(config, source), *look_around(config, source, {})]
    assert found
    assert all(problem.one_line.isprintable() for problem in found)
