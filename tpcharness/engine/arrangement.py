"""What a list of scheduled probes comes to, worked out before it is taken, since that takes its time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tpcharness.engine.backoff import Groups, groups_of
from tpcharness.engine.budgets import shares_of
from tpcharness.engine.slots import Slots, seed_of
from tpcharness.engine.turns import Key, Turn, key_of
from tpcharness.model.endpoint import Endpoint, LinkSubject, Subject
from tpcharness.model.plan import ScheduledProbe
from tpcharness.model.variant import DOOR_VARIANTS, Variant

Cell = tuple[Subject, Variant]
"""What a reload speaks of: a subject probed in one way, in whatever sizes."""


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """What a reload has changed."""

    added: tuple[Cell, ...] = ()
    removed: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Made by `arrange`, from the turns of `former`, which it does not touch.

    `turns` are those of `former` where they stay, and new ones. `kept` tells what those are for from now on, and their
    slots; of them `moved` have slots of another interval.
    """

    scheduled: Sequence[ScheduledProbe]
    former: Mapping[Key, Turn]
    turns: dict[Key, Turn]
    kept: list[tuple[Turn, ScheduledProbe, Slots]]
    moved: list[Turn]
    added: list[Turn]
    removed: list[Turn]
    by_cell: dict[Cell, list[Turn]]
    by_endpoint: dict[str, list[Turn]]
    endpoints: dict[str, Endpoint]
    doors: frozenset[tuple[str, Variant]]
    shares: dict[str, float]
    groups: Groups
    change: ScheduleChange


def arrange(
    scheduled: Sequence[ScheduledProbe], former: Mapping[Key, Turn], cells_before: Mapping[Cell, object]
) -> Arrangement:
    """Reads of the former turns only what `Schedule.adopt` alone changes, so another thread may work with them."""
    turns: dict[Key, Turn] = {}
    kept, moved, added = [], [], []
    by_cell: dict[Cell, list[Turn]] = {}
    by_endpoint: dict[str, list[Turn]] = {}
    endpoints: dict[str, Endpoint] = {}
    for key, one in {key_of(one.probe): one for one in scheduled}.items():
        turn = former.get(key)
        if turn is None:
            turn = Turn(key, one, Slots(seed_of(*key), one.interval_seconds))
            added.append(turn)
        else:
            slots = turn.slots
            if slots.interval_seconds != one.interval_seconds:
                slots = Slots(slots.seed, one.interval_seconds)
                moved.append(turn)
            kept.append((turn, one, slots))
        turns[key] = turn
        by_cell.setdefault(key[:2], []).append(turn)
        for endpoint in one.probe.ends:
            endpoints[endpoint.name] = endpoint
            by_endpoint.setdefault(endpoint.name, []).append(turn)
    return Arrangement(
        scheduled=scheduled,
        former=former,
        turns=turns,
        kept=kept,
        moved=moved,
        added=added,
        removed=[turn for key, turn in former.items() if key not in turns],
        by_cell=by_cell,
        by_endpoint=by_endpoint,
        endpoints=endpoints,
        doors=frozenset(_doors(turns)),
        shares=shares_of(scheduled),
        groups=groups_of(
            (subject, variant, turn)
            for (subject, variant, _), turn in turns.items()
            if isinstance(subject, LinkSubject)
        ),
        change=ScheduleChange(
            added=tuple(cell for cell in by_cell if cell not in cells_before),
            removed=tuple(cell for cell in cells_before if cell not in by_cell),
        ),
    )


def _doors(keys: Iterable[Key]) -> Iterable[tuple[str, Variant]]:
    return (
        (subject.endpoint, variant)
        for subject, variant, _ in keys
        if variant in DOOR_VARIANTS and not isinstance(subject, LinkSubject)
    )
