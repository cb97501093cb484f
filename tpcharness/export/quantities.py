"""Numbers as people read them."""

from __future__ import annotations

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def size_text(size_bytes: int) -> str:
    """1048576 -> "1 MiB"; three digits at most, as sizes are written in endpoints.toml."""
    value, unit = float(size_bytes), 0
    while value >= 999.5 and unit < len(_SIZES) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {_SIZES[unit]}" if value < 999.5 else f"{value:.0f} {_SIZES[unit]}"


def rate_text(bytes_per_second: float) -> str:
    """2.5e6 -> "2.5 MB/s"; decimal units, as networks are spoken of."""
    for unit, factor in (("GB/s", 1e9), ("MB/s", 1e6), ("kB/s", 1e3)):
        if bytes_per_second >= 0.9995 * factor:
            return f"{_digits(bytes_per_second / factor)} {unit}"
    return f"{bytes_per_second:.0f} B/s"


def duration_text(seconds: float) -> str:
    """0.0421 -> "42 ms", 3.14 -> "3.1 s", 200 -> "3 min 20 s", 7500 -> "2 h 05 min"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def count_text(count: int, singular: str, plural: str = "") -> str:
    """1, "link" -> "1 link"; 2, "link" -> "2 links"."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def _digits(value: float) -> str:
    """At least two significant digits: 2.5, 25, 250."""
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
