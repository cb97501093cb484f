"""The sections of the running service: history, downtimes, budgets, pages. Every mistake has its line and remedy."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tpcharness.config.configuration import Config
from tpcharness.config.load import load_config
from tpcharness.config.problems import ConfigErrors, Severity
from tpcharness.config.written import written
from tpcharness.model.settings import (
    DaemonSettings,
    DowntimeKind,
    DowntimeSettings,
    DowntimeSource,
    HistorySettings,
    LinkDetail,
)

HEAD = """\
[harness]
contact = "me@example.org"
[tokens.t]
kind = "discovery"
[defaults]
tokens = "t"
[endpoints.SITE-A]
https = "https://a.example/x"
[endpoints.SITE-B]
https = "https://b.example/x"
"""
FIRST = HEAD.count("\n") + 1  # the line on which the text of a test begins


def load(folder: Path, text: str) -> Config | ConfigErrors:
    path = folder / "f.toml"
    path.write_text(HEAD + text)
    return load_config(path, environ={"HOME": str(folder)})


def settled(folder: Path, text: str) -> Config:
    config = load(folder, text)
    assert isinstance(config, Config), config.text
    return config


def told(folder: Path, text: str) -> list[str]:
    outcome = load(folder, text)
    problems = outcome.problems if isinstance(outcome, ConfigErrors) else outcome.warnings
    return [problem.one_line.removeprefix(f"{folder}/f.toml:") for problem in problems]


def test_without_a_word_the_service_has_its_defaults(tmp_path):
    config = settled(tmp_path, "")
    assert config.daemon == DaemonSettings()
    assert config.history == HistorySettings()
    assert (config.downtimes, dict(config.downtime_sources)) == ((), {})
    assert config.endpoints["SITE-A"].bytes_per_day == 100 * 1024**3
    assert config.endpoints["SITE-A"].transfers_per_day == 0


def test_everything_that_can_be_said_of_the_service(tmp_path):
    (tmp_path / "web.yml").write_text("{}")
    (tmp_path / "password").write_text("x")
    (tmp_path / "password").chmod(0o600)
    (tmp_path / "down.xml").write_text("<x/>")
    config = settled(
        tmp_path,
        """\
