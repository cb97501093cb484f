"""The active party of a third-party copy: fetches or sends the bytes, says how it goes, and gives the verdict.

The order of steps is the dialect's: who is asked first, when the local file is opened, when the answer begins.
"""

from __future__ import annotations

import asyncio
import errno
import time
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from tpcharness.testbed.authorisation import Operation
from tpcharness.testbed.call import Call
from tpcharness.testbed.dialects.vocabulary import Cause, Pairs, Progress, RefusalError, Trouble
from tpcharness.testbed.effects import Fails, Freeze, Full, Queued, Spoil, Spoiled
from tpcharness.testbed.files import PIECE, Directory, File, FileWriter
from tpcharness.testbed.passive import Passive
from tpcharness.testbed.stream import ResponseHead

_PREFIX = "transferheader"
_HOP_BY_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "expect"})
_DIGEST_TRIES = 12
_WRONG_SUM = "adler32 0a1b2c3d != 3d2c1b0a"


@dataclass(frozen=True, slots=True)
class Order:
    """What a COPY asks for. `extra` are the headers for the passive party."""

    pull: bool
    url: str
    overwrite: bool
    extra: Pairs
    streams: int
    verify: bool


def read_order(call: Call) -> Order:
    """Raises RefusalError when the headers cannot be followed."""
    fields, dialect = call.request.fields, call.dialect
    source, destination = fields.get("Source"), fields.get("Destination")
    if source and destination and dialect.refuses_both_peers:
        raise call.refuse(Cause.BOTH_PEERS)
    if not (source or destination):
        raise call.refuse(Cause.NO_PEER)
    pull = bool(source)
    if not pull and dialect.pulls_only:
        raise call.refuse(Cause.PUSH_UNSUPPORTED)
    url = source or destination
    if fields.get("Credential", "none").lower() != "none":
        raise call.refuse(Cause.CREDENTIAL)
    scheme = _scheme(url)
    if not scheme or (dialect.schemes and scheme not in dialect.schemes):
        raise call.refuse(Cause.SCHEME)
    streams = fields.get("X-Number-Of-Streams")
    return Order(
        pull=pull,
        url=url,
        overwrite=fields.get("Overwrite").upper() != "F",
        extra=_transfer_headers(call),
        streams=int(streams) if streams.isdecimal() else 1,
        verify=dialect.verifies and fields.get("RequireChecksumVerification").lower() != "false",
    )


class Transfer(Protocol):
    """One copy, in either mode."""

    moved: int

    async def prepare(self) -> None:
        """Everything that is checked or asked before the answer begins. Raises RefusalError."""
        ...

    def open(self) -> None:
        """Opens the local file. Raises RefusalError."""
        ...

    async def run(self) -> Trouble | None:
        """Moves the bytes; what went wrong, or None. Cleans up in the dialect's way, also when cancelled."""
        ...

    def progress(self) -> Progress: ...


class _Transfer:
    """What pull and push have in common."""

    def __init__(self, call: Call, order: Order, passive: Passive) -> None:
        self._call = call
        self._order = order
        self._passive = passive
        self._freeze = call.fault(Freeze)
        self._spoil = call.fault(Spoil)
        self._fails = call.fault(Fails)
        self._queued = call.fault(Queued) is not None
        self._started = self._last_byte = time.time()
        self._running = False
        self.moved = 0
        self.scheduled = 0

    def progress(self) -> Progress:
        return Progress(
            now=time.time(),
            started=self._started,
            last_byte=self._last_byte,
            moved=max(self.moved, self.scheduled),
            peer=self._passive.peer,
            running=self._running,
        )

    def _refuse(self, cause: Cause, *, text: str = "", size: int = 0, moved: int = 0) -> RefusalError:
        return RefusalError(replace(self._call.trouble(cause), text=text, size=size, moved=moved))

    async def _ask(self, method: str) -> ResponseHead:
        """Asks the passive party, again while it computes a checksum first: DPM's 202 (http-tpc 1.7, 1.11)."""
        response = await self._passive.ask(method)
        for _ in range(_DIGEST_TRIES):
            if response.status != 202:
                break
            await asyncio.sleep(self._call.premises.marker_period_seconds)
            response = await self._passive.ask(method)
        await self._passive.demand(method, response)
        return response

    def _count(self, data: bytes) -> None:
        self.moved += len(data)
        self._last_byte = time.time()

    async def _begin(self) -> None:
        """A mover takes the copy up, unless it waits for one for ever."""
        if self._queued:
            await asyncio.Event().wait()
        self._running = True

    async def _thaw(self) -> None:
        """Stands still for ever, or raises RefusalError, once a fault says so."""
        if self._fails and self.moved >= self._fails.after_bytes:
            raise self._refuse(self._fails.cause, text=_WRONG_SUM, moved=self.moved)
        if self._freeze and self.moved >= self._freeze.after_bytes:
            await asyncio.Event().wait()

    def _spoiled(self, data: bytes) -> bytes:
        if self._spoil is None:
            return data
        if self._spoil.how is Spoiled.EMPTY:
            return b""
        if self._spoil.how is Spoiled.SHORT:
            return data[:-1] if self.moved == 0 and self._order.pull else data
        return bytes([data[0] ^ 0x01]) + data[1:] if self.moved == 0 else data


