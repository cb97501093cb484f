"""How a service keeps its memory: collections for cycles that do not hold the event loop, and heaps without holes."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import thread_time

FREEZE_SECONDS = 0.02
"""A full collection that took longer (processor time) has looked at too much that lives on."""

THAW_EVERY = 50
"""So many times what lives on is put away; then one full collection looks at everything."""

HEAPS = 2
_M_ARENA_MAX = -8  # <malloc.h> of glibc


def few_heaps() -> bool:
    """Has all threads of the process share `HEAPS` heaps of the C library, before they have begun; whether it could.

    glibc gives each thread one of its own, up to eight for a core, and what is free in one helps no other: with 18
    threads 12 of 47 MB were holes, and it went up for hours. Another C library is left as it is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_ARENA_MAX, HEAPS) == 1


@contextmanager
def collected_in_part() -> Iterator[None]:
    """Passes over what lives for long in collections for cycles, as long as the context lasts.

    A full collection looks at each object that there is. At 57,630 cells it held the event loop for 300 to 500 ms,
    and found little: results are no cycles, they go when the next one takes their place. What it does find are the
    cycles of probes (tasks, exceptions; 1.2 kB of each outlive the young generations). Were it made rare, memory would
    go up by megabytes between two of them; were everything put away each time, so would the cycles that were alive at
    that moment, and stay until the thaw.
    """
    frost = _Frost()
    gc.collect()
    gc.freeze()
    gc.callbacks.append(frost)
    try:
        yield
    finally:
        gc.callbacks.remove(frost)
        gc.unfreeze()


class _Frost:
    """Asked by the collector at the beginning and the end of each collection."""

    def __init__(self) -> None:
        self._began = 0.0
        self._times = 0

    def __call__(self, phase: str, about: dict[str, int]) -> None:
        if about["generation"] < 2:
            return
        if phase == "start":
            self._began = thread_time()
        elif thread_time() - self._began > FREEZE_SECONDS:
            self._times += 1
            if self._times % THAW_EVERY:
                gc.freeze()
            else:
                gc.unfreeze()
