"""The keys that a source keeps: who may open which file for whom, once, and for how long (xroot 11)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tpcharness.testbed.xroot.frames import XrootError

_DENIED = 3010


@dataclass(frozen=True, slots=True)
class Meeting:
    """What the client announced, or the destination shows: all of it must be the same."""

    key: str
    origin: str
    path: str
    host: str


class Meetings:
    """Announcements and those who wait for one. `ttl_seconds` bounds both, as XRootD's longest ttl does."""

    def __init__(self, ttl_seconds: float) -> None:
        self._ttl_seconds = ttl_seconds
        self._announced: set[Meeting] = set()
        self._used: set[str] = set()
        self._news = asyncio.Condition()

    async def announce(self, meeting: Meeting) -> None:
        """The client lets a destination in. Raises XrootError for a key that was used."""
        async with self._news:
            if meeting.key in self._used:
                raise XrootError(_DENIED, f"Unable to open {meeting.path}; duplicate tpc auth request")
            self._announced.add(meeting)
            self._news.notify_all()

    async def claim(self, meeting: Meeting) -> None:
        """The destination comes; waits for the client if it is early. Raises XrootError when nobody lets it in."""
        try:
            async with asyncio.timeout(self._ttl_seconds), self._news:
                await self._news.wait_for(lambda: meeting in self._announced)
                self._announced.discard(meeting)
                self._used.add(meeting.key)
        except TimeoutError:
            raise XrootError(_DENIED, "tpc authorization expired") from None
