"""When a probe's regular turn is: fixed by hashes alone, so that it is the same after every restart. Pure.

Time is cut into rounds of one interval, counted from the epoch; a probe has one slot in each, at a place that is
drawn from its name, plus a jitter that is drawn from name and round. So nothing drifts, nobody starts in a herd, and
the probes of a minute are others in each round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b

from tpcharness.model.endpoint import Subject
from tpcharness.model.variant import Variant

JITTER = 0.05
"""The most that a slot moves from round to round, as a part of the interval."""

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_WHOLE = float(1 << 64)


def seed_of(subject: Subject, variant: Variant, size_bytes: int) -> int:
    """64 random bits that belong to one probe for ever, on every machine."""
    text = f"{subject}|{variant}|{size_bytes}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of one probe: `interval_seconds` is more than 0, times are seconds since the epoch."""

    seed: int
    interval_seconds: float

    @property
    def place(self) -> float:
        """Where in its round the probe's slot begins, 0 to 1."""
        return self.seed / _WHOLE

    def slot(self, number: int) -> float:
        """When the slot of a round is."""
        jitter = JITTER * _mixed(self.seed, number) / _WHOLE
        return (number + self.place * (1 - JITTER) + jitter) * self.interval_seconds

    def number(self, at: float) -> int:
        """The round in which a time lies."""
        return math.floor(at / self.interval_seconds)

    def after(self, at: float) -> float:
        """The first slot that is later than this time."""
        number = self.number(at)
        while (slot := self.slot(number)) <= at:
            number += 1
        return slot

    def early(self, now: float, most_seconds: float) -> float:
        """A turn soon for who has never had one: anywhere in the next `most_seconds`."""
        return now + most_seconds * _mixed(self.seed, -1) / _WHOLE

    def chosen(self, number: int, share: float) -> bool:
        """Whether the probe runs in this round when it may run in a `share` (0 to 1) of all rounds.

        Evenly spaced, exact in the long run, and each probe in rounds of its own.
        """
        offset = _mixed(self.seed, -2) / _WHOLE
        return math.floor((number + 1) * share + offset) > math.floor(number * share + offset)


def _mixed(seed: int, number: int) -> int:
    """splitmix64: 64 bits that look random for every pair."""
    bits = (seed + (number + 1) * _GOLDEN) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)
