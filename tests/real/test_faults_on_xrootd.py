"""Real faults of real XRootD servers: the harness finds what happened, and who has to act."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.netns import NetnsError, Network
from tests.support.real_cell import RealCell
from tests.support.real_faults import REAL_CELLS, Seen, disagreement, observe

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(360)]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> dict[str, Seen]:
    """All cells that were asked for, observed side by side."""
    chosen = {item.name for item in request.session.items}
    return asyncio.run(observe([cell for cell in REAL_CELLS if f"test_cell[{cell.name}]" in chosen]))


@pytest.mark.parametrize("cell", REAL_CELLS, ids=lambda cell: cell.name)
def test_cell(cell: RealCell, seen: dict[str, Seen]) -> None:
    wrong = disagreement(cell, seen[cell.name])
    assert not wrong, wrong


def test_every_cell_has_a_name_of_its_own() -> None:
    assert len({cell.name for cell in REAL_CELLS}) == len(REAL_CELLS) >= 30


def test_ambiguous_cells_say_why() -> None:
    assert [cell.name for cell in REAL_CELLS if len(cell.blames) > 1 and not cell.why] == []


async def test_nothing_of_it_is_seen_outside() -> None:
    cell = next(cell for cell in REAL_CELLS if cell.name == "host-unreachable-push")
    before = _surroundings()
    assert disagreement(cell, (await observe([cell]))[cell.name]) == ""
    assert _surroundings() == before


async def test_no_network_is_built_among_others() -> None:
    with pytest.raises(NetnsError, match="apart"):
        await Network.build()


def _surroundings() -> tuple[list[str], list[str], str]:
    """Devices, names of network namespaces, and mounts, as this process sees them."""
    devices = sorted(path.name for path in Path("/sys/class/net").iterdir())
    namespaces = Path("/run/netns")
    return (
        devices,
        sorted(path.name for path in namespaces.iterdir()) if namespaces.exists() else [],
        Path("/proc/self/mounts").read_text(),
    )
