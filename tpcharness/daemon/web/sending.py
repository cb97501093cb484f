"""Big answers to slow readers: packed, in pieces, with clocks, so that nobody who does not read holds our memory."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import hdrs, web

from tpcharness.daemon.web.workshop import WORKSHOP

PIECE = 64 * 1024
READ_SECONDS = 20.0
"""So long a reader may leave one piece unread before the connection is cut."""

ANSWER_SECONDS = 180.0
"""So long he may take for all of it."""

MOST_READERS = 48
"""So many big answers are sent at a time: each holds its packed text, a megabyte for a full mesh."""

_WORTH_PACKING = 2048
_GZIP = 31  # window bits of zlib that mean a gzip header


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer as it is kept: gzip, with its length unpacked, or as it is when it is short."""

    content: bytes
    length: int
    packed: bool

    def plain(self) -> Iterator[bytes]:
        """The text in pieces; no more than one of them is ever unpacked."""
        if not self.packed:
            yield self.content
            return
        unpack = zlib.decompressobj(_GZIP)
        piece = unpack.decompress(self.content, PIECE)
        while piece:
            yield piece
            piece = unpack.decompress(unpack.unconsumed_tail, PIECE)


def sheet(body: bytes) -> Sheet:
    """Packs what is worth it. Takes a tenth of a second for a full mesh: run it in a thread."""
    if len(body) <= _WORTH_PACKING:
        return Sheet(body, len(body), packed=False)
    return Sheet(zlib.compress(body, 1, _GZIP), len(body), packed=True)


async def send(request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
    """Answers with these bytes."""
    made = sheet(body) if len(body) <= _WORTH_PACKING else await WORKSHOP.make(sheet, body)
    return await send_sheet(request, made, content_type)


async def send_sheet(request: web.Request, answer: Sheet, content_type: str) -> web.StreamResponse:
    """Answers with what is kept. All readers share it; each holds one piece of it of his own.

    Raises HTTPServiceUnavailable when too many read big answers already.
    """
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    as_kept = not answer.packed or "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    length = len(answer.content) if as_kept else answer.length
    if answer.packed and as_kept:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    if length <= PIECE:
        return web.Response(body=answer.content if as_kept else b"".join(answer.plain()), headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = length
    if request.method == hdrs.METH_HEAD:  # a body would be taken for the next answer on this connection
        return response
    with _readers:
        pieces = _cut(answer.content) if as_kept else answer.plain()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await response.prepare(request)
                for piece in pieces:
                    await write(request, response, piece)
        except TimeoutError:
            cut_off(request)
            raise ConnectionResetError("the reader takes too long") from None
    return response


async def write(request: web.Request, response: web.StreamResponse, piece: bytes) -> None:
    """Sends one piece and waits until the reader has taken most of it.

    Cuts the connection and raises ConnectionResetError for one who takes longer than `READ_SECONDS`.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            await response.write(piece)
    except TimeoutError:
        cut_off(request)
        raise ConnectionResetError("the reader does not read") from None


def cut_off(request: web.Request) -> None:
    """Ends the connection at once, whatever is still to be sent."""
    if request.transport is not None:
        request.transport.abort()


def _cut(content: bytes) -> Iterator[bytes]:
    for place in range(0, len(content), PIECE):
        yield content[place : place + PIECE]


class _Readers:
    """Those who read big answers now."""

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> None:
        if self._count >= MOST_READERS:
            raise web.HTTPServiceUnavailable(text="Too many big answers at a time.\n", headers={"Retry-After": "5"})
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1


_readers = _Readers()
