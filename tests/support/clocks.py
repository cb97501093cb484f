"""Clocks for tests: one that stands where it is put, and the real one for peers that know no other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class FixedClock:
    """Goes only when told to."""

    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)
