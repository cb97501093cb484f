"""Points in time as people write them: TOML's own date-times or ISO 8601 texts, always with a time zone. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime

MOMENT_HINT = "write date, time and zone, such as 2026-12-01T08:00:00Z or 2026-12-01T09:00:00+01:00"


def parse_moment(value: object) -> datetime:
    """The time in UTC. Raises ValueError for anything else, and for a time that has no zone."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("is not a time") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("has no time zone, so it is another moment at each site")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            raise ValueError("is not a time that can be") from None
    raise ValueError("is a day without a time" if isinstance(value, date) else "is not a time")
