"""An event loop whose clock jumps: hours of timers in milliseconds, in an order that never varies.

`loop.time()` stands still while anything is ready and jumps to the next timer when nothing is. Work in threads
(`asyncio.to_thread`) is waited for in real time, during which the virtual clock stands still. Not for sockets: a
peer's answer takes no virtual time, so a timeout would always win against it.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

EPOCH = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PATIENCE_SECONDS = 10.0  # of real time, for a thread


class DeadlockError(AssertionError):
    """Every task waits, and there is no timer and no thread that could ever wake one."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps for a timer: tells the loop's clock to jump instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.loop.threads_at_work:
            ready = super().select(PATIENCE_SECONDS)
            if not ready:
                raise DeadlockError(f"a thread did not come back within {PATIENCE_SECONDS} s")
        elif timeout is None:
            raise DeadlockError("all tasks wait, and no timer is set")
        else:
            self.loop.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual seconds, starting at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        self.threads_at_work = 0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets the clock jump; timers that fall due run in their order."""
        self._now += seconds

    @contextmanager
    def _thread_at_work(self) -> Iterator[None]:
        self.threads_at_work += 1
        try:
            yield
        finally:
            self.threads_at_work -= 1

    def run_in_executor(  # type: ignore[override]  # typeshed names the variadic types
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self.threads_at_work += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _future: asyncio.Future[Any]) -> None:
        self.threads_at_work -= 1

    async def shutdown_default_executor(self, *args: Any) -> None:
        with self._thread_at_work():
            await super().shutdown_default_executor(*args)


class VirtualClock:
    """A `model.seams.Clock` in step with the running loop: EPOCH plus its seconds."""

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end on a fresh virtual loop; raises DeadlockError where it would hang for ever."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def on_virtual_time(test: Callable[P, Awaitable[T]]) -> Callable[P, T]:
    """Decorates an async test so that it runs on a fresh virtual loop; its fixtures must be synchronous."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        async def main() -> T:
            return await test(*args, **kwargs)

        return run_virtual(main())

    return run
