"""Documents of downtimes: from a server, too large, missing, and told of once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

from tests.support.clocks import WallClock
from tpcharness.config.configuration import Config
from tpcharness.daemon import downtimes as module
from tpcharness.daemon.downtimes import Downtimes
from tpcharness.model.downtime import Downtime
from tpcharness.model.settings import DowntimeKind, DowntimeSettings, DowntimeSource, TimeLimits
from tpcharness.net.client import HttpClient


@dataclass
class Plan:
    """What `Downtimes` reads of a configuration."""

    downtimes: tuple[DowntimeSettings, ...] = ()
    downtime_sources: dict[str, DowntimeSource] = field(default_factory=dict)


def gocdb(host: str, *, begin_hours: int = -1, end_hours: int = 5) -> bytes:
    now = WallClock().now()
    start, end = (int((now + timedelta(hours=hours)).timestamp()) for hours in (begin_hours, end_hours))
    return (
        f"<results><DOWNTIME ID='1'><SEVERITY>OUTAGE</SEVERITY><HOSTNAME>{host}</HOSTNAME>"
        f"<START_DATE>{start}</START_DATE><END_DATE>{end}</END_DATE></DOWNTIME></results>"
    ).encode()


def source(**place: Any) -> dict[str, DowntimeSource]:
    return {"egi": DowntimeSource("egi", DowntimeKind.GOCDB, **({"refresh_seconds": 0.05} | place))}


@asynccontextmanager
async def following(plan: Plan) -> AsyncIterator[list[tuple[Downtime, ...]]]:
    """What was told so far."""
    told: list[tuple[Downtime, ...]] = []
    async with HttpClient(user_agent="test/1", limits=TimeLimits()) as client:
        task = asyncio.create_task(Downtimes(WallClock(), told.append).follow(cast("Config", plan), client))
        try:
            yield told
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()


@asynccontextmanager
async def serving(*answers: tuple[int, bytes]) -> AsyncIterator[str]:
    """A server that gives one answer after the other, the last one for ever."""
    left = list(answers)

    async def answer(_request: web.Request) -> web.Response:
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, body=body)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def until(told: list[tuple[Downtime, ...]], hosts: list[str]) -> None:
    async with asyncio.timeout(20):
        while not told or [host for each in told[-1] for host in each.hosts] != hosts:
            await asyncio.sleep(0.01)


async def test_the_manual_list_holds_at_once_and_documents_join_it():
    now = WallClock().now()
    manual = DowntimeSettings(("SITE-*",), now, now + timedelta(hours=1), "new racks")
    answers = ((200, gocdb("a.example")), (200, gocdb("b.example")))
    async with serving(*answers) as url, following(Plan((manual,), source(url=url))) as told:
        await until(told, ["a.example"])
        await until(told, ["b.example"])
    assert [each.origin for each in told[0]] == ["manual"]
    assert told[0][0].endpoints == ("SITE-*",)
    assert all(known[0].text == "new racks" for known in told)


async def test_what_is_over_is_left_out():
    answers = ((200, gocdb("old.example", begin_hours=-5, end_hours=-1)), (200, gocdb("new.example")))
    async with serving(*answers) as url, following(Plan((), source(url=url))) as told:
        await until(told, ["new.example"])
    assert told[1] == ()


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ((503, b""), "answered 503"),
        ((200, b"<results"), "egi"),
        ((200, b"x" * 3000), "is larger than 2000 bytes"),
    ],
)
async def test_a_source_in_trouble_keeps_what_it_said_and_is_told_of_once(
    trouble: tuple[int, bytes], words: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_BYTES", 2000)
    answers = [(200, gocdb("a.example")), trouble, trouble, (200, gocdb("b.example"))]
    with caplog.at_level(logging.WARNING):
        async with serving(*answers) as url, following(Plan((), source(url=url))) as told:
            await until(told, ["b.example"])
    assert [[host for each in known for host in each.hosts] for known in told][:3] == [[], ["a.example"], ["b.example"]]
    (line,) = [record.getMessage() for record in caplog.records]
    assert words in line
    assert "what it said before holds" in line


async def test_a_file_that_is_missing_and_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    document = tmp_path / "downtimes.xml"
    with caplog.at_level(logging.WARNING):
        async with following(Plan((), source(file=str(document)))) as told:
            while not caplog.records:
                await asyncio.sleep(0.01)
            document.write_bytes(gocdb("a.example"))
            await until(told, ["a.example"])
    assert f"{document}: No such file or directory" in caplog.text


async def test_nobody_listens_at_the_url(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        async with following(Plan((), source(url="http://127.0.0.1:1/"))):
            while not caplog.records:
                await asyncio.sleep(0.01)
    assert "http://127.0.0.1:1/" in caplog.text
