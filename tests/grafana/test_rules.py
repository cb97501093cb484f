"""Rules and alerts: promtool takes them, each alert is tested both ways and has its page."""

from __future__ import annotations

import re
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
def test_example_configuration_is_valid() -> None:
    promtool("check", "config", ROOT / "grafana" / "prometheus.yml")


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
            assert re.fullmatch(r"[a-z_]+:tpcharness_\w+:(max|sum|ratio)", rule["record"])
