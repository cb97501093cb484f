"""The one wiring of the house: a configuration becomes a runner with everything under it.

Commands and, later, the daemon differ in what they do with it, not in how it is put together.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tpcharness import __version__
from tpcharness.config.configuration import Config
from tpcharness.engine.limits import Limits
from tpcharness.engine.runner import Runner
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Observer
from tpcharness.model.seams import Clock, Probe, Sink, TokenSource
from tpcharness.model.settings import HarnessSettings
from tpcharness.model.variant import Variant
from tpcharness.net.client import HttpClient
from tpcharness.payload.cleaning import Cleaning, clean, leftovers
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.lock import StateLock
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.door import DoorProbe
from tpcharness.probes.https_copy import HttpsCopyProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.tokens.desk import TokenDesk
from tpcharness.tokens.sources import make_token_source
from tpcharness.wire.copy_request import Mode

LEDGER_NAME = "ledger.jsonl"


class SystemClock:
    """The wall clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def new_run_id(clock: Clock) -> str:
    """A name for a run that sorts by time and that nobody else has."""
    return f"{clock.now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def user_agent(harness: HarnessSettings) -> str:
    """Who we are, for the logs of the storages."""
    contact = f" (+{harness.contact})" if harness.contact else ""
    return f"tpcharness/{__version__}{contact}"


@dataclass(frozen=True, slots=True)
class Harness:
    """A wired house: open as long as `assemble` is."""

    config: Config
    run_id: str
    clock: Clock
    names: PayloadNames
    ledger: Ledger
    payload: PayloadStore
    runner: Runner
    observer: Observer

    @property
    def leftovers(self) -> int:
        """How many files former runs have left in the ledger."""
        return len(leftovers(self.ledger, self.names))

    async def clean(self) -> Cleaning:
        """Removes what former runs left at the configured endpoints, and only that."""
        return await clean(self.payload, self.ledger, self.names, self.config.endpoints, self.observer)

    async def remove_seeds(self) -> list[tuple[PayloadFile, Failure]]:
        """Removes the seeds of this run; gives back those that stay in the ledger."""
        return await self.payload.remove_seeds(self.observer)


@asynccontextmanager
async def assemble(
    config: Config, *, run_id: str, sink: Sink, observer: Observer, clock: Clock
) -> AsyncIterator[Harness]:
    """Locks the state directory, opens ledger and client, and wires the rest.

    Raises StateBusy when another harness works there, and LedgerError when the disk does not take our notes: in
    either case nothing has been sent.
    """
    names = PayloadNames(config.harness.name, run_id)
    state_dir = Path(config.harness.state_dir)
    with StateLock(state_dir):
        async with (
            Ledger(state_dir / LEDGER_NAME) as ledger,
            HttpClient(
                user_agent=user_agent(config.harness), limits=config.timeouts, ca_path=config.harness.ca_path
            ) as client,
        ):
            sources = {name: make_token_source(settings, client, clock) for name, settings in config.tokens.items()}
            tokens = TokenDesk(sources)
            payload = PayloadStore(client, tokens, ledger, names, clock, config.timeouts)
            probes = make_probes(config, client, tokens, payload, names)
            numbers = count(1)
            runner = Runner(
                probes, Limits(config.limits), sink, observer, clock, lambda: f"{next(numbers):05d}", run_id
            )
            yield Harness(config, run_id, clock, names, ledger, payload, runner, observer)


def make_probes(
    config: Config, client: HttpClient, tokens: TokenSource, payload: PayloadStore, names: PayloadNames
) -> dict[Variant, Probe]:
    """Every way to probe that there is. A new one is a file in `probes` and a line here."""
    servers = ServerBook()
    errands = Errands(client, tokens)
    verifier = Verifier(errands)
    probes: list[Probe] = [
        DoorProbe(client, errands, payload, names, verifier, servers),
        *(HttpsCopyProbe(mode, client, tokens, payload, names, verifier, servers, config.timeouts) for mode in Mode),
    ]
    return {probe.variant: probe for probe in probes}
