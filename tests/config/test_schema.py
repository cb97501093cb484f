"""The schema as documentation: complete, described, and in step with the model."""

import json
import tomllib
from dataclasses import fields
from importlib.resources import files

import jsonschema
import pytest
from pydantic import BaseModel

from tpcharness.config.complaints import judge
from tpcharness.config.lines import find_lines
from tpcharness.config.schema import (
    TOKEN_KINDS_NOT_BUILT,
    TOKEN_SECTIONS,
    EndpointSection,
    EndpointsFile,
    HarnessSection,
    LimitsSection,
    TimeoutsSection,
)
from tpcharness.config.section import Section
from tpcharness.config.service_schema import (
    DAEMON_FIELDS,
    DaemonSection,
    DowntimeSection,
    DowntimeSourceSection,
    HistorySection,
)
from tpcharness.config.source import Source
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.settings import (
    DaemonSettings,
    DowntimeKind,
    DowntimeSettings,
    DowntimeSource,
    HarnessSettings,
    HistorySettings,
    RunLimits,
    TimeLimits,
    TokenKind,
    TokenSettings,
)

SCHEMA = EndpointsFile.model_json_schema()


def sections(base: type[Section] = Section):
    for section in base.__subclasses__():
        yield section
        yield from sections(section)


@pytest.mark.parametrize("section", sorted(set(sections()), key=lambda section: section.__name__))
def test_every_key_is_described(section: type[BaseModel]):
    assert section.__doc__
    for name, field in section.model_fields.items():
        assert name == "kind" or (field.description or "").endswith((".", ". ")), f"{section.__name__}.{name}"


@pytest.mark.parametrize(
    ("section", "settings", "suffix"),
    [
        (HarnessSection, HarnessSettings, ""),
        (LimitsSection, RunLimits, ""),
        (TimeoutsSection, TimeLimits, "_seconds"),
        (EndpointSection, Endpoint, ""),
        (DowntimeSection, DowntimeSettings, ""),
    ],
)
def test_the_file_can_say_what_the_model_knows(section, settings, suffix):
    known = {f"{name}{suffix}" for name in section.model_fields}
    if settings is Endpoint:
        known = known - {"tape"} | {"name", "tape_files"}
    assert known == {field.name for field in fields(settings)}


@pytest.mark.parametrize(
    ("section", "settings", "suffix"),
    [(HarnessSection, HarnessSettings, ""), (LimitsSection, RunLimits, ""), (TimeoutsSection, TimeLimits, "_seconds")],
)
def test_defaults_are_those_of_the_model(section, settings, suffix):
    for name, value in section().model_dump().items():
        expected = getattr(settings(), f"{name}{suffix}")
        assert value == (list(expected) if isinstance(expected, tuple) else expected)


def test_the_service_can_say_what_the_model_knows():
    assert set(DAEMON_FIELDS.values()) == {field.name for field in fields(DaemonSettings)}
    defaults = {DAEMON_FIELDS[key]: value for key, value in DaemonSection().model_dump().items()}
    assert DaemonSettings(**defaults) == DaemonSettings()
    history = HistorySection().model_dump().items()
    names = {f"{key}_seconds" if key.startswith("keep_") else key: value for key, value in history}
    assert HistorySettings(**names) == HistorySettings()
    source = DowntimeSourceSection(kind="osg", file="x").model_dump()
    source["refresh_seconds"] = source.pop("refresh")
    assert set(source) == {field.name for field in fields(DowntimeSource)} - {"name"}
    assert source["refresh_seconds"] == DowntimeSource("n", DowntimeKind.OSG).refresh_seconds


def test_endpoint_defaults_are_those_of_the_model():
    section = EndpointSection(https="https://a/x")
    endpoint = Endpoint("A", "https://a/x")
    expected = {field.name: getattr(endpoint, field.name) for field in fields(endpoint) if field.name != "name"}
    expected["tape"] = {"files": list(expected.pop("tape_files"))}
    # In the model 0 means that nobody has set a bound; whoever writes a file gets a gentle one.
    assert section.model_dump() == expected | {"bytes_per_day": 100 * 1024**3}


def test_every_kind_of_token_has_its_section():
    assert set(TOKEN_SECTIONS) == {kind.value for kind in TokenKind}
    assert not TOKEN_KINDS_NOT_BUILT & set(TOKEN_SECTIONS)
    known = {field.name for field in fields(TokenSettings)}
    for section in TOKEN_SECTIONS.values():
        assert set(section.model_fields) <= known


def test_the_json_schema_is_one_and_knows_every_section():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(EndpointsFile.model_fields)
    assert SCHEMA["additionalProperties"] is False
    json.dumps(SCHEMA)


DOCUMENTS = [
    ("", True),
    ('[defaults]\nsizes = ["1MiB", 0]\nvariant = "https-pull"\n', True),
    ('[defaults]\nsizes = "1MiB"\ninterval = "1h30m"\n', True),
    ('[endpoints.A]\nhttps = "https://a/x"\n', True),
    ('[tokens.t]\nkind = "discovery"\n', True),
    ('[tokens.t]\nkind = "file"\npath = "x"\n', True),
    ("[timeouts]\nconnect = 2.5\n", True),
    ('[daemon]\nstale_after = 2.5\nlink_metrics = "failing"\nrefusal_pause = "1d"\n', True),
    ('[history]\ndatabase = "postgresql://me@db:5432/tpc"\nkeep_results = "800d"\n', True),
    ('[[downtimes]]\nendpoints = "A"\nstart = "2026-12-01T08:00:00Z"\nend = "2026-12-01T09:00:00Z"\n', True),
    ('[downtime_sources.gocdb]\nkind = "gocdb"\nurl = "https://x.example/?a=b"\n', True),
    ("[daemon]\nstale_after = 0\n", False),
    ('[daemon]\nlink_metrics = "some"\n', False),
    ("[daemon]\nconfirmations = 0\n", False),
    ('[downtime_sources.gocdb]\nurl = "https://x.example/?a=b"\n', False),
    ('[[downtimes]]\nendpoints = "A"\nstart = "2026-12-01"\nend = "2026-12-02"\n', False),
    ("[harness]\nnmae = 1\n", False),
    ("[endpoints.A]\n", False),
    ('[tokens.t]\nkind = "file"\n', False),
    ('[tokens.t]\nkind = "macaroon"\n', False),
    ('[defaults]\nsizes = ["1 Mb"]\n', False),
    ('[defaults]\nvariant = "door"\n', False),
    ('[timeouts]\nconnect = "soon"\n', False),
    ("[limits]\nper_host = 0\n", False),
]


@pytest.mark.parametrize(("text", "valid"), DOCUMENTS)
def test_the_json_schema_and_the_checks_agree(tmp_path, text, valid):
    values = tomllib.loads(text)
    _, problems = judge(Source(tmp_path / "f.toml", "f.toml", values, find_lines(text)))
    assert (not problems) is valid
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(values) is valid


def test_the_starter_is_valid_and_speaks_of_known_keys_only(tmp_path):
    starter = files("tpcharness.config").joinpath("starter.toml").read_text()
    # Comments that are settings must be good settings too, once they are let in.
    lines = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line for line in starter.splitlines()
    ]
    for text in (starter, "\n".join(lines)):
        _, problems = judge(Source(tmp_path / "f", "f", tomllib.loads(text), find_lines(text)))
        assert problems == []
