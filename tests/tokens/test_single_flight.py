"""One piece of work per key, whoever is cancelled."""

import asyncio

import pytest

from tests.support.virtual_time import on_virtual_time
from tpcharness.tokens.single_flight import SingleFlight


class Work:
    """Counts how often it is begun and ended."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.begun = self.ended = 0

    async def __call__(self) -> int:
        self.begun += 1
        await asyncio.sleep(self.seconds)
        self.ended += 1
        return self.begun


@on_virtual_time
async def test_callers_of_one_key_share_one_outcome() -> None:
    flights, work = SingleFlight[str, int](), Work()
    outcomes = await asyncio.gather(*(flights.run("a", work) for _ in range(50)))
    assert outcomes == [1] * 50
    assert work.begun == 1


@on_virtual_time
async def test_keys_do_not_wait_for_each_other() -> None:
    flights, work = SingleFlight[int, int](), Work()
    await asyncio.gather(*(flights.run(key, work) for key in range(5)))
    assert work.begun == 5
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)


@on_virtual_time
async def test_a_later_caller_has_the_work_done_again() -> None:
    flights, work = SingleFlight[str, int](), Work()
    assert [await flights.run("a", work), await flights.run("a", work)] == [1, 2]


@on_virtual_time
async def test_when_the_worker_is_cancelled_the_next_in_line_takes_over() -> None:
    flights, work = SingleFlight[str, int](), Work()
    tasks = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await asyncio.sleep(0.5)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [2, 2]
    assert (work.begun, work.ended) == (2, 1)


@on_virtual_time
async def test_cancelling_a_waiter_leaves_the_work_alone() -> None:
    flights, work = SingleFlight[str, int](), Work()
    tasks = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await asyncio.sleep(0.5)
    tasks[1].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert (results[0], results[2], work.begun) == (1, 1, 1)


@on_virtual_time
async def test_when_nobody_waits_any_more_nothing_runs_and_nothing_is_kept() -> None:
    flights, work = SingleFlight[str, int](), Work()
    tasks = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert work.ended == 0
    assert not flights._flights


@on_virtual_time
async def test_a_bug_in_the_work_reaches_its_caller_and_the_next_one_tries_again() -> None:
    flights = SingleFlight[str, int]()
    work = Work()

    async def fragile() -> int:
        number = await work()
        if number == 1:
            raise RuntimeError("a bug")
        return number

    results = await asyncio.gather(*(flights.run("a", fragile) for _ in range(3)), return_exceptions=True)
    assert isinstance(results[0], RuntimeError)
    assert results[1:] == [2, 2]
