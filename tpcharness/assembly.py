"""The one wiring of the house: a configuration becomes a runner, or a service, with everything under it.

The state (lock and ledger) lives as long as the process. A wiring (client, tokens, payload, probes) belongs to one
configuration: a one-shot run has one, a service a new one with each reload.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tpcharness import __version__
from tpcharness.config.configuration import Config
from tpcharness.engine.limits import Limits
from tpcharness.engine.runner import Runner
from tpcharness.engine.schedule import Schedule
from tpcharness.engine.service import Service
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Observer
from tpcharness.model.seams import Clock, Probe, Sink, TokenSource
from tpcharness.model.settings import HarnessSettings
from tpcharness.model.variant import GFAL_VARIANTS, Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.legacy import LegacyClient
from tpcharness.net.xroot import XrootClient
from tpcharness.payload.cleaning import Cleaning, clean, leftovers
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.lock import StateLock
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.payload.tape_requests import TapeRequests
from tpcharness.probes.cache_read import CacheReadProbe
from tpcharness.probes.control import Control
from tpcharness.probes.door import DoorProbe
from tpcharness.probes.gfal_copy import GfalCopyProbe, GfalSettings
from tpcharness.probes.https_copy import HttpsCopyProbe
from tpcharness.probes.https_transfer import HttpsTransfer
from tpcharness.probes.legacy_door import GsiftpDoorProbe, SrmDoorProbe
from tpcharness.probes.root_ability import RootAbility
from tpcharness.probes.root_copy import RootCopyProbe
from tpcharness.probes.root_direct import RootDownloadProbe, RootUploadProbe
from tpcharness.probes.root_door import RootDoorProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.tape_archive import TapeArchiveProbe
from tpcharness.probes.tape_info import TapeInfoProbe
from tpcharness.probes.tape_recall import TapeRecallProbe
from tpcharness.probes.tape_stage import TapeStageProbe
from tpcharness.probes.tape_staging import Stager
from tpcharness.probes.verification import Verifier
from tpcharness.probes.webdav_transfer import WebdavDownloadProbe, WebdavUploadProbe
from tpcharness.tokens.desk import TokenDesk, TokenRecord
from tpcharness.tokens.sources import make_token_source
from tpcharness.wire.copy_request import Mode
from tpcharness.workers.pool import WorkerPool

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


@asynccontextmanager
async def open_state(harness: HarnessSettings) -> AsyncIterator[Ledger]:
    """Locks the state directory and opens the ledger in it: what lives as long as the process.

    Raises StateBusy when another harness works there, and StateUnusable when the disk does not take our notes: in
    either case nothing has been sent.
    """
    state_dir = Path(harness.state_dir)
    with StateLock(state_dir):
        async with Ledger(state_dir / LEDGER_NAME) as ledger:
            yield ledger


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything between the ledger and the probes, for one configuration: open as long as `wire` is."""

    config: Config
    client: HttpClient
    names: PayloadNames
    ledger: Ledger
    payload: PayloadStore
    tape: TapeRequests
    tape_errands: TapeErrands
    probes: Mapping[Variant, Probe]

    async def clean(self, observer: Observer, *, entries: Iterable[LedgerEntry] | None = None) -> Cleaning:
        """Removes what former runs left at the configured endpoints, or these `entries`, and only that."""
        return await clean(
            self.payload, self.ledger, self.names, self.config.endpoints, observer, entries=entries, tape=self.tape
        )


@asynccontextmanager
async def wire(
    config: Config,
    ledger: Ledger,
    clock: Clock,
    *,
    run_id: str,
    generation: int = 0,
    token_record: TokenRecord | None = None,
) -> AsyncIterator[Wiring]:
    """Opens the HTTP client and wires the rest. `generation` tells the seeds of several wirings of a run apart."""
    names = PayloadNames(config.harness.name, run_id, generation=generation)
    async with (
        HttpClient(
            user_agent=user_agent(config.harness), limits=config.timeouts, ca_path=config.harness.ca_path
        ) as client,
        XrootClient(program="tpcharness", limits=config.timeouts, trust=client.trust) as xroot,
        WorkerPool(config.harness.gfal_python) as workers,
        LegacyClient(user_agent=user_agent(config.harness), limits=config.timeouts) as legacy,
    ):
        sources = {name: make_token_source(settings, client, clock) for name, settings in config.tokens.items()}
        tokens = TokenDesk(sources, token_record)
        payload = PayloadStore(client, tokens, ledger, names, clock, config.timeouts)
        tape_errands = TapeErrands(client, tokens)
        tape = TapeRequests(tape_errands, ledger, names, clock, config.timeouts)
        probes = make_probes(config, client, xroot, workers, legacy, tokens, payload, names, tape, tape_errands)
        yield Wiring(config, client, names, ledger, payload, tape, tape_errands, probes)


