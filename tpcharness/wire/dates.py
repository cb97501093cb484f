"""HTTP dates, and what a server's Date header says about its clock."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_CHARACTERS = 64


def read_http_date(text: str) -> datetime | None:
    """The UTC time of a Date or Last-Modified value in any of the three forms of RFC 9110; None for anything else."""
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def clock_offset_seconds(date_header: str, now: datetime) -> float | None:
    """How far the server's clock is ahead of ours, to about a second; None without a readable Date.

    `now` is our own time when the answer's head came, with its time zone. A Date has whole seconds, so a clock in
    step reads between -1 and 0, less the travel time.
    """
    theirs = read_http_date(date_header)
    return None if theirs is None else (theirs - now).total_seconds()
