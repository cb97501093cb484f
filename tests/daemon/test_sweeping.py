"""Files that could not be removed: they go as soon as their storage is well again, and at the end at the latest."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.life import Life, life
from tpcharness.daemon import logs, sweeping
from tpcharness.engine.service import Busy
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Variant
from tpcharness.payload.ledger import LedgerEntry
from tpcharness.payload.names import PayloadNames

pytestmark = pytest.mark.slow

FILES = 40


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
    """By hand, and after a look of the service's own that is under way: what ends last is what is known of the door."""
    async with asyncio.timeout(60):
        while True:
            try:
                result = await service.running.probe_now("SITE-B", "SITE-B", Variant.DOOR, None, 30.0)
            except Busy:
                await asyncio.sleep(0.02)
            else:
                break
    assert result.ok


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


async def test_an_end_in_the_middle_of_a_clean_up_asks_for_no_file_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Two who clean up at a time ask twice, and may find a file gone from the ledger that they just meant to delete."""
    monkeypatch.setattr(sweeping, "LOOK_SECONDS", 0.05)
    caplog.set_level(logging.DEBUG, logs.log.name)
    async with life(tmp_path) as service:
        running = service.running
        assert (await running.probe_now("SITE-A", "SITE-A", Variant.DOOR, None, 30.0)).ok
        names = PayloadNames(running.config.harness.name, "20260101T000000Z-aaaaaa")
        files = [names.door(running.config.endpoints["SITE-A"], f"{number:05d}") for number in range(FILES)]
        for file in files:
            await running.ledger.add(LedgerEntry("SITE-A", file.url, names.run_id, running.clock.now()))
        await service.until(lambda: len(running.forgotten()) < FILES)
        assert len(running.forgotten()) > FILES // 2
    assert not running.forgotten()
    deleted = Counter(words[1] for words in map(str.split, caplog.messages) if words[0] == "DELETE")
    assert {deleted[f"{file.url}:"] for file in files} == {1}
