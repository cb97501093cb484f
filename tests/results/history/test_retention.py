"""Whether a clock is believed before things are thrown away by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clocks import NOON
from tpcharness.results.history.retention import Trust

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=366)


@pytest.mark.parametrize(
    ("steps", "believed"),
    [
        ([], True),
        ([NOON], True),
        ([NOON - 6 * DAY], True),
        ([NOON - 8 * DAY], False),
        ([NOON - YEAR, NOON - HOUR], False),
        ([NOON - YEAR, NOON - 23 * HOUR], False),
        ([NOON - YEAR, NOON - DAY], True),
        ([NOON - YEAR, NOON - DAY, NOON - HOUR], True),
        ([NOON - YEAR, NOON - 20 * DAY], False),
        ([NOON - 2 * YEAR, NOON + YEAR, NOON - YEAR], False),
        ([NOON - HOUR, NOON + YEAR, NOON + YEAR + HOUR], True),
        ([NOON + YEAR], True),
    ],
)
def test_a_leap_is_believed_when_it_has_gone_on_for_a_day(steps: list[object], believed: bool) -> None:
    trust = Trust()
    for step in steps:
        trust, _ = trust.see(step)
    assert trust.see(NOON)[1] is believed


def test_a_doubted_clock_is_never_believed_at_once() -> None:
    trust, believed = Trust(NOON).see(NOON + YEAR)
    assert (trust, believed) == (Trust(NOON, NOON + YEAR), False)
    trust, believed = trust.see(NOON + YEAR + DAY)
    assert (trust, believed) == (Trust(NOON + YEAR + DAY), True)
