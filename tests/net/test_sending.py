"""A body on its way out: 100 Continue, redirects, stalls and deadlines, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import pytest

from tests.support.house import LIMITS
from tests.support.scripted_server import ScriptedServer, SeenRequest, answer
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.net.client import HttpClient
from tpcharness.net.dialer import EXPECT_SECONDS
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.net.sending import Sending, unacknowledged

MIB = 1024 * 1024
BIG = 24 * MIB
"""More than the buffers on loopback take."""

EXPECT = (("Expect", "100-continue"),)
XROOTD_LOOKUP_SECONDS = 5.0
"""How long its redirectors look for a file that may be nowhere (`cms.delay lookup`, default)."""
CURLS_PATIENCE_SECONDS = 1.0
HASTY = replace(LIMITS, no_progress_seconds=0.5, response_seconds=0.5)

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Script = Callable[[Reader, Writer], Awaitable[None]]


@dataclass(slots=True)
class Zeros:
    """So many bytes; counts how often it was begun."""

    length: int
    begun: int = 0

    def chunks(self) -> Iterator[bytes]:
        self.begun += 1
        for start in range(0, self.length, 65536):
            yield bytes(min(65536, self.length - start))


@asynccontextmanager
async def served(script: Script) -> AsyncIterator[str]:
    """The URL of a server that reads a request's head and then follows the script."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: Reader, writer: Writer) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.transport.abort()

    def accept(reader: Reader, writer: Writer) -> None:
        tasks.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def put(
    url: str, length: int, *, limits: TimeLimits = LIMITS, expect: bool = True
) -> tuple[Answer, Sending, Zeros]:
    """One upload of zeros."""
    body = Zeros(length)
    sending = Sending(limits)
    async with HttpClient(user_agent="test", limits=limits) as client:
        request = HttpRequest("PUT", f"{url}/f", EXPECT if expect else (), body=body)
        async with client.open(request, sending=sending) as opened:
            return opened.head, sending, body


async def take_all(reader: Reader, length: int) -> None:
    while length:
        length -= len(await reader.read(min(length, 65536)))


OK = answer(201)


