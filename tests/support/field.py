"""Where outside judges play: two storages of every dialect, two real XRootD servers beside them, and the clients."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.clients import Clients, File
from tests.support.real_xrootd import PREFIX, RealXrootd
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.grid import Grid, GridSpec
from tpcharness.testbed.issuer import Issuer

REAL = "real-xrootd5"
KINDS = (*DIALECTS, REAL)
CONTENT = b"".join(number.to_bytes(4, "big") for number in range(75_001))


@dataclass(frozen=True, slots=True)
class Field:
    """Of every kind of storage the URL of one to copy from, and of another one to copy to."""

    clients: Clients
    issuer: Issuer
    sources: dict[str, str]
    destinations: dict[str, str]

    def at(self, url: str, *, digest_at_once: bool = True) -> File:
        """A file with a token for everything everywhere: gfal2 has but one for both ends of a copy."""
        return File(url, self.issuer.mint("storage.read:/ storage.create:/ storage.modify:/"), digest_at_once)

    def seed(self, kind: str) -> File:
        """What there is to copy from a kind of storage: a file with CONTENT."""
        return self.at(f"{self.sources[kind]}/seed")

    def copy(self, kind: str, name: str) -> File:
        """A place to copy to."""
        queued = kind in DIALECTS and DIALECTS[kind].digest_queued
        return self.at(f"{self.destinations[kind]}/{name}", digest_at_once=not queued)


@asynccontextmanager
async def open_field() -> AsyncIterator[Field]:
    """The field with a seed at every source."""
    spec = GridSpec(sites=2 * len(DIALECTS), dialects=tuple(DIALECTS), marker_period_seconds=1.0)
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        async with Grid(spec) as grid, RealXrootd(grid.authority, grid.issuer, Path(directory)) as xrootd:
            clients = Clients(grid.authority.ca_file, grid.authority.hashed_directory())
            first, second = grid.sites[: len(DIALECTS)], grid.sites[len(DIALECTS) :]
            a, b = (server.url + PREFIX for server in xrootd.servers)
            field = Field(
                clients,
                grid.issuer,
                sources={**{site.dialect: site.url for site in first}, REAL: a},
                destinations={**{site.dialect: site.url for site in second}, REAL: b},
            )
            await _sow(field, grid.directory / "content")
            yield field


async def _sow(field: Field, local: Path) -> None:
    local.write_bytes(CONTENT)
    for kind in KINDS:
        seed = field.seed(kind)
        said = await field.clients.curl(
            "--fail", "--location-trusted", "--upload-file", str(local), "--header", seed.authorization, seed.url
        )
        assert said.code == 0, f"{kind}: {said.text}"
