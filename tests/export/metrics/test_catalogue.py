"""The catalogue keeps Prometheus' conventions, and every name in the code is in it."""

import re
from pathlib import Path

import pytest

from tpcharness.export.metrics.catalogue import BY_NAME, CATALOGUE, Kind, Metric

PACKAGE = Path(__file__).parents[3] / "tpcharness"


def test_names_are_unique():
    assert len(BY_NAME) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_conventions(metric: Metric):
    assert re.fullmatch(r"tpcharness_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not re.search(r"_(ms|millis|kb|mb|count|sum|bucket)$", metric.name)
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    assert len(set(metric.labels)) == len(metric.labels)
    assert not set(metric.labels) & {"le", "quantile", "job", "instance"}


def test_no_code_writes_a_name_that_is_not_in_the_catalogue():
    known = {*BY_NAME, *(name + end for name in BY_NAME for end in ("_sum", "_count", "_bucket"))}
    for file in [*PACKAGE.glob("export/metrics/*.py"), *PACKAGE.glob("results/*.py")]:
        for name in re.findall(r'"(tpcharness_[a-z_]+)"', file.read_text(encoding="utf-8")):
            assert name in known, f"{file.name}: {name}"


def test_links_have_the_three_labels_only():
    for metric in CATALOGUE:
        if "source" in metric.labels:
            assert metric.labels == ("source", "destination", "variant")
            assert metric.kind in (Kind.GAUGE, Kind.COUNTER)
