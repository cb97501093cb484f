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
    source: Collection[RootFault] = (),
    destination: Collection[RootFault] = (),
    *,
    ttl_seconds: float = TTL_SECONDS,
    dialects: tuple[str, ...] = ("xrootd5",),
) -> AsyncIterator[RootGrid]:
    """Both doors open, with these faults."""
    async with running_grid(sites=2, dialects=dialects, root=True, root_ttl_seconds=ttl_seconds) as grid:
        world = RootGrid(grid)
        world.source.faults.update(source)
        world.destination.faults.update(destination)
        yield world


@asynccontextmanager
async def fake_cache(
    world: RootGrid, faults: Collection[RootFault] = (), *, cold_seconds: float = 0.0
) -> AsyncIterator[Endpoint]:
    """SITE-A with a cache: one more door to its files, whose first read of each takes longer, and which has faults.

    It is called by its address, so that it stands on another host than the endpoint.
    """
    origin = world.source
    door = RootDoor(origin.files, origin.verifier, origin.server_ssl, origin.client_ssl, cold_seconds=cold_seconds)
    await door.start(faults=faults)
    try:
        prefix = world.link.source.root.partition("//")[2].partition("//")[2]
        yield replace(world.link.source, cache=f"roots://127.0.0.1:{door.port}//{prefix}")
    finally:
        await door.stop()
