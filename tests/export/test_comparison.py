"""Two runs compared: what people and programs see of it."""

from __future__ import annotations

import json

import pytest

from tests.export.samples import door, ended, failed, good, run
from tests.export.screen import Screen
from tpcharness.export.comparison import (
    MOST_ROWS,
    ComparisonReport,
    comparison_document,
    comparison_markdown,
    totals_text,
)
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.comparison import Comparison, compare
from tpcharness.results.store import MatrixStore


def stored(*results: Result) -> MatrixStore:
    store = MatrixStore()
    for result in results:
        store.add(result)
    return store


def down(source: str, destination: str) -> Result:
    return ended(good(source, destination), Outcome.SKIPPED, Reason.ENDPOINT_DOWN, Blame.DESTINATION)


@pytest.fixture
def comparison() -> Comparison:
    before = stored(
        good("A", "B"), failed("A", "C"), failed("B", "A"), good("B", "C"), good("C", "A"), failed("C", "B")
    )
    after = stored(
        failed("A", "B"),
        failed("A", "C", reason=Reason.PASSIVE_TIMEOUT, blame=Blame.PATH),
        good("B", "A"),
        good("B", "C"),
        failed("C", "B"),
        good("D", "A"),
        failed("D", "B"),
    )
    return compare(before, after)


def shown(comparison: Comparison, **options) -> list[str]:
    facts = options.pop("facts", run())
    return Screen(120, **options).show(ComparisonReport(comparison, run(), facts)).lines


def test_worst_first_and_the_totals_last(comparison):
    totals = "2 newly broken, 2 still broken (1 for another reason), 1 fixed, 1 new and good, 1 not probed any more"
    assert shown(comparison) == [
        "compared with the run of 2026-11-22 12:00:00 UTC (r1)",
        "newly broken: 2",
        "✗ A → B https-pull: forbidden (blame destination B); was ok",
        "✗ D → B https-pull: forbidden (blame destination B); was not probed",
        "still broken: 2",
        "✗ A → C https-pull: passive_timeout (blame path); was forbidden (blame destination C)",
        "✗ C → B https-pull: forbidden (blame destination B), as before",
        "fixed: 1",
        "✓ B → A https-pull: ok; was forbidden (blame destination A)",
        f"{totals}, 1 good as before",
    ]


def test_in_ascii(comparison):
    assert "X A -> B https-pull: forbidden (blame destination B); was ok" in shown(comparison, encoding="ascii")


def test_links_of_an_endpoint_that_is_down_are_counted_and_its_door_is_shown():
    before = stored(door("B"), good("A", "B"), good("C", "B"))
    after = stored(door("B", reason=Reason.CONNECTION_REFUSED), down("A", "B"), down("C", "B"))
    lines = shown(compare(before, after))
    assert lines[1:4] == [
        "newly broken: 3",
        "✗ B door: connection_refused (blame endpoint B); was ok",
        "and 2 links of endpoints that were down",
    ]
    fixed = shown(compare(after, before))
    assert fixed[1:4] == [
        "fixed: 3",
        "✓ B door: ok; was connection_refused (blame endpoint B)",
        "and 2 links of endpoints that were down",
    ]


def test_nothing_is_newly_broken():
    assert totals_text(compare(stored(good()), stored(good()))) == "0 newly broken, 1 good as before"


def test_many_are_cut():
    sources = [f"S{number:03}" for number in range(MOST_ROWS + 2)]
    comparison = compare(stored(), stored(*(failed(source) for source in sources)))
    assert "... and 2 more" in shown(comparison)
    assert "... and 2 more\n" in "".join(comparison_markdown(comparison, run(), run()))


def test_a_run_without_an_end_is_pointed_out(comparison):
    assert any("the new run is incomplete" in line for line in shown(comparison, facts=run(ended_how=None)))
    text = "".join(comparison_markdown(comparison, run(ended_how=None), run()))
    assert "**the old run is incomplete: it has no end**" in text


def test_for_a_ticket(comparison):
    text = "".join(comparison_markdown(comparison, run(), run()))
    assert text.startswith("## 2 newly broken\n")
    assert "| A -> B | https-pull | ok | forbidden (blame destination B) |" in text
    assert [line for line in text.splitlines() if line.startswith("###")] == [
        "### Newly broken",
        "### Still broken",
        "### Fixed",
    ]
    quiet = compare(stored(good()), stored(good()))
    assert "".join(comparison_markdown(quiet, run(), run())).startswith("## Nothing newly broken\n")


def test_for_a_program(comparison):
    document = json.loads(json.dumps(comparison_document(comparison, run(), run())))
    assert document["counts"] == {
        "newly_broken": 2,
        "still_broken": 2,
        "fixed": 1,
        "new": 1,
        "gone": 1,
        "still_good": 1,
    }
    assert len(document["changes"]) == 7
    first = document["changes"][0]
    assert first["change"] == "newly_broken"
    assert first["subject"] == {"kind": "link", "source": "A", "destination": "B"}
    assert first["variant"] == Variant.HTTPS_PULL
    assert (first["before"]["outcome"], first["after"]["reason"]) == ("ok", "forbidden")
    assert document["changes"][-1]["after"] is None
