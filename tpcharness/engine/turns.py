"""Who is next: the turns of all scheduled probes, in the order of time. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from tpcharness.engine.slots import Slots
from tpcharness.model.endpoint import Endpoint, Subject
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.variant import DOOR_VARIANTS, Variant

Key = tuple[Subject, Variant, int]
"""What makes a probe the same one over reloads and restarts: subject, variant, size."""


def key_of(probe: PlannedProbe) -> Key:
    return probe.subject.subject, probe.variant, probe.size_bytes


@dataclass(slots=True, eq=False)
class Turn:
    """One scheduled probe and when its next turn is, in seconds since the epoch.

    `regular` says whether that turn is its slot (or an extra one: the first, or to confirm a state), `waited` whether
    it has come before and was put off. `idle`: its last turn was skipped. `judged`: it has had a verdict. `down`: it
    was skipped for an endpoint that was down. `share` is the smallest part of its slots that it was held to since its
    last verdict.
    """

    NEVER: ClassVar[float] = float("inf")

    key: Key
    scheduled: ScheduledProbe
    slots: Slots
    at: float = NEVER
    regular: bool = True
    waited: bool = False
    idle: bool = False
    judged: bool = False
    down: bool = False
    share: float = 1.0
    stamp: int = field(default=-1, repr=False)

    @property
    def probe(self) -> PlannedProbe:
        return self.scheduled.probe

    @property
    def seed(self) -> int:
        return self.slots.seed

    @property
    def is_door(self) -> bool:
        """Whether others are judged by it."""
        return self.key[1] in DOOR_VARIANTS

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints that it touches, a link's source first."""
        return self.scheduled.probe.ends


class Turns:
    """A heap of turns. A turn that is set anew leaves its old place behind, and those are swept now and then."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Turn]] = []
        self._waiting = 0
        self._stamps = 0

    def __len__(self) -> int:
        """How many turns are waiting."""
        return self._waiting

    def set(self, turn: Turn, at: float, *, regular: bool, waited: bool = False) -> None:
        """Gives a turn its time, whether it had one or not."""
        self._waiting += turn.stamp < 0
        self._stamps += 1
        turn.at, turn.regular, turn.waited, turn.stamp = at, regular, waited, self._stamps
        heapq.heappush(self._heap, (at, self._stamps, turn))
        if len(self._heap) > 2 * self._waiting + 64:
            self._heap = [entry for entry in self._heap if entry[2].stamp == entry[1]]
            heapq.heapify(self._heap)

    def drop(self, turn: Turn) -> None:
        """Takes a turn's time away."""
        self._waiting -= turn.stamp >= 0
        turn.at, turn.stamp = Turn.NEVER, -1

    def next_at(self) -> float | None:
        """When the next turn is; None when none is waiting."""
        while self._heap and self._heap[0][2].stamp != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> Turn | None:
        """The turn that has been due longest, taken out (its `at` stays); None when none is due."""
        at = self.next_at()
        if at is None or at > now:
            return None
        turn = heapq.heappop(self._heap)[2]
        self._waiting -= 1
        turn.stamp = -1
        return turn

    def due(self, now: float) -> int:
        """How many have come by now. Costs what it counts: below an entry of a heap all are later."""
        count, entries = 0, [0]
        while entries:
            number = entries.pop()
            if number < len(self._heap) and self._heap[number][0] <= now:
                count += self._heap[number][2].stamp == self._heap[number][1]
                entries += (2 * number + 1, 2 * number + 2)
        return count

    def waiting(self) -> Iterator[Turn]:
        """Every turn that has a time, in no order."""
        for _, stamp, turn in list(self._heap):
            if turn.stamp == stamp:
                yield turn
