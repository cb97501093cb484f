"""One COPY on the wire: the request goes out, the markers come in, and our clocks watch (http-tpc 6.3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter
from urllib.parse import urljoin

from tpcharness.diagnosis.copy_verdict import CopySeen, Stall
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.failure import Failure
from tpcharness.model.progress import MarkerSeen, TerminalSeen
from tpcharness.model.reason import Reason
from tpcharness.model.result import Markers
from tpcharness.model.secret import redact
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.client import MAX_EXCERPT, HttpClient, OpenAnswer, evidence
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.net.redirects import secrets_may_follow
from tpcharness.net.trail import Trail
from tpcharness.wire.copy_request import CopyAnswer, Mode, read_copy_status
from tpcharness.wire.fingerprint import Server
from tpcharness.wire.markers import JUNK_CHARACTERS, Marker, MarkerStream, Progress, Terminal

MAX_REFUSAL_BYTES = 16 * 1024
REFUSAL_SECONDS = 10.0
MAX_STATE = 200


@dataclass(frozen=True, slots=True)
class CopyRun:
    """One COPY as it went. `seconds` is from the request to the verdict: the only span that all dialects share.

    StoRM holds its head back until it has something to say, so "from the head" would make it look infinitely fast.
    `shown` is what the server said, without credentials.
    """

    head: Answer
    answer: CopyAnswer | None
    terminal: Terminal | None
    markers: Markers
    text: str
    failure: Failure | None
    stall: Stall | None
    seconds: float
    state: str = ""
    without_tokens: bool = False
    shown: str = ""

    @property
    def address_family(self) -> AddressFamily | None:
        return self.head.address_family

    @property
    def may_run_on(self) -> bool:
        """Whether the storages may still be at it: the copy was accepted, and we left without a verdict."""
        if self.terminal is not None:
            return False
        unanswered = self.failure is not None and self.failure.reason in (Reason.NO_RESPONSE, Reason.CONNECTION_LOST)
        return self.answer is CopyAnswer.ACCEPTED or unanswered

    @property
    def never_sent(self) -> bool:
        """Whether the request certainly never reached a storage, so that there is nothing to clean up."""
        return self.failure is not None and self.failure.reason.phase in (Phase.RESOLVE, Phase.CONNECT, Phase.TLS)

    def seen(self, mode: Mode, server: Server) -> CopySeen:
        """The same for the room that says what it means."""
        return CopySeen(
            mode=mode,
            server=server,
            answer=self.answer,
            status=self.head.status,
            text=self.text,
            terminal=self.terminal,
            markers=self.markers.count,
            state=self.state,
            without_tokens=self.without_tokens,
            failure=self.failure,
            stall=self.stall,
        )


async def run_copy(client: HttpClient, request: HttpRequest, size: int, limits: TimeLimits, trail: Trail) -> CopyRun:
    """Sends a COPY and follows it to its verdict or to the end of our patience; adds to the phases of the trail.

    Leaving, by return or by cancellation, closes the connection, which tells most servers to stop.
    """
    trail.announce(Phase.REQUEST)
    begin = perf_counter()
    async with client.open(request, response_seconds=limits.response_seconds) as opened:
        head = opened.head
        trail.add(Phase.QUEUED, head.timings.queued)
        trail.add(Phase.RESOLVE, head.timings.resolve)
        trail.add(Phase.CONNECT, head.timings.connect)
        trail.add(Phase.TLS, head.timings.tls)
        trail.add(Phase.REQUEST, head.timings.request)
        answer = None
        exchange = evidence(request, head, Phase.REQUEST)
        trail.tell(exchange, perf_counter() - begin)
        if head.status is not None:
            answer = read_copy_status(head.status, head.headers.get("Content-Type", ""))
        if head.failure is not None or answer is None:
            run = CopyRun(head, answer, None, Markers(), "", head.failure, None, perf_counter() - begin)
        elif answer is CopyAnswer.ACCEPTED:
            with trail.enter(Phase.TRANSFER):
                run = await _Stream(opened, head, size, limits, trail).follow(begin)
        else:
            text, cut = await _refusal(opened)
            run = CopyRun(head, answer, None, Markers(), text, None, None, perf_counter() - begin)
            run = replace(run, shown=redact(text, cut=cut))
    run = replace(run, without_tokens=_lost_tokens(request, head))
    error = exchange.error if run.failure is None else run.failure.detail
    trail.keep(replace(exchange, body_excerpt=run.shown[:MAX_EXCERPT], error=error))
    return run


def _lost_tokens(request: HttpRequest, head: Answer) -> bool:
    """Whether a redirect led to a host where the tokens were not allowed to follow."""
    stations = [request.url]
    for hop in head.hops[:-1]:
        stations.append(urljoin(stations[-1], hop.location))
    return not all(secrets_may_follow(*pair, request.redirect_auth) for pair in pairwise(stations))


async def _refusal(opened: OpenAnswer) -> tuple[str, bool]:
    """The text of an answer that is no stream, and whether it was cut; what is there when it breaks or dawdles is
    enough.
    """
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
    return body[:MAX_REFUSAL_BYTES].decode("utf-8", "replace"), len(body) >= MAX_REFUSAL_BYTES


class _Stream:
    """The body of an accepted COPY, with a clock for each way in which it can hang."""

    def __init__(self, opened: OpenAnswer, head: Answer, size: int, limits: TimeLimits, trail: Trail) -> None:
        self._opened = opened
        self._head = head
        self._size = size
        self._limits = limits
        self._trail = trail
        self._parser = MarkerStream()
        self._progress = Progress()
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._began = now
        self._heard = now
        self._moved: float | None = None
        self._claimed = 0
        self._longest_silence = 0.0
        self._first_byte: float | None = None
        self._state = ""

    async def follow(self, begin: float) -> CopyRun:
        stall: Stall | None = None
        failure: Failure | None = None
        limit, clock = self._next_limit()
        try:
            async with asyncio.timeout_at(limit) as timer:
                while self._parser.terminal is None:
                    chunk = await self._opened.next_chunk()
                    self._hear()
                    if isinstance(chunk, Failure):
                        failure = chunk
                        break
                    if not chunk:
                        break
                    for event in self._parser.feed(chunk):
                        if isinstance(event, Marker):
                            self._note(event)
                    limit, clock = self._next_limit()
                    if limit != timer.when():
                        timer.reschedule(limit)
        except TimeoutError:
            stall = clock
        # A last line without a line feed is complete only when the body ended: a stall has no verdict.
        terminal = self._parser.terminal if stall is not None else self._parser.finish()
        said = self._parser.junk if terminal is None else terminal.line
        shown = redact(said, cut=self._parser.overlong or len(said) >= JUNK_CHARACTERS)
        if terminal is not None:
            failure = None
            seconds = self._loop.time() - self._began
            self._trail.observer.notice(TerminalSeen(self._trail.probe_id, shown[:500], seconds))
        return CopyRun(
            self._head,
            CopyAnswer.ACCEPTED,
            terminal,
            self._markers(),
            self._parser.junk,
            failure,
            stall,
            perf_counter() - begin,
            self._state,
            shown=shown,
        )

    def _next_limit(self) -> tuple[float, Stall]:
        """When our patience ends next, and which clock it is."""
        limits = self._limits
        clocks = [(self._began + limits.transfer_seconds, Stall.DEADLINE)]
        if self._parser.marker_count == 0:
            clocks.append((self._began + limits.first_marker_seconds, Stall.FIRST_MARKER))
        elif limits.marker_silence_seconds:
            clocks.append((self._heard + limits.marker_silence_seconds, Stall.SILENCE))
        if self._parser.marker_count and self._claimed < self._size:
            if self._moved is None:
                clocks.append((self._began + limits.first_byte_seconds, Stall.FIRST_BYTE))
            else:
                # Once all bytes are claimed only the deadline counts: XRootD with several streams claims them
                # at once (XRootD issue 2874), and closing a file may take its time.
                clocks.append((self._moved + limits.no_progress_seconds, Stall.PROGRESS))
        return min(clocks)

    def _hear(self) -> None:
        now = self._loop.time()
        self._longest_silence = max(self._longest_silence, now - self._heard)
        self._heard = now

    def _note(self, marker: Marker) -> None:
        self._progress.add(marker)
        claimed = self._progress.bytes_claimed or 0
        if claimed > self._claimed:
            self._claimed = claimed
            self._moved = self._heard
            if self._first_byte is None:
                self._first_byte = self._heard - self._began
        self._state = state = " ".join(filter(None, (marker.state, marker.state_description)))
        shown = redact(state, cut=self._parser.overlong)[:MAX_STATE]
        self._trail.observer.notice(
            MarkerSeen(self._trail.probe_id, self._progress.bytes_claimed, shown, self._heard - self._began)
        )

    def _markers(self) -> Markers:
        return Markers(
            count=self._parser.marker_count,
            bytes_claimed=self._progress.bytes_claimed,
            first_byte_seconds=self._first_byte,
            longest_silence_seconds=self._longest_silence,
            remote_connections=tuple(map(redact, self._progress.remote_connections)),
        )
