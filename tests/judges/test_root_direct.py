"""Faults of direct transfers look to Debian's xrdcp like those of a real door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.real_xroot import hashed_directory, judge
from tests.support.root_grid import RootGrid, root_grid
from tpcharness.model.secret import Secret
from tpcharness.testbed.xroot.faults import RootFault

pytestmark = pytest.mark.real

CONTENT = bytes(range(256)) * 40_000  # more than one piece of xrdcp's


@pytest.fixture
async def world() -> AsyncIterator[RootGrid]:
    async with root_grid() as world:
        yield world


async def ask(world: RootGrid, tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """What xrdcp says with all rights at the door."""
    site = world.grid.sites[0]
    site.verifier.accept_audience("https://wlcg.cern.ch/jwt/v1/any")
    scopes = "storage.read:/ storage.create:/ storage.modify:/"
    token = Secret(world.grid.issuer.mint(scopes, "https://wlcg.cern.ch/jwt/v1/any"))
    certificates = hashed_directory(tmp_path / "certificates", world.grid.authority)
    return await judge(certificates, "xrdcp", *arguments, token=token)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (None, ""),
        (RootFault.FULL, "no space left on device"),
        (RootFault.LOSES_WRITES, "CheckSum error"),
        (RootFault.DAMAGES_WRITES, "CheckSum error"),
        (RootFault.LIES_ABOUT_CHECKSUM, "CheckSum error"),
    ],
)
async def test_uploads(world: RootGrid, tmp_path: Path, fault: RootFault | None, said: str) -> None:
    given = tmp_path / "given"
    given.write_bytes(CONTENT)
    world.source.faults.update({fault} if fault else ())
    code, text = await ask(world, tmp_path, "--cksum", "adler32", str(given), f"{world.link.source.root}/taken")
    assert (code == 0) is (fault is None), text
    assert said in text


@pytest.mark.parametrize(
    ("fault", "said"),
    [(None, ""), (RootFault.WRONG_CONTENT, "CheckSum error"), (RootFault.SHORT_READS, "corrupted data")],
)
async def test_downloads(world: RootGrid, tmp_path: Path, fault: RootFault | None, said: str) -> None:
    site = world.grid.sites[0]
    site.storage.files.add(f"{site.prefix}/given", CONTENT)
    world.source.faults.update({fault} if fault else ())
    code, text = await ask(
        world, tmp_path, "--cksum", "adler32", f"{world.link.source.root}/given", str(tmp_path / "taken")
    )
    assert (code == 0) is (fault is None), text
    assert said in text
