"""A harness over a testbed in the test's own loop: one probe runs, one Result comes out.

Wired as `assembly` does it, but for three things that tests want in their hands: the rights of the tokens, the
addresses of hosts, and pauses that are as short as everything else here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from tests.support.clocks import WallClock
from tests.support.grid import running_grid
from tests.support.payload_bench import WithholdingTokens
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Event
from tpcharness.model.result import Result
from tpcharness.model.seams import Clock, Probe, ProbeContext
from tpcharness.model.settings import TimeLimits, TokenKind, TokenSettings
from tpcharness.model.variant import Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.resolver import Lookup, Resolver, system_lookup
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.door import DoorProbe
from tpcharness.probes.https_copy import HttpsCopyProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.grid import Grid
from tpcharness.tokens.sources import make_token_source
from tpcharness.wire.copy_request import Mode

KIB = 1024
LIMITS = TimeLimits(
    connect_seconds=10.0,
    tls_seconds=10.0,
    request_seconds=10.0,
    response_seconds=10.0,
    first_marker_seconds=10.0,
    first_byte_seconds=10.0,
    no_progress_seconds=10.0,
    marker_silence_seconds=10.0,
    transfer_seconds=20.0,
    settle_seconds=0.05,
    cleanup_seconds=10.0,
)
LOOKS_SECONDS = (0.0, 0.05, 0.1)
WATCH_SECONDS = 0.15
VARIANTS = {Mode.PULL: Variant.HTTPS_PULL, Mode.PUSH: Variant.HTTPS_PUSH}


class QuickStore(PayloadStore):
    """Watches a late writer for a moment, not for one marker period of real storages."""

    async def watch_and_remove(
        self, file: PayloadFile, trail: Trail, *, watch_seconds: float = WATCH_SECONDS, may_come_late: bool = False
    ) -> Failure | None:
        return await super().watch_and_remove(file, trail, watch_seconds=watch_seconds, may_come_late=may_come_late)


@dataclass(slots=True)
class House:
    """Everything between a grid and a result. `tokens.withheld` takes rights away from roles."""

    grid: Grid
    tokens: WithholdingTokens
    ledger: Ledger
    payload: PayloadStore
    verifier: Verifier
    probes: dict[Variant, Probe]
    clock: Clock
    events: list[Event] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def notice(self, event: Event) -> None:
        self.events.append(event)

    def endpoint(self, name: str) -> Endpoint:
        return self.grid.site(name).endpoint

    def link(self, source: str = "SITE-A", destination: str = "SITE-B") -> Link:
        return Link(self.endpoint(source), self.endpoint(destination))

    def trail(self) -> Trail:
        return Trail("test", self)

    async def copy(self, mode: Mode, link: Link | None = None, *, size: int = KIB) -> Result:
        """One attempt to copy, from SITE-A to SITE-B unless told otherwise."""
        return await self.probes[VARIANTS[mode]].run(link or self.link(), self._context(size))

    async def door(self, endpoint: Endpoint | None = None, *, size: int = KIB) -> Result:
        """One look at a door, SITE-A's unless told otherwise."""
        return await self.probes[Variant.DOOR].run(endpoint or self.endpoint("SITE-A"), self._context(size))

    async def prepare(self, *links: Link, size: int = KIB) -> None:
        """Seeds and directories, while all is still well."""
        for link in links:
            assert not isinstance(await self.payload.seed(link.source, size, self.trail()), Failure)
            assert await self.payload.ensure_directory(link.destination, self.trail()) is None

    async def left(self) -> tuple[list[str], list[str]]:
        """Once the seeds are removed: the files at the storages, and the paths in the ledger."""
        await self.payload.remove_seeds()
        return [path for paths in self.grid.leftovers().values() for path in paths], [
            entry.url for entry in self.ledger.entries
        ]

    def _context(self, size: int) -> ProbeContext:
        return ProbeContext("run", f"p{next(self._numbers)}", 1, size, 0.0, self.clock, self)


@asynccontextmanager
async def open_house(
    directory: Path,
    *dialects: str,
    limits: TimeLimits = LIMITS,
    lookup: Lookup = system_lookup,
    clock: Clock | None = None,
    faults: tuple[str, ...] = (),
    marker_period_seconds: float = 0.05,
) -> AsyncIterator[House]:
    """A house over a grid with one site for each of the dialects, SITE-A first."""
    clock = clock or WallClock()
    async with (
        running_grid(
            sites=len(dialects), dialects=dialects, faults=faults, marker_period_seconds=marker_period_seconds
        ) as grid,
        HttpClient(
            user_agent="test/1", limits=limits, ca_path=str(grid.authority.ca_file), resolver=Resolver(lookup)
        ) as client,
        Ledger(directory / "ledger.jsonl") as ledger,
    ):
        settings = TokenSettings(
            "testbed",
            TokenKind.CLIENT_CREDENTIALS,
            issuer=grid.issuer.url,
            client_id=grid.issuer.client_id,
            client_secret_file=str(grid.secret_file),
        )
        tokens = WithholdingTokens(make_token_source(settings, client, WallClock()))
        names = PayloadNames("house", "run")
        payload = QuickStore(client, tokens, ledger, names, clock, limits, looks_seconds=LOOKS_SECONDS)
        servers, errands = ServerBook(), Errands(client, tokens)
        verifier = Verifier(errands, LOOKS_SECONDS)
        probes: dict[Variant, Probe] = {Variant.DOOR: DoorProbe(client, errands, payload, names, verifier, servers)}
        for mode, variant in VARIANTS.items():
            probes[variant] = HttpsCopyProbe(mode, client, tokens, payload, names, verifier, servers, limits)
        yield House(grid, tokens, ledger, payload, verifier, probes, clock)


def shortened(**seconds: float) -> TimeLimits:
    """The usual limits but for some."""
    return replace(LIMITS, **seconds)