class Pull(_Transfer):
    """The active party is the destination: it fetches."""

    def __init__(self, call: Call, order: Order, passive: Passive) -> None:
        super().__init__(call, order, passive)
        self._writer: FileWriter | None = None
        self._got: ResponseHead | None = None
        self._full = call.fault(Full)
        self._adler = 1

    async def prepare(self) -> None:
        dialect = self._call.dialect
        if dialect.resolves_first:
            await self._passive.resolve()
        if dialect.checks_before_source:
            self._check()
        if dialect.head_first:
            await self._head()
        if dialect.get_before_answer:
            await self._get()
        if not dialect.checks_before_source:
            self._check()

    def open(self) -> None:
        call = self._call
        try:
            if call.dialect.copy_makes_parents:
                call.files.make_parents(call.path)
            self._writer = call.create(self._full.after_bytes if self._full else None)
        except IsADirectoryError:
            raise self._refuse(Cause.IS_DIRECTORY) from None
        except OSError:
            raise self._refuse(Cause.PARENT_MISSING) from None

    async def run(self) -> Trouble | None:
        writer = self._writer
        if writer is None:
            raise RuntimeError("open comes before run")
        try:
            await self._begin()
            await self._fetch(writer)
        except RefusalError as error:
            self._drop(writer)
            return error.trouble
        except OSError as error:
            self._drop(writer)
            cause = Cause.NO_SPACE if error.errno == errno.ENOSPC else Cause.SERVER_ERROR
            return self._refuse(cause, moved=self.moved).trouble
        except BaseException:
            self._drop(writer)
            raise
        return None

    def _check(self) -> None:
        call = self._call
        before = call.files.find(call.path)
        self._call.require(Operation.MODIFY if isinstance(before, File) else Operation.CREATE)
        if isinstance(before, Directory):
            raise self._refuse(Cause.IS_DIRECTORY)
        if before is not None and not self._order.overwrite:
            raise self._refuse(Cause.EXISTS)
        if not call.dialect.copy_makes_parents and not call.files.has_parent(call.path):
            raise self._refuse(Cause.PARENT_MISSING)
        if call.dialect.space_before_answer and (call.files.full or (self._full and not self._full.after_bytes)):
            raise self._refuse(Cause.NO_SPACE)

    async def _head(self) -> None:
        try:
            response = await self._ask("HEAD")
        except RefusalError:
            if self._call.dialect.heeds_head:
                raise
            return
        if self._call.dialect.claims_scheduled_bytes and self._order.streams > 1:
            self.scheduled = response.length or 0  # several streams report what is planned (recording pull-ok-streams4)

    async def _get(self) -> ResponseHead:
        if self._got is None:
            self._got = await self._ask("GET")
        return self._got

    async def _fetch(self, writer: FileWriter) -> None:
        response = await self._get()
        await self._thaw()
        while data := await self._passive.piece():
            self._adler = zlib.adler32(data, self._adler)
            await writer.write(self._spoiled(data))
            self._count(data)
            await self._thaw()
        if self._order.verify and self._spoil is None:
            await self._verify(response)
        writer.commit()

    async def _verify(self, response: ResponseHead) -> None:
        """dCache's own check: the source's digest against what came (http-tpc 1.7)."""
        told = _adler_of(response)
        if told is None:
            told = _adler_of(await self._ask("HEAD"))
        if told is None:
            raise self._refuse(Cause.CHECKSUM_MISSING)
        if told != self._adler:
            raise self._refuse(Cause.CHECKSUM_DIFFERS, text=f"expected=[1:{told:08x}], actual=[1:{self._adler:08x}]")

    def _drop(self, writer: FileWriter) -> None:
        if self._call.dialect.keeps_debris:
            writer.keep()
        else:
            writer.abandon()


