"""Real servers bear clients that hang up in the middle of a handshake, as Debian's XRootD without help does not."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from tests.support.raw_https import exchange
from tests.support.real_xrootd import LOOPBACK, POLLER, SLOW_POLLER, RealXrootd, Server, Setup
from tpcharness.testbed.pki import Authority

pytestmark = [pytest.mark.real, pytest.mark.slow]

RUDE, TIMES = 8, 300
"""So many clients at a time, and how often each comes and goes."""

SYMPTOMS = ("Dispatch on closed link", "attempt to reuse active link", "exclude fd")
"""What the log says when the poller took an event for one of another link (xrootd 1928)."""


async def hang_up(server: Server, hello: bytes) -> None:
    for _ in range(TIMES):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(hello)
        writer.close()
        await writer.wait_closed()


def first_flight(context: ssl.SSLContext) -> bytes:
    """What a client of TLS sends first."""
    sent = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.read()


async def bears_it(server: Server, context: ssl.SSLContext) -> bool:
    """Whether a crowd of rude clients leaves no trace in the log, and the next one is answered."""
    hello = first_flight(context)
    try:
        async with asyncio.timeout(30), asyncio.TaskGroup() as crowd:
            for _ in range(RUDE):
                crowd.create_task(hang_up(server, hello))
        async with asyncio.timeout(10):
            answer = await exchange(server.port, context, "GET /wlcg/none HTTP/1.1")
    except (OSError, EOFError, ExceptionGroup):
        return False
    return answer.status == 403 and not any(symptom in server.log.read_text() for symptom in SYMPTOMS)


@pytest.mark.parametrize(
    ("preload", "bears"),
    [
        ((LOOPBACK, POLLER, SLOW_POLLER), True),
        ((LOOPBACK, SLOW_POLLER), False),  # why all our servers are helped
    ],
)
async def test_clients_that_hang_up(
    xrootd: RealXrootd, authority: Authority, preload: tuple[str, ...], bears: bool
) -> None:
    server = await xrootd.start("A", Setup(preload=preload))
    assert await bears_it(server, authority.client_context()) is bears
