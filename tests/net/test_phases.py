"""Where the time of an exchange goes: each delay must show in its own phase, also with 300 exchanges in flight."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest

from tpcharness.model.settings import TimeLimits
from tpcharness.net import dialer
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import Answer, HttpRequest, Timings
from tpcharness.net.resolver import Address, Resolver
from tpcharness.testbed.pki import Authority

DELAY_SECONDS = 0.2
MANY = 300
TRIES = 3
LIMITS = TimeLimits()


class Delays:
    """Which step of the next connections is slow."""

    resolver = 0.0
    connect = 0.0
    server_hello = 0.0
    answer = 0.0


@asynccontextmanager
async def slow_server(authority: Authority, delays: Delays) -> AsyncIterator[int]:
    """An HTTPS server that can wait before its ServerHello (TLS is begun by hand) and before its answer."""
    context = authority.server_context(authority.issue("slow"))
    loop = asyncio.get_running_loop()

    async def serve(connection: socket.socket) -> None:
        if delays.server_hello:
            await asyncio.sleep(delays.server_hello)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=context)
        except OSError:
            return  # the client has gone
        try:
            await reader.readuntil(b"\r\n\r\n")
            if delays.answer:
                await asyncio.sleep(delays.answer)
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            transport.close()

    async def accept(listener: socket.socket, group: asyncio.TaskGroup) -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            group.create_task(serve(connection))

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        listener.setblocking(False)
        async with asyncio.TaskGroup() as group:
            accepting = group.create_task(accept(listener, group))
            yield listener.getsockname()[1]
            accepting.cancel()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def many(authority: Authority, delays: Delays, monkeypatch: pytest.MonkeyPatch, count: int) -> list[Timings]:
    """The timings of `count` exchanges that were all begun at once."""
    real_connect = dialer.connect_socket

    async def connect(address: Address, port: int, timeout_seconds: float) -> socket.socket:
        # Only a full accept queue delays a TCP handshake for real, by whole seconds: see the test below.
        connection = await real_connect(address, port, timeout_seconds)
        if delays.connect:
            await asyncio.sleep(delays.connect)
        return connection

    def lookup(_host: str, _port: int, _family: int) -> list[str]:
        time.sleep(delays.resolver)  # in a thread, as the C library would
        return ["127.0.0.1"]

    monkeypatch.setattr(dialer, "connect_socket", connect)
    async with (
        slow_server(authority, delays) as port,
        HttpClient(
            user_agent="test", limits=LIMITS, ca_path=str(authority.ca_file), resolver=Resolver(lookup)
        ) as client,
    ):
        await client.trust.context()
        request = HttpRequest("HEAD", f"https://localhost:{port}/")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(client.exchange(request)) for _ in range(count)]
    answers: list[Answer] = [task.result() for task in tasks]
    assert [answer.failure for answer in answers] == [None] * count
    return [answer.timings for answer in answers]


def middle(timings: list[Timings], phase: str) -> float:
    return median(getattr(each, phase) for each in timings)


SPOTS = {"resolver": "resolve", "connect": "connect", "server_hello": "tls", "answer": "request"}
PHASES = ("resolve", "connect", "tls", "request")


@pytest.mark.parametrize("spot", SPOTS)
async def test_one_exchange_shows_each_delay_where_it_was(
    spot: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays = Delays()
    setattr(delays, spot, DELAY_SECONDS)
    [timings] = await many(authority, delays, monkeypatch, 1)
    for phase in PHASES:
        seconds = getattr(timings, phase)
        if phase == SPOTS[spot]:
            assert seconds >= DELAY_SECONDS * 0.95
        else:
            assert seconds < DELAY_SECONDS * 0.75
    assert timings.queued < DELAY_SECONDS * 0.75


@pytest.mark.slow
@pytest.mark.parametrize("spot", SPOTS)
async def test_300_in_flight_show_each_delay_where_it_was(
    spot: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with a run without the delay, in the same process, only the phase of the delay may grow.

    The machine itself is slow with 300 handshakes at once, so the other phases are held against the same run
    without the delay, and against a part of the delay. What else the machine does in one of the two may be more than
    that; what we count in the wrong phase shows each time, so the least of some tries counts.
    """
    delays = Delays()
    setattr(delays, spot, DELAY_SECONDS)
    right = SPOTS[spot]
    grown = {phase: math.inf for phase in PHASES if phase != right}
    for _ in range(TRIES):
        before = await many(authority, Delays(), monkeypatch, MANY)
        after = await many(authority, delays, monkeypatch, MANY)
        # A delay gives 300 handshakes time to spread, so that they may even get faster under way.
        assert middle(after, right) >= DELAY_SECONDS * 0.95
        grown = {phase: min(least, middle(after, phase) - middle(before, phase)) for phase, least in grown.items()}
        if max(grown.values()) < DELAY_SECONDS * 0.6:
            break
    assert max(grown.values()) < DELAY_SECONDS * 0.6, grown
    if spot == "resolver":
        # 300 look-ups share 32 threads: what they wait for each other is our own doing.
        assert middle(after, "resolve") < DELAY_SECONDS * 1.6
        assert middle(after, "queued") > DELAY_SECONDS


async def test_a_full_accept_queue_shows_as_connect(authority: Authority) -> None:
    """Really slow to accept: the kernel drops our SYN and takes the one that is sent again after a second."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        first.connect(("127.0.0.1", port))
        second.setblocking(False)
        second.connect_ex(("127.0.0.1", port))
        limits = TimeLimits(connect_seconds=0.5)
        async with HttpClient(user_agent="test", limits=limits) as client:
            answer = await client.exchange(HttpRequest("HEAD", f"http://127.0.0.1:{port}/"))
    assert answer.failure is not None
    assert answer.failure.reason.value == "connect_timeout"
    assert answer.timings.connect >= 0.45
    assert answer.timings.request < 0.2


async def test_a_server_that_never_says_hello() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel accepts, nobody else does
        port = listener.getsockname()[1]
        async with HttpClient(user_agent="test", limits=TimeLimits(tls_seconds=0.3)) as client:
            answer = await client.exchange(HttpRequest("HEAD", f"https://127.0.0.1:{port}/"))
    assert answer.failure is not None
    assert answer.failure.reason.value == "tls_timeout"
    assert answer.timings.tls >= 0.29


async def test_tls_needs_at_least_1_2(authority: Authority) -> None:
    async with HttpClient(user_agent="test", limits=LIMITS) as client:
        context = await client.trust.context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
