"""The verdict in one sentence: its numbers add up, whatever is known of the causes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.export.samples import door, ended, failed, good
from tpcharness.diagnosis.findings import find
from tpcharness.export.standing import verdict
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome
from tpcharness.results.store import MatrixStore

AB, BA, AC = failed(), failed("SITE-B", "SITE-A"), good("SITE-A", "SITE-C")
DOWN = door("SITE-C", reason=Reason.TLS_EXPIRED)
BEHIND = [
    ended(good(*pair), Outcome.SKIPPED, Reason.ENDPOINT_DOWN) for pair in (("SITE-A", "SITE-C"), ("SITE-C", "SITE-B"))
]


def told(results: Sequence[Result], seen: Sequence[Result], unconfirmed: int = 0) -> str:
    """The verdict about `results` when the findings were made from `seen`."""
    store = MatrixStore()
    for result in results:
        store.add(result)
    explained = {(each.subject, each.variant) for each in seen if each.outcome is Outcome.FAILURE}
    cells = list(store.cells())
    return verdict(cells, store.doors().values(), find(seen), explained=explained, unconfirmed=unconfirmed)


ALL_EXPLAINED = "1 of 3 cells fails and 2 could not be tried: 1 cause and 1 single link explain them."
ONE_EXPLAINED = "1 of 3 cells fails and 2 could not be tried: 1 single link explains 1 of them, 2 are not explained."
LINGERING = "The only cell is good: every copy arrived and was read back; 1 single link is not known to be over yet."


@pytest.mark.parametrize(
    ("results", "seen", "unconfirmed", "sentence"),
    [
        ([AB, AC], [AB, AC], 0, "1 of 2 cells fails: 1 single link explains it."),
        ([AB, AC], [], 1, "1 of 2 cells fails: 1 is not confirmed yet."),
        ([AB, AC], [], 0, "1 of 2 cells fails."),
        ([AB, BA, AC], [AB], 1, "2 of 3 cells fail: 1 single link explains 1 of them, 1 is not confirmed yet."),
        ([AB, BA, AC], [AB], 0, "2 of 3 cells fail: 1 single link explains 1 of them, 1 is not explained."),
        ([AC], [AB], 0, LINGERING),
        ([DOWN, AB, *BEHIND], [DOWN, AB, *BEHIND], 0, ALL_EXPLAINED),
        ([DOWN, AB, *BEHIND], [AB], 0, ONE_EXPLAINED),
        ([DOWN, AC], [DOWN, AC], 0, "1 endpoint failed the door check: 1 cause explains it."),
    ],
)
def test_the_numbers_of_the_verdict_add_up(
    results: list[Result], seen: list[Result], unconfirmed: int, sentence: str
) -> None:
    assert told(results, seen, unconfirmed) == sentence
