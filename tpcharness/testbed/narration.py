"""What a client hears of its COPY: the refusal, or the head, the performance markers and the verdict."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus

from tpcharness.testbed.call import Call
from tpcharness.testbed.dialects.vocabulary import Cause, Pairs, Reply, Trouble
from tpcharness.testbed.effects import Cannot, Ending, Misframe, Misframed, NoVerdict, RunsOn, Silence
from tpcharness.testbed.files import File
from tpcharness.testbed.passive import Passive
from tpcharness.testbed.transfer import Pull, Push, Transfer, read_order

_LONG_LINE = 100_000
_PAGE = b"<html><head><title>Service</title></head><body>Welcome.</body></html>\n"


async def copy(call: Call) -> None:
    """Answers one COPY. Raises RefusalError for what is refused before the stream begins."""
    order = read_order(call)
    template = call.trouble(Cause.SERVER_ERROR)
    premises = call.premises
    cannot = call.fault(Cannot)
    async with Passive(
        call.dialect,
        order.extra,
        premises.client_ssl,
        template,
        stall_seconds=premises.stall_seconds,
        out_of_reach=cannot.cause if cannot else None,
    ) as passive:
        transfer = (Pull if order.pull else Push)(call, order, passive)
        await transfer.prepare()
        if call.redirects:
            await call.redirect()
            return
        transfer.open()
        await Narration(call, transfer, pull=order.pull).tell()


class Narration:
    """The stream of one copy."""

    def __init__(self, call: Call, transfer: Transfer, *, pull: bool) -> None:
        self._call = call
        self._dialect = call.dialect
        self._transfer = transfer
        self._pull = pull
        self._no_verdict = call.fault(NoVerdict)
        misframe = call.fault(Misframe)
        self._misframed = misframe.how if misframe else None
        self._runs_on = self._dialect.runs_on_without_client or call.fault(RunsOn) is not None
        silence = call.fault(Silence)
        self._silent_after = silence.after_markers if silence else None
        self._begun = False
        self._markers = 0
        self._told_bytes = 0

    async def tell(self) -> None:
        """Moves the bytes and tells of it, until the verdict is given or the client has gone."""
        client_here = await self._opening()
        async with asyncio.TaskGroup() as group:
            mover = group.create_task(self._transfer.run())
            if client_here:
                client_here = await self._markers_until(mover)
            if not client_here and not self._runs_on:
                await asyncio.sleep(0)  # lets it begin: what never began cannot clean up
                mover.cancel()
        if client_here:
            await self._ending(mover.result())

    async def _opening(self) -> bool:
        try:
            if not self._dialect.head_with_first_flush:
                await self._begin()
            if self._dialect.marker_at_once:
                await self._marker()
        except ConnectionError:
            return False
        return True

    async def _markers_until(self, mover: asyncio.Task[Trouble | None]) -> bool:
        """Markers, one a period; whether the client is still there when the mover has done."""
        period = self._call.premises.marker_period_seconds
        loop = asyncio.get_running_loop()
        due = loop.time() + period
        while not mover.done():
            await asyncio.wait({mover}, timeout=due - loop.time())
            if mover.done():
                break
            due += period
            if self._call.wire.gone:
                return False
            try:
                await self._marker()
            except ConnectionError:
                return False
        if self._silent:
            await self._call.wire.until_gone()
        return not self._call.wire.gone

    @property
    def _silent(self) -> bool:
        return self._silent_after is not None and self._markers >= self._silent_after

    async def _marker(self) -> None:
        if self._silent:
            return
        progress = self._transfer.progress()
        if self._dialect.marker_only_on_change and progress.moved == self._told_bytes:
            return
        self._markers += 1
        self._told_bytes = progress.moved
        await self._chunk(self._dialect.marker(progress))

    async def _ending(self, trouble: Trouble | None) -> None:
        wire = self._call.wire
        if self._no_verdict and self._no_verdict.ending is Ending.CUT:
            wire.cut()
            self._call.stays_open = False
            return
        trailers: Pairs = ()
        if not self._begun:
            await self._begin()
        if self._no_verdict is None:
            trailers = await self._verdict(trouble)
        elif self._no_verdict.ending is Ending.ABORTED:
            await self._chunk(self._dialect.aborted())
        await wire.send_last_chunk(trailers)

    async def _verdict(self, trouble: Trouble | None) -> Pairs:
        """Gives it, and returns the trailers that go with it."""
        if trouble is not None:
            await self._chunk(self._dialect.failure(trouble))
            return ()
        if self._misframed is Misframed.TOO_MANY_BYTES:
            progress = self._transfer.progress()
            await self._chunk(self._dialect.marker(replace(progress, moved=10 * progress.moved + 1)))
        if self._misframed is Misframed.LONG_LINE:
            await self._chunk(b"x" * _LONG_LINE + b"\n")
        if self._dialect.final_marker:
            await self._chunk(self._dialect.marker(self._transfer.progress()))
        await self._chunk(self._dialect.success)
        return await self._digest_header() if self._trailer else ()

    async def _begin(self) -> None:
        self._begun = True
        fields: Pairs = (("Content-Type", self._dialect.copy_type),) if self._dialect.copy_type else ()
        if self._trailer:
            fields += (("Trailer", "Digest"),)
        elif not self._pull and self._dialect.digest_of_copy:
            fields += await self._digest_header()
        status = self._dialect.copy_status
        await self._call.begin(Reply(status, fields=fields, phrase=HTTPStatus(status).phrase), chunked=True)

    async def _chunk(self, data: bytes) -> None:
        if not self._begun:
            await self._begin()
        match self._misframed:
            case Misframed.BAD_SIZE:
                await self._call.wire.send(b"chunk\r\n", data, b"\r\n")
            case Misframed.RAW_SIZES:
                await self._call.wire.send_chunk(f"{len(data):x}\r\n".encode())
            case Misframed.PAGE:
                await self._call.wire.send_chunk(_PAGE)
            case Misframed.CRLF:
                await self._call.wire.send_chunk(data.replace(b"\n", b"\r\n"))
            case _:
                await self._call.wire.send_chunk(data)

    @property
    def _trailer(self) -> bool:
        """Whether the new file's digest follows the body: dCache, to clients that understand (http-tpc 1.2)."""
        fields = self._call.request.fields
        knows = "trailers" in fields.get("TE").replace(" ", "").lower().split(",")
        return self._pull and knows and self._dialect.digest_of_copy and fields.has("Want-Digest")

    async def _digest_header(self) -> Pairs:
        fields = self._call.request.fields
        node = self._call.files.find(self._call.path)
        algorithm = self._dialect.wanted_digest(fields)
        if not algorithm or not isinstance(node, File):
            return ()
        return (self._dialect.digest(algorithm, await node.digest(algorithm), fields),)
