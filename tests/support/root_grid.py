"""Two storages of the testbed that have a root door beside their https door, with the same files behind both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.grid import running_grid
from tpcharness.model.endpoint import Link
from tpcharness.testbed.grid import Grid, Site
from tpcharness.testbed.xroot.door import RootDoor
from tpcharness.testbed.xroot.faults import RootFault

TTL_SECONDS = 1.0


@dataclass(slots=True)
class RootGrid:
    """SITE-A copies to SITE-B."""

    grid: Grid

    @property
    def source(self) -> RootDoor:
        return _door(self.grid.sites[0])

    @property
    def destination(self) -> RootDoor:
        return _door(self.grid.sites[1])

    @property
    def link(self) -> Link:
        a, b = self.grid.sites
        return Link(a.endpoint, b.endpoint)


def _door(site: Site) -> RootDoor:
    assert site.root_door is not None
    return site.root_door


@asynccontextmanager
async def root_grid(
    source: Collection[RootFault] = (), destination: Collection[RootFault] = (), *, ttl_seconds: float = TTL_SECONDS
) -> AsyncIterator[RootGrid]:
    """Both doors open, with these faults."""
    async with running_grid(sites=2, dialects=("xrootd5",), root=True, root_ttl_seconds=ttl_seconds) as grid:
        world = RootGrid(grid)
        world.source.faults.update(source)
        world.destination.faults.update(destination)
        yield world
