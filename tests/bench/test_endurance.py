"""The endurance run: its yardsticks, and a short run among real servers that finds what was planted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import promql_parser
import pytest

from bench.endurance.gauges import MIB, Minute, Watch, slope
from bench.endurance.report import RSS_BOUND, checks
from bench.endurance.trial import Taken, Trial
from bench.endurance.turns import FEWEST_SITES, LONELY, TURNS, probes
from tests.support.grid import ROOT
from tpcharness.testbed.faults import FaultSet, parse

FILE = "https://localhost:1/dteam/tpcharness/testbed/copy"


def test_slope_is_that_of_most_and_not_of_the_loudest() -> None:
    steady = [(float(second), 100 * MIB + second * 1000) for second in range(100)]
    assert slope(steady) == 1000
    assert slope([(second, MIB) for second, _ in steady]) == 0
    loud = [(second, size + (50 * MIB if number % 7 == 0 else 0)) for number, (second, size) in enumerate(steady)]
    assert slope(loud) == pytest.approx(1000, rel=0.01)


def test_turns_plant_faults_that_there_are_and_blame_who_has_them() -> None:
    for turn in TURNS:
        planted = {site for site, fault in map(parse, turn.faults) if FaultSet([fault]).texts}
        assert turn.faults or turn.reload
        assert {alert[1] for alert in turn.alerts} in (planted, set())
        assert turn.alerts or turn.shows
        assert not turn.shows or promql_parser.parse(turn.shows.replace("BEGAN", "1.5"))


def test_only_one_link_is_alone() -> None:
    text = probes(FEWEST_SITES)
    assert text.count("[[probes]]") == 2
    assert "sources = ['SITE-A', 'SITE-B', 'SITE-C', 'SITE-D', 'SITE-E']\ndestinations = ['*']" in text
    assert f"sources = ['{LONELY[0]}']\ndestinations = ['{LONELY[1]}']" in text


def finished(minutes: int, growth: int) -> Trial:
    """A run in which all was right but perhaps the memory, which grew by so many bytes a minute."""
    watch = Watch(site=None)  # type: ignore[arg-type]  # nothing is read here
    watch.memory = [(second, 100 * MIB + second * growth // 60) for second in range(0, minutes * 60, 2)]
    figures = dict.fromkeys(("errors", "write_failures"), 0.0)
    watch.minutes = [
        Minute(60.0 * number, MIB, 20, 5, 30, MIB, 1.0, figures | {"probes": 300.0 * number})
        for number in range(1, minutes + 1)
    ]
    return Trial(watch, [Taken(TURNS[0], 0.0, 4.0, 4.0)], well=True, exit_code=0, clean_code=0)


def spoilt(**change: object) -> Trial:
    trial = finished(30, 0)
    for name, value in change.items():
        setattr(trial, name, value)
    return trial


def verdict_of(trial: Trial) -> dict[str, bool | None]:
    return {check.name: check.holds for check in checks(trial)}


def test_memory_is_judged_by_the_bound_and_only_after_a_while() -> None:
    assert set(verdict_of(finished(30, 0)).values()) == {True}
    assert verdict_of(finished(30, int(RSS_BOUND * MIB * 1.1)))["memory flat"] is False
    assert verdict_of(finished(30, int(RSS_BOUND * MIB * 0.9)))["memory flat"] is True
    assert verdict_of(finished(5, MIB))["memory flat"] is None


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("alerts right", {"taken": [Taken(TURNS[0], 0.0, wrong=["fired as well: TpcharnessLinkFailing"])]}),
        ("alerts right", {"taken": []}),
        ("all links ok at the end", {"well": False}),
        (
            "no failures of its own",
            {"own_errors": ["2026-11-22T12:00:00.000Z ERROR daemon.upkeep [run] findings failed"]},
        ),
        ("ends with 0", {"exit_code": 70}),
        ("nothing forgotten", {"left": {FILE}}),
        ("nothing left", {"clean_code": 1}),
        ("nothing left", {"kept_after": {FILE}}),
        ("nothing left", {"left": {FILE}, "kept": {FILE}, "left_after": {FILE}}),
    ],
)
def test_each_thing_that_is_wrong_is_told(check: str, change: dict[str, object]) -> None:
    found = verdict_of(spoilt(**change))
    assert [name for name, holds in found.items() if holds is False] == [check]


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_minute_with_one_fault(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    words = ("--minutes", "1", "--turn", "door refused", "--directory", str(folder))
    command = [sys.executable, "-m", "bench.endurance", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    minutes, turns, verdict = done.stdout.split("\n\n")
    assert len(minutes.splitlines()) > 1
    (row,) = turns.splitlines()[1:]
    right, of, *_ = row.split()
    assert row.endswith("door refused")
    assert right == of
    assert int(of) >= 1
    assert "WRONG" not in verdict
    assert "cannot tell" in verdict.splitlines()[0]
    assert "SIGTERM" in (folder / "daemon.log").read_text()
