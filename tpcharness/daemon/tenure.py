"""A configuration at work: its wiring, what works with it beside the probes, and how it is given up."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tpcharness.assembly import Wiring, wire
from tpcharness.config.configuration import Config
from tpcharness.daemon.reload import check_trust
from tpcharness.model.progress import Observer
from tpcharness.model.seams import Clock
from tpcharness.payload.ledger import Ledger
from tpcharness.tokens.desk import TokenRecord

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tenure:
    """A wiring while it is in use. `attendants` are the tasks that work with it beside the probes."""

    wiring: Wiring
    closing: AsyncExitStack
    attendants: list[asyncio.Task[None]] = field(default_factory=list)

    async def dismiss(self) -> None:
        """Ends the attendants: what they were about to do is left as it is."""
        for task in self.attendants:
            task.cancel()
        if self.attendants:
            await asyncio.wait(self.attendants)

    async def remove_seeds(self, observer: Observer) -> None:
        """Takes away what its probes copied from; no probe of it may be under way."""
        for file, failure in await self.wiring.payload.remove_seeds(observer):
            log.info("kept %s: %s", file.url, failure.detail or failure.reason)


async def open_tenure(
    config: Config, ledger: Ledger, clock: Clock, *, run_id: str, generation: int, token_record: TokenRecord
) -> Tenure:
    """Everything that belongs to a configuration; raises TrustUnusable, with nothing left open, for a bad CA file."""
    async with AsyncExitStack() as stack:
        wiring = await stack.enter_async_context(
            wire(config, ledger, clock, run_id=run_id, generation=generation, token_record=token_record)
        )
        await check_trust(wiring)
        return Tenure(wiring, stack.pop_all())
