"""How often Python looks for cycles in what a service remembers: seldom, for it holds the event loop meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

FULL_COLLECTION_EVERY = 100
"""So many collections of the middle generation go by before a full one; Python's own is 10."""


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Everything that lives now is passed over by the collector while the context lasts; then all is as before.

    A full collection looks at each object that there is. At 57,630 cells it held the event loop for 300 to 500 ms,
    and found little: results are no cycles, they go when the next one takes their place. Passed over, the same took
    no time that could be measured; as new results replace those of the start it grows again, so it is made rare as
    well. Not rarer: of the cycles of a probe (tasks, exceptions) some 1.2 kB outlive the young generations, and wait
    for it: 5 MB in 4,000 probes, and ten times as much with 1000.
    """
    young, middle, old = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, middle, FULL_COLLECTION_EVERY)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
        gc.unfreeze()
