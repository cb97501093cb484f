"""Big answers to slow readers: in pieces, packed, with a clock, so that nobody who does not read holds our memory."""

from __future__ import annotations

import asyncio
import zlib

from aiohttp import hdrs, web

PIECE = 64 * 1024
READ_SECONDS = 20.0
"""So long a reader may leave one piece unread before the connection is cut."""

_WORTH_PACKING = 2048


async def send(request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
    """Answers with these bytes. All readers of one body share it; each holds one piece of it of his own."""
    packed = len(body) > _WORTH_PACKING and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    if packed:
        body = await asyncio.to_thread(zlib.compress, body, 1, 31)
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if packed:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    if len(body) <= PIECE:
        return web.Response(body=body, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    for place in range(0, len(body), PIECE):
        await write(request, response, body[place : place + PIECE])
    return response


async def write(request: web.Request, response: web.StreamResponse, piece: bytes) -> None:
    """Sends one piece and waits until the reader has taken most of it.

    Cuts the connection and raises ConnectionResetError for one who takes longer than `READ_SECONDS`.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            await response.write(piece)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the reader does not read") from None
