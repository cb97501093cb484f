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
def signals(*, stop: Callable[[signal.Signals], None], reload: Callable[[], None]) -> Iterator[None]:
    """Takes the signals over for as long as the context lasts, on the running loop.

    `stop` is called for each SIGTERM and SIGINT, `reload` for each SIGHUP; SIGUSR1 writes all tasks to the log.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGUSR1, dump_tasks)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
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
