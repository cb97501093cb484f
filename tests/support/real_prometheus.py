"""Prometheus and Alertmanager from Debian's packages on loopback: who reads our metrics, rules and alerts at a site.

Both run as children with their files in a folder of the test, listen on 127.0.0.1 only, and end with the test, also
when it is killed. Rules run as they are but for time: a copy that is evaluated each second.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.support.real_xrootd import reserved_port

HASTE = 2400.0
"""How much shorter `for` is in tests: thirteen hours become 20 seconds."""

SHORTEST_WAIT_SECONDS = 7
"""The harness thinks its findings over each 5 s, haste or not; no alert may be quicker than that."""

SHORTEST_RANGE_SECONDS = 5
"""Over less, a scrape each second has too few samples for a rate."""

START_SECONDS = 30.0
STOP_SECONDS = 20.0
PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 10.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Labels = dict[str, str]


class RealServerError(RuntimeError):
    """A server is missing or did not come up; the message says what to do or ends with its log."""


@dataclass(frozen=True, slots=True)
class Job:
    """One scrape job: who, and on which path."""

    name: str
    address: str
    path: str = "/metrics"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, expr: str) -> list[tuple[Labels, float]]:
        """An instant query, now: labels and value of each series. Raises AssertionError with what is wrong with it."""
        found = self._ask("query", query=expr)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def query_range(self, expr: str, seconds: float, step: float = 1.0) -> list[tuple[Labels, list[float]]]:
        """A range query over the last seconds: labels and values of each series."""
        now = time.time()
        found = self._ask("query_range", query=expr, start=now - seconds, end=now, step=step)["result"]
        return [(series["metric"], [float(value) for _, value in series["values"]]) for series in found]

    def label_values(self, label: str, selector: str) -> list[str]:
        """What Grafana fills a variable with."""
        found = self._ask(f"label/{label}/values", **{"match[]": selector})
        return [str(value) for value in found]

    def firing(self) -> set[tuple[str, ...]]:
        """The alerts that fire, in the form of `alert_of`."""
        return {alert_of(labels) for labels, _ in self.query('ALERTS{alertstate="firing"}')}

    def fired(self, seconds: float) -> set[tuple[str, ...]]:
        """The alerts that fired at any moment of the last seconds."""
        return {alert_of(labels) for labels, _ in self.query_range('ALERTS{alertstate="firing"}', seconds)}

    def until(self, holds: Callable[[Prometheus], bool], what: str, patience: float = PATIENCE_SECONDS) -> None:
        """Waits until something holds; fails with `what` and with the alerts that fire instead."""
        end = time.monotonic() + patience
        while not holds(self):
            assert time.monotonic() < end, f"waited in vain for {what}; firing: {sorted(self.firing())}"
            time.sleep(_POLL_SECONDS)

    def _ask(self, route: str, **words: object) -> Any:
        answer = _get(f"{self.url}/api/v1/{route}?{urlencode(words)}")
        assert answer["status"] == "success", f"{words}: {answer.get('error')}"
        return answer["data"]


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running server that was told of alerts."""

    address: str

    def active(self) -> set[tuple[str, ...]]:
        """The alerts that it holds for active, in the form of `alert_of`."""
        return {alert_of(alert["labels"]) for alert in _get(f"http://{self.address}/api/v2/alerts?active=true")}

    def until(self, wanted: set[tuple[str, ...]], patience: float = PATIENCE_SECONDS) -> None:
        """Waits until exactly these are active."""
        end = time.monotonic() + patience
        while (active := self.active()) != wanted:
            assert time.monotonic() < end, f"active: {sorted(active)}, wanted: {sorted(wanted)}"
            time.sleep(_POLL_SECONDS)


@contextmanager
def prometheus(
    folder: Path, jobs: Iterable[Job], rules: Iterable[Path] = (), alertmanager: Alertmanager | None = None
) -> Iterator[Prometheus]:
    """Prometheus that scrapes each second; its files lie in `folder`. Raises RealServerError."""
    _require("prometheus", "setpriv")
    folder.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(hasty_copy(rule, folder)) for rule in rules],
        "scrape_configs": [
            {"job_name": job.name, "metrics_path": job.path, "static_configs": [{"targets": [job.address]}]}
            for job in jobs
        ],
    }
    if alertmanager is not None:
        settings["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]}
    configuration = folder / "prometheus.yml"
    configuration.write_text(yaml.safe_dump(settings))
    with reserved_port() as port:
        command = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'tsdb'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        with _running(command, folder / "prometheus.log", f"http://127.0.0.1:{port}/-/ready"):
            yield Prometheus(f"http://127.0.0.1:{port}")


@contextmanager
def alertmanager(folder: Path, webhook: str = "") -> Iterator[Alertmanager]:
    """Alertmanager; its files lie in `folder`. Each alert and its end are told at once to the URL `webhook`, if any.

    Raises RealServerError.
    """
    _require("prometheus-alertmanager", "setpriv")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "alertmanager.yml"
    hooks = {"webhook_configs": [{"url": webhook, "send_resolved": True}]} if webhook else {}
    settings = {
        "route": {"receiver": "somebody", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "somebody", **hooks}],
    }
    configuration.write_text(yaml.safe_dump(settings))
    with reserved_port() as port:
        command = ["prometheus-alertmanager", f"--config.file={configuration}", "--cluster.listen-address="]
        command += [f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        with _running(command, folder / "alertmanager.log", f"http://127.0.0.1:{port}/-/ready"):
            yield Alertmanager(f"127.0.0.1:{port}")


def hasty_copy(rules: Path, folder: Path) -> Path:
    """The same rules, evaluated each second, with every wait and range shorter by `HASTE`, but not below
    `SHORTEST_WAIT_SECONDS` and `SHORTEST_RANGE_SECONDS`. An `offset` stays: it compares with another day.
    """
    document = yaml.safe_load(rules.read_text())
    for group in document["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule |= {
                key: f"{max(_hasty(rule[key]), SHORTEST_WAIT_SECONDS)}s"
                for key in ("for", "keep_firing_for")
                if key in rule
            }
            rule["expr"] = re.sub(r"\[(\w+)\]", _hasty_range, rule["expr"])
    copy = folder / rules.name
    copy.write_text(yaml.safe_dump(document))
    return copy


def _hasty(duration: str) -> int:
    parts = re.findall(r"(\d+)([smhd])", duration)
    return math.ceil(sum(int(number) * _UNITS[unit] for number, unit in parts) / HASTE)


def _hasty_range(found: re.Match[str]) -> str:
    return f"[{max(_hasty(found[1]), SHORTEST_RANGE_SECONDS)}s]"


def alert_of(labels: Mapping[str, str]) -> tuple[str, ...]:
    """An alert in short: its name, then endpoint, or source and destination, or other labels of ours."""
    told = ("endpoint", "source", "destination", "kind", "culprit", "variant", "tokens", "job")
    return (labels["alertname"], *(labels[label] for label in told if label in labels))


def _require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise RealServerError(f"{', '.join(missing)} not installed: run packaging/install-debian-packages")


@contextmanager
def _running(command: list[str], log: Path, ready: str) -> Iterator[None]:
    """A server from the moment it says that it is ready to its end."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
    try:
        end = time.monotonic() + START_SECONDS
        while not _answers(ready):
            if process.poll() is not None or time.monotonic() > end:
                raise RealServerError(f"{command[0]} did not come up:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS):
            return True
    except OSError:
        return False


def _get(url: str) -> Any:
    """A JSON document, also that of a refusal."""
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return json.load(refusal)
