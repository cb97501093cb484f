"""What signals mean to a running service, and the list of tasks that SIGUSR1 asks for."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CoroutineType
from typing import Any

log = logging.getLogger(__name__)

_DEEPEST = 20


@contextmanager
def orders(*, reload: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """Calls `reload` for each SIGHUP, and writes all tasks to the log for each SIGUSR1, as long as the context lasts.

    On the running loop. Each of them would end a process that does not listen to it. SIGTERM, until `stops` takes it
    over, calls `stop`: an exception of the process's own handler would be lost in uvloop.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGUSR1, dump_tasks)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            loop.remove_signal_handler(number)


@contextmanager
def stops(stop: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Calls `stop` for each SIGTERM and SIGINT as long as the context lasts, on the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def dump_tasks() -> None:
    """Every task of the running loop and where it waits, one record each, at level warning: it was asked for.

    Places in the code only: values may hold secrets.
    """
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    log.warning("%d tasks", len(tasks))
    for task in tasks:
        log.warning("task %s\n%s", task.get_name(), "\n".join(_places(task)))


def _places(task: asyncio.Task[Any]) -> Iterator[str]:
    """The chain of coroutines from the task's own to the innermost, as far as it can be followed."""
    awaited: object = task.get_coro()
    for _ in range(_DEEPEST):
        if not isinstance(awaited, CoroutineType):
            return
        frame = awaited.cr_frame
        if frame is not None:
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_qualname}"
        awaited = awaited.cr_await