@pytest.mark.parametrize(
    "interim",
    [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nConnection: Close\r\nServer: XrootD/v5.5.3\r\n\r\n"],
    ids=["plain", "as-xrootd-5"],
)
@pytest.mark.parametrize("piece", [1, 1000])
async def test_a_body_waits_to_be_invited(interim: bytes, piece: int) -> None:
    early: list[bytes] = []

    async def script(reader: Reader, writer: Writer) -> None:
        for start in range(0, len(interim), piece):
            early.append(bytes(reader._buffer))  # type: ignore[attr-defined]
            writer.write(interim[start : start + piece])
            await writer.drain()
            await asyncio.sleep(0)
        await take_all(reader, 100_000)
        writer.write(OK)
        await writer.drain()

    async with served(script) as url:
        head, sending, _ = await put(url, 100_000)
    assert (head.status, head.failure, sending.sent, sending.complete) == (201, None, 100_000, True)
    assert early[0] == b""


async def test_a_server_that_invites_nobody_gets_the_body_all_the_same() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await take_all(reader, 1000)
        writer.write(OK)
        await writer.drain()

    loop = asyncio.get_running_loop()
    start = loop.time()
    async with served(script) as url:
        head, sending, _ = await put(url, 1000, limits=HASTY)
    assert head.status == 201
    assert sending.began_at is not None
    assert sending.began_at - start >= HASTY.response_seconds / 2 * 0.9


async def test_who_hangs_up_on_a_body_that_it_never_asked_for() -> None:
    """The failure says that we sent it uninvited: an answer may have been lost by that."""

    async def script(reader: Reader, _: Writer) -> None:
        await reader.read(1)

    async with served(script) as url:
        head, _, _ = await put(url, BIG, limits=HASTY)
    assert head.failure is not None
    assert head.failure.detail.endswith("; it had not asked for the body within 0.25 s, so that went uninvited")


async def test_a_redirector_that_is_slow_to_decide_gets_no_body() -> None:
    """Its answer would be lost: XRootD 5.5.3 resets a connection that has more for it than it reads."""
    assert EXPECT_SECONDS > 3 * XROOTD_LOOKUP_SECONDS
    bodies: list[bytes] = []

    async def data_server(reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await take_all(reader, BIG)
        writer.write(OK)
        await writer.drain()

    async with served(data_server) as onward:

        async def redirector(reader: Reader, writer: Writer) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(1.5 * CURLS_PATIENCE_SECONDS):
                    bodies.append(await reader.read(1))
            writer.write(answer(307, "", ("Location", f"{onward}/f")))
            await writer.drain()

        async with served(redirector) as url:
            head, sending, _ = await put(url, BIG)
    assert (head.status, head.failure, sending.sent, bodies) == (201, None, BIG, [])


async def test_who_refuses_before_the_body_gets_none_of_it() -> None:
    async def script(_: Reader, writer: Writer) -> None:
        writer.write(answer(403, "no"))
        await writer.drain()

    async with served(script) as url:
        head, sending, body = await put(url, BIG)
    assert (head.status, head.failure) == (403, None)
    assert (sending.sent, sending.began_at, body.begun) == (0, None, 0)


async def test_an_answer_in_the_middle_of_the_body_is_heard() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(1000)
        writer.write(answer(507))
        await writer.drain()
        await reader.read()

    async with served(script) as url:
        head, sending, _ = await put(url, BIG, expect=False)
    assert head.status == 507
    assert not sending.complete


async def test_after_a_redirect_the_body_begins_anew() -> None:
    async def there(_: SeenRequest) -> bytes:
        return answer(201)

    async with ScriptedServer() as server:
        server.on("PUT /f", answer(307, b"", ("Location", "/data"))).on("PUT /data", there)
        head, sending, body = await put(server.url, 1000, expect=False)
    assert (head.status, sending.sent, sending.complete) == (201, 1000, True)
    assert body.begun == 2


async def test_a_program_that_stops_to_read_is_told_from_a_broken_way() -> None:
    async def script(reader: Reader, _: Writer) -> None:
        await reader.readexactly(1000)
        await asyncio.Event().wait()

    async with served(script) as url:
        head, sending, _ = await put(url, BIG, limits=HASTY, expect=False)
    assert head.failure is not None
    assert (head.failure.reason, head.failure.blame) == (Reason.STREAM_STALLED, Blame.DESTINATION)
    assert 0 < sending.sent < BIG
    assert f"{sending.sent} of {BIG} bytes sent, all acknowledged" in head.failure.detail
    assert head.hops[0].address == "127.0.0.1"


async def test_where_the_kernel_does_not_say_nobody_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpcharness.net.sending.unacknowledged", lambda _: 7)

    async def script(_: Reader, __: Writer) -> None:
        await asyncio.Event().wait()

    async with served(script) as url:
        head, _, _ = await put(url, BIG, limits=HASTY, expect=False)
    assert head.failure is not None
    assert (head.failure.reason, head.failure.blame) == (Reason.STREAM_STALLED, None)


async def test_no_answer_after_all_of_it() -> None:
    async def script(reader: Reader, _: Writer) -> None:
        await take_all(reader, 1000)
        await asyncio.Event().wait()

    async with served(script) as url:
        head, sending, _ = await put(url, 1000, limits=HASTY, expect=False)
    assert head.failure is not None
    assert head.failure.reason is Reason.NO_RESPONSE
    assert sending.complete


async def test_an_empty_body_has_a_clock_as_well() -> None:
    async def script(_: Reader, __: Writer) -> None:
        await asyncio.Event().wait()

    async with served(script) as url:
        head, sending, _ = await put(url, 0, limits=HASTY, expect=False)
    assert head.failure is not None
    assert (head.failure.reason, sending.complete) == (Reason.NO_RESPONSE, True)


async def test_slow_and_steady_meets_the_deadline_and_no_other_clock() -> None:
    async def script(reader: Reader, _: Writer) -> None:
        while await reader.read(65536):
            await asyncio.sleep(0.01)

    limits = replace(LIMITS, no_progress_seconds=1.0, response_seconds=1.0, transfer_seconds=1.5)
    async with served(script) as url:
        head, sending, _ = await put(url, 256 * MIB, limits=limits, expect=False)
    assert head.failure is not None
    assert head.failure.reason is Reason.DEADLINE
    assert sending.sent > MIB


async def test_a_connection_that_is_cut() -> None:
    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(1000)
        writer.transport.abort()

    async with served(script) as url:
        head, sending, _ = await put(url, BIG, expect=False)
    assert head.failure is not None
    assert head.failure.reason is Reason.CONNECTION_LOST
    assert 0 < sending.sent < BIG


def test_a_socket_of_which_nothing_is_known() -> None:
    assert unacknowledged(None) is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        assert unacknowledged(plain) is None
