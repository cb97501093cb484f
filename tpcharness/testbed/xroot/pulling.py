"""The copy program of a destination: fetches a file from a source's root door into one of ours.

Its last words are those of xrdcp, which is what XRootD runs (xroot 11, 12): whoever reads them must find out whom they
are about.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import struct
from dataclasses import dataclass

from tpcharness.testbed.files import FileWriter
from tpcharness.testbed.xroot.frames import (
    AUTH,
    HELLO,
    LOGIN,
    OPEN,
    PROTOCOL,
    READ,
    GarbledError,
    read_answer,
    request,
)

PIECE = 256 * 1024
_GOTO_TLS = 0x40000000
_OPEN_READ_WITH_STAT = 0x0410
_ERROR = 4003


class CopyFailedError(Exception):
    """The copy program's last line."""


@dataclass(frozen=True, slots=True)
class Order:
    """One copy: from where, and with what to show there. `origin` is who ordered it."""

    host: str
    port: int
    path: str
    key: str
    origin: str
    scgi: str = ""


async def pull(
    order: Order, writer: FileWriter, tls: ssl.SSLContext, *, damage: bool = False, half: bool = False
) -> None:
    """Copies the whole file, or its first half; `damage` changes a byte. Raises CopyFailedError."""
    try:
        reader, stream = await asyncio.open_connection(order.host, order.port)
    except OSError:
        raise CopyFailedError("[FATAL] Connection error:  (source)") from None
    try:
        await _converse(order, reader, stream, writer, tls, damage=damage, half=half)
    except ssl.SSLError as error:
        raise CopyFailedError(f"[FATAL] TLS error: {error.reason or error} (source)") from None
    except (OSError, asyncio.IncompleteReadError, GarbledError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise CopyFailedError("[ERROR] Local error: no space left on device:  (destination)") from None
        words = "[FATAL] Socket error: resource temporarily unavailable:  (source)"
        raise CopyFailedError(words) from None
    finally:
        if stream.transport is not None:
            stream.transport.abort()


async def _converse(
    order: Order,
    reader: asyncio.StreamReader,
    stream: asyncio.StreamWriter,
    writer: FileWriter,
    tls: ssl.SSLContext,
    *,
    damage: bool,
    half: bool,
) -> None:
    stream.write(HELLO + request(0, PROTOCOL, struct.pack(">iBB", 0x520, 0x0B, 3)))
    await read_answer(reader)
    _, said = await read_answer(reader)
    if int.from_bytes(said[4:8], "big") & _GOTO_TLS:
        await stream.start_tls(tls, server_hostname=order.host)
    stream.write(request(1, LOGIN, struct.pack(">i8sBBBB", 4711, b"xrootd", 0, 1, 0x85, 0)))
    status, said = await read_answer(reader)
    if status == _ERROR:
        raise CopyFailedError("[FATAL] Login failed (source)")
    offers = said[16:].decode("ascii", "replace")
    if offers:
        if "&P=unix" not in offers:
            raise CopyFailedError("[FATAL] Auth failed: No protocols left to try (source)")
        stream.write(request(1, AUTH, bytes(12) + b"unix", b"unix\0xrootd xrootd\0"))
        status, said = await read_answer(reader)
        if status == _ERROR:
            raise CopyFailedError("[FATAL] Auth failed: No protocols left to try (source)")
    words = f"tpc.key={order.key}&tpc.org={order.origin}"
    words = f"{order.scgi}&{words}" if order.scgi else words
    stream.write(request(2, OPEN, struct.pack(">HH", 0, _OPEN_READ_WITH_STAT), f"{order.path}?{words}".encode()))
    status, said = await read_answer(reader)
    if status == _ERROR:
        number, text = int.from_bytes(said[:4], "big"), said[4:].partition(b"\0")[0].decode()
        raise CopyFailedError(f"[ERROR] Server responded with an error: [{number}] {text}")
    handle, size = said[:4], int(said[12:].split()[1])
    offset, end = 0, size // 2 if half else size
    while offset < end:
        stream.write(request(3, READ, handle + struct.pack(">qi", offset, min(PIECE, end - offset))))
        status, piece = await read_answer(reader)
        if status == _ERROR or not piece:
            raise CopyFailedError("[ERROR] Server responded with an error: [3007] read failed (source)")
        await writer.write(bytes([piece[0] ^ 0xFF]) + piece[1:] if damage and offset == 0 else piece)
        offset += len(piece)
