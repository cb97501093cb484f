import pytest

from tpcharness.export.quantities import count_text, duration_text, rate_text, size_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (2**20, "1 MiB"), (1023 * 1024, "0.999 MiB"),
     (92 * 2**40, "92 TiB"), (5000 * 2**50, "5000 PiB")],
)  # fmt: skip
def test_sizes(value, text):
    assert size_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B/s"), (999, "999 B/s"), (999.9, "1.0 kB/s"), (2.5e6, "2.5 MB/s"), (25e6, "25 MB/s"), (3.21e9, "3.2 GB/s")],
)
def test_rates(value, text):
    assert rate_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0 ms"), (0.0421, "42 ms"), (0.9999, "1.0 s"), (3.14, "3.1 s"), (59.96, "1 min 00 s"), (200.0, "3 min 20 s"),
     (3599.9, "1 h 00 min"), (7500.0, "2 h 05 min")],
)  # fmt: skip
def test_durations(value, text):
    assert duration_text(value) == text


def test_counts():
    assert count_text(1, "link") == "1 link"
    assert count_text(0, "link") == "0 links"
    assert count_text(28730, "match", "matches") == "28,730 matches"
