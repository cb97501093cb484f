"""What a restart knows: the same as if there had been none."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from tests.export.samples import NOON, ended, failed, good
from tests.support.clocks import FixedClock
from tpcharness.engine.confirmation import Confirmations
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import HistorySettings
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.results.history import Known, open_history
from tpcharness.results.history.database import Database
from tpcharness.results.history.tables import evidence
from tpcharness.results.latest import LatestStore, ended_at

LINK = LinkSubject("SITE-A", "SITE-B")
PULL = Variant.HTTPS_PULL
MINUTE = timedelta(minutes=1)

FINE = good()
FULL = failed(reason=Reason.NO_SPACE)
SLOW = failed(reason=Reason.DEADLINE, blame=Blame.UNDETERMINED)
OURS = ended(good(), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT)
SKIPPED = replace(ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN), phases={})


def series(*kinds: Result, size: int = 1) -> list[Result]:
    return [
        replace(kind, probe_id=f"{size}-{number}", size_bytes=size, started_at=NOON + number * MINUTE)
        for number, kind in enumerate(kinds)
    ]


def told(known: Known) -> list[str]:
    return [result.probe_id for result in known.results]


def restored(known: Known, k: int = 3) -> Confirmations:
    """As the schedule does it."""
    states = Confirmations(k)
    for belief in known.beliefs:
        states.restore(belief)
    for result in known.results:
        if not states.knows(result):
            states.see(result)
    return states


async def test_what_was_skipped_last_hides_neither_the_last_run_nor_the_verdict(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    ran = series(FULL, FULL, FULL, SKIPPED, SKIPPED)
    other = series(SKIPPED, FINE, size=2)
    async with open_history(settings, tmp_path, clock) as history:
        for result in (*ran[:4], *other, ran[4]):
            history.journal.add(result)
    async with open_history(settings, tmp_path, clock) as history:
        known = await history.known()
    assert told(known) == ["1-2", "2-1", "1-4"]
    latest = LatestStore()
    latest.restore(known.results)
    glance = latest.glance(LINK, PULL)
    assert glance is not None
    assert [result.outcome for result in glance.results] == [Outcome.SKIPPED, Outcome.OK]
    assert glance.last_run == pytest.approx(ended_at(other[1]), abs=1e-5)
    assert all(result.evidence.exchanges == () for result in known.results)
    assert [(belief.latest.probe_id, belief.in_a_row) for belief in known.beliefs] == [("1-2", 3)]
    assert known.beliefs[0].latest.hint == FULL.hint


@pytest.mark.parametrize(
    ("kinds", "believed", "pending"),
    [
        ([FULL, FULL], None, True),
        ([FULL, FULL, FULL], "1-2", False),
        ([FINE, FULL, FULL], "1-0", True),
        ([FULL, FULL, FULL, FINE, FINE], "1-2", True),
        ([FULL, FULL, FULL, SLOW], "1-2", False),
        ([FULL, FULL, FULL, SKIPPED, FINE, SKIPPED], "1-2", True),
        ([FULL, FULL, FULL, FINE, FINE, FINE], "1-5", False),
    ],
)
async def test_a_confirmed_state_is_confirmed_after_a_restart(
    settings: HistorySettings,
    tmp_path: Path,
    clock: FixedClock,
    kinds: list[Result],
    believed: str | None,
    pending: bool,
) -> None:
    async with open_history(settings, tmp_path, clock, confirmations=3) as history:
        for result in series(*kinds):
            history.journal.add(result)
            await history.flush()
    async with open_history(settings, tmp_path, clock, confirmations=3) as history:
        states = restored(await history.known())
    found = states.confirmed(LINK, PULL)
    assert (found.probe_id if found else None) == believed
    assert states.pending(LINK, PULL, 1) is pending


async def test_any_past_is_remembered_as_it_was_seen(tmp_path: Path, clock: FixedClock) -> None:
    dice = random.Random(4)
    kinds = (FINE, FULL, FULL, SLOW, OURS, SKIPPED)
    pasts = {size: series(*dice.choices(kinds, k=dice.randint(1, 12)), size=size) for size in range(1, 120)}
    never_ended = Confirmations(2)
    for life in range(3):
        async with open_history(HistorySettings(), tmp_path, clock, confirmations=2) as history:
            for past in pasts.values():
                for result in past[life * 4 : life * 4 + 4]:
                    history.journal.add(result)
                    never_ended.see(result)
                    if dice.random() < 0.05:
                        await history.flush()
    async with open_history(HistorySettings(), tmp_path, clock, confirmations=2) as history:
        states = restored(await history.known(), 2)
    for more in ((), (FULL,), (FINE,), (SLOW, SLOW), (FINE, FINE)):
        for size in pasts:
            for result in series(*more, size=size):
                again = replace(result, probe_id=f"{size}-again-{more.index(more[0])}-{len(more)}-{result.probe_id}")
                assert states.see(again) == never_ended.see(again)
            assert states.pending(LINK, PULL, size) == never_ended.pending(LINK, PULL, size)
        assert sorted((each.size_bytes, each.probe_id, each.code) for each in states.states(LINK, PULL)) == sorted(
            (each.size_bytes, each.probe_id, each.code) for each in never_ended.states(LINK, PULL)
        )


async def test_a_belief_outlives_its_evidence(settings: HistorySettings, tmp_path: Path, clock: FixedClock) -> None:
    async with open_history(settings, tmp_path, clock) as history:
        for result in series(FULL, FULL, FULL, FINE):
            history.journal.add(result)
    engine = Database.of(settings, tmp_path).engine(writer=True)
    with engine.begin() as connection:
        connection.execute(delete(evidence))
    engine.dispose()
    async with open_history(settings, tmp_path, clock) as history:
        found = restored(await history.known()).confirmed(LINK, PULL)
    assert found is not None
    assert (found.probe_id, found.reason, found.blame) == ("1-2", Reason.NO_SPACE, Blame.DESTINATION)


async def test_a_late_first_attempt_changes_nothing(
    settings: HistorySettings, tmp_path: Path, clock: FixedClock
) -> None:
    second = replace(good(probe_id="p"), attempt=2)
    async with open_history(settings, tmp_path, clock, confirmations=1) as history:
        history.journal.add(second)
        await history.flush()
        history.journal.add(failed(probe_id="p", attempt=1))
        await history.flush()
        known = await history.known()
    assert [result.attempt for result in known.results] == [2]
    assert known.beliefs == []


async def test_nothing_is_told_of_those_that_are_well(tmp_path: Path, clock: FixedClock) -> None:
    async with open_history(HistorySettings(), tmp_path, clock) as history:
        for result in series(*[FINE] * 5):
            history.journal.add(result)
        await history.flush()
        known = await history.known()
    assert told(known) == ["1-4"]
    assert known.beliefs == []
