"""Many who ask at a time, dear questions, and those who never read: the service and its memory go on."""

import asyncio
import contextlib
import socket
import sys
import threading

import pytest

from tests.browser.meshes import mesh
from tests.daemon.web.field import paper_service
from tests.daemon.web.test_guards import status_of
from tpcharness.daemon.web import crowd, pages, sending, sight, workshop
from tpcharness.daemon.web.sending import PIECE, sheet


@pytest.fixture
def held_up(monkeypatch):
    """Drawing takes until `go`; `begun` counts."""

    class HeldUp:
        begun, go = 0, threading.Event()

    draw = pages.draw

    def slow(look, choice):
        HeldUp.begun += 1
        HeldUp.go.wait(20)
        return draw(look, choice)

    monkeypatch.setattr(pages, "draw", slow)
    yield HeldUp
    HeldUp.go.set()


async def asked(session, count):
    """So many who ask for different pages, all of them on their way."""
    asking = [asyncio.create_task(status_of(session, f"/?sources={number}")) for number in range(count)]
    async with asyncio.timeout(10):
        while workshop.WORKSHOP.orders < count:
            await asyncio.sleep(0)
    return asking


async def test_readers_take_no_thread_from_probes(site, held_up):
    _, session = site
    asking = await asked(session, 20)
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(int) == 0  # as a probe hashes its seed
    held_up.go.set()
    assert {status for status, _ in await asyncio.gather(*asking)} == {200}


async def test_one_page_is_made_once_for_all_who_ask_meanwhile(site, held_up):
    _, session = site
    asking = [asyncio.create_task(status_of(session, "/?sources=x")) for _ in range(20)]
    async with asyncio.timeout(10):
        while not held_up.begun:
            await asyncio.sleep(0)
    held_up.go.set()
    assert {status for status, _ in await asyncio.gather(*asking)} == {200}
    assert held_up.begun == 1


async def test_a_line_that_is_too_long_sends_away_and_is_over(site, held_up, monkeypatch):
    monkeypatch.setattr(workshop, "MOST_ORDERS", 3)
    _, session = site
    asking = await asked(session, 3)
    async with asyncio.timeout(10):
        assert (await status_of(session, "/?sources=more"))[0] == 503
    held_up.go.set()
    assert {status for status, _ in await asyncio.gather(*asking)} == {200}
    assert (await status_of(session, "/?sources=more"))[0] == 200


async def test_who_leaves_the_line_is_not_worked_for(site, held_up):
    _, session = site
    asking = await asked(session, 10)
    async with asyncio.timeout(10):
        while held_up.begun < workshop.THREADS:
            await asyncio.sleep(0)
    assert held_up.begun == workshop.THREADS
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    held_up.go.set()
    assert (await status_of(session, "/?sources=last"))[0] == 200


async def test_a_head_has_no_body(site, monkeypatch):
    """Also where the page would be big: what came behind it would be taken for the next answer."""
    monkeypatch.setattr(sending, "PIECE", 256)
    _, session = site
    port = session._base_url.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    writer.write(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, rest = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert b"Content-Length" in head
    assert rest.startswith(b"HTTP/1.1 200 OK")


async def test_so_many_read_big_answers_and_no_more(site, monkeypatch):
    monkeypatch.setattr(sending, "PIECE", 256)
    monkeypatch.setattr(sending, "MOST_READERS", 0)
    _, session = site
    assert (await status_of(session, "/"))[0] == 503
    monkeypatch.setattr(sending, "MOST_READERS", 1)
    for _ in range(3):  # each gives his place back
        assert (await status_of(session, "/"))[0] == 200


@pytest.mark.parametrize("size", [0, 1, 2048, 2049, PIECE, PIECE + 1, 5 * PIECE + 7])
def test_a_sheet_is_never_unpacked_as_a_whole(size):
    body = bytes(number % 251 for number in range(size))
    made = sheet(body)
    pieces = list(made.plain())
    assert b"".join(pieces) == body
    assert made.length == size
    assert all(len(piece) <= PIECE for piece in pieces)


async def test_who_never_reads_loses_his_place(site, monkeypatch):
    """Small answers wait for no reader's clock, and a connection that is closed still waits for its reader."""
    monkeypatch.setattr(crowd, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(crowd, "LOOK_SECONDS", 0.05)
    _, session = site
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", session._base_url.port))
        question = b"GET /assets/report.css HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                while True:
                    await loop.sock_sendall(deaf, question)


def test_who_is_served_is_not_cut_off():
    """A probe, a stream of events: quiet for long, and wanted."""
    watch = crowd.Crowd(lambda: at)
    at = 0.0

    class Somebody:
        transport = None
        cut = False

        def abort(self):
            self.cut = True

    busy, idle = Somebody(), Somebody()
    busy.transport, idle.transport = busy, idle
    watch.present = lambda: [busy, idle]
    with watch.asking(busy):
        watch.cut_idle()
        at = 1000.0
        watch.cut_idle()
        assert (busy.cut, idle.cut) == (False, True)
    watch.cut_idle()
    assert not busy.cut
    at += crowd.IDLE_SECONDS
    watch.cut_idle()
    assert busy.cut
    watch.present = list
    watch.cut_idle()
    assert not watch._quiet_since


async def test_a_look_is_made_in_small_steps(tmp_path, monkeypatch):
    """Counted in calls, not in time: 1,104 cells between 24 endpoints, 20 of them at a time."""
    monkeypatch.setattr(sight, "_SLICE", 20)
    async with paper_service(mesh(24), tmp_path) as paper:
        making, steps, calls = sight.Sight(paper.running)._make(), [], 0

        def counted(_frame, what, _argument):
            nonlocal calls
            calls += what == "call"

        with pytest.raises(StopIteration) as end:  # noqa: PT012 - the last step ends it
            while True:
                calls = 0
                sys.setprofile(counted)
                try:
                    making.send(None)
                finally:
                    sys.setprofile(None)
                    steps.append(calls)
    assert len(end.value.value.cells) > 1000
    assert max(steps) < 20 * 60
