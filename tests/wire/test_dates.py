"""HTTP dates and clock offsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.wire.dates import clock_offset_seconds, read_http_date

MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 -0000",
        "Sun, 06 Nov 1994 09:49:37 +0100",
    ],
)
def test_all_forms(text: str) -> None:
    assert read_http_date(text) == MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "0", "1995", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:00:00 GMT", ", , ,", ":::", "\0",
        "Fri, 31 Dec 9999 23:59:59 -2359", "Sun, 06 Nov 99999 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +9999999999999", "Sun, 06 Nov 1994 08:49:37 GMT" + " " * 100,
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert read_http_date(text) is None


@given(st.text(max_size=64))
def test_nothing_raises(text: str) -> None:
    moment = read_http_date(text)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("offset", [-86400.0, -1.0, 0.0, 300.0])
def test_clock_offset(offset: float) -> None:
    now = MOMENT - timedelta(seconds=offset)
    assert clock_offset_seconds("Sun, 06 Nov 1994 08:49:37 GMT", now) == offset


def test_no_date_no_offset() -> None:
    assert clock_offset_seconds("", MOMENT) is None
