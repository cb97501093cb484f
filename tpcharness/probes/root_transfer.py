"""One third-party copy by xroot as it goes: the rendezvous at both ends, progress, and our clocks (xroot 11)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from time import perf_counter

from tpcharness.diagnosis.copy_verdict import Stall
from tpcharness.diagnosis.verdict import Party
from tpcharness.diagnosis.xroot_verdict import RootSeen, Step, is_before_asking
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.failure import Failure
from tpcharness.model.progress import MarkerSeen, TerminalSeen
from tpcharness.model.reason import Reason
from tpcharness.model.result import Markers
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.net.xroot import Reply, Server, XrootVisit
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import does_tpc, read_config, read_handle, read_stat
from tpcharness.wire.xroot.frames import Request
from tpcharness.wire.xroot.operations import PathRequest, cancel_copy, close, query_config, stat_handle, sync
from tpcharness.wire.xroot.rendezvous import KEY_DIGITS, Rendezvous, placement_request

LOOK_SECONDS = 0.5
"""Between two looks at how much has arrived."""
GOODBYE_SECONDS = 5.0
_ORDERED = frozenset({Step.START, Step.GRANT, Step.COPY})  # the order to copy has gone out, or goes out beside it
QUEUED_SECONDS = 1.0
"""A destination that needs longer to begin has a queue."""


@dataclass(frozen=True, slots=True)
class RootRun:
    """One copy as it went. `seconds` is from the order to copy to the verdict.

    `opened`: a file may be at the destination; `ended`: nobody may still be writing it. `queued`: it had to wait for
    a place at the destination.
    """

    seen: RootSeen
    markers: Markers
    seconds: float | None
    address_family: AddressFamily | None
    opened: bool
    ended: bool
    queued: bool


@dataclass(frozen=True, slots=True)
class _Open:
    """A file that a server has opened for us."""

    server: Server
    handle: bytes
    size: int | None
    request: PathRequest


class _StoppedError(Exception):
    """A step that failed; carries what was seen, and never leaves this file."""

    def __init__(self, seen: RootSeen) -> None:
        super().__init__(seen.step)
        self.seen = seen


@dataclass(slots=True)
class RootTransfer:
    """The steps of one copy between two visits. Use `run` once.

    `patient`: the destination has let a copy wait in its queue before, so that the key is not given out too early.
    `shows_token`: the destination is given the source's token to show there.
    """

    source: XrootVisit
    destination: XrootVisit
    source_path: str
    destination_path: str
    size: int
    reading: Secret
    writing: Secret
    limits: TimeLimits
    trail: Trail
    patient: bool = False
    shows_token: bool = False
    look_seconds: float = LOOK_SECONDS
    _files: list[tuple[XrootVisit, _Open]] = field(default_factory=list)
    _queued_seconds: float = 0.0
    _begin: float | None = None

    async def run(self) -> RootRun:
        """From the first question to the destination's last word, or to the end of our patience.

        Leaving closes the files, which ends the copy at most servers. When cancelled it leaves at once: closing the
        visits does the same.
        """
        progress = _Progress(self.trail, self.size, self.limits)
        seen = RootSeen(Step.COPY, Party.DESTINATION)
        try:
            with self._requesting():
                placed = await self._place()
                self.destination.preferred_family = self.source.address_family
                made, grant = await self._make(placed)
                self._begin = perf_counter()
                await self._start(placed, made, grant)
            with self.trail.enter(Phase.TRANSFER):
                seen = await self._wait(made, progress)
        except _StoppedError as stopped:
            seen = stopped.seen
        seconds = None if self._begin is None else perf_counter() - self._begin
        await self._close()
        return RootRun(
            seen=replace(seen, arrived=progress.arrived, queued_seconds=self._queued_seconds),
            markers=progress.markers(),
            seconds=seconds,
            address_family=self.destination.address_family or self.source.address_family,
            opened=_may_have_opened(seen),
            ended=seen.step not in _ORDERED or (seen.stall is None and seen.failure is None),
            queued=self._queued_seconds > QUEUED_SECONDS,
        )

    @contextmanager
    def _requesting(self) -> Iterator[None]:
        """Times the phase, less what the visits spent on their connections, which has phases of its own."""
        self.trail.announce(Phase.REQUEST)
        begin = perf_counter()
        try:
            yield
        finally:
            spent = self.source.timings + self.destination.timings
            steps = {
                Phase.QUEUED: spent.queued,
                Phase.RESOLVE: spent.resolve,
                Phase.CONNECT: spent.connect,
                Phase.TLS: spent.tls,
            }
            for phase, seconds in steps.items():
                self.trail.add(phase, seconds)
            self.trail.add(Phase.REQUEST, max(0.0, perf_counter() - begin - sum(steps.values())))

    async def _place(self) -> _Open:
        """Which server has the source, and that it lets us read it."""
        request = placement_request(self.source_path, self.reading)
        file = await self._open(self.source, request, Step.PLACEMENT, Party.SOURCE)
        size = file.size
        if size is None:
            size = await self._size(file)
        await self._close()
        if size is not None and size != self.size:
            text = f"{self.source_path} has {size} bytes at the root door, {self.size} were stored"
            raise _StoppedError(RootSeen(Step.PLACEMENT, Party.SOURCE, failure=Failure(Reason.SEED_CORRUPT, text)))
        await self._check_ability(self.source, file.server, Party.SOURCE)
        return file

    async def _make(self, placed: _Open) -> tuple[_Open, PathRequest]:
        """Opens the new file at the destination, which is told where the source is; and the grant for the source."""
        asked = self.source.target.url
        forwarded = await self._forwarded(placed.server)
        meeting = Rendezvous(
            key=secrets.token_hex(KEY_DIGITS // 2),
            source=placed.server.named_place,
            asked=asked.place,
            path=placed.request.path,
            size=self.size,
            # Without TLS where a disk server behind a door has none (EOS); never so with a token.
            secure_source=placed.server.connection.session.tls and (asked.secure or forwarded is not None),
            secure_destination=self.destination.target.url.secure,
        )
        request = meeting.destination_request(self.destination_path, self.writing, forwarded)
        made = await self._open(self.destination, request, Step.DESTINATION, Party.DESTINATION)
        await self._check_ability(self.destination, made.server, Party.DESTINATION)
        return made, meeting.grant_request(placed.request, await self.destination.name_of(made.server))

    async def _forwarded(self, source: Server) -> Secret | None:
        """The source's token, where the destination must show it: to a source that lets in by token whoever brings
        one (`shows_token`), and in place of the one by which we came in at the destination (xroot 11, 13).

        Only where source and destination speak TLS to us, for a token goes nowhere else.
        """
        entered = await self.destination.enter()
        if entered.server is None:
            raise _StoppedError(_seen(Step.DESTINATION, Party.DESTINATION, entered))
        secure = source.connection.session.tls and entered.server.connection.session.tls
        if not secure:
            return None
        if self.shows_token:
            return self.reading
        if entered.server.connection.method != "ztn":
            return None
        reply = await self.destination.quietly(entered.server, query_config("tpcdlg"), self.limits.request_seconds)
        told = read_config(reply.data, ["tpcdlg"]).get("tpcdlg", "")
        return self.reading if "ztn" in told.replace(",", " ").split() else None

    async def _check_ability(self, visit: XrootVisit, server: Server, party: Party) -> None:
        """A server without third-party copy may take `tpc` words for nothing, and call an empty file a success."""
        reply = await visit.ask_server(server, "query config tpc", query_config("tpc"), Phase.REQUEST)
        if reply.failure is not None:
            raise _StoppedError(_seen(Step.ABILITY, party, reply))
        if reply.refusal is None and not does_tpc(read_config(reply.data, ["tpc"])):
            raise _StoppedError(RootSeen(Step.ABILITY, party, able=False))

    async def _start(self, placed: _Open, made: _Open, grant: PathRequest) -> None:
        """The order to copy, and the grant that lets the destination in; both at once, for the destination is quick."""
        begin = perf_counter()

        async def order() -> None:
            await self._ask(self.destination, made.server, "sync", sync(made.handle), Step.START, Party.DESTINATION)
            self._queued_seconds = perf_counter() - begin

        async def let_in() -> None:
            request = placed.server.allowed(grant).request()
            reply = await self._ask(self.source, placed.server, "open", request, Step.GRANT, Party.SOURCE)
            self._files.append((self.source, _read_open(reply, Step.GRANT, Party.SOURCE)))

        if self.patient:
            await order()
            await let_in()
            return
        ordering = asyncio.create_task(order())
        try:
            await let_in()
            await ordering
        finally:
            ordering.cancel()
            await asyncio.gather(ordering, return_exceptions=True)  # the first of two refusals is the one that counts

    async def _wait(self, made: _Open, progress: _Progress) -> RootSeen:
        """The second sync, with looks at what has arrived meanwhile."""
        progress.begin()
        limit = self.limits.transfer_seconds + GOODBYE_SECONDS
        asking = asyncio.create_task(self._say(made, "sync", sync(made.handle), limit))
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=self.look_seconds)
                if not asking.done():
                    await self._look(made, progress, asking)
                stall = progress.stall()
                if stall is not None and not asking.done():
                    await self._cancel(made, asking)
                    return RootSeen(Step.COPY, Party.DESTINATION, stall=stall)
            reply = await asking
        finally:
            asking.cancel()
            await asyncio.wait({asking})
        if reply.ok:
            progress.note(self.size)
        said = reply.refusal.text if reply.refusal is not None else "done" if reply.ok else ""
        if reply.failure is None:
            self.trail.observer.notice(TerminalSeen(self.trail.probe_id, said, progress.seconds))
        return _seen(Step.COPY, Party.DESTINATION, reply)

    async def _look(self, made: _Open, progress: _Progress, asking: asyncio.Task[Reply]) -> None:
        """How much has arrived. Given up when the copy is over: the time that it took is not that of a slow look."""
        limit = self.limits.request_seconds
        looking = asyncio.create_task(self.destination.quietly(made.server, stat_handle(made.handle), limit))
        try:
            await asyncio.wait({asking, looking}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
            await asyncio.wait({looking})
        with suppress(WireError):
            if not looking.cancelled() and looking.result().ok:
                progress.note(read_stat(looking.result().data).size)

    async def _cancel(self, made: _Open, asking: asyncio.Task[Reply]) -> None:
        """Tells the destination to stop, and hears what it says to that."""
        reply = await self._say(made, "cancel", cancel_copy(made.handle), GOODBYE_SECONDS)
        if reply.ok:
            await asyncio.wait({asking}, timeout=GOODBYE_SECONDS)

    async def _say(self, made: _Open, verb: str, request: Request, limit: float) -> Reply:
        """The destination's answer about the file that it is copying."""
        path, phase = made.request.path, Phase.TRANSFER
        return await self.destination.ask_server(made.server, verb, request, phase, path=path, timeout_seconds=limit)

    async def _open(self, visit: XrootVisit, request: PathRequest, step: Step, party: Party) -> _Open:
        reply = await visit.ask(request, Phase.REQUEST)
        if not reply.ok:
            raise _StoppedError(_seen(step, party, reply))
        file = _read_open(reply, step, party)
        self._files.append((visit, file))
        return file

    async def _size(self, file: _Open) -> int | None:
        reply = await self._ask(
            self.source, file.server, "stat", stat_handle(file.handle), Step.PLACEMENT, Party.SOURCE
        )
        try:
            return read_stat(reply.data).size
        except WireError as error:
            raise _StoppedError(_unreadable(Step.PLACEMENT, Party.SOURCE, error)) from error

    async def _ask(
        self, visit: XrootVisit, server: Server, verb: str, request: Request, step: Step, party: Party
    ) -> Reply:
        path = self.source_path if party is Party.SOURCE else self.destination_path
        reply = await visit.ask_server(server, verb, request, Phase.REQUEST, path=path)
        if not reply.ok:
            raise _StoppedError(_seen(step, party, reply))
        return reply

    async def _close(self) -> None:
        """Closes what is open; how a server takes it says nothing of the copy (dCache has closed the connection)."""
        files, self._files = self._files, []
        for visit, file in files:
            if file.server.connection.failure is None:
                await visit.quietly(file.server, close(file.handle), GOODBYE_SECONDS)


