"""gfal2 and our own https copies at the same time between the same two real servers with the same fault: they agree."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.real_cell import RealCell
from tests.support.real_faults import disagreement
from tests.support.real_gfal import PULL_CELLS, Both, contradiction, observe_both
from tpcharness.model.reason import Reason

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(420)]

OVERWRITES = {
    # Who copies strictly for gfal2 gets its `Overwrite: T`, whatever was asked for (davix 0.8.4): XRootD 5.5.3 then
    # looks at what is there. Our destinations are names that nobody else has, so nothing is lost.
    "replaceable-destination-exists-pull": (Reason.OK, "nobody"),
    "destination-is-directory-pull": (Reason.BAD_REQUEST, "destination"),
}

LEAVES_OPEN = {
    # davix keeps the status of a COPY that is refused at once, and throws the words away.
    "cluster-as-active-pull",
    "destination-exists-pull",
    "directory-unwritable-pull",
    "expired-token-at-active-pull",
    "foreign-token-at-active-pull",
    "no-third-party-copy-pull",
    "parent-missing-pull",
    "read-only-pull",
    "static-redirector-as-active-pull",
    "wrong-audience-token-at-active-pull",
    "wrong-path-token-at-active-pull",
    # It tells no bytes of these, and not whether the storage has answered.
    "active-killed-pull",
    "black-hole-pull",
    "passive-hangs-pull",
    "too-slow-link-pull",
}
"""Where gfal2 cannot tell apart what we can: what we find is one of several causes that it leaves possible."""

MAY_LEAVE_OPEN = {"active-stopped-pull"}
"""The same, but only when the server is stopped before gfal2 has told a first byte: it is slow to begin."""


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> dict[str, Both]:
    """All cells that were asked for, observed side by side."""
    chosen = {item.name for item in request.session.items}
    everything = test_how_often_they_say_the_very_same.__name__ in chosen
    cells = [cell for cell in PULL_CELLS if everything or f"test_they_agree[{cell.name}]" in chosen]
    return asyncio.run(observe_both(cells))


@pytest.mark.parametrize("cell", PULL_CELLS, ids=lambda cell: cell.name)
def test_they_agree(cell: RealCell, seen: dict[str, Both]) -> None:
    both = seen[cell.name]
    assert not (wrong := disagreement(cell, both.ours)), wrong  # the fault was there, for both of them
    if cell.name in OVERWRITES:
        assert contradiction(both), "gfal2 has learned not to overwrite"
        assert (both.gfal.reason, both.gfal.causes[0][1]) == OVERWRITES[cell.name]
    elif cell.name in LEAVES_OPEN:
        assert not (wrong := contradiction(both)), wrong
        assert not both.same, "gfal2 has learned to tell"
        assert len(both.gfal.causes) > len(both.ours.causes)
    elif cell.name in MAY_LEAVE_OPEN and not both.same:
        assert not (wrong := contradiction(both)), wrong
    else:
        assert both.same, f"{both.ours.causes}\n{both.gfal.causes}\n{both.gfal.hint}"


def test_how_often_they_say_the_very_same(seen: dict[str, Both]) -> None:
    """Agreement by long lists of alternatives would be cheap: most verdicts are the same, and all successes."""
    alike = [name for name, both in seen.items() if both.same]
    assert len([name for name in alike if seen[name].ours.reason != Reason.OK]) >= 20, alike
    assert [name for name, both in seen.items() if both.ours.reason == Reason.OK and name not in alike] == []


def test_what_is_declared_is_tried() -> None:
    assert OVERWRITES.keys() | LEAVES_OPEN | MAY_LEAVE_OPEN <= {cell.name for cell in PULL_CELLS}
