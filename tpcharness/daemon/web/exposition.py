"""One text for all scrapers: made in small steps, packed once, kept for a second, and sent to whoever reads it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiohttp import web

from tpcharness.export.metrics.text import CONTENT_TYPE

KEPT_SECONDS = 1.0
SEND_SECONDS = 30.0
MAX_SCRAPERS = 32
_GZIP = 31  # window bits of zlib that mean a gzip header
_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Packed:
    """A whole text, gzip, in pieces of some kilobytes; `fresh` is what it was made from, `made_at` loop time."""

    pieces: tuple[bytes, ...]
    fresh: object
    made_at: float

    @property
    def length(self) -> int:
        return sum(map(len, self.pieces))

    def plain(self) -> Iterator[bytes]:
        """The text unpacked, piece by piece, for those who do not take gzip."""
        unpack = zlib.decompressobj(_GZIP)
        for piece in self.pieces:
            yield unpack.decompress(piece)


class Exposition:
    """The text behind one path.

    `make` gives its pieces, each some milliseconds of work; other tasks run between any two. `fresh` gives a value
    that is another one when texts that were made before must not be shown any more (a reload has removed links).
    However many ask at a time, one text is made; it is kept for `KEPT_SECONDS`, packed, and so costs a twelfth of its
    length. A scraper that does not read is cut off after `send_seconds`, and more than `MAX_SCRAPERS` at a time get
    503: so memory is bounded by what few scrapers hold. `made` is told how long a text took.
    """

    def __init__(
        self,
        make: Callable[[], Iterator[bytes]],
        *,
        fresh: Callable[[], object] = lambda: None,
        made: Callable[[float], None] = lambda seconds: None,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._make = make
        self._fresh = fresh
        self._made = made
        self._send_seconds = send_seconds
        self._kept: Packed | None = None
        self._under_way: tuple[object, asyncio.Task[Packed]] | None = None
        self._tasks: set[asyncio.Task[Packed]] = set()
        self.scrapers = 0

    async def text(self) -> Packed:
        """The text, at most `KEPT_SECONDS` older than its making. Cancelling one caller does not disturb others."""
        fresh, now = self._fresh(), asyncio.get_running_loop().time()
        if self._kept is not None and self._kept.fresh == fresh and now - self._kept.made_at <= KEPT_SECONDS:
            return self._kept
        if self._under_way is None or self._under_way[0] != fresh or self._under_way[1].done():
            task = asyncio.create_task(self._pack(fresh))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._under_way = fresh, task
        return await asyncio.shield(self._under_way[1])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one scrape."""
        if self.scrapers >= MAX_SCRAPERS:
            raise web.HTTPServiceUnavailable(text="too many scrapers\n", headers={"Retry-After": str(_RETRY_SECONDS)})
        self.scrapers += 1
        try:
            return await self._answer(request)
        finally:
            self.scrapers -= 1

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pack(self, fresh: object) -> Packed:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)  # level 1: a fifth of the time, a quarter more bytes
        pieces = []
        for piece in self._make():
            if packed := packer.compress(piece):
                pieces.append(packed)
            await asyncio.sleep(0)
        pieces.append(packer.flush())
        self._kept = Packed(tuple(pieces), fresh, loop.time())
        self._made(loop.time() - begin)
        return self._kept

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        text = await self.text()
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"})
        packed = takes_gzip(request.headers.get("Accept-Encoding", ""))
        if packed:
            response.headers["Content-Encoding"] = "gzip"
            response.content_length = text.length
        try:
            async with asyncio.timeout(self._send_seconds):
                await response.prepare(request)
                for piece in text.pieces if packed else text.plain():
                    if request.method != "HEAD":
                        await response.write(piece)
                await response.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:  # the scraper has gone: its own affair
            pass
        return response


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding names gzip (or anything) without forbidding it (RFC 9110 12.5.3)."""
    for item in accept_encoding.lower().split(","):
        name, _, parameters = item.partition(";")
        if name.strip() in ("gzip", "x-gzip", "*"):
            quality = parameters.replace(" ", "").removeprefix("q=")
            return quality.strip("0.") != "" or not quality
    return False