@dataclass(frozen=True, slots=True)
class Harness:
    """A house wired for one run: open as long as `assemble` is."""

    wiring: Wiring
    runner: Runner
    observer: Observer

    @property
    def ledger(self) -> Ledger:
        return self.wiring.ledger

    @property
    def leftovers(self) -> int:
        """How many files former runs have left in the ledger."""
        return len(leftovers(self.ledger, self.wiring.names))

    async def clean(self) -> Cleaning:
        """Removes what former runs left at the configured endpoints, and only that."""
        return await self.wiring.clean(self.observer)

    async def remove_seeds(self) -> list[tuple[PayloadFile, Failure]]:
        """Removes the seeds of this run; gives back those that stay in the ledger."""
        return await self.wiring.payload.remove_seeds(self.observer)


@asynccontextmanager
async def assemble(
    config: Config, *, run_id: str, sink: Sink, observer: Observer, clock: Clock
) -> AsyncIterator[Harness]:
    """A runner with everything under it, from the lock of the state directory on; raises what `open_state` raises."""
    async with open_state(config.harness) as ledger, wire(config, ledger, clock, run_id=run_id) as wiring:
        limits = Limits(config.limits)
        runner = Runner(wiring.probes, limits, sink, observer, clock, probe_ids(), run_id)
        yield Harness(wiring, runner, observer)


def make_service(
    wiring: Wiring,
    schedule: Schedule,
    sink: Sink,
    observer: Observer,
    clock: Clock,
    *,
    run_id: str,
    lag: Callable[[float], None],
) -> Service:
    """The service of a process: takes other wirings on later, by `Service.adopt`."""
    limits = limits_of(wiring.config)
    return Service(schedule, wiring.probes, limits, sink, observer, clock, probe_ids(), run_id, lag=lag)


def limits_of(config: Config) -> Limits:
    """Fresh places for a configuration, its endpoints known."""
    limits = Limits(config.limits)
    limits.know(config.endpoints.values())
    return limits


def probe_ids() -> Callable[[], str]:
    """A maker of names that are unique in a run."""
    numbers = count(1)
    return lambda: f"{next(numbers):05d}"


def make_probes(
    config: Config,
    client: HttpClient,
    xroot: XrootClient,
    workers: WorkerPool,
    legacy: LegacyClient,
    tokens: TokenSource,
    payload: PayloadStore,
    names: PayloadNames,
    tape: TapeRequests,
    tape_errands: TapeErrands,
) -> dict[Variant, Probe]:
    """Every way to probe that there is. A new one is a file in `probes` and a line here."""
    servers = ServerBook()
    errands = Errands(client, tokens)
    verifier = Verifier(errands)
    control = Control(errands, payload, verifier)
    gfal = GfalSettings(config.timeouts, user_agent(config.harness), config.harness.ca_path)
    ability = RootAbility(xroot, tokens)
    pull = HttpsTransfer(Mode.PULL, client, tokens, payload, verifier, servers, config.timeouts)
    stager = Stager(tape_errands, tape)
    probes: list[Probe] = [
        DoorProbe(client, errands, payload, names, verifier, servers),
        *(HttpsCopyProbe(mode, client, tokens, payload, names, verifier, servers, config.timeouts) for mode in Mode),
        RootDoorProbe(xroot, tokens, payload, names, servers),
        RootCopyProbe(xroot, tokens, payload, names, control, servers, config.timeouts),
        RootUploadProbe(xroot, tokens, payload, names, servers),
        RootDownloadProbe(xroot, tokens, payload, servers),
        CacheReadProbe(xroot, errands, tokens, payload, names, verifier, servers),
        WebdavUploadProbe(client, tokens, payload, names, verifier, servers, config.timeouts),
        WebdavDownloadProbe(client, tokens, payload, names, verifier, servers, config.timeouts),
        *(
            GfalCopyProbe(variant, workers, tokens, payload, names, control, verifier, servers, ability, gfal)
            for variant in GFAL_VARIANTS
        ),
        GsiftpDoorProbe(legacy),
        SrmDoorProbe(legacy),
        TapeInfoProbe(tape_errands),
        TapeStageProbe(stager),
        TapeRecallProbe(pull, stager, errands, payload, names, servers, use_seconds=tape.copying_seconds),
        TapeArchiveProbe(pull, tape_errands, payload, names, servers, config.timeouts),
    ]
    return {probe.variant: probe for probe in probes}
