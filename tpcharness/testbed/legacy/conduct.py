"""How a legacy door behaves at the moment: what is switched while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tpcharness.testbed.legacy.manners import Manner


@dataclass(slots=True, eq=False)
class Conduct:
    """One manner at a time, or none: then the door is shut. `watchers` are called after every change."""

    manner: Manner | None = None
    watchers: list[Callable[[], None]] = field(default_factory=list)

    def change(self, manner: Manner | None) -> None:
        """Behaves so from now on."""
        if manner is not self.manner:
            self.manner = manner
            for watcher in self.watchers:
                watcher()