class _Progress:
    """What has arrived so far, and whether our patience is over."""

    def __init__(self, trail: Trail, size: int, limits: TimeLimits) -> None:
        self.arrived = 0
        self._trail = trail
        self._size = size
        self._limits = limits
        self._began = self._moved = perf_counter()
        self._first: float | None = None
        self._longest = 0.0
        self._looks = 0

    def begin(self) -> None:
        """From now on bytes are expected."""
        self._began = self._moved = perf_counter()

    @property
    def seconds(self) -> float:
        return perf_counter() - self._began

    def note(self, size: int) -> None:
        """The destination's file has this size now."""
        now = perf_counter()
        self._looks += 1
        if size > self.arrived:
            self._longest = max(self._longest, now - self._moved)
            self._moved = now
            self.arrived = size
            if self._first is None:
                self._first = now - self._began
        self._trail.observer.notice(MarkerSeen(self._trail.probe_id, self.arrived, "", now - self._began))

    def stall(self) -> Stall | None:
        """Which of our clocks has run out. Once all is there only the deadline counts: closing may take its time."""
        now = perf_counter()
        if now - self._began > self._limits.transfer_seconds:
            return Stall.DEADLINE
        if self.arrived >= self._size > 0:
            return None
        if self._first is None:
            return Stall.FIRST_BYTE if now - self._began > self._limits.first_byte_seconds else None
        return Stall.PROGRESS if now - self._moved > self._limits.no_progress_seconds else None

    def markers(self) -> Markers:
        """For the result: each look counts as one."""
        longest = max(self._longest, perf_counter() - self._moved) if self._looks else None
        return Markers(self._looks, self.arrived if self._looks else None, self._first, longest)


def _may_have_opened(seen: RootSeen) -> bool:
    """Whether a file may be at the destination.

    XRootD 5.5.3 without third-party copy makes the file before it refuses (seen).
    """
    if seen.step is Step.DESTINATION:
        return not seen.at_login and (seen.failure is None or not is_before_asking(seen.failure))
    return seen.step is not Step.PLACEMENT


def _seen(step: Step, party: Party, reply: Reply) -> RootSeen:
    return RootSeen(step, party, reply.refusal, reply.failure, at_login=reply.at_login, where=reply.redirected_to)


def _unreadable(step: Step, party: Party, error: WireError) -> RootSeen:
    return RootSeen(step, party, failure=Failure(Reason.MALFORMED_RESPONSE, str(error)))


def _read_open(reply: Reply, step: Step, party: Party) -> _Open:
    """The opened file; `reply` is a good one, of a server that we know."""
    if reply.server is None:
        raise RuntimeError("an answer of nobody")
    try:
        handle, stat = read_handle(reply.data)
    except WireError as error:
        raise _StoppedError(_unreadable(step, party, error)) from error
    request = reply.request or placement_request("/", None)
    return _Open(reply.server, handle, None if stat is None else stat.size, request)
