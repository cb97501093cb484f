"""Two storages of the testbed with tape services, and the probes that copy from tape and to tape."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.support.clocks import WallClock
from tests.support.grid import running_grid
from tests.support.house import LOOKS_SECONDS, QuickStore
from tests.support.payload_bench import WithholdingTokens
from tests.support.tape_bench import POLLING, QUICK, RECALL_SECONDS
from tpcharness.model.endpoint import Link
from tpcharness.model.progress import Event
from tpcharness.model.result import Result
from tpcharness.model.seams import Probe, ProbeContext
from tpcharness.model.settings import TimeLimits, TokenKind, TokenSettings
from tpcharness.model.variant import Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.payload.tape_requests import TapeRequests
from tpcharness.probes.https_transfer import HttpsTransfer
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.tape_archive import TapeArchiveProbe
from tpcharness.probes.tape_info import TapeInfoProbe
from tpcharness.probes.tape_recall import TapeRecallProbe
from tpcharness.probes.tape_stage import TapeStageProbe
from tpcharness.probes.tape_staging import Stager
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.grid import Grid, Site
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.library import Library
from tpcharness.testbed.tape.service import TapeService
from tpcharness.tokens.sources import make_token_source
from tpcharness.wire.copy_request import Mode

PARTNER = "xrootd6"
MIGRATE_SECONDS = 0.1
SIZE = 1024


@dataclass(slots=True)
class TapeLinks:
    """SITE-A has the tape that is looked at, SITE-B is the other end of every copy."""

    grid: Grid
    tokens: WithholdingTokens
    ledger: Ledger
    names: PayloadNames
    payload: PayloadStore
    requests: TapeRequests
    probes: dict[Variant, Probe]
    events: list[Event] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def notice(self, event: Event) -> None:
        self.events.append(event)

    def trail(self) -> Trail:
        return Trail("test", self)

    @property
    def site(self) -> Site:
        return self.grid.sites[0]

    @property
    def service(self) -> TapeService:
        assert self.site.tape is not None
        return self.site.tape

    @property
    def library(self) -> Library:
        return self.service.library

    @property
    def faults(self) -> set[TapeFault]:
        return self.service.faults

    @property
    def from_tape(self) -> Link:
        return Link(self.site.endpoint, self.grid.sites[1].endpoint)

    @property
    def to_tape(self) -> Link:
        return Link(self.grid.sites[1].endpoint, self.site.endpoint)

    async def recall(self, link: Link | None = None) -> Result:
        return await self.probes[Variant.TAPE_RECALL].run(link or self.from_tape, self._context(0))

    async def archive(self, link: Link | None = None) -> Result:
        return await self.probes[Variant.TAPE_ARCHIVE].run(link or self.to_tape, self._context(SIZE))

    async def alone(self, variant: Variant) -> Result:
        return await self.probes[variant].run(self.site.endpoint, self._context(0))

    async def left(self) -> tuple[list[str], list[str]]:
        """Once the seeds are removed: the files at the storages, and what stands in the ledger."""
        await self.payload.remove_seeds()
        files = [path for paths in self.grid.leftovers().values() for path in paths]
        return files, [entry.url for entry in self.ledger.entries]

    def _context(self, size: int) -> ProbeContext:
        return ProbeContext(self.names.run_id, f"p{next(self._numbers)}", 1, size, 0.0, WallClock(), self)


@asynccontextmanager
async def tape_grid(dialect: str, faults: Collection[TapeFault] = ()) -> AsyncIterator[Grid]:
    """A storage of the dialect with these faults of its tape service, and its partner."""
    async with running_grid(
        sites=2,
        dialects=(dialect, PARTNER),
        tape=True,
        recall_seconds=RECALL_SECONDS,
        migrate_seconds=MIGRATE_SECONDS,
        stall_seconds=0.3,
    ) as grid:
        assert grid.sites[0].tape is not None
        grid.sites[0].tape.faults.update(faults)
        yield grid


@asynccontextmanager
async def run_on(
    grid: Grid, directory: Path, *, limits: TimeLimits = QUICK, run_id: str = "run"
) -> AsyncIterator[TapeLinks]:
    """One run of the harness, whose ledger lies in `directory`."""
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
        names, servers = PayloadNames("links", run_id), ServerBook()
        payload = QuickStore(client, tokens, ledger, names, WallClock(), limits, looks_seconds=LOOKS_SECONDS)
        errands, tape = Errands(client, tokens), TapeErrands(client, tokens)
        requests = TapeRequests(tape, ledger, names, WallClock(), limits, polling=POLLING)
        stager = Stager(tape, requests)
        pull = HttpsTransfer(Mode.PULL, client, tokens, payload, Verifier(errands, LOOKS_SECONDS), servers, limits)
        probes: list[Probe] = [
            TapeInfoProbe(tape),
            TapeStageProbe(stager),
            TapeRecallProbe(pull, stager, errands, payload, names, servers, use_seconds=requests.copying_seconds),
            TapeArchiveProbe(pull, tape, payload, names, servers, limits, polling=POLLING),
        ]
        yield TapeLinks(grid, tokens, ledger, names, payload, requests, {probe.variant: probe for probe in probes})


@asynccontextmanager
async def tape_links(
    dialect: str, directory: Path, faults: Collection[TapeFault] = (), *, limits: TimeLimits = QUICK
) -> AsyncIterator[TapeLinks]:
    """A grid and one run on it."""
    async with tape_grid(dialect, faults) as grid, run_on(grid, directory, limits=limits) as links:
        yield links
