"""Files that could not be removed: they go as soon as their storage is well again, and at the end at the latest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.life import Life, life
from tpcharness.daemon import sweeping
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Variant

pytestmark = pytest.mark.slow


class Watch:
    """A clock that can be put forward."""

    off = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


async def leave_a_file(service: Life) -> None:
    """One at SITE-B, which is well again afterwards."""
    faults = service.grid.site("SITE-B").storage.faults
    faults.add("delete_refused")
    result = await service.running.probe_now("SITE-A", "SITE-B", Variant.HTTPS_PULL, None, 30.0)
    assert result.reason is Reason.CLEANUP_REFUSED
    faults.clear()
    assert [entry.endpoint for entry in service.running.ledger.entries].count("SITE-B") == 1


async def check_the_door(service: Life) -> None:
    assert (await service.running.probe_now("SITE-B", "SITE-B", Variant.DOOR, None, 30.0)).ok


async def test_the_end_of_the_service_takes_it_away(tmp_path: Path):
    async with life(tmp_path) as service:  # which looks at the storages when it is over
        await leave_a_file(service)
        await check_the_door(service)


async def test_a_door_that_is_well_again_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sweeping, "LOOK_SECONDS", 0.05)
    watch = Watch()
    async with life(tmp_path, clock=watch) as service:
        running = service.running
        await leave_a_file(service)
        watch.off = timedelta(minutes=50)  # nobody can have use for it any more
        service.grid.site("SITE-B").storage.faults.add("delete_refused")
        await service.until(lambda: running.forgotten() and running.latest.door("SITE-B") is not None)
        service.grid.site("SITE-B").storage.faults.clear()
        await check_the_door(service)
        await service.until(lambda: not running.forgotten())
