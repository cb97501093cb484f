"""The probes of direct transfers over WebDAV, with all that they lean on, against storages of whatever kind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.support.clocks import WallClock
from tests.support.house import LIMITS, LOOKS_SECONDS, QuickStore
from tests.support.real_world import Forge, ForgedTokens
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import Event, PhaseEntered
from tpcharness.model.result import Result
from tpcharness.model.seams import Probe, ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.client import HttpClient
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.door import DoorProbe
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.probes.webdav_transfer import WebdavDownloadProbe, WebdavUploadProbe
from tpcharness.testbed.issuer import Issuer
from tpcharness.tokens.roles import Role

UPLOAD, DOWNLOAD = Variant.WEBDAV_UPLOAD, Variant.WEBDAV_DOWNLOAD


@dataclass(slots=True)
class DirectBench:
    """Both probes, and that of the door.

    `forges` make tokens other than honest ones, by role; `entered` tells when a phase has begun.
    """

    probes: Mapping[Variant, Probe]
    payload: PayloadStore
    ledger: Ledger
    forges: dict[Role, Forge]
    events: list[Event] = field(default_factory=list)
    entered: dict[Phase, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def notice(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, PhaseEntered):
            self.entered[event.phase].set()

    async def upload(self, endpoint: Endpoint, size: int = 1024) -> Result:
        """One attempt to send a file there."""
        return await self.run(UPLOAD, endpoint, size)

    async def download(self, endpoint: Endpoint, size: int = 1024) -> Result:
        """One attempt to read a file from there."""
        return await self.run(DOWNLOAD, endpoint, size)

    async def run(self, variant: Variant, endpoint: Endpoint, size: int = 1024) -> Result:
        """One attempt of either kind."""
        context = ProbeContext("run", f"p{next(self._numbers)}", 1, size, 0.0, WallClock(), self)
        return await self.probes[variant].run(endpoint, context)

    async def left(self) -> list[str]:
        """What still stands in the ledger once the seeds are removed."""
        await self.payload.remove_seeds()
        return [entry.url for entry in self.ledger.entries]


@asynccontextmanager
async def direct_bench(
    directory: Path,
    issuer: Issuer,
    ca_file: Path,
    *,
    limits: TimeLimits = LIMITS,
    forges: Mapping[Role, Forge] | None = None,
    run_id: str = "run",
) -> AsyncIterator[DirectBench]:
    """A bench whose client trusts `ca_file` and whose tokens come from the issuer."""
    made = dict(forges or {})
    async with (
        HttpClient(user_agent="tests/1", limits=limits, ca_path=str(ca_file)) as client,
        Ledger(directory / "ledger.jsonl") as ledger,
    ):
        tokens, names, servers = ForgedTokens(issuer, made), PayloadNames("bench", run_id), ServerBook()
        payload = QuickStore(client, tokens, ledger, names, WallClock(), limits, looks_seconds=LOOKS_SECONDS)
        errands = Errands(client, tokens)
        verifier = Verifier(errands, LOOKS_SECONDS)
        kinds = (WebdavUploadProbe, WebdavDownloadProbe)
        probes: dict[Variant, Probe] = {
            kind.variant: kind(client, tokens, payload, names, verifier, servers, limits) for kind in kinds
        }
        probes[Variant.DOOR] = DoorProbe(client, errands, payload, names, verifier, servers)
        yield DirectBench(probes, payload, ledger, made)
