"""A storage of the testbed with a tape service, and everything of the harness that deals with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from tests.support.clocks import WallClock
from tests.support.grid import running_grid
from tests.support.house import LIMITS
from tests.support.payload_bench import WithholdingTokens
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import Event
from tpcharness.model.result import Result
from tpcharness.model.seams import Clock, Probe, ProbeContext
from tpcharness.model.settings import TimeLimits, TokenKind, TokenSettings
from tpcharness.net.client import HttpClient
from tpcharness.net.trail import Trail
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.payload.tape_polling import Polling
from tpcharness.payload.tape_requests import TapeRequests
from tpcharness.probes.tape_info import TapeInfoProbe
from tpcharness.probes.tape_stage import TapeStageProbe
from tpcharness.probes.tape_staging import Stager
from tpcharness.testbed.grid import Grid, Site
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.library import Library
from tpcharness.testbed.tape.manner import manner_of
from tpcharness.testbed.tape.service import WELL_KNOWN, TapeService
from tpcharness.tokens.sources import make_token_source

RECALL_SECONDS = 0.2
QUICK = replace(LIMITS, stage_seconds=1.5)
POLLING = Polling(first_seconds=0.05, most_seconds=0.1)
DIALECTS = ("dcache", "eos", "storm")


@dataclass(slots=True)
class TapeWorld:
    """One site; `registered` is on tape only, `other` is on tape and not registered."""

    grid: Grid
    service: TapeService

    @property
    def site(self) -> Site:
        return self.grid.sites[0]

    @property
    def registered(self) -> str:
        return f"{self.site.prefix}/tape-probe/a"

    @property
    def other(self) -> str:
        return f"{self.site.prefix}/data/precious"

    @property
    def endpoint(self) -> Endpoint:
        return replace(self.site.endpoint, tape_files=(self.registered,))

    @property
    def asked(self) -> list[str]:
        """What the service has been asked, request ids left out."""
        return [" ".join(line.split("/")[::2]) for line in self.service.requests_seen]


@asynccontextmanager
async def tape_world(dialect: str, faults: Collection[TapeFault] = ()) -> AsyncIterator[TapeWorld]:
    """A storage that speaks the dialect, its tape service up, with these faults."""
    async with running_grid(sites=1, dialects=(dialect,)) as grid:
        site = grid.sites[0]
        library = Library(site.storage.files, RECALL_SECONDS)
        shown = grid.authority.server_context(grid.authority.issue("tape"))
        service = TapeService(f"{site.name.lower()}-tape", library, site.verifier, shown, manner_of(dialect))
        world = TapeWorld(grid, service)
        library.add(world.registered, b"from tape" * 100)
        library.add(world.other, b"do not touch")
        site.storage.pages[WELL_KNOWN] = service.document
        try:
            await service.start("localhost", faults=faults)
            yield world
        finally:
            await service.stop()


@dataclass(slots=True)
class TapeBench:
    """One run of the harness."""

    tokens: WithholdingTokens
    ledger: Ledger
    errands: TapeErrands
    requests: TapeRequests
    info_probe: TapeInfoProbe
    stage_probe: TapeStageProbe
    events: list[Event] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def notice(self, event: Event) -> None:
        self.events.append(event)

    def trail(self) -> Trail:
        return Trail("test", self)

    async def info(self, endpoint: Endpoint) -> Result:
        return await self._run(self.info_probe, endpoint)

    async def stage(self, endpoint: Endpoint) -> Result:
        return await self._run(self.stage_probe, endpoint)

    async def _run(self, probe: Probe, endpoint: Endpoint) -> Result:
        context = ProbeContext("run", f"p{next(self._numbers)}", 1, 0, 0.0, WallClock(), self)
        return await probe.run(endpoint, context)


@asynccontextmanager
async def tape_bench(
    world: TapeWorld, directory: Path, *, limits: TimeLimits = QUICK, run_id: str = "run", clock: Clock | None = None
) -> AsyncIterator[TapeBench]:
    """A run whose ledger lies in `directory`."""
    grid = world.grid
    settings = TokenSettings(
        "testbed",
        TokenKind.CLIENT_CREDENTIALS,
        issuer=grid.issuer.url,
        client_id=grid.issuer.client_id,
        client_secret_file=str(grid.secret_file),
    )
    async with (
        HttpClient(user_agent="test", limits=limits, ca_path=str(grid.authority.ca_file)) as client,
        Ledger(directory / "ledger.jsonl") as ledger,
    ):
        tokens = WithholdingTokens(make_token_source(settings, client, WallClock()))
        names = PayloadNames("bench", run_id)
        errands = TapeErrands(client, tokens)
        requests = TapeRequests(errands, ledger, names, clock or WallClock(), limits, polling=POLLING)
        yield TapeBench(
            tokens, ledger, errands, requests, TapeInfoProbe(errands), TapeStageProbe(Stager(errands, requests))
        )
