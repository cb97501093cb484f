"""The benchmark of the history: it asks what it says, of histories that hold what they should."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bench.history import Built, build
from tpcharness.model.settings import HistorySettings
from tpcharness.model.variant import Variant
from tpcharness.results.history import HistoryQuery, open_reader

ROOT = Path(__file__).parents[2]


def test_a_history_that_is_made_in_bulk_is_one_that_can_be_read(tmp_path: Path) -> None:
    built: Built = build(tmp_path, 120_000)
    with open_reader(HistorySettings(), tmp_path) as reader:
        counts = reader.count()
        assert sum(counts.values()) == 120_000
        assert set(counts) == set(Variant) & {Variant.DOOR, Variant.HTTPS_PULL, Variant.HTTPS_PUSH}
        newest = reader.page(HistoryQuery(limit=1)).results[0]
        assert (newest.probe_id, len(newest.phases)) == (f"{119_999:07x}", 10)
    connection = sqlite3.connect(tmp_path / "history.sqlite")
    try:
        assert connection.execute("SELECT count(*) FROM result WHERE source = destination").fetchone() == (0,)
        links = connection.execute("SELECT count(DISTINCT source * 1000 + destination) FROM result WHERE source > 0")
        assert links.fetchone() == (170 * 169,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
    assert built.size_bytes > 10_000_000


@pytest.mark.slow
def test_command_reports_the_ratio_of_every_question(tmp_path: Path) -> None:
    words = ("--millions", "0.12", "0.15", "--turns", "10", "--directory", str(tmp_path))
    command = (sys.executable, "-m", "bench.history", *words)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ratios = [each for each in json.loads(done.stdout) if each["unit"] == "x"]
    assert len(ratios) == 10
    assert all(each["budget"] == 2 and each["value"] > 0 for each in ratios)
    assert list(tmp_path.iterdir()) == []
