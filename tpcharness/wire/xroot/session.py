"""One connection's conversation: a state machine that takes bytes and gives events (xroot 7).

The owner sends what `outgoing` gives after each call. Answers come in any order, some much later and unasked. A token
leaves here only under TLS, whatever the caller wants.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import (
    Redirect,
    Refusal,
    read_redirect,
    read_refusal,
    read_seconds,
    text_of,
)
from tpcharness.wire.xroot.codes import ATTN_ANSWER, ErrorNumber, ServerFlag, Status
from tpcharness.wire.xroot.frames import MAX_TEXT, Frame, FrameReader, Request, inner_frame
from tpcharness.wire.xroot.login import (
    HELLO,
    HELLO_ANSWER_BYTES,
    MAX_PROTOCOL_ANSWER,
    Offer,
    ProtocolAnswer,
    TlsWish,
    Visitor,
    auth_request,
    login_request,
    protocol_request,
    read_hello,
    read_login,
    read_protocol_answer,
    usable,
)
from tpcharness.wire.xroot.signing import Signer

MAX_IN_FLIGHT = 256
MAX_STRAYS = 100
MAX_ATTN = 1024 * 1024
_LOGIN_STREAM, _AUTH_STREAM, _FIRST_STREAM, _LAST_STREAM = 1, 2, 3, 0xFFFF


class State(StrEnum):
    """How far the conversation is."""

    NEW = "new"
    GREETING = "greeting"
    PROTOCOL = "protocol"
    TLS = "tls"
    LOGIN = "login"
    AUTH = "auth"
    READY = "ready"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class TlsWanted:
    """Start TLS on this connection now, then call `secured`."""


@dataclass(frozen=True, slots=True)
class TlsMissing:
    """We want TLS and the server has none: nothing more is said to it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Logged in; `method` is how, empty where the server wanted no credential."""

    method: str


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The server does not let us in; `text` is the server's, or says what it takes and we have not."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Replied:
    """A good answer, whole."""

    stream: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """An error for an answer."""

    stream: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Redirected:
    """Ask there instead."""

    stream: int
    redirect: Redirect


@dataclass(frozen=True, slots=True)
class WaitAsked:
    """Ask again after so many seconds."""

    stream: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Deferred:
    """The answer will come by itself; the server thinks within so many seconds."""

    stream: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Broken:
    """The server sent what no server may send; the session is dead."""

    text: str


Answer = Replied | Refused | Redirected | WaitAsked
Event = TlsWanted | TlsMissing | Ready | LoginFailed | Deferred | Broken | Answer


@dataclass(slots=True)
class _Pending:
    max_reply: int
    data: bytearray = field(default_factory=bytearray)
    abandoned: bool = False


class Session:
    """From the hello to the last answer. Never raises for what a server sends: the last event is `Broken` then."""

    def __init__(self, visitor: Visitor, login_token: str = "") -> None:
        self.state = State.NEW
        self.protocol: ProtocolAnswer | None = None
        self.tls = False
        self._visitor = visitor
        self._login_token = login_token
        self._reader = FrameReader(self._limit)
        self._outgoing = bytearray()
        self._offers: list[Offer] = []
        self._offered: tuple[Offer, ...] = ()
        self._pending: dict[int, _Pending] = {}
        self._next = _FIRST_STREAM
        self._strays = 0
        self._signer: Signer | None = None

    @property
    def in_flight(self) -> int:
        """Requests whose stream ids are taken, also those that nobody waits for any more."""
        return len(self._pending)

    def outgoing(self) -> bytes:
        """The bytes to be sent now; they are given once."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def begin(self) -> None:
        """Says hello and asks for the protocol, both at once."""
        self._outgoing += HELLO + protocol_request(self._visitor.tls).encode(0)
        self.state = State.GREETING

    def secured(self) -> None:
        """TLS stands: goes on with the login."""
        if self.state is not State.TLS:
            raise RuntimeError(f"TLS in state {self.state}")
        self.tls = True
        self._login()

    def send(self, request: Request) -> int:
        """The stream id of a request that is on its way now.

        Raises RuntimeError before the session is ready, with too much in flight, and for a token without TLS: these
        are bugs of ours.
        """
        if self.state is not State.READY or len(self._pending) >= MAX_IN_FLIGHT:
            raise RuntimeError(f"nothing can be asked: {self.state}, {len(self._pending)} in flight")
        if request.secret and not self.tls:
            raise RuntimeError("a token may not leave without TLS")
        while self._next in self._pending:
            self._advance()
        stream = self._next
        self._advance()
        frame = request.encode(stream)
        if self._signer is not None:
            self._outgoing += self._signer.sign(request, stream, frame)
        self._outgoing += frame
        self._pending[stream] = _Pending(request.max_reply)
        return stream

    def abandon(self, stream: int) -> None:
        """Nobody waits for this answer any more; its id stays taken until it has come."""
        if stream in self._pending:
            self._pending[stream].abandoned = True

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes bring; how they come in pieces makes no difference."""
        if self.state is State.DEAD:
            return []
        events: list[Event] = []
        try:
            self._feed(data, events)
        except WireError as error:
            self.state = State.DEAD
            events.append(Broken(str(error)))
        return events

    def _feed(self, data: bytes, events: list[Event]) -> None:
        self._reader.feed(data)
        self._refuse_injection()
        while self.state is not State.DEAD and (frame := self._reader.next_frame()) is not None:
            event = self._take(frame)
            if event is not None:
                events.append(event)
            self._refuse_injection()

    def _refuse_injection(self) -> None:
        """Plain bytes after the server has called for TLS: somebody slips in what TLS should guard."""
        if self.state is State.TLS and self._reader.pending:
            raise WireError("plain bytes where TLS begins")

    def _advance(self) -> None:
        self._next = _FIRST_STREAM if self._next == _LAST_STREAM else self._next + 1

    def _limit(self, stream: int, status: int) -> int:
        """The longest data of such an answer in this state."""
        if self.state is State.GREETING:
            return HELLO_ANSWER_BYTES
        if self.state is State.PROTOCOL:
            return MAX_PROTOCOL_ANSWER
        match status:
            case Status.OK | Status.OKSOFAR if stream in self._pending:
                pending = self._pending[stream]
                return max(0, pending.max_reply - len(pending.data))
            case Status.ATTN:
                return MAX_ATTN
            case _:
                return MAX_TEXT

    def _take(self, frame: Frame) -> Event | None:
        match self.state:
            case State.GREETING:
                self._greeted(frame)
                return None
            case State.PROTOCOL:
                return self._agreed(frame)
            case State.LOGIN | State.AUTH:
                return self._admitted(frame)
            case State.READY:
                return self._unasked(frame) if frame.status == Status.ATTN else self._answered(frame)
            case _:
                raise WireError(f"an answer in state {self.state}")

    def _greeted(self, frame: Frame) -> None:
        if frame.stream != 0 or frame.status != Status.OK:
            raise WireError("not how an xroot server begins")
        read_hello(frame.data)
        self.state = State.PROTOCOL

    def _agreed(self, frame: Frame) -> Event | None:
        if frame.stream != 0:
            raise WireError("an answer to nothing that was asked")
        if frame.status == Status.ERROR:
            return self._give_up(read_refusal(frame.data))
        if frame.status != Status.OK:
            raise WireError("not what a protocol request is answered")
        answer = self.protocol = read_protocol_answer(frame.data)
        # Only this flag starts TLS; the others merely say what a site has (xroot 1).
        if ServerFlag.GOTO_TLS in answer.flags:
            self.state = State.TLS
            return TlsWanted()
        if self._visitor.tls is TlsWish.REQUIRED:
            self.state = State.DEAD
            return TlsMissing()
        self._login()
        return None

    def _login(self) -> None:
        self._outgoing += login_request(self._visitor, self._login_token).encode(_LOGIN_STREAM)
        self.state = State.LOGIN

    def _admitted(self, frame: Frame) -> Event | None:
        """An answer to a login or a credential."""
        asked = _LOGIN_STREAM if self.state is State.LOGIN else _AUTH_STREAM
        if frame.status == Status.ATTN:
            return None
        if frame.stream != asked:
            raise WireError("an answer to nothing that was asked")
        match frame.status:
            case Status.OK if self.state is State.LOGIN:
                self._offered = read_login(frame.data)
                if not self._offered:
                    return self._enter("")
                self._offers = list(usable(self._offered, self._visitor, tls=self.tls))
                return self._authenticate()
            case Status.OK:
                return self._enter(self._offers[0].name)
            case Status.ERROR if self.state is State.AUTH and len(self._offers) > 1:
                del self._offers[0]
                return self._authenticate()
            case Status.ERROR:
                return self._give_up(read_refusal(frame.data))
            case Status.WAIT:
                return self._give_up(Refusal(ErrorNumber.OVERLOADED, f"wait: {text_of(frame.data[4:])}"))
            case Status.AUTHMORE:
                return self._give_up(Refusal(ErrorNumber.AUTH_FAILED, "it wants more than one credential"))
            case _:
                raise WireError(f"a login is answered with status {frame.status}")

    def _authenticate(self) -> Event | None:
        """Sends the next credential that we have."""
        if not self._offers:
            names = ", ".join(offer.name for offer in self._offered)
            plain = not self.tls and self._visitor.token is not None and "ztn" in names
            why = "; a token is not sent without TLS" if plain else ""
            return self._give_up(Refusal(ErrorNumber.AUTH_FAILED, f"it takes only {names}{why}"))
        self._outgoing += auth_request(self._offers[0], self._visitor).encode(_AUTH_STREAM)
        self.state = State.AUTH
        return None

    def _enter(self, method: str) -> Ready:
        self.state = State.READY
        if self.protocol is not None and self.protocol.sign_level and self.protocol.sign_forced:
            self._signer = Signer(self.protocol.sign_level, data=self.protocol.sign_data)
        return Ready(method)

    def _give_up(self, refusal: Refusal) -> LoginFailed:
        self.state = State.DEAD
        return LoginFailed(refusal.number, refusal.text)

    def _unasked(self, frame: Frame) -> Event | None:
        if len(frame.data) < 4:
            raise WireError("an unasked answer is too short")
        if struct.unpack_from(">i", frame.data)[0] != ATTN_ANSWER:
            return None  # a message for a user, or one of long ago
        inner = inner_frame(frame.data[4:])
        if inner.status in (Status.ATTN, Status.WAITRESP):
            raise WireError("an unasked answer that is none")
        if len(inner.data) > self._limit(inner.stream, inner.status):
            raise WireError("an unasked answer is longer than was asked for")
        return self._answered(inner)

    def _answered(self, frame: Frame) -> Event | None:
        pending = self._pending.get(frame.stream)
        if pending is None:
            # One whose wait notice came after its answer, or one that was never asked.
            self._strays += 1
            if self._strays > MAX_STRAYS:
                raise WireError("too many answers to nothing that was asked")
            return None
        event = self._event(frame, pending)
        if event is not None and not isinstance(event, Deferred):
            del self._pending[frame.stream]
        return None if pending.abandoned else event

    def _event(self, frame: Frame, pending: _Pending) -> Event | None:
        match frame.status:
            case Status.OKSOFAR:
                pending.data += frame.data
                return None
            case Status.OK:
                data = bytes(pending.data + frame.data) if pending.data else frame.data
                return Replied(frame.stream, data)
            case Status.ERROR:
                return Refused(frame.stream, read_refusal(frame.data))
            case Status.REDIRECT:
                return Redirected(frame.stream, read_redirect(frame.data))
            case Status.WAIT:
                return WaitAsked(frame.stream, read_seconds(frame.data))
            case Status.WAITRESP:
                return Deferred(frame.stream, read_seconds(frame.data))
            case _:
                raise WireError(f"an answer of status {frame.status}")
