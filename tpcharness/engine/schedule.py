"""What a running service does when: pure, the caller brings the time (seconds since the epoch).

A probe's turn is its slot (`slots`), or an extra turn before it: its first one soon after it became known, and one
after `confirm_interval` while its state waits to be confirmed. When a turn comes, `gates` say whether it may be
used; one that is skipped is counted, and the next is the next slot. So nothing queues up, whatever goes wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tpcharness.diagnosis.belief import Belief
from tpcharness.engine.arrangement import Arrangement, Cell, ScheduleChange, arrange
from tpcharness.engine.confirmation import Confirmations
from tpcharness.engine.gates import Gates, SkipReason
from tpcharness.engine.turns import Key, Turn, Turns, key_of
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import Subject
from tpcharness.model.plan import PlannedProbe, ScheduledProbe
from tpcharness.model.result import Result
from tpcharness.model.settings import DaemonSettings
from tpcharness.model.variant import Outcome, Variant

__all__ = ["Arrangement", "Due", "Schedule", "ScheduleChange", "SkipReason"]

FIRST_TURN_SECONDS = 1800.0
FIRST_DOOR_SECONDS = 60.0
DOOR_WAIT_SECONDS = 5.0
BUSY_WAIT_SECONDS = 30.0
NOT_RUN_SECONDS = 60.0
"""How soon after a first sight, for an unknown door, for a place at an endpoint, and after a start that failed."""

WAITS_PER_INTERVAL = 20
"""At short intervals the wait for a door or a place is no longer than this part of one."""

CLOCK_SLACK_SECONDS = 30.0
"""A clock that goes back by less only delays."""

ROUNDING_SECONDS = 0.01
"""Results know their start to the microsecond only, which may seem to be before the slot that it was."""

LOOKS_AT_ONCE = 1000
"""So many due turns are looked at in one call, for the sake of the event loop."""


@dataclass(frozen=True, slots=True)
class Due:
    """A probe to be run now, and when its turn was (seconds since the epoch)."""

    scheduled: ScheduledProbe
    due_at: float


Skipped = tuple[PlannedProbe, SkipReason, tuple[Result, ...]]
"""A turn that was skipped: what, why, and for endpoint_down the failed doors, the source's first."""


