"""Sizes and durations as people write them: "1MiB", "0", "3 MB"; "6h", "1h30m", "90s", or plain numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal

SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
DURATION_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

MAX_SIZE = 2**63 - 1
MAX_SECONDS = 366 * 86400.0
MAX_KEPT_SECONDS = 100 * MAX_SECONDS  # for how long something is remembered

SIZE_HINT = 'write bytes as a number, or a text with a unit, such as "1MiB" or "3 MB" (' + " ".join(SIZE_UNITS) + ")"
DURATION_HINT = (
    'write seconds as a number, or a text with units, such as "90s" or "1h30m" (' + " ".join(DURATION_UNITS) + ")"
)

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
SIZE_PATTERN = rf"^\s*({_NUMBER})\s*({'|'.join(SIZE_UNITS)})?\s*$"
DURATION_PATTERN = rf"^\s*(?:{_NUMBER}|(?:{_NUMBER}\s*(?:{'|'.join(DURATION_UNITS)})\s*)+)\s*$"
_SIZE = re.compile(SIZE_PATTERN, re.ASCII)
_DURATION = re.compile(DURATION_PATTERN, re.ASCII)
_DURATION_PART = re.compile(rf"({_NUMBER})\s*({'|'.join(DURATION_UNITS)})", re.ASCII)


def parse_size(value: object) -> int:
    """Bytes, 0 to `MAX_SIZE`. Raises ValueError for anything that is not a whole number of bytes.

    Units are case-sensitive: "Mb" is megabits everywhere else in this trade.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size = Decimal(value)
    else:
        match = _SIZE.match(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError("is not a size")
        size = Decimal(match[1]) * SIZE_UNITS[match[2] or "B"]
    if size != size.to_integral_value():
        raise ValueError("is not a whole number of bytes")
    if not 0 <= size <= MAX_SIZE:
        raise ValueError("is out of range for a size")
    return int(size)


def parse_duration(value: object, most_seconds: float = MAX_SECONDS) -> float:
    """Seconds, 0 to `most_seconds`. Raises ValueError for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and _DURATION.match(value):
        parts = _DURATION_PART.findall(value)
        seconds = sum(float(number) * DURATION_UNITS[unit] for number, unit in parts) if parts else float(value)
    else:
        raise ValueError("is not a duration")
    if not math.isfinite(seconds) or not 0 <= seconds <= most_seconds:
        raise ValueError("is out of range for a duration")
    return seconds


def format_size(size: int) -> str:
    """The shortest exact way to write it: 1048576 is "1MiB", 3000000 is "3MB", 1001 is "1001B"."""
    if size == 0:
        return "0"
    exact = ((size // factor, unit) for unit, factor in SIZE_UNITS.items() if size % factor == 0)
    number, unit = min(exact)
    return f"{number}{unit}"


def format_duration(seconds: float) -> str:
    """Days, hours, minutes and seconds: 5400 is "1h30m", 0.25 is "0.25s"."""
    whole, fraction = divmod(seconds, 1)
    if fraction or not whole:
        return f"{seconds:.10g}s" if seconds else "0"
    text, left = "", int(whole)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        text += f"{count}{unit}" if count else ""
    return text
