"""What a service asks of endpoints alone: on demand and by schedule, remembered over a restart, gone by a reload."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.life import Life, life
from tpcharness.daemon.reload import size_of
from tpcharness.daemon.upkeep import status_line
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Outcome, Variant

pytestmark = pytest.mark.slow

DOWNLOAD = Variant.WEBDAV_DOWNLOAD
BOTH = '[[probes]]\nvariant = ["https-pull", "webdav-download"]\n'


async def download(service: Life, name: str = "SITE-A") -> Result:
    return await service.running.probe_now(name, name, DOWNLOAD, None, 30.0)


async def get(service: Life, path: str) -> str:
    def read() -> str:
        with urlopen(service.running.url + path, timeout=30) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


async def test_a_probe_on_demand_is_measured_remembered_and_told(tmp_path: Path) -> None:
    async with life(tmp_path, more=BOTH) as service:
        running = service.running
        result = await download(service)
        assert result.ok, result
        cell = running.latest.endpoint_cell("SITE-A", DOWNLOAD)
        assert cell is not None
        assert cell.worst.probe_id == result.probe_id
        assert running.latest.alone_tally().ok == 1
        assert "endpoints alone: 1 of 1 ok; links: " in status_line(running)
        assert running.schedule.used("SITE-A", running.clock.now().timestamp()) == (MIB, 1)
        told = json.loads(await get(service, "/api/v1/endpoints/SITE-A"))
        assert [(each["variant"], each["state"]) for each in told["alone"]] == [("webdav-download", "ok")]
        await running.history.flush()
        kept = await running.history.result(running.run_id, result.probe_id)
        assert kept is not None
        assert kept.evidence == result.evidence
        with pytest.raises(KeyError):
            await running.probe_now("SITE-A", "SITE-B", DOWNLOAD, None, 1.0)
        with pytest.raises(KeyError):
            await running.probe_now("SITE-A", "SITE-A", Variant.WEBDAV_UPLOAD, None, 1.0)


async def test_a_restart_knows_them_and_a_reload_drops_them(tmp_path: Path) -> None:
    async with life(tmp_path, more=BOTH) as service:
        former = await download(service)
    async with life(tmp_path, more=BOTH) as service:
        running = service.running
        cell = running.latest.endpoint_cell("SITE-A", DOWNLOAD)
        assert cell is not None
        assert cell.worst.probe_id == former.probe_id
        assert size_of(running.schedule.scheduled) == "2 doors, 2 endpoint probes and 2 links"
        service.rewrite(lambda text: text.replace(', "webdav-download"', ""))
        assert (await running.reload()).ok
        assert running.latest.endpoint_cell("SITE-A", DOWNLOAD) is None
        with pytest.raises(KeyError):
            await download(service)


async def test_they_run_by_schedule_and_wait_for_an_endpoint_that_is_down(tmp_path: Path) -> None:
    more = '[[probes]]\nvariant = "webdav-download"\ninterval = "1s"\n'
    async with life(tmp_path, interval="1s", more=more) as service:
        latest = service.running.latest

        def state_of(name: str) -> tuple[Outcome, Reason] | None:
            cell = latest.endpoint_cell(name, DOWNLOAD)
            return None if cell is None else (cell.worst.outcome, cell.worst.reason)

        await service.until(lambda: all(state_of(name) == (Outcome.OK, Reason.OK) for name in ("SITE-A", "SITE-B")))
        service.grid.site("SITE-B").storage.faults.add("token_refused_direct")
        await service.until(lambda: state_of("SITE-B") == (Outcome.SKIPPED, Reason.ENDPOINT_DOWN))
        service.grid.site("SITE-B").storage.faults.clear()
        await service.until(lambda: state_of("SITE-B") == (Outcome.OK, Reason.OK))
        assert state_of("SITE-A") == (Outcome.OK, Reason.OK)
