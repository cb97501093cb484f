"""The audit of one legacy door in the test's own loop, and doors of every manner to be audited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.clocks import WallClock
from tests.support.house import shortened
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import Nobody
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Variant
from tpcharness.net.legacy import LegacyClient
from tpcharness.net.resolver import Lookup, system_lookup
from tpcharness.probes.legacy_door import GsiftpDoorProbe, SrmDoorProbe
from tpcharness.testbed.legacy.conduct import Conduct
from tpcharness.testbed.legacy.door import LegacyDoor
from tpcharness.testbed.legacy.manners import MANNERS, Kind, Manner
from tpcharness.testbed.pki import Authority

LIMITS = shortened(connect_seconds=1.0, request_seconds=1.0, tls_seconds=1.0)
VARIANTS = {Kind.GSIFTP: Variant.GSIFTP_DOOR, Kind.SRM: Variant.SRM_DOOR}
BY_NAME = {str(manner): manner for manner in MANNERS}


async def audit(
    endpoint: Endpoint, kind: Kind, *, limits: TimeLimits = LIMITS, lookup: Lookup = system_lookup
) -> Result:
    """One audit of that door of an endpoint."""
    context = ProbeContext("run", "p1", 1, 1024, 0.0, WallClock(), Nobody())
    async with LegacyClient(user_agent="tests/1", limits=limits, lookup=lookup) as client:
        probe = GsiftpDoorProbe(client) if kind is Kind.GSIFTP else SrmDoorProbe(client)
        return await probe.run(endpoint, context)


@asynccontextmanager
async def legacy_door(directory: Path, manner: Manner) -> AsyncIterator[LegacyDoor]:
    """An open door of that manner, with an authority that nobody knows."""
    async with LegacyDoor(manner.kind, Authority(directory / "pki"), Conduct(manner)) as opened:
        yield opened