class Push(_Transfer):
    """The active party is the source: it sends."""

    def __init__(self, call: Call, order: Order, passive: Passive) -> None:
        super().__init__(call, order, passive)
        self._file: File | None = None

    async def prepare(self) -> None:
        if self._call.dialect.resolves_first:
            await self._passive.resolve()
        self._call.require(Operation.READ)

    def open(self) -> None:
        node = self._call.files.find(self._call.path)
        if node is None:
            raise self._refuse(Cause.MISSING)
        if isinstance(node, Directory):
            raise self._refuse(Cause.IS_DIRECTORY)
        self._file = node

    async def run(self) -> Trouble | None:
        try:
            await self._begin()
            await self._send()
        except RefusalError as error:
            return replace(error.trouble, size=error.trouble.size or self._local.size)
        return None

    @property
    def _local(self) -> File:
        if self._file is None:
            raise RuntimeError("open comes before run")
        return self._file

    async def _send(self) -> None:
        if self._call.dialect.checks_peer_exists and not self._order.overwrite:
            await self._check_absence()
        length = self._local.size
        if self._spoil and self._spoil.how is not Spoiled.FLIPPED:
            length = 0 if self._spoil.how is Spoiled.EMPTY else max(0, length - 1)
        response = await self._passive.upload(lambda: self._pieces(length), length)
        await self._passive.demand("PUT", response)
        if self._order.verify and self._spoil is None:
            await self._verify()

    async def _pieces(self, length: int) -> AsyncGenerator[bytes, None]:
        self.moved = 0
        await self._thaw()
        while self.moved < length:
            data = await self._local.read(self.moved, min(PIECE, length - self.moved))
            if not data:
                raise self._refuse(Cause.SERVER_ERROR)
            yield self._spoiled(data)
            self._count(data)
            await self._thaw()

    async def _check_absence(self) -> None:
        response = await self._passive.ask("HEAD")
        if response.status < 300:
            raise self._refuse(Cause.PASSIVE_EXISTS)
        if response.status != 404:
            await self._passive.demand("HEAD", response)

    async def _verify(self) -> None:
        """dCache looks at the copy afterwards, and deletes a bad one (http-tpc 1.7)."""
        trouble = await self._found_wrong()
        if trouble is None:
            return
        await self._passive.ask("DELETE")
        raise trouble

    async def _found_wrong(self) -> RefusalError | None:
        response = await self._ask("HEAD")
        if response.length != self._local.size:
            return self._refuse(Cause.SIZE_DIFFERS, size=self._local.size, moved=response.length or 0)
        told = _adler_of(response)
        if told is None:
            return self._refuse(Cause.CHECKSUM_MISSING, text=response.fields.get("Digest"))
        ours = int.from_bytes(await self._local.digest("adler32"), "big")
        if told != ours:
            return self._refuse(Cause.CHECKSUM_DIFFERS, text=f"adler32 {told:08x} != {ours:08x}")
        return None


def _adler_of(response: ResponseHead) -> int | None:
    """The adler32 of a Digest header."""
    for item in response.fields.get("Digest").split(","):
        name, _, value = item.strip().partition("=")
        if name.lower() == "adler32" and response.status < 300:
            try:
                return int(value, 16)
            except ValueError:
                return None
    return None


def _transfer_headers(call: Call) -> Pairs:
    """The passive party's headers: TransferHeaderX becomes X (http-tpc 1.2)."""
    found = (
        (name[len(_PREFIX) :], value)
        for name, value in call.request.fields
        if name.lower().startswith(_PREFIX) and len(name) > len(_PREFIX)
    )
    return tuple(pair for pair in found if pair[0].lower() not in _HOP_BY_HOP)


def _scheme(url: str) -> str:
    """The URL's scheme; empty when it is no URL."""
    try:
        return urlsplit(url).scheme.lower()
    except ValueError:
        return ""
