"""Our files at storages that nobody needs any more: taken away while the service runs, and once more at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from tpcharness.assembly import Wiring
from tpcharness.daemon.running import Running
from tpcharness.export.quantities import count_text
from tpcharness.model.endpoint import EndpointSubject
from tpcharness.model.progress import Observer
from tpcharness.model.variant import Variant
from tpcharness.payload.ledger import LedgerEntry

log = logging.getLogger(__name__)

SWEEP_SECONDS = 3600.0
LOOK_SECONDS = 20.0


class Sweeper:
    """Tries what is left at an endpoint at once, then every hour, and sooner when its door was well since.

    What could not be removed is mostly at a storage that was down: when it is back, nobody should have to wait.
    """

    def __init__(self, running: Running, wiring: Wiring, observer: Observer) -> None:
        self._running = running
        self._wiring = wiring
        self._observer = observer
        self._tried_at: dict[str, float] = {}

    async def run(self) -> None:
        """Goes on until it is cancelled, which leaves everything in the ledger that is not known to be gone."""
        while True:
            now = self._running.clock.now().timestamp()
            left = self._running.forgotten()
            if entries := [entry for entry in left if self._due(entry.endpoint, now)]:
                self._tried_at |= {entry.endpoint: now for entry in entries}
                await self._clean(entries)
            await asyncio.sleep(LOOK_SECONDS)

    async def last(self) -> None:
        """One more try, at the storages that are well: the service ends, so nothing but seeds is in use any more."""
        seed = self._wiring.names.is_seed_of_run
        left = [entry for entry in self._running.ledger.entries if not seed(entry.url)]
        if entries := [entry for entry in left if self._well_since(entry.endpoint, 0.0)]:
            await self._clean(entries)

    def _due(self, endpoint: str, now: float) -> bool:
        tried_at = self._tried_at.get(endpoint)
        if tried_at is None or not 0.0 <= now - tried_at < SWEEP_SECONDS:  # also when the clock was set back
            return True
        return self._well_since(endpoint, tried_at)

    def _well_since(self, endpoint: str, moment: float) -> bool:
        door = self._running.latest.glance(EndpointSubject(endpoint), Variant.DOOR)
        return door is not None and door.results[0].ok and max(door.starts) > moment

    async def _clean(self, entries: Collection[LedgerEntry]) -> None:
        cleaning = await self._wiring.clean(self._observer, entries=entries)
        for kept in cleaning.kept:
            log.info("kept %s: %s", kept.entry.url, kept.why)
        removed, gone, stay = len(cleaning.removed), len(cleaning.gone), len(cleaning.kept)
        files = count_text(len(entries), "file")
        log.info("clean-up of %s: %d removed, %d gone, %d kept", files, removed, gone, stay)
