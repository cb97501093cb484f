"""The bytes of one file between us and a root door: several requests in flight, and clocks for every way to hang."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter

from tpcharness.diagnosis.stream_verdict import Broken
from tpcharness.model.failure import Failure
from tpcharness.model.progress import MarkerSeen
from tpcharness.model.reason import Reason
from tpcharness.model.settings import MIB
from tpcharness.net.trail import Trail
from tpcharness.net.xroot import Reply, Server, XrootVisit
from tpcharness.payload.content import BLOCK_BYTES, Content
from tpcharness.probes.root_files import failure_of
from tpcharness.wire.digest import Adler32
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.operations import ping, read, write

PIECE_BYTES = MIB
IN_FLIGHT = 4
GOODBYE_SECONDS = 5.0
LOOK_SECONDS = 0.5
"""Between two words to the onlooker."""


@dataclass(slots=True)
class RootStream:
    """The bytes of one open file, in one direction. Use `receive` or `send` once.

    `count` are the bytes that have come, or that the server says it has taken; `adler` is the checksum of those that
    have come. Memory is bounded by `IN_FLIGHT` pieces, whatever the size. The time for all is
    `limits.transfer_seconds`, until the first piece `first_byte_seconds`, between two `no_progress_seconds`. When
    cancelled, no request is left waiting.
    """

    visit: XrootVisit
    server: Server
    handle: bytes
    trail: Trail
    count: int = 0
    adler: Adler32 = field(default_factory=Adler32)
    _begin: float = field(default_factory=perf_counter)
    _told: float = 0.0
    _ended: bool = False

    async def receive(self, size: int) -> Broken | None:
        """Reads the file, and one byte more than `size` if there is one; None when the server has given all of it."""
        return await self._flow(_reads(self.handle, size + 1), aside=False)

    async def send(self, content: Content) -> Broken | None:
        """Writes the content from the beginning; None when the server has taken all of it."""
        return await self._flow(_writes(self.handle, content), aside=True)

    async def _flow(self, requests: Iterator[Request], *, aside: bool) -> Broken | None:
        """Sends the requests and takes the answers, both in order; `aside` makes the requests in a thread."""
        waiting: deque[tuple[Request, asyncio.Task[Reply]]] = deque()
        try:
            while not self._ended:
                request = await asyncio.to_thread(next, requests, None) if aside else next(requests, None)
                if request is None:
                    break
                waiting.append((request, asyncio.create_task(self._ask(request))))
                broken = await self._oldest(waiting) if len(waiting) == IN_FLIGHT else None
                if broken is not None:
                    return broken
            while waiting and not self._ended:
                broken = await self._oldest(waiting)
                if broken is not None:
                    return broken
            return None
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    async def _ask(self, request: Request) -> Reply:
        """An answer in its own time: the clocks are those of the stream."""
        return await self.visit.quietly(self.server, request, self.visit.limits.transfer_seconds + GOODBYE_SECONDS)

    async def _oldest(self, waiting: deque[tuple[Request, asyncio.Task[Reply]]]) -> Broken | None:
        """Takes the answer that is due, or says why there is none."""
        limits = self.visit.limits
        request, task = waiting[0]
        patience = limits.no_progress_seconds if self.count else limits.first_byte_seconds
        left = limits.transfer_seconds - (perf_counter() - self._begin)
        await asyncio.wait({task}, timeout=max(0.0, min(patience, left)))
        if not task.done():
            return await self._given_up(patience if patience <= left else None)
        waiting.popleft()
        reply = task.result()
        failure = failure_of(reply)
        if failure is not None:
            return Broken(self._cut(failure))
        self._take(request, reply)
        return None

    def _cut(self, failure: Failure) -> Failure:
        """A connection that breaks here breaks in the middle of the bytes."""
        if failure.reason is not Reason.CONNECTION_LOST or failure.blame is not None:
            return failure
        return Failure(Reason.TRANSFER_CUT, f"{failure.detail}, after {self.count} bytes")

    def _take(self, request: Request, reply: Reply) -> None:
        if request.data:
            self.count += len(request.data)
        else:
            self.count += len(reply.data)
            self.adler.update(reply.data)
            self._ended = len(reply.data) < request.max_reply
        now = perf_counter()
        if now - self._told >= LOOK_SECONDS:
            self._told = now
            self.trail.observer.notice(MarkerSeen(self.trail.probe_id, self.count, "", now - self._begin))

    async def _given_up(self, patience: float | None) -> Broken:
        """One of the clocks has run out, the last one if `patience` is None: does the server still live?"""
        seconds = perf_counter() - self._begin
        if patience is None:
            failure = Failure(Reason.DEADLINE, f"{self.count} bytes in {seconds:.0f} s")
        else:
            failure = Failure(Reason.STREAM_STALLED, f"nothing for {patience:g} s after {self.count} bytes")
        sign = await self.visit.quietly(self.server, ping(), GOODBYE_SECONDS)
        return Broken(failure, stalled=True, answers=sign.failure is None)


def _reads(handle: bytes, length: int) -> Iterator[Request]:
    return (read(handle, offset, min(PIECE_BYTES, length - offset)) for offset in range(0, length, PIECE_BYTES))


def _writes(handle: bytes, content: Content) -> Iterator[Request]:
    chunks, offset = content.chunks(), 0
    while piece := b"".join(chunk for _, chunk in zip(range(PIECE_BYTES // BLOCK_BYTES), chunks, strict=False)):
        yield write(handle, offset, piece)
        offset += len(piece)
