"""A peer that answers a COPY with bytes that a test hands it, piece by piece, and a client's view of that COPY."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from tpcharness.diagnosis.copy_verdict import judge_copy
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.progress import Nobody
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest
from tpcharness.net.trail import Trail
from tpcharness.probes.copying import CopyRun, run_copy
from tpcharness.wire.copy_request import Mode, copy_headers
from tpcharness.wire.fingerprint import identify

LIMITS = TimeLimits()

Script = Callable[[], AsyncIterator[bytes]]


def at_once(pieces: Iterable[bytes]) -> Script:
    """A script that writes each piece by itself and then hangs up."""

    async def script() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return script


@asynccontextmanager
async def peer(script: Script) -> AsyncIterator[str]:
    """The URL of a server that follows the script in answer to anything; the connection ends with the script."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        async for piece in script():
            writer.write(piece)
            await writer.drain()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(guarded(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def ask_for_copy(
    script: Script, mode: Mode, *, size: int = 1024, limits: TimeLimits = LIMITS
) -> tuple[CopyRun, Verdict | None]:
    """Sends a COPY to a peer that follows the script: how it went, and what it means."""
    headers = copy_headers(mode, "https://passive.example/vo/file", Secret("passive"), client_info="test")
    async with peer(script) as url, HttpClient(user_agent="test/1", limits=limits) as client:
        request = HttpRequest("COPY", f"{url}/vo/file", headers, Secret("active"))
        run = await run_copy(client, request, size, limits, Trail("test", Nobody()))
    server = identify(run.head.server, header=lambda name: run.head.headers.get(name, ""), copy_status=run.head.status)
    return run, judge_copy(run.seen(mode, server))
