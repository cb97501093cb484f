"""Rules and alerts: promtool takes them, each alert is tested both ways and has its page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.grafana.boards import ROOT, RULES

TESTS = sorted((ROOT / "grafana" / "rules" / "tests").glob("*.yml"))
PAGE = ROOT / "docs" / "alerts.md"


def _rules() -> list[dict[str, Any]]:
    return [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in _rules() if "alert" in rule}


def promtool(*words: object, folder: Path = ROOT) -> str:
    ended = subprocess.run(
        ["promtool", *map(str, words)], capture_output=True, text=True, check=False, timeout=110, cwd=folder
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.real
@pytest.mark.parametrize("file", RULES, ids=lambda file: file.name)
def test_rules_are_valid(file: Path) -> None:
    promtool("check", "rules", "--lint-fatal", file)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_rules_do_what_their_tests_say(file: Path) -> None:
    promtool("test", "rules", file)


@pytest.mark.real
def test_example_configuration_finds_its_rules_where_the_page_puts_them(tmp_path: Path) -> None:
    (copied,) = re.findall(r"^cp -r (\S+) /etc/prometheus/$", (ROOT / "docs" / "grafana.md").read_text(), re.MULTILINE)
    shutil.copytree(ROOT / copied, tmp_path / Path(copied).name)
    shutil.copy(ROOT / "grafana" / "prometheus.yml", tmp_path)
    told = promtool("check", "config", tmp_path / "prometheus.yml")
    assert f"{len(RULES)} rule files found" in told


def test_example_configuration_scrapes_both_paths_often_enough() -> None:
    """Prometheus looks back five minutes, and one scrape may be lost."""
    config = yaml.safe_load((ROOT / "grafana" / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert set(jobs) == {"tpcharness", "tpcharness-links"}
    assert jobs["tpcharness-links"]["metrics_path"] == "/metrics/links"
    intervals = {job.get("scrape_interval", config["global"]["scrape_interval"]) for job in jobs.values()}
    assert intervals == {"30s", "60s"}
    assert all(job["sample_limit"] for job in jobs.values())


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_fires_and_keeps_silent_in_a_test(name: str) -> None:
    tests = [
        case
        for file in TESTS
        for group in yaml.safe_load(file.read_text())["tests"]
        for case in group.get("alert_rule_test", ())
        if case["alertname"] == name
    ]
    assert any(case["exp_alerts"] for case in tests), "it never fires"
    assert any(not case["exp_alerts"] for case in tests), "it is never silent"


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_what_it_is_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"docs/alerts.md#{name.lower()}"
    assert f"\n## {name}\n" in PAGE.read_text()


def test_the_page_has_no_alert_that_does_not_exist() -> None:
    assert set(re.findall(r"^## (Tpcharness\w+)$", PAGE.read_text(), re.MULTILINE)) == set(ALERTS)


def test_recorded_names_say_level_metric_and_operation() -> None:
    for rule in _rules():
        if "record" in rule:
            assert re.fullmatch(r"[a-z_]+:tpcharness_\w+:(max|sum|ratio|last_rise)", rule["record"])
            levels = rule["record"].partition(":")[0].split("_")
            assert f"by ({', '.join(levels)})" in rule["expr"], rule["record"]
