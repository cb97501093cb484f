"""gfal2 and our own https copies on the same real servers with the same faults: they agree on what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.real_cell import RealCell
from tests.support.real_gfal import PULL_CELLS, Seen, disagreement, observe, same
from tpcharness.model.reason import Reason

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(420)]

OVERWRITES = {
    # Who copies strictly for gfal2 gets its `Overwrite: T`, whatever was asked for (davix 0.8.4): XRootD 5.5.3 then
    # looks at what is there. Our destinations are names that nobody else has, so nothing is lost.
    "replaceable-destination-exists-pull": (Reason.OK, "nobody"),
    "destination-is-directory-pull": (Reason.BAD_REQUEST, "destination"),
}


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> dict[str, Seen]:
    """All cells that were asked for, observed side by side."""
    chosen = {item.name for item in request.session.items}
    everything = test_how_often_they_say_the_very_same.__name__ in chosen
    cells = [cell for cell in PULL_CELLS if everything or f"test_they_agree[{cell.name}]" in chosen]
    return asyncio.run(observe(cells))


@pytest.mark.parametrize("cell", PULL_CELLS, ids=lambda cell: cell.name)
def test_they_agree(cell: RealCell, seen: dict[str, Seen]) -> None:
    found = seen[cell.name]
    wrong = disagreement(cell, found)
    if cell.name in OVERWRITES:
        assert wrong, "gfal2 has learned not to overwrite"
        assert (found.reason, found.causes[0][1]) == OVERWRITES[cell.name]
    else:
        assert not wrong, wrong


def test_how_often_they_say_the_very_same(seen: dict[str, Seen]) -> None:
    """Agreement by long lists of alternatives would be cheap: most verdicts are the same, and all successes."""
    alike = [cell for cell in PULL_CELLS if same(cell, seen[cell.name])]
    failures = [cell.name for cell in alike if cell.reason is not Reason.OK]
    assert len(failures) >= 20, failures
    assert [cell.name for cell in PULL_CELLS if cell.reason is Reason.OK and cell not in alike] == []
