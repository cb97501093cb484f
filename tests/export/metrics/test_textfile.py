"""What a single run writes, read as node_exporter and Prometheus read it."""

import os

import pytest

from tests.export.samples import findings, matrix, run
from tests.export.screen import Screen
from tests.support.scraped import of_family, promtool_complaints, samples_of, types_of
from tpcharness.export.formats import Output, Outputs
from tpcharness.export.metrics.catalogue import BY_NAME, CATALOGUE
from tpcharness.export.metrics.textfile import prometheus_text


def text_of_a_run() -> bytes:
    return "".join(prometheus_text(run(), matrix(4), findings())).encode()


def test_it_holds_what_the_catalogue_says_that_a_run_has():
    assert types_of(text_of_a_run()) == {
        metric.name: (metric.kind, metric.help) for metric in CATALOGUE if metric.one_shot
    }


def test_there_are_no_counters_that_start_anew_with_each_run():
    assert not [name for name, _ in samples_of(text_of_a_run()) if BY_NAME[name].kind == "counter"]


def test_it_says_what_the_run_found():
    samples = samples_of(text_of_a_run())
    success = of_family(samples, "tpcharness_probe_success", "source", "destination", "variant")
    assert success["SITE-A", "SITE-C", "https-pull"] == 0
    assert success["SITE-A", "SITE-B", "https-pull"] == 1
    assert ("SITE-B", "SITE-A", "https-pull") not in success  # was skipped
    assert of_family(samples, "tpcharness_finding_cells", "culprit") == {("SITE-C",): 6, ("SITE-A -> SITE-B",): 1}


def test_the_file_appears_whole(tmp_path):
    place = tmp_path / "tpcharness.prom"
    place.write_text("what was there before\n")
    with Outputs([Output.parse(f"prometheus:{place}")], Screen().console) as outputs:
        outputs.begin(run(ended_how=None))
        assert place.read_text() == "what was there before\n"
        others = set(os.listdir(tmp_path)) - {place.name}
        assert not [name for name in others if name.endswith(".prom")]  # node_exporter reads *.prom
        assert outputs.finish(run(), matrix(4), findings()) == []
    assert place.read_bytes() == text_of_a_run()
    assert os.listdir(tmp_path) == [place.name]


@pytest.mark.real
def test_promtool_has_nothing_to_say():
    assert promtool_complaints(text_of_a_run()) == ""


@pytest.mark.real
def test_promtool_would_say_something():
    assert "no help text" in promtool_complaints(b"# TYPE a_ms gauge\na_ms 1\n")
