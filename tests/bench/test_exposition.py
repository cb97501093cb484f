"""The scrape benchmark: both sides say the same before their speed is compared."""

from __future__ import annotations

from prometheus_client import generate_latest

from bench.exposition import FAMILIES, NOW, exposition_measures, filled
from tests.support.scraped import samples_of
from tpcharness.export.metrics.links import LinkMetrics


def test_both_sides_have_the_same_samples() -> None:
    latest, counters, registry = filled(100)
    ours = samples_of(LinkMetrics(latest, counters).chunks(NOW.timestamp()))
    theirs = samples_of(generate_latest(registry))
    # Children exist once they are named: where no byte was copied ours is absent and theirs is 0.
    assert ours == {key: value for key, value in theirs.items() if value or key in ours}
    assert len(theirs) == 100 * FAMILIES


def test_every_measure_is_there() -> None:
    measures = {measure.name: measure for measure in exposition_measures(1, quick=True)}
    assert [name.removeprefix("scrape_6k_") for name in measures] == ["vs_children", "speed", "stall", "packed", "wire"]
    assert all(measure.value > 0 for measure in measures.values())
    assert measures["scrape_6k_vs_children"].budget == 1 / 8