class Schedule:
    """The turns of all scheduled probes, and what is known of them and their endpoints.

    Memory is bounded by the number of scheduled probes; a turn costs O(log n). The wall clock may jump: forward,
    and everybody who was passed over gets one turn; backward, and nobody waits longer than to his next slot.
    """

    def __init__(self, settings: DaemonSettings) -> None:
        self.confirmations = Confirmations(settings.confirmations)
        self.skipped: Counter[SkipReason] = Counter()
        self._settings = settings
        self._gates = Gates(settings.max_refusals, settings.refusal_pause_seconds)
        self._turns = Turns()
        self._by_key: dict[Key, Turn] = {}
        self._by_endpoint: dict[str, list[Turn]] = {}
        self._by_cell: dict[Cell, list[Turn]] = {}
        self._under_way: dict[Key, PlannedProbe] = {}
        self._told_skips: dict[Key, Skipped] = {}
        self._latest_now = float("-inf")

    @property
    def scheduled(self) -> tuple[ScheduledProbe, ...]:
        """Everything that is scheduled, in the order in which it was given."""
        return tuple(turn.scheduled for turn in self._by_key.values())

    def replace(self, scheduled: Sequence[ScheduledProbe], now: float) -> ScheduleChange:
        """Takes what is to run from now on, at a start or reload; what is known of the rest is kept.

        A probe that was not there gets its first turn soon. One that is under way and gone ends in peace.
        """
        return self.adopt(self.arrange(scheduled), now)

    def arrange(self, scheduled: Sequence[ScheduledProbe]) -> Arrangement:
        """The slow part of `replace`, which changes nothing: may be called in a thread while all else goes on."""
        return arrange(scheduled, self._by_key, self._by_cell)

    def adopt(self, arrangement: Arrangement, now: float) -> ScheduleChange:
        """The rest of it. One that was made before another was adopted is made anew."""
        if arrangement.former is not self._by_key:
            arrangement = self.arrange(arrangement.scheduled)
        for turn, one, slots in arrangement.kept:
            turn.scheduled, turn.slots = one, slots
        for turn in arrangement.removed:
            self._turns.drop(turn)
            self._told_skips.pop(turn.key, None)
            self.confirmations.forget(*turn.key)
        self._by_key = arrangement.turns
        self._by_cell, self._by_endpoint = arrangement.by_cell, arrangement.by_endpoint
        self._gates.take(arrangement)
        for turn in arrangement.added:
            if turn.key not in self._under_way:
                self._plan(turn, now, judged=False)
        for turn in arrangement.moved:
            if turn.key not in self._under_way and (turn.stamp < 0 or turn.at > turn.slots.after(now)):
                self._plan(turn, now, judged=turn.judged)
        return arrangement.change

    def set_downtimes(self, downtimes: Sequence[Downtime]) -> None:
        """Takes all downtimes that are known, past and future; they replace the former ones."""
        self._gates.downtimes.replace(downtimes)

    def believe(self, beliefs: Iterable[Belief[Result]], now: float) -> None:
        """Takes what a former service thought of probes, where its newest result alone would say something else.

        Between `replace` and `restore`: so a failure that was confirmed goes on being one, and no alert is resolved and
        fires again because of a restart.
        """
        for belief in beliefs:
            latest = belief.latest
            turn = self._by_key.get((latest.subject, latest.variant, latest.size_bytes))
            if turn is not None and not self._stale_door(turn, latest, now):
                self.confirmations.restore(belief)

    def restore(self, results: Iterable[Result], now: float) -> None:
        """Takes what a former service found, oldest first, after `replace`; results of unknown probes are ignored.

        Who has missed a slot meanwhile has a turn soon. A door's result that is stale says nothing any more. May be
        called several times, with one part of the results after the other.
        """
        seen: dict[Key, float] = {}
        for result in results:
            key = result.subject, result.variant, result.size_bytes
            turn = self._by_key.get(key)
            if turn is None:
                continue
            if result.outcome is Outcome.SKIPPED:
                self.confirmations.set_aside(*key)
                continue
            if self._stale_door(turn, result, now):
                continue
            at = min(result.started_at.timestamp(), now)
            if not self.confirmations.knows(result):
                self.confirmations.see(result)
            self._tell_gates(turn, result, at)
            if int(at // 86400) == int(now // 86400):
                self._gates.budgets.book(turn.probe, now)
            seen[key] = at
        for key, at in seen.items():
            turn = self._by_key[key]
            if key not in self._under_way:
                missed = turn.slots.after(at + ROUNDING_SECONDS) <= now
                self._plan(turn, now, judged=not missed)

    def take_due(self, now: float, room: int) -> list[Due]:
        """At most `room` probes whose turn has come; they are under way from now on, until `ended`.

        Looks at no more than LOOKS_AT_ONCE turns: while `next_at` is not in the future there may be more. What was
        skipped is told by `take_skipped`.
        """
        self._notice_clock(now)
        self._notice_downtimes(now)
        due: list[Due] = []
        for _ in range(LOOKS_AT_ONCE):
            if len(due) >= room:
                break
            turn = self._turns.take(now)
            if turn is None:
                break
            if self._may_go(turn, now):
                turn.idle = turn.down = False
                self._under_way[turn.key] = turn.probe
                self._gates.busy.count(turn.probe, 1)
                self._gates.budgets.book(turn.probe, now)
                due.append(Due(turn.scheduled, turn.at))
        return due

    def take_skipped(self) -> list[Skipped]:
        """The turns that were skipped since the last call, the newest of each probe."""
        told = list(self._told_skips.values())
        self._told_skips.clear()
        return told

    def next_at(self, now: float) -> float | None:
        """When `take_due` is worth a call again; None when nothing waits. Ask again after every `ended` and
        `replace`, and every few seconds, since the wall clock may jump.
        """
        self._notice_clock(now)
        return self._turns.next_at()

    def due(self, now: float) -> int:
        """How many turns have come and were not taken yet."""
        return self._turns.due(now)

    def ended(self, probe: PlannedProbe, result: Result | None, now: float) -> None:
        """Takes what became of a probe; None is that it was not run after all.

        Also of one that was not due, but asked for by hand: it counts like any other, so it can also end the pause of
        an endpoint that has refused us.
        """
        key = key_of(probe)
        turn, started = self._by_key.get(key), self._under_way.pop(key, None)
        if started is not None:
            self._gates.busy.count(started, -1)
        if result is None:
            if started is not None:
                self._gates.budgets.book(started, now, -1)
                if turn is not None:
                    self._set_earliest(turn, now, now + NOT_RUN_SECONDS)
            return
        if started is None:
            self._gates.budgets.book(probe, now)
        self._gates.budgets.learn(probe, result.bytes or 0, now)
        if turn is not None:
            self._learn(turn, result, now)
            self._plan(turn, now, judged=turn.judged or started is not None)

    def downtime_of(self, endpoint: str, now: float) -> Downtime | None:
        """The downtime that an endpoint is in."""
        return self._gates.downtimes.of(endpoint, now)

    def paused_until(self, endpoint: str, now: float) -> float | None:
        """Until when an endpoint is left alone because it has refused us too often."""
        return self._gates.refusals.paused_until(endpoint, now)

    def used(self, endpoint: str, now: float) -> tuple[int, int]:
        """Bytes and transfers that an endpoint has borne in the running day of UTC."""
        return self._gates.budgets.used(endpoint, now)

    def stale_after_seconds(self, subject: Subject, variant: Variant) -> float | None:
        """How old a result may become before it is withdrawn; None for what is not scheduled.

        Rests on the rounds that the probe really gets, so a slowed one does not vanish between two of its turns, nor
        when it is slow no more, before its next one.
        """
        turns = self._by_cell.get((subject, variant), ())
        intervals = [turn.scheduled.interval_seconds / min(turn.share, self._gates.share(turn)[0]) for turn in turns]
        return self._settings.stale_intervals * max(intervals) if intervals else None

    def _may_go(self, turn: Turn, now: float) -> bool:
        """Whether a turn that has come is used; if not, the next one is set."""
        gates = self._gates
        if turn.key in self._under_way:  # taken by hand, or from before a reload
            self._put_off(turn, now, BUSY_WAIT_SECONDS)
            return False
        why = gates.away(turn, now)
        doors: tuple[Result, ...] = ()
        if why is None and (doors := gates.doors.failures(turn.probe)):
            why = SkipReason.ENDPOINT_DOWN
        if why is None and turn.regular and not turn.waited:
            share, name = gates.share(turn)
            if share < 1 and not turn.slots.chosen(turn.slots.number(turn.at), share):
                why = name
                turn.share = min(turn.share, share)
        if why is None and not gates.budgets.has_room(turn.probe, now):
            why = SkipReason.BUDGET
        if why is None and gates.doors.unknown(turn.probe):
            self._put_off(turn, now, DOOR_WAIT_SECONDS, busy=False)
            return False
        if why is None and gates.busy.full(turn.probe):
            self._put_off(turn, now, BUSY_WAIT_SECONDS)
            return False
        if why is None:
            return True
        self._skip(turn, why, doors, now)
        return False

    def _put_off(self, turn: Turn, now: float, seconds: float, *, busy: bool = True) -> None:
        """A little later, unless that would be the next slot already: then this turn is lost."""
        slot = turn.slots.after(now)
        later = now + min(seconds, turn.scheduled.interval_seconds / WAITS_PER_INTERVAL)
        if later < slot:
            self._turns.set(turn, later, regular=turn.regular, waited=True)
        elif turn.regular and busy:
            self._skip(turn, SkipReason.ENDPOINT_BUSY, (), now)
        else:  # nothing is lost when an extra turn comes to its slot, or the first one is still to come
            self._turns.set(turn, slot, regular=True)

    def _skip(self, turn: Turn, why: SkipReason, doors: tuple[Result, ...], now: float) -> None:
        self.skipped[why] += 1
        self._told_skips[turn.key] = (turn.probe, why, doors)
        turn.idle = why not in {SkipReason.BACK_OFF, SkipReason.ENDPOINT_BUSY}
        turn.down = why is SkipReason.ENDPOINT_DOWN
        if why in {SkipReason.ENDPOINT_DOWN, SkipReason.DOWNTIME}:
            self.confirmations.set_aside(*turn.key)
        self._turns.set(turn, turn.slots.after(now), regular=True)

    def _learn(self, turn: Turn, result: Result, now: float) -> None:
        """What a result says of its probe and its endpoints."""
        if result.outcome is Outcome.SKIPPED:
            return
        self.confirmations.see(result)
        if any(self.downtime_of(endpoint.name, now) is not None for endpoint in turn.endpoints):
            self.confirmations.set_aside(*turn.key)
        self._tell_gates(turn, result, now)

    def _tell_gates(self, turn: Turn, result: Result, now: float) -> None:
        turn.judged, turn.share = True, 1.0
        self._gates.refusals.see(result, now)
        if turn.is_door:
            name = turn.endpoints[0].name
            if self._gates.doors.see(name, result):
                self._wake(name, now)
        else:
            self._gates.back_off.see(result, turn.seed)

    def _wake(self, endpoint: str, now: float) -> None:
        """The endpoint is back: what was skipped for its sake need not wait for its slot."""
        for turn in self._by_endpoint.get(endpoint, ()):
            if turn.down and turn.stamp >= 0:
                self._set_earliest(turn, now, turn.slots.early(now, _first_seconds(turn)))

    def _plan(self, turn: Turn, now: float, *, judged: bool) -> None:
        """Sets the next turn: the next slot, or an extra one before it."""
        if not judged:
            self._set_earliest(turn, now, turn.slots.early(now, _first_seconds(turn)))
        elif self.confirmations.pending(*turn.key) or self._door_is_down(turn):
            self._set_earliest(turn, now, now + self._settings.confirm_interval_seconds)
        else:
            self._turns.set(turn, turn.slots.after(now), regular=True)

    def _set_earliest(self, turn: Turn, now: float, extra: float) -> None:
        slot = turn.slots.after(now)
        self._turns.set(turn, min(slot, extra), regular=slot <= extra)

    def _stale_door(self, turn: Turn, result: Result, now: float) -> bool:
        age = now - result.started_at.timestamp()
        return turn.is_door and age > self._settings.stale_intervals * turn.scheduled.interval_seconds

    def _door_is_down(self, turn: Turn) -> bool:
        return turn.is_door and self._gates.doors.failed(turn.endpoints[0].name, turn.key[1])

    def _notice_downtimes(self, now: float) -> None:
        """Where a downtime begins, nothing is told as failing any more: also of what has its next turn hours later."""
        for name in self._gates.downtimes.begun(now):
            for turn in self._by_endpoint.get(name, ()):
                self.confirmations.set_aside(*turn.key)

    def _notice_clock(self, now: float) -> None:
        """After a clock that was set back every waiting turn is planned anew."""
        if now < self._latest_now - CLOCK_SLACK_SECONDS:
            self._gates.refusals.clock_set_back(now)
            for turn in self._turns.waiting():
                self._plan(turn, now, judged=turn.judged)
            self._latest_now = now
        self._latest_now = max(self._latest_now, now)


def _first_seconds(turn: Turn) -> float:
    interval = turn.scheduled.interval_seconds
    return min(interval, FIRST_DOOR_SECONDS) if turn.is_door else min(interval / 10, FIRST_TURN_SECONDS)
