"""The body of a request on its way out: how much of it has gone, since when, and our clocks over it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.net.dialer import Dial
from tpcharness.net.messages import BodySource

_UNACKED = slice(24, 28)
"""Where struct tcp_info of <linux/tcp.h> has the number of segments that the peer has not acknowledged."""


class Sending:
    """One upload while it goes on; the caller makes it and hands it to `HttpClient.open`.

    Its own clocks take the place of a limit for the request: `no_progress_seconds` for a server that takes nothing
    any more, `response_seconds` for the answer once all is sent, `transfer_seconds` for the whole. Times are those of
    the event loop. After a redirect all but the last begins anew, with the body.
    """

    def __init__(self, limits: TimeLimits) -> None:
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Timeout | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._dial: Dial | None = None
        self._deadline: float | None = None
        self._moved_at = 0.0
        self.began_at: float | None = None
        self.length = 0
        self.sent = 0
        self.failure: Failure | None = None

    @property
    def complete(self) -> bool:
        """Whether the connection took all of it; that says nothing of the server."""
        return self.began_at is not None and self.sent == self.length

    def start(self, timer: asyncio.Timeout, dial: Dial) -> None:
        """The connection stands: from here on the clocks run, and end `timer` when one of them is over."""
        timer.reschedule(None)
        now = self._loop.time()
        if self._deadline is None:
            self._deadline = now + self._limits.transfer_seconds
        self._timer, self._dial, self._moved_at = timer, dial, now
        self._wind()

    def stop(self) -> None:
        """The answer has come, or we have gone: no clock runs any more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._timer = None

    async def pieces(self, body: BodySource) -> AsyncIterator[bytes]:
        """The body, each piece as soon as the connection has taken the one before; others have their turn between."""
        self.length, self.sent = body.length, 0
        self.began_at = self._moved_at = self._loop.time()
        for piece in body.chunks():
            yield piece
            self.sent += len(piece)
            self._moved_at = self._loop.time()
            await asyncio.sleep(0)

    def _wind(self) -> None:
        """Looks again when the first of the clocks can be over. Seldom: a timer for each piece would cost more."""
        self._alarm = self._loop.call_at(self._next()[0], self._ring)

    def _next(self) -> tuple[float, Reason]:
        limits = self._limits
        deadline = self._moved_at + limits.transfer_seconds if self._deadline is None else self._deadline
        if self.complete or self.began_at is None:
            return min((deadline, Reason.DEADLINE), (self._moved_at + limits.response_seconds, Reason.NO_RESPONSE))
        return min((deadline, Reason.DEADLINE), (self._moved_at + limits.no_progress_seconds, Reason.STREAM_STALLED))

    def _ring(self) -> None:
        moment, reason = self._next()
        if moment > self._loop.time():
            self._wind()
            return
        self.failure = self._judge(reason)
        if self._timer is not None:
            self._timer.reschedule(self._loop.time())

    def _judge(self, reason: Reason) -> Failure:
        limits, share = self._limits, f"{self.sent} of {self.length} bytes"
        if reason is Reason.NO_RESPONSE:
            return Failure(reason, f"no answer within {limits.response_seconds:g} s after all {self.length} bytes")
        if reason is Reason.DEADLINE:
            return Failure(reason, f"not done within {limits.transfer_seconds:g} s: {share} sent")
        if unacknowledged(self._dial.connection if self._dial else None) == 0:
            text = f"it has stopped to read for {limits.no_progress_seconds:g} s: {share} sent, all acknowledged"
            return Failure(reason, text, Blame.DESTINATION)
        return Failure(reason, f"nothing more was taken for {limits.no_progress_seconds:g} s: {share} sent")


def unacknowledged(connection: socket.socket | None) -> int | None:
    """How many segments the peer's machine has not confirmed; None where the kernel does not say.

    While we have more to send, 0 means that the network and that machine are well, and its program does not read: its
    window is shut.
    """
    if connection is None or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED.stop)
    except OSError:
        return None
    return int.from_bytes(facts[_UNACKED], sys.byteorder) if len(facts) >= _UNACKED.stop else None
