"""Outcomes: what is not the storages' failure must not be counted as one."""

from __future__ import annotations

import pytest

from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome

SKIPPED = {Reason.ENDPOINT_DOWN, Reason.NOT_REACHED, Reason.SEED_LOST, Reason.CANCELLED}


@pytest.mark.parametrize("blame", Blame)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_and_blame_has_its_outcome(reason: Reason, blame: Blame) -> None:
    if reason is Reason.OK:
        expected = Outcome.OK
    elif reason in SKIPPED:
        expected = Outcome.SKIPPED
    elif reason is Reason.INTERNAL or blame is Blame.CLIENT:
        expected = Outcome.ERROR
    else:
        expected = Outcome.FAILURE
    assert outcome_of(reason, blame) is expected


def test_what_is_not_tried_shows_before_the_copy() -> None:
    """Otherwise something was tried, and failed."""
    order = [reason.phase for reason in SKIPPED]
    assert set(order) <= {Reason.NOT_REACHED.phase, Reason.SEED_LOST.phase}
