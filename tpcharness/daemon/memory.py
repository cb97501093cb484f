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
LARGE_BYTES = 128 * 1024

# <malloc.h> of glibc
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8


def tight_heaps() -> bool:
    """Keeps holes out of the C library's heaps, before threads have begun; whether it could.

    All threads share `HEAPS` of them: glibc gives each thread one of its own, up to eight for a core, and what is free
    in one helps no other. And blocks of `LARGE_BYTES` or more go back to the system when they are freed: glibc does so
    only until the first one is freed, afterwards they come from the heaps (uvloop has 256 KiB for each TLS connection).
    With 18 threads and 8 probes a second 12 of 47 MB were holes, and went up for hours. Another C library is left as it
    is.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wishes = ((_M_ARENA_MAX, HEAPS), (_M_MMAP_THRESHOLD, LARGE_BYTES), (_M_TRIM_THRESHOLD, LARGE_BYTES))
    return [mallopt(name, value) for name, value in wishes] == [1] * len(wishes)


@contextmanager
def collected_in_part() -> Iterator[None]:
    """Passes over what lives for long in collections for cycles, as long as the context lasts.

    A full collection looks at each object that there is. At 57,630 cells it held the event loop for 300 to 500 ms,
    and found little: results are no cycles, they go when the next one takes their place, and a connection is in none
    once it is closed (`net.dialer.Dial.over`). What it does find are cycles of failures (exceptions, root sessions).
    Were it made rare, memory would go up between two of them; were everything put away each time, so would the cycles
    that were alive at that moment, and stay until the thaw.
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
