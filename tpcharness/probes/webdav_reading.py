"""Bytes of a file as they come over HTTP: the whole of it, one part, several parts; each with our clocks over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter

from tpcharness.diagnosis.direct_verdict import RangesSeen
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import redact
from tpcharness.model.settings import MIB, TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.client import HttpClient, OpenAnswer, evidence
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.net.trail import Trail
from tpcharness.payload.content import Content
from tpcharness.wire.digest import Adler32
from tpcharness.wire.errors import WireError
from tpcharness.wire.ranges import ByteRanges, OnePart, Piece, Span, range_header, read_boundary, read_content_range

VECTOR_PARTS = 8
MAX_PART_BYTES = 16 * 1024
MAX_RANGE_BYTES = 64 * 1024
MAX_LOOK_BYTES = MIB
"""How much of a whole file is looked at that comes in place of a part."""

MAX_REFUSAL_BYTES = 16 * 1024
REFUSAL_SECONDS = 10.0
_MAX_DIGITS = 18


@dataclass(slots=True)
class WholeRead:
    """One GET of a whole file as it went. `seconds` is from the request, once we are connected, to the last byte."""

    head: Answer
    received: int = 0
    seconds: float = 0.0
    failure: Failure | None = None
    text: str = ""
    adler: Adler32 = field(default_factory=Adler32)

    def take(self, data: bytes) -> None:
        self.received += len(data)
        self.adler.update(data)


async def read_whole(
    client: HttpClient, request: HttpRequest, size: int, limits: TimeLimits, trail: Trail
) -> WholeRead:
    """Reads a file that should have `size` bytes, and no more than one byte beyond them; keeps none."""
    begin = perf_counter()
    trail.announce(Phase.REQUEST)
    async with client.open(request) as opened:
        head = opened.head
        read = WholeRead(head, failure=head.failure, seconds=head.timings.request)
        note_timings(head, trail)
        if head.failure is None and head.status == 200:
            with trail.enter(Phase.TRANSFER):
                start = perf_counter()
                read.failure = await _drain(opened, read.take, size, limits)
                read.seconds += perf_counter() - start
        elif head.failure is None:
            read.text = await read_refusal(opened)
    shown = replace(head, failure=read.failure)
    trail.record(evidence(request, shown, Phase.TRANSFER, read.text), perf_counter() - begin)
    return read


async def read_ranges(
    client: HttpClient,
    request: HttpRequest,
    content: Content,
    spans: tuple[Span, ...],
    limits: TimeLimits,
    trail: Trail,
) -> RangesSeen:
    """Asks for parts of a file and compares what comes with what stands there; takes no more than that file has."""
    begin = perf_counter()
    asked = replace(request, headers=(*request.headers, ("Range", range_header(spans))))
    async with client.open(asked) as opened:
        head, text = opened.head, ""
        seen = RangesSeen(spans, content.size, head.status, failure=head.failure, told_size=_length(head))
        if head.failure is None and head.status in (200, 206):
            seen = await _read_parts(opened, content, seen, limits)
        elif head.failure is None:
            text = await read_refusal(opened)
            seen = replace(seen, text=text)
    trail.record(evidence(asked, replace(head, failure=seen.failure), Phase.REQUEST, text), perf_counter() - begin)
    return seen


def middle_span(size: int) -> Span | None:
    """A part from the middle of a file, as long as half of it at most; None when there is nothing in it."""
    length = min(MAX_RANGE_BYTES, max(1, size // 2))
    start = (size - length) // 2
    return Span(start, start + length) if size else None


def vector_spans(size: int) -> tuple[Span, ...]:
    """Parts all over a file with room between them, the first and the last bytes among them; none in a tiny one."""
    count = min(VECTOR_PARTS, size // 2)
    if count < 2:
        return ()
    length = max(1, min(MAX_PART_BYTES, size // (4 * count)))
    starts = [(size - length) * number // (count - 1) for number in range(count)]
    return tuple(Span(start, start + length) for start in starts)


def note_timings(head: Answer, trail: Trail, *, transfer_seconds: float = 0.0) -> None:
    """Puts the times of an exchange to their phases; what went on sending a body is transfer, not request."""
    timings = head.timings
    for phase, seconds in (
        (Phase.QUEUED, timings.queued),
        (Phase.RESOLVE, timings.resolve),
        (Phase.CONNECT, timings.connect),
        (Phase.TLS, timings.tls),
        (Phase.REQUEST, max(0.0, timings.request - transfer_seconds)),
    ):
        trail.add(phase, seconds)


async def read_refusal(opened: OpenAnswer) -> str:
    """The text of an answer that is no file, without credentials; what is there when it breaks or dawdles will do."""
    body = bytearray()
    try:
        async with asyncio.timeout(REFUSAL_SECONDS):
            while len(body) < MAX_REFUSAL_BYTES:
                chunk = await opened.next_chunk()
                if isinstance(chunk, Failure) or not chunk:
                    break
                body += chunk
    except TimeoutError:
        pass
    text = bytes(body[:MAX_REFUSAL_BYTES]).decode("utf-8", "replace")
    return redact(text, cut=len(body) >= MAX_REFUSAL_BYTES)


async def _drain(opened: OpenAnswer, take: Callable[[bytes], None], most: int, limits: TimeLimits) -> Failure | None:
    """Hands the body on piece by piece until its end, or until more than `most` bytes have come; why it broke if so."""
    loop = asyncio.get_running_loop()
    deadline, count = loop.time() + limits.transfer_seconds, 0
    limit = min(deadline, loop.time() + limits.first_byte_seconds)
    try:
        async with asyncio.timeout_at(limit) as timer:
            while count <= most:
                chunk = await opened.next_chunk()
                if isinstance(chunk, Failure):
                    return chunk
                if not chunk:
                    return None
                take(chunk[: most + 1 - count])
                count += len(chunk)
                timer.reschedule(min(deadline, loop.time() + limits.no_progress_seconds))
    except TimeoutError:
        if loop.time() >= deadline:
            return Failure(Reason.DEADLINE, f"not done within {limits.transfer_seconds:g} s: {count} bytes received")
        waited = limits.no_progress_seconds if count else limits.first_byte_seconds
        return Failure(Reason.STREAM_STALLED, f"nothing came for {waited:g} s, after {count} bytes")
    return None


async def _read_parts(opened: OpenAnswer, content: Content, seen: RangesSeen, limits: TimeLimits) -> RangesSeen:
    """The body of an answer to a Range, compared with the file while it comes."""
    wrong: list[int] = []
    received = 0
    try:
        parts, most = _expected(opened.head, content.size), content.size + MIB
        if seen.status == 200:
            most = min(content.size, MAX_LOOK_BYTES)

        def take(data: bytes) -> None:
            nonlocal received
            received += len(data)
            for piece in parts.feed(data):
                if not wrong:
                    wrong.extend(_difference(piece, content))

        failure = await _drain(opened, take, most, limits)
        seen = replace(seen, failure=failure, received=received)
        if failure is None and received <= most:
            parts.finish()
    except WireError as error:
        seen = replace(seen, flaw=str(error), received=received)
    else:
        seen = replace(seen, got=parts.spans)
    return replace(seen, wrong_at=wrong[0] if wrong else None)


def _expected(head: Answer, size: int) -> OnePart | ByteRanges:
    """How the body is to be read. Raises WireError when the head does not say so."""
    if head.status == 200:
        return OnePart(Span(0, size))
    boundary = read_boundary(head.headers.get("Content-Type", ""))
    if boundary is not None:
        return ByteRanges(boundary, size, size)
    span, total = read_content_range(head.headers.get("Content-Range", ""))
    if total not in (None, size) or span.stop > size:
        raise WireError(f"Content-Range {span} of {total} bytes, in a file of {size}")
    return OnePart(span)


def _difference(piece: Piece, content: Content) -> list[int]:
    """The place of the first byte of a piece that is not the file's, if there is one."""
    expected = content.at(piece.offset, len(piece.data))
    if piece.data == expected:
        return []
    pairs = enumerate(zip(piece.data, expected, strict=False))
    return [piece.offset + next((at for at, (one, other) in pairs if one != other), len(expected))]


def _length(head: Answer) -> int | None:
    """The Content-Length, where it is a plain number."""
    text = head.headers.get("Content-Length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None
