"""What a GET of a file sends: all of it, a range, or several ranges in one answer, and everything that may go wrong."""

from __future__ import annotations

import asyncio
import re

from tpcharness.testbed.call import Call
from tpcharness.testbed.dialects.vocabulary import Cause, Pairs, Reply
from tpcharness.testbed.effects import Drip, Ranged, Ranging, ShortBody, Spoil, Stall
from tpcharness.testbed.files import PIECE, File
from tpcharness.testbed.spoiling import Spoiler

MAX_RANGES = 256

_RANGE = re.compile(r"(\d*)-(\d*)\Z")
_DRIPS_PER_SECOND = 10


async def serve(call: Call, file: File, fields: Pairs) -> None:
    """Answers a GET; `fields` is what the head says of the file anyway. Raises RefusalError."""
    size = file.size  # a file may grow while it is read
    fault = call.fault(Ranging)
    how = fault.how if fault else None
    ranges = None if how is Ranged.IGNORED else read_ranges(call.request.fields.get("Range"), size)
    if ranges is None:
        await call.begin(Reply(200, length=size, fields=fields))
        await Outflow(call, file).send(0, size)
        return
    if not ranges or how is Ranged.REFUSED or (how is Ranged.ONE_ONLY and len(ranges) > 1):
        raise call.refuse(Cause.RANGE)
    if how is Ranged.FIRST_ONLY:
        ranges = ranges[:1]
    if how is Ranged.MISSING and len(ranges) > 1:
        ranges = ranges[:-1]
    if len(ranges) == 1:
        await _one(call, file, ranges[0], size, fields, how)
    else:
        await _many(call, file, ranges, size, fields, how)


async def _one(call: Call, file: File, wanted: range, size: int, fields: Pairs, how: Ranged | None) -> None:
    told, length = _told(wanted, size, how), len(wanted) - (how is Ranged.SHORT)
    span: Pairs = (("Content-Range", f"bytes {told.start}-{told.stop - 1}/{size}"),)
    if how is Ranged.AS_WHOLE:
        await call.begin(Reply(200, length=length, fields=fields))
    else:
        await call.begin(Reply(206, length=length, fields=(*span, *fields)))
    await Outflow(call, file, flipped=how is Ranged.OTHER_BYTES).send(wanted.start, length)


async def _many(call: Call, file: File, ranges: list[range], size: int, fields: Pairs, how: Ranged | None) -> None:
    manner = call.dialect.multipart
    heads = [
        manner.head(told.start, told.stop, size, first=number == 0)
        for number, told in enumerate(_told(wanted, size, how) for wanted in ranges)
    ]
    lengths = [len(wanted) - (how is Ranged.SHORT) for wanted in ranges]
    end = b"" if how is Ranged.UNENDED else manner.end
    total = sum(map(len, heads)) + sum(lengths) + len(end)
    reply = Reply(206, length=total, fields=(("Content-Type", manner.content_type), *fields))
    await call.begin(reply, chunked=not manner.tells_length)
    outflow = Outflow(call, file, flipped=how is Ranged.OTHER_BYTES, chunked=not manner.tells_length)
    for wanted, head, length in zip(ranges, heads, lengths, strict=True):
        await outflow.write(head)
        if not await outflow.send(wanted.start, length):
            return
    await outflow.finish(end)


class Outflow:
    """The body of one answer. `flipped` spoils the first byte of each stretch."""

    def __init__(self, call: Call, file: File, *, flipped: bool = False, chunked: bool = False) -> None:
        self._call = call
        self._file = file
        self._flipped = flipped
        self._chunked = chunked
        self._short, self._stall = call.fault(ShortBody), call.fault(Stall)
        self._drip = call.fault(Drip)
        self._spoiler = Spoiler(call.fault(Spoil))
        self._sent = 0

    async def send(self, start: int, length: int) -> bool:
        """Sends a stretch of the file; drops the connection, and says so, when the file does not last so long."""
        limits = [fault.after_bytes - self._sent for fault in (self._short, self._stall) if fault]
        size = PIECE if self._drip is None else max(1, self._drip.bytes_per_second // _DRIPS_PER_SECOND)
        sent = 0
        while sent < min([length, *limits]):
            piece = min([size, length - sent, *(limit - sent for limit in limits)])
            data = await self._file.read(start + sent, piece)
            if not data:
                break
            await self.write(self._spoilt(data, at_start=sent == 0))
            sent += len(data)
            if self._drip:
                await asyncio.sleep(1 / _DRIPS_PER_SECOND)
        self._sent += sent
        if sent == length:
            return True
        if self._stall:
            await self._call.wire.until_gone()
        self._call.wire.cut()
        self._call.stays_open = False
        return False

    async def write(self, data: bytes) -> None:
        """Sends bytes as they are."""
        if not data:
            return
        await (self._call.wire.send_chunk(data) if self._chunked else self._call.wire.send(data))

    async def finish(self, data: bytes) -> None:
        """Sends the last bytes."""
        await self.write(data)
        if self._chunked:
            await self._call.wire.send_last_chunk()

    def _spoilt(self, data: bytes, *, at_start: bool) -> bytes:
        return bytes([data[0] ^ 0x01]) + data[1:] if self._flipped and at_start else self._spoiler.take(data)


def read_ranges(text: str, size: int) -> list[range] | None:
    """The stretches that a Range header asks for; none when not one of them is there, None for the whole file.

    What is no header of plain ranges is ignored (RFC 9110 14.2).
    """
    unit, equals, ranges = text.partition("=")
    if unit.strip() != "bytes" or not equals or ranges.count(",") >= MAX_RANGES:
        return None
    found = []
    for each in ranges.split(","):
        stretch = _range(each.strip(), size)
        if stretch is None:
            return None
        if stretch:
            found.append(stretch)
    return found


def _range(text: str, size: int) -> range | None:
    found = _RANGE.match(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(0, size - int(found[2])), size)
    start, last = int(found[1]), int(found[2] or size)
    return None if found[2] and last < start else range(start, min(last + 1, size))


def _told(wanted: range, size: int, how: Ranged | None) -> range:
    """What the answer says that it is a range of: another one, if the fault says so."""
    if how is not Ranged.MISLABELLED:
        return wanted
    aside = 1 if wanted.stop < size else -1 if wanted.start else 0
    return range(wanted.start + aside, wanted.stop + aside)