[daemon]
listen = "0.0.0.0:9090"
external_url = "https://tpc.example.org/matrix/"
web_config = "web.yml"
link_metrics = "failing"
confirmations = 2
confirm_interval = "5m"
door_interval = "10m"
stale_after = 4
max_refusals = 5
refusal_pause = "12h"
stop_within = "2m"
[history]
database = "postgresql://tpc@db.example:5432/tpcharness?sslmode=require"
password_file = "password"
keep_results = "800d"
keep_evidence = "7d"
keep_rollups = "3650d"
[[downtimes]]
endpoints = ["SITE-A", "*-B"]
start = 2026-12-01T08:00:00Z
end = "2026-12-01T11:30:00+01:00"
text = "new firmware"
[downtime_sources.gocdb]
kind = "gocdb"
url = "https://goc.example/gocdbpi/public/?method=get_downtime&ongoing_only=no"
refresh = "30m"
[downtime_sources.osg]
kind = "osg"
file = "down.xml"
""",
    )
    assert config.daemon == DaemonSettings(
        listen="0.0.0.0:9090",
        external_url="https://tpc.example.org/matrix",
        web_config=str(tmp_path / "web.yml"),
        link_metrics=LinkDetail.FAILING,
        confirmations=2,
        confirm_interval_seconds=300,
        door_interval_seconds=600,
        stale_intervals=4,
        max_refusals=5,
        refusal_pause_seconds=43200,
        stop_seconds=120,
    )
    assert config.history == HistorySettings(
        "postgresql://tpc@db.example:5432/tpcharness?sslmode=require",
        str(tmp_path / "password"),
        800 * 86400.0,
        7 * 86400.0,
        3650 * 86400.0,
    )
    start, end = datetime(2026, 12, 1, 8, tzinfo=UTC), datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
    assert config.downtimes == (DowntimeSettings(("SITE-A", "*-B"), start, end, "new firmware"),)
    assert dict(config.downtime_sources) == {
        "gocdb": DowntimeSource(
            "gocdb",
            DowntimeKind.GOCDB,
            url="https://goc.example/gocdbpi/public/?method=get_downtime&ongoing_only=no",
            refresh_seconds=1800.0,
        ),
        "osg": DowntimeSource("osg", DowntimeKind.OSG, file=str(tmp_path / "down.xml")),
    }
    assert config.warnings == ()
    shown = {key: written(key, value) for key, value in config.settings()}
    assert shown.keys() == config.origins.keys()
    assert shown["daemon.stale_after"] == "4"
    assert shown["daemon.refusal_pause"] == '"12h"'
    assert shown["endpoints.SITE-A.bytes_per_day"] == '"100GiB"'
    assert shown["downtimes[0].start"] == "2026-12-01T08:00:00Z"
    assert shown["history.database"] == '"postgresql://db.example:5432/tpcharness?<redacted>"'


def test_a_history_file_lies_where_the_configuration_says(tmp_path):
    assert settled(tmp_path, '[history]\ndatabase = "h.db"\n').history.database == str(tmp_path / "h.db")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[daemon]\nstale_after = 0\n", 1, "stale_after = 0 is not a number of intervals; write how many"),
        ('[daemon]\nstale_after = "18h"\n', 1, "is not a number of intervals"),
        ('[daemon]\nlink_metrics = "all"\n', 1, "is not one of the choices; write one of auto, full, failing, none"),
        ('[daemon]\nconfirm_intervall = "1h"\n', 1, 'is not a known key; did you mean "confirm_interval"?'),
        ("[daemon]\ndoor_interval = 0\n", 1, "must be more than 0"),
        ('[daemon]\nexternal_url = "tpc.example.org"\n', 1, "is not an address of web pages"),
        ('[daemon]\nexternal_url = "https://me:pw@tpc.example.org"\n', 1, "has a user name or password in it"),
        (
            '[history]\ndatabase = "mysql://u@h/x"\n',
            1,
            'is not a database that can be used; write a file, or "postgres',
        ),
        ('[history]\ndatabase = "postgresql://u@h:77777/x"\n', 1, "is not a valid URL"),
        ('[history]\ndatabase = "postgresql://u@h/"\n', 1, "names no database"),
        ('[history]\ndatabase = ""\n', 1, "is empty"),
        ('[history]\nkeep_results = "40000d"\n', 1, "is out of range for a duration"),
        ('[history]\npassword_file = "f.toml"\n', 1, "is for PostgreSQL only, and the database is a file"),
        ('[[downtimes]]\nendpoints = "SITE-A"\nstart = 2026-12-01T08:00:00Z\n', 0, "end is missing; add end = ..."),
        (
            '[[downtimes]]\nendpoints = "SITE-A"\nstart = 2026-12-01T08:00:00\nend = 2026-12-01T09:00:00Z\n',
            2,
            "downtimes[0].start = 2026-12-01 08:00:00 has no time zone, so it is another moment at each site; write",
        ),
        (
            '[[downtimes]]\nendpoints = "SITE-A"\nstart = 2026-12-01\nend = 2026-12-01T09:00:00Z\n',
            2,
            "is a day without a time",
        ),
        (
            '[[downtimes]]\nendpoints = "SITE-A"\nstart = "soon"\nend = 2026-12-01T09:00:00Z\n',
            2,
            'start = "soon" is not a time; write date, time and zone',
        ),
        (
            '[[downtimes]]\nendpoints = "SITE-A"\nstart = 2026-12-01T09:00:00Z\nend = "2026-12-01T09:00:00+01:00"\n',
            3,
            "is not after start (2026-12-01 09:00:00+00:00); write the later one as end",
        ),
        (
            '[[downtimes]]\nendpoints = ["site-a"]\nstart = 2026-12-01T08:00:00Z\nend = 2026-12-01T09:00:00Z\n',
            1,
            'has "site-a", which is no endpoint here; did you mean "SITE-A"?',
        ),
        (
            '[downtime_sources.g]\nkind = "gocdb"\n',
            0,
            "has neither url nor file; add one of the two",
        ),
        (
            '[downtime_sources.g]\nkind = "gocdb"\nurl = "https://x.example/y"\nfile = "f.toml"\n',
            3,
            "stands beside a url; keep one of the two",
        ),
        ('[downtime_sources.g]\nkind = "gocbd"\nfile = "f.toml"\n', 1, "write one of gocdb, osg"),
        ('[downtime_sources.g]\nkind = "osg"\nurl = "http://x.example/y"\n', 2, "who can forge it can silence"),
        ('[downtime_sources.g]\nkind = "osg"\nurll = "https://x.example/y"\n', 2, 'did you mean "url"?'),
        ('[endpoints.SITE-C]\nhttps = "https://c.example/"\nbytes_per_day = "1 gig"\n', 2, "is not a size"),
        ('[endpoints.SITE-C]\nhttps = "https://c.example/"\ntransfers_per_day = -1\n', 2, "must be at least 0"),
        ('[endpoints.SITE-C]\nhttps = "https://c.example/"\nurl = "x"\n', 2, "is not a known key"),
    ],
)
def test_a_mistake_has_its_line_and_its_remedy(tmp_path, text, line, said):
    found = [each for each in told(tmp_path, text) if said in each]
    assert [each.partition(":")[0] for each in found] == [str(FIRST + line)]
    assert ": error: " in found[0]


def test_all_mistakes_are_told_at_once(tmp_path):
    text = (
        '[daemon]\nstale_after = 0\n[history]\ndatabase = "x://y"\n[[downtimes]]\nendpoints = "Z"\nstart = 1\nend = 2\n'
    )
    assert len(told(tmp_path, text)) == 5


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://me:hunter2@db/x",
        "postgresql://me:hun%74er2@db/x",
        "postgresql://db/x?user=me&password=hunter2",
        "postgres://me:hunter2@db/x",
        "host=db user=me password=hunter2",
        "host=db user=me password = hunter2",
        "postgresql://me:hunter2@[db/x",
    ],
)
def test_a_password_in_the_database_is_refused_and_never_shown(tmp_path, database):
    outcome = load(tmp_path, f'[history]\ndatabase = "{database}"\n')
    assert isinstance(outcome, ConfigErrors)
    for text in (outcome.text, *(problem.one_line for problem in outcome.problems)):
        assert "er2" not in text
        assert "history.database" in text


def test_listening_to_everybody_without_passwords_is_a_warning(tmp_path):
    for listen in ("0.0.0.0:10919", "[::]:10919", "tpc.example.org:10919", "127.example.org:10919"):
        assert "lets other machines read everything" in told(tmp_path, f'[daemon]\nlisten = "{listen}"\n')[0]
    for listen in ("127.0.0.1:1", "127.1.2.3:1", "localhost:1", "[::1]:1"):
        assert told(tmp_path, f'[daemon]\nlisten = "{listen}"\n') == []


def test_a_budget_that_no_payload_fits_in_is_a_warning_where_it_is_written(tmp_path):
    text = '[endpoints.SITE-C]\nhttps = "https://c.example/"\nbytes_per_day = 1000\n'
    assert told(tmp_path, text)[0].startswith(
        f"{FIRST + 2}: warning: endpoints.SITE-C.bytes_per_day = 1000 is less than"
    )
    assert told(tmp_path, text.replace("1000", "0")) == []


def test_the_files_of_the_service_are_looked_for(tmp_path):
    missing = tmp_path / "none"
    assert f"does not exist ({missing})" in told(tmp_path, '[daemon]\nweb_config = "none"\n')[0]
    text = '[history]\ndatabase = "postgresql://u@h/x"\npassword_file = "none"\n'
    assert f"does not exist ({missing})" in told(tmp_path, text)[0]
    source = '[downtime_sources.g]\nkind = "osg"\nfile = "none"\n'
    outcome = load(tmp_path, source)
    assert isinstance(outcome, Config)  # somebody else writes it, perhaps later
    assert [warning.severity for warning in outcome.warnings] == [Severity.WARNING]
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o644)
    assert "can be read by others" in told(tmp_path, text.replace("none", "secret"))[0]
    assert "is a directory" in told(tmp_path, '[daemon]\nweb_config = "."\n')[0]
