"""Two storages of the testbed that have a root door beside their https door, with the same files behind both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tests.support.grid import running_grid
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.testbed.grid import Grid, Site
from tpcharness.testbed.xroot.door import RootDoor
from tpcharness.testbed.xroot.faults import RootFault

TTL_SECONDS = 1.0


@dataclass(slots=True)
class RootGrid:
    """SITE-A copies to SITE-B."""

    grid: Grid
    source: RootDoor
    destination: RootDoor

    @property
    def link(self) -> Link:
        a, b = self.grid.sites
        return Link(_endpoint(a, self.source), _endpoint(b, self.destination))


def _endpoint(site: Site, door: RootDoor) -> Endpoint:
    return replace(site.endpoint, root=door.url(site.prefix))


@asynccontextmanager
async def root_grid(
    source: Collection[RootFault] = (), destination: Collection[RootFault] = (), *, ttl_seconds: float = TTL_SECONDS
) -> AsyncIterator[RootGrid]:
    """Both doors open, with these faults."""
    async with running_grid(sites=2, dialects=("xrootd5",)) as grid:
        doors: list[RootDoor] = []
        try:
            for site, faults in zip(grid.sites, (source, destination), strict=True):
                shown = grid.authority.server_context(grid.authority.issue(f"{site.name}-root"))
                trusted = grid.authority.client_context()
                door = RootDoor(site.storage.files, site.verifier, shown, trusted, ttl_seconds)
                doors.append(door)
                await door.start(faults=faults)
            yield RootGrid(grid, *doors)
        finally:
            for door in doors:
                await door.stop()
