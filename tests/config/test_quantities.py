"""Sizes and durations: what people write, what is refused, and the way back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.config.quantities import (
    MAX_SECONDS,
    MAX_SIZE,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        (0, 0),
        (17, 17),
        ("1MiB", 2**20),
        ("3 MB", 3_000_000),
        (" 1.5 GiB ", 3 * 2**29),
        ("0.5kB", 500),
        ("1TiB", 2**40),
        ("0.1 MB", 100_000),
        ("7B", 7),
    ],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "x", "1Mb", "1mib", "1 M", "-1", "1e3", "1.5", "0.3kib", "1..2MB", "٣MB", "1MiB2", True, 1.0, None, []]
)
def test_what_is_not_a_size(text):
    with pytest.raises(ValueError, match=r"size|bytes"):
        parse_size(text)


@pytest.mark.parametrize("text", [-1, MAX_SIZE + 1, "99999999 TiB"])
def test_sizes_have_a_range(text):
    with pytest.raises(ValueError, match="out of range"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6h", 21600),
        ("90s", 90),
        ("90", 90),
        (90, 90),
        (0.25, 0.25),
        ("250ms", 0.25),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("0", 0),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "h", "6 hours", "-1s", "1h30", "1e3", "inf", "nan", True, None, [1], "1s,"])
def test_what_is_not_a_duration(text):
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("value", [math.inf, math.nan, -0.1, MAX_SECONDS + 1, "400d"])
def test_durations_have_a_range(value):
    with pytest.raises(ValueError, match="out of range"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (2**20, "1MiB"), (3_000_000, "3MB"), (1001, "1001B"), (1500, "1500B"), (1024, "1KiB")]
)
def test_sizes_are_written_shortly(size, text):
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0"), (5400, "1h30m"), (90061, "1d1h1m1s"), (0.25, "0.25s"), (90.5, "90.5s"), (60, "1m")]
)
def test_durations_are_written_shortly(seconds, text):
    assert format_duration(seconds) == text


@given(st.integers(0, MAX_SIZE))
def test_sizes_come_back(size):
    assert parse_size(format_size(size)) == size


@given(st.integers(0, int(MAX_SECONDS)))
def test_whole_seconds_come_back(seconds):
    assert parse_duration(format_duration(float(seconds))) == seconds


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text):
    for parse in (parse_size, parse_duration):
        try:
            assert parse(text) >= 0
        except ValueError:
            pass
