"""The virtual loop itself: what other tests rest on."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from tests.support.virtual_time import EPOCH, DeadlockError, VirtualClock, on_virtual_time, run_virtual


def test_a_day_takes_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(10 * 86400)
        return asyncio.get_running_loop().time()

    started = time.monotonic()
    assert run_virtual(main()) == 10 * 86400
    assert time.monotonic() - started < 5


@on_virtual_time
async def test_timers_run_in_their_order_and_at_their_times() -> None:
    loop = asyncio.get_running_loop()
    seen: list[tuple[str, float]] = []

    async def note(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, loop.time()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("c", 3.0), ("a", 0.1), ("b", 0.25)):
            group.create_task(note(name, seconds))
    assert seen == [("a", 0.1), ("b", 0.25), ("c", 3.0)]


@on_virtual_time
async def test_the_clock_stands_still_while_something_is_ready() -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(5, lambda: None)
    for _ in range(100):
        await asyncio.sleep(0)
    assert loop.time() == 0.0


@on_virtual_time
async def test_timeouts_strike_at_their_second() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(90):
            await asyncio.Event().wait()
    assert loop.time() == 90.0


@on_virtual_time
async def test_threads_are_waited_for_without_a_jump() -> None:
    loop = asyncio.get_running_loop()
    gate = threading.Event()
    loop.call_soon(gate.set)
    async with asyncio.timeout(0.001):
        assert await asyncio.to_thread(gate.wait, 5)
    assert loop.time() == 0.0


@on_virtual_time
async def test_a_failing_thread_leaves_the_clock_free_to_jump() -> None:
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 / 0)
    await asyncio.sleep(7)
    assert asyncio.get_running_loop().time() == 7.0


def test_waiting_for_nothing_is_an_error_and_tasks_are_cancelled() -> None:
    cleaned_up = []

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.append(True)

    with pytest.raises(DeadlockError, match="no timer"):
        run_virtual(main())
    assert cleaned_up


@on_virtual_time
async def test_wall_clock_goes_in_step() -> None:
    clock = VirtualClock()
    assert clock.now() == EPOCH
    await asyncio.sleep(3600)
    assert clock.now() == EPOCH + timedelta(hours=1)


@pytest.mark.parametrize("value", [1, 2])
@on_virtual_time
async def test_decorated_tests_take_parameters_and_fixtures(value: int, tmp_path: object) -> None:
    assert value in {1, 2}
    assert tmp_path is not None
