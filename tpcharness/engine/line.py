"""The line in front of the limits: who is next, among those for whom there is room.

A probe that finds a place full is parked there and looked at again only when that place gets free, so that a slow
storage with hundreds of links waiting costs nothing to the others. Synchronous; each step O(log n).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from tpcharness.engine.limits import Limits, Place
from tpcharness.model.plan import PlannedProbe

PATIENCE = 4
"""How often a probe sees one of its places free but another one full before seats are held back for it."""


@dataclass(slots=True, order=True)
class Waiter:
    """One probe in the line; `number` is its rank, `due_at` the loop time at which it joined.

    `left` is for one that is no longer in the line, admitted or not.
    """

    number: int
    probe: PlannedProbe = field(compare=False)
    due_at: float = field(compare=False)
    places: tuple[Place, ...] = field(compare=False)
    woken_by: Place | None = field(default=None, compare=False)
    passed_over: int = field(default=0, compare=False)
    left: bool = field(default=False, compare=False)


class WaitingLine:
    """Admits the lowest number for which there is room; who cannot go yet does not stand in anybody's way.

    Nobody starves: a probe whose places are never free at the same moment becomes, after `PATIENCE` near misses, the
    favourite, and a seat at each of its places is held back until it can go. There is one favourite at a time,
    so that held-back seats cannot wait for one another.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ready: list[Waiter] = []
        self._parked: defaultdict[Place, list[Waiter]] = defaultdict(list)
        self._favourite: Waiter | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def join(self, number: int, probe: PlannedProbe, due_at: float) -> Waiter:
        """Puts a probe in the line; `number` is unique and stands for its rank."""
        waiter = Waiter(number, probe, due_at, self._limits.places(probe))
        heappush(self._ready, waiter)
        self._length += 1
        return waiter

    def leave(self, waiter: Waiter) -> bool:
        """Lets one go that lost its patience; whether it was still in the line."""
        if waiter.left:
            return False
        self._gone(waiter)
        if waiter is self._favourite:
            self._favourite = None
            self._hold_back(waiter, 0)
            for place in waiter.places:
                self._wake(place)
        return True

    def admit(self) -> Waiter | None:
        """The next one that can go, its places taken; None if nobody can before something is released."""
        if self._limits.exhausted:
            return None
        if self._favourite and not any(place.full for place in self._favourite.places):
            return self._admit_favourite(self._favourite)
        while self._ready:
            waiter = heappop(self._ready)
            if waiter.left:
                if waiter.woken_by:
                    self._wake(waiter.woken_by)
                continue
            obstacle = next((place for place in waiter.places if place.taken + place.kept >= place.bound), None)
            if obstacle is None:
                self._gone(waiter)
                self._limits.take(waiter.places)
            else:
                self._park(waiter, obstacle)
            # Whoever was woken by a free place and leaves it free passes the news on to the next one there.
            if (place := waiter.woken_by) and place is not obstacle:
                self._wake(place)
            if obstacle is None:
                return waiter
        return None

    def release(self, waiter: Waiter) -> None:
        """Gives the places back of one that was admitted."""
        self._limits.give_back(waiter.places)
        for place in waiter.places:
            self._wake(place)

    def drain(self) -> Iterator[PlannedProbe]:
        """Empties the line; yields who was still in it, by rank."""
        left = [*self._ready, *(waiter for parked in self._parked.values() for waiter in parked)]
        if self._favourite:
            left.append(self._favourite)
            self._hold_back(self._favourite, 0)
        self._ready, self._favourite = [], None
        self._parked.clear()
        for waiter in sorted(left):
            if not waiter.left:
                self._gone(waiter)
                yield waiter.probe

    def _gone(self, waiter: Waiter) -> None:
        waiter.left = True
        self._length -= 1

    def _parked_at(self, place: Place) -> list[Waiter]:
        """The heap of those who are parked there, whoever has left taken from its top."""
        parked = self._parked[place]
        while parked and parked[0].left:
            heappop(parked)
        return parked

    def _wake(self, place: Place) -> None:
        parked = self._parked_at(place)
        if not place.full and parked:
            waiter = heappop(parked)
            waiter.woken_by = place
            heappush(self._ready, waiter)

    def _park(self, waiter: Waiter, obstacle: Place) -> None:
        waiter.passed_over += waiter.woken_by not in (None, obstacle)
        if waiter.passed_over > PATIENCE and self._favourite is None:
            self._favourite = waiter
            self._hold_back(waiter, 1)
        else:
            heappush(self._parked_at(obstacle), waiter)

    def _admit_favourite(self, favourite: Waiter) -> Waiter:
        self._favourite = None
        self._hold_back(favourite, 0)
        self._gone(favourite)
        self._limits.take(favourite.places)
        return favourite

    def _hold_back(self, waiter: Waiter, seats: int) -> None:
        for place in waiter.places:
            place.kept = seats
