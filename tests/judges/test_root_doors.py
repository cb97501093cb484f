"""Official clients do with root doors of the testbed what they do with real ones, copies included."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.real_xroot import COPIERS, hashed_directory, judge
from tests.support.root_grid import RootGrid, root_grid
from tpcharness.model.secret import Secret
from tpcharness.testbed.xroot.faults import RootFault

pytestmark = pytest.mark.real

CONTENT = bytes(range(256)) * 3000


@dataclass(frozen=True, slots=True)
class Court:
    """Both doors, and a judge with all rights at both."""

    world: RootGrid
    certificates: Path
    token: Secret

    async def __call__(self, *command: str) -> str:
        code, said = await judge(self.certificates, *command, token=self.token)
        assert code == 0, said
        return said

    async def refused(self, *command: str) -> str:
        code, said = await judge(self.certificates, *command, token=self.token)
        assert code != 0, said
        return said

    @property
    def doors(self) -> tuple[str, str]:
        return self.world.link.source.root, self.world.link.destination.root


@pytest.fixture
async def court(tmp_path: Path) -> AsyncIterator[Court]:
    async with root_grid() as world:
        certificates = hashed_directory(tmp_path / "certificates", world.grid.authority)
        for site in world.grid.sites:
            site.verifier.accept_audience("https://wlcg.cern.ch/jwt/v1/any")
        scopes = "storage.read:/ storage.create:/ storage.modify:/"
        token = world.grid.issuer.mint(scopes, "https://wlcg.cern.ch/jwt/v1/any")
        yield Court(world, certificates, Secret(token))


async def test_files_come_and_go(court: Court, tmp_path: Path) -> None:
    door, _ = court.doors
    base, _, directory = door.removeprefix("roots://").partition("//")
    server, directory = f"roots://{base}", f"/{directory}/made"
    local, back = tmp_path / "local", tmp_path / "back"
    local.write_bytes(CONTENT)
    await court("xrdfs", server, "mkdir", "-p", directory)
    await court("xrdcp", str(local), f"{door}/made/file")
    assert f"Size:   {len(CONTENT)}" in await court("xrdfs", server, "stat", f"{directory}/file")
    told = await court("xrdfs", server, "query", "checksum", f"{directory}/file")
    assert told.split()[:2] == ["adler32", f"{zlib.adler32(CONTENT):08x}"]
    await court("xrdcp", f"{door}/made/file", str(back))
    assert back.read_bytes() == CONTENT
    await court("xrdfs", server, "rm", f"{directory}/file")
    assert "[3011]" in await court.refused("xrdfs", server, "stat", f"{directory}/file")


@pytest.mark.parametrize("copier", COPIERS)
async def test_a_third_party_copy(court: Court, copier: str) -> None:
    source, destination = court.doors
    a, b = court.world.grid.sites
    a.storage.files.add(f"{a.prefix}/given", CONTENT)
    await court(*COPIERS[copier], f"{source}/given", f"{destination}/taken")
    taken = b.storage.files.find(f"{b.prefix}/taken")
    assert taken is not None
    assert await taken.read(0, len(CONTENT) + 1) == CONTENT  # type: ignore[union-attr]


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize(
    ("fault", "at_source", "said"),
    [
        (RootFault.NO_TPC, True, "not support"),
        (RootFault.NO_TPC, False, "not support"),
        (RootFault.REFUSES_PEER, True, "permission denied"),
        (RootFault.KNOWS_NO_NAMES, False, "Invalid address"),
        (RootFault.DISK_FULL, False, "no space left"),
        (RootFault.FORGETS_KEYS, True, "tpc authorization expired"),
    ],
)
async def test_faults_look_the_same_to_them(
    court: Court, copier: str, fault: RootFault, at_source: bool, said: str
) -> None:
    source, destination = court.doors
    a, _ = court.world.grid.sites
    a.storage.files.add(f"{a.prefix}/given", CONTENT)
    (court.world.source if at_source else court.world.destination).faults.add(fault)
    text = await court.refused(*COPIERS[copier], f"{source}/given", f"{destination}/taken")
    assert said in text
