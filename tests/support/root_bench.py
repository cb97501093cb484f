"""The probe of xroot copies between two endpoints, with all that it leans on: seeds over https, ledger, tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.support.clocks import WallClock
from tests.support.house import LIMITS, LOOKS_SECONDS, QuickStore
from tests.support.real_world import Forge, ForgedTokens
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.progress import Event, MarkerSeen
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.net.client import HttpClient
from tpcharness.net.xroot import XrootClient
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.cache_read import CacheReadProbe
from tpcharness.probes.control import Control
from tpcharness.probes.root_copy import RootCopyProbe
from tpcharness.probes.root_direct import RootDownloadProbe, RootUploadProbe
from tpcharness.probes.root_door import RootDoorProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.issuer import Issuer
from tpcharness.tokens.roles import Role

LOOK_SECONDS = 0.05


@dataclass(slots=True)
class RootBench:
    """One probe, ready to copy. `forges` make tokens other than honest ones, by role."""

    probe: RootCopyProbe
    door: RootDoorProbe
    uploading: RootUploadProbe
    downloading: RootDownloadProbe
    caching: CacheReadProbe
    payload: PayloadStore
    names: PayloadNames
    ledger: Ledger
    client: XrootClient
    forges: dict[Role, Forge]
    events: list[Event] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def notice(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def bytes_told(self) -> None:
        """Returns when a probe has told of bytes on their way."""
        while not any(isinstance(event, MarkerSeen) and event.bytes_claimed for event in self.events):
            self._news.clear()
            await self._news.wait()

    async def copy(self, link: Link, size: int = 1024) -> Result:
        """One attempt."""
        return await self.probe.run(link, self._context(size))

    async def check(self, endpoint: Endpoint, size: int = 1024) -> Result:
        """One look at a root door."""
        return await self.door.run(endpoint, self._context(size))

    async def upload(self, endpoint: Endpoint, size: int = 1024) -> Result:
        """One direct upload."""
        return await self.uploading.run(endpoint, self._context(size))

    async def download(self, endpoint: Endpoint, size: int = 1024) -> Result:
        """One direct download."""
        return await self.downloading.run(endpoint, self._context(size))

    async def through_cache(self, endpoint: Endpoint, size: int = 1024) -> Result:
        """One cold and one warm read through the endpoint's cache."""
        return await self.caching.run(endpoint, self._context(size))

    def _context(self, size: int) -> ProbeContext:
        return ProbeContext("run", f"p{next(self._numbers)}", 1, size, 0.0, WallClock(), self)

    async def left(self) -> list[str]:
        """What still stands in the ledger once the seeds are removed."""
        await self.payload.remove_seeds()
        return [entry.url for entry in self.ledger.entries]


@asynccontextmanager
async def root_bench(
    directory: Path,
    issuer: Issuer,
    ca_file: Path,
    *,
    limits: TimeLimits = LIMITS,
    forges: Mapping[Role, Forge] | None = None,
    pid: int | None = None,
) -> AsyncIterator[RootBench]:
    """A bench whose https client trusts `ca_file` and whose tokens come from the issuer."""
    made = dict(forges or {})
    async with (
        HttpClient(user_agent="tests/1", limits=limits, ca_path=str(ca_file)) as https,
        XrootClient(program="tests", limits=limits, trust=https.trust, pid=pid) as client,
        Ledger(directory / "ledger.jsonl") as ledger,
    ):
        tokens, names = ForgedTokens(issuer, made), PayloadNames("bench", "run")
        errands = Errands(https, tokens)
        payload = QuickStore(https, tokens, ledger, names, WallClock(), limits, looks_seconds=LOOKS_SECONDS)
        verifier = Verifier(errands, LOOKS_SECONDS)
        control = Control(errands, payload, verifier)
        servers = ServerBook()
        probe = RootCopyProbe(client, tokens, payload, names, control, servers, limits, look_seconds=LOOK_SECONDS)
        door = RootDoorProbe(client, tokens, payload, names, servers)
        uploading = RootUploadProbe(client, tokens, payload, names, servers)
        downloading = RootDownloadProbe(client, tokens, payload, servers)
        caching = CacheReadProbe(client, errands, tokens, payload, names, verifier, servers)
        yield RootBench(probe, door, uploading, downloading, caching, payload, names, ledger, client, made)
