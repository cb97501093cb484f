"""One text for all who scrape: made once, in small steps, and held up by nobody."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import pytest
from aiohttp import ClientSession, web

from tests.support.virtual_time import run_virtual
from tpcharness.daemon.web import exposition
from tpcharness.daemon.web.exposition import KEPT_SECONDS, MAX_SCRAPERS, Exposition, takes_gzip
from tpcharness.export.metrics.text import CONTENT_TYPE

LINES = [f'a{{link="{number}"}} {number}\n'.encode() for number in range(2000)]


class Text:
    """Counts how often it is made."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces
        self.made = 0
        self.generation = 0

    def __call__(self) -> Iterator[bytes]:
        self.made += 1
        yield from self.pieces


@asynccontextmanager
async def served(one: Exposition) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/metrics", one.handle)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
        await one.close()


async def test_packed_and_plain_are_the_same_text():
    text = Text([b"", *LINES, b""])
    async with served(Exposition(text)) as url, ClientSession(auto_decompress=False) as session:
        async with session.get(f"{url}/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
            packed = await answer.read()
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert int(answer.headers["Content-Length"]) == len(packed)
        async with session.get(f"{url}/metrics", headers={"Accept-Encoding": "identity"}) as answer:
            assert "Content-Encoding" not in answer.headers
            plain = await answer.read()
        async with session.head(f"{url}/metrics") as answer:
            assert answer.status == 200
            assert await answer.read() == b""
    assert gzip.decompress(packed) == plain == b"".join(LINES)
    assert len(packed) < len(plain) / 3
    assert text.made == 1


async def test_ten_at_a_time_cost_one_text():
    text = Text(LINES)
    async with served(Exposition(text)) as url, ClientSession() as session:

        async def scrape() -> bytes:
            async with session.get(f"{url}/metrics") as answer:
                return await answer.read()

        bodies = await asyncio.gather(*(scrape() for _ in range(10)))
    assert set(bodies) == {b"".join(LINES)}
    assert text.made == 1


def virtually(test: Callable[[Text, Exposition], object]) -> None:
    text = Text(LINES[:3])
    run_virtual(test(text, Exposition(text, fresh=lambda: text.generation)))


def test_a_text_is_kept_for_a_second_only():
    async def look(text: Text, one: Exposition) -> None:
        first = await one.text()
        await asyncio.sleep(KEPT_SECONDS)
        assert await one.text() is first
        await asyncio.sleep(0.01)
        assert await one.text() is not first
        assert text.made == 2

    virtually(look)


def test_a_reload_makes_a_kept_text_and_one_under_way_old():
    async def look(text: Text, one: Exposition) -> None:
        old = asyncio.create_task(one.text())
        while not text.made:
            await asyncio.sleep(0)
        text.generation, text.pieces = 1, [b"new\n"]
        new = await one.text()
        assert b"".join(new.plain()) == b"new\n"
        assert b"".join((await old).plain()) == b"".join(LINES[:3])
        text.generation, text.pieces = 2, [b"newest\n"]
        assert b"".join((await one.text()).plain()) == b"newest\n"

    virtually(look)


def test_who_gives_up_waiting_does_not_disturb_the_others():
    async def look(text: Text, one: Exposition) -> None:
        impatient, patient = asyncio.create_task(one.text()), asyncio.create_task(one.text())
        await asyncio.sleep(0)
        impatient.cancel()
        assert b"".join((await patient).plain()) == b"".join(LINES[:3])
        assert text.made == 1

    virtually(look)


def test_an_error_of_ours_is_told_to_all_and_tried_again():
    async def look(text: Text, one: Exposition) -> None:
        def broken() -> Iterator[bytes]:
            yield b"a 1\n"
            raise ZeroDivisionError

        one._make = broken
        assert [type(each) for each in await asyncio.gather(one.text(), one.text(), return_exceptions=True)] == [
            ZeroDivisionError
        ] * 2
        one._make = text
        assert b"".join((await one.text()).plain()) == b"".join(LINES[:3])

    virtually(look)


def test_others_run_between_any_two_pieces():
    async def look(text: Text, one: Exposition) -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await one.text()
        task.cancel()
        assert turns >= len(LINES[:3])

    virtually(look)


def drained(each: socket.socket) -> int:
    """How many bytes still come before the end, which may be a reset."""
    got = 0
    try:
        while piece := each.recv(1 << 20):
            got += len(piece)
    except ConnectionResetError:
        pass
    return got


@contextmanager
def deaf_scraper(url: str) -> Iterator[socket.socket]:
    """Asks and never reads. Its buffer is small: that of a kernel may take 6 MiB or 32, as it thinks best."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((host, int(port)))
        deaf.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
        yield deaf


@pytest.mark.slow
async def test_a_scraper_that_never_reads_holds_up_nobody_and_is_cut_off():
    hard = [os.urandom(64 * 1024) for _ in range(160)]  # 10 MiB that do not pack
    one = Exposition(Text(hard), send_seconds=8.0)  # also the good one's, who must have time on a busy machine
    with ExitStack() as sockets:
        async with served(one) as url, ClientSession(auto_decompress=False) as session:
            deaf = [sockets.enter_context(deaf_scraper(url)) for _ in range(5)]
            async with asyncio.timeout(8):
                while one.scrapers < len(deaf):
                    await asyncio.sleep(0)
            async with session.get(f"{url}/metrics") as answer:
                assert gzip.decompress(await answer.read()) == b"".join(hard)
            async with asyncio.timeout(30):
                while one.scrapers:  # until the clock of each has run out
                    await asyncio.sleep(0.01)
            for each in deaf:
                each.settimeout(30)
                got = await asyncio.to_thread(drained, each)  # what was in the kernel; the loop still has to close it
                assert got < sum(map(len, hard)) / 2


async def test_scrapers_that_never_read_share_the_memory():
    hard = [os.urandom(64 * 1024) for _ in range(160)]  # 10 MiB: more than the kernel sends ahead
    one = Exposition(Text(hard), send_seconds=30.0)
    async with served(one) as url:
        await one.text()
        with ExitStack() as sockets:
            tracemalloc.start()
            try:
                for _ in range(MAX_SCRAPERS):
                    sockets.enter_context(deaf_scraper(url))
                async with asyncio.timeout(20):
                    while one.scrapers < MAX_SCRAPERS:
                        await asyncio.sleep(0)
                held, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert held < MAX_SCRAPERS * 512 * 1024  # each would hold 10 MiB
            async with ClientSession() as session, session.get(f"{url}/metrics") as answer:
                assert answer.status == 503
                assert answer.headers["Retry-After"]
        async with asyncio.timeout(20):
            while one.scrapers:
                await asyncio.sleep(0)


async def test_a_scraper_that_leaves_is_forgotten():
    one = Exposition(Text([os.urandom(1 << 20) for _ in range(10)]))
    async with served(one) as url, asyncio.timeout(20):
        with deaf_scraper(url):
            while not one.scrapers:
                await asyncio.sleep(0)
        while one.scrapers:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("GZIP", True),
        ("*", True),
        ("gzip;q=1.0, identity; q=0.5", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br, deflate", False),
    ],
)
def test_accept_encoding(header: str, *, takes: bool):
    assert takes_gzip(header) is takes


def test_the_kept_time_is_short():
    assert exposition.KEPT_SECONDS <= 2  # two Prometheus servers share a text; nobody sees an old one
