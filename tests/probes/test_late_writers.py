"""After we have left: what a storage that goes on writes is not deleted under its hands, and not forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.house import House, open_house, shortened
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Phase
from tpcharness.wire.copy_request import Mode

SIZE = 64 * 1024
GIVE_UP = shortened(transfer_seconds=0.6)


async def _give_up(house: House, fault: str) -> list[str]:
    """Pulls from a source with that fault until we lose patience; the ledger afterwards, but for the seed."""
    await house.prepare(house.link(), size=SIZE)
    house.grid.site("SITE-A").storage.faults.add(fault)
    result = await house.copy(Mode.PULL, size=SIZE)
    assert result.reason is Reason.DEADLINE
    assert Phase.CLEANUP in result.phases
    growing = [warning for warning in result.warnings if warning.startswith("still_writing: ")]
    noted = [entry.url for entry in house.ledger.entries if "/copy-" in entry.url]
    assert bool(growing) == bool(noted)
    return noted


async def test_a_file_that_still_grows_stays_in_the_ledger(tmp_path: Path) -> None:
    """StoRM does not stop when its client goes away."""
    async with open_house(tmp_path, "dcache", "storm", limits=GIVE_UP) as house:
        (noted,) = await _give_up(house, "passive_slow:40000")
        (left,) = house.grid.leftovers()["SITE-B"]
        assert noted.endswith(left)
        # When it has done in its own time, the file can be told from one that is being written, and goes.
        while house.grid.site("SITE-B").storage.busy:
            await asyncio.sleep(0.05)
        file = next(entry for entry in house.ledger.entries if entry.url == noted)
        assert house.grid.leftovers()["SITE-B"] == [left]
        assert file.endpoint == "SITE-B"


@pytest.mark.parametrize("destination", ["dcache", "xrootd5", "xrootd6", "pelican"])
async def test_a_file_that_has_stopped_growing_is_removed(destination: str, tmp_path: Path) -> None:
    """They look for their client after each marker."""
    async with open_house(tmp_path, "dcache", destination, limits=GIVE_UP) as house:
        assert await _give_up(house, "passive_slow:40000") == []
        house.grid.site("SITE-A").storage.faults.clear()
        assert await house.left() == ([], [])


async def test_a_writer_that_stands_still_is_not_taken_for_one_that_has_stopped_for_good(tmp_path: Path) -> None:
    """What does not grow is deleted and seen to be gone, though its writer still waits for bytes."""
    async with open_house(tmp_path, "dcache", "storm", limits=GIVE_UP) as house:
        assert await _give_up(house, "passive_stall:1000") == []
        assert house.grid.leftovers()["SITE-B"] == []


@pytest.mark.parametrize("mode", Mode)
async def test_a_cancelled_probe_forgets_no_copy_that_may_still_come(mode: Mode, tmp_path: Path) -> None:
    async with open_house(tmp_path, "xrootd6", "dcache") as house:
        await house.prepare(house.link(), size=SIZE)
        house.grid.site("SITE-B" if mode is Mode.PULL else "SITE-A").storage.faults.add("no_first_byte")
        task = asyncio.create_task(house.copy(mode, size=SIZE))
        while not any(type(event).__name__ == "MarkerSeen" for event in house.events):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (noted,) = [entry.url for entry in house.ledger.entries if "/copy-" in entry.url]
        left = [path for path in house.grid.leftovers()["SITE-B"] if "/copy-" in path]
        assert noted.endswith("/copy-run-p1-1")
        assert left == []
        for site in house.grid.sites:
            site.storage.faults.clear()
        await house.left()
