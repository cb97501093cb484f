"""Listeners and readers: many, slow, dead; none of them holds memory or the end of the service."""

import asyncio
import socket

import aiohttp
from aiohttp import web

from tests.daemon.web.field import paper_site
from tpcharness.daemon.web import events, sending


async def heard(answer):
    """The number of the next event."""
    while True:
        line = (await answer.content.readline()).decode()
        if line.startswith("data:"):
            return int(line.removeprefix("data:"))


async def test_a_listener_hears_of_news(site, four, monkeypatch):
    monkeypatch.setattr(events, "PERIOD_SECONDS", 0.01)
    paper, session = site
    async with session.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        first = await heard(answer)
        await paper.add(next(iter(four.store.results())))
        assert await heard(answer) > first


async def test_fifty_listeners_and_no_more_than_are_allowed(site, monkeypatch):
    monkeypatch.setattr(events, "MOST_LISTENERS", 50)
    monkeypatch.setattr(events, "PERIOD_SECONDS", 0.01)
    paper, session = site
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(session._base_url, connector=connector) as many:
        listening = await asyncio.gather(*(many.get("/api/v1/events") for _ in range(50)))
        assert {answer.status for answer in listening} == {200}
        async with many.get("/api/v1/events") as answer:
            assert answer.status == 503
            assert "Retry-After" in answer.headers
        version = paper.running.latest.version
        assert await asyncio.gather(*map(heard, listening)) == [version] * 50
        listening.pop().close()
        while True:  # his place is free as soon as the server has noticed
            answer = await many.get("/api/v1/events")
            if answer.status == 200:
                break
            answer.close()
            paper.running.latest.version += 1
        answer.close()
        for each in listening:
            each.close()


async def test_a_service_that_ends_waits_for_no_listener(four, tmp_path):
    async with aiohttp.ClientSession() as session:
        async with paper_site(four, tmp_path) as (_, url):
            answer = await session.get(f"{url}/api/v1/events")
            await heard(answer)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 1.5
        answer.close()


async def test_a_browser_that_never_reads_is_cut_off(monkeypatch):
    """Ten who ask for a big page and read nothing: no more than a piece each is held, and not for long."""
    monkeypatch.setattr(sending, "READ_SECONDS", 0.3)
    monkeypatch.setattr(sending, "_WORTH_PACKING", 1 << 30)
    body, held, cut = bytes(32 * 1024 * 1024), [], []
    all_cut = asyncio.Event()

    async def page(request):
        try:
            return await sending.send(request, body, "text/plain")
        except ConnectionResetError:
            cut.append(request)
            if len(cut) == 10:
                all_cut.set()
            raise
        finally:
            held.append(request.transport.get_write_buffer_size() if request.transport else 0)

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    loop = asyncio.get_running_loop()
    deaf = [socket.socket() for _ in range(10)]
    for connection in deaf:
        connection.setblocking(False)
        await loop.sock_connect(connection, runner.addresses[0])
        await loop.sock_sendall(connection, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await all_cut.wait()
    for connection in deaf:
        connection.close()
    await runner.cleanup()
    assert max(held) <= 4 * sending.PIECE


async def test_slow_readers_get_everything(guarded):
    _, session = guarded
    async with session.get("/", headers={"Accept-Encoding": "identity"}) as plain, session.get("/") as packed:
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert await plain.text() == await packed.text()
