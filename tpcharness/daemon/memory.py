"""What Python's collector of cycles looks at in a service: what is new, for it holds the event loop meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

THAW_EVERY = 250
"""So many full collections look at what is new only; then one looks at everything."""


@contextmanager
def collected_in_part() -> Iterator[None]:
    """Whatever has lived through a full collection is passed over by the next ones while the context lasts.

    A full collection looks at each object that there is. At 57,630 cells it held the event loop for 300 to 500 ms,
    and found little: results are no cycles, they go when the next one takes their place. What it does find are the
    cycles of probes (tasks, exceptions; 1.2 kB of each outlive the young generations), and those are new. Were it
    only made rare, memory would go up by megabytes between two of them. A cycle that is alive at the moment of a
    collection is passed over as well when it ends: some kilobytes each time, which the thaw gives back.
    """
    full_ones = count(1)

    def settle(phase: str, about: dict[str, int]) -> None:
        if about["generation"] < 2:
            return
        if phase == "stop":
            gc.freeze()
        elif next(full_ones) % THAW_EVERY == 0:
            gc.unfreeze()

    gc.callbacks.append(settle)
    try:
        gc.collect()
        yield
    finally:
        gc.callbacks.remove(settle)
        gc.unfreeze()
