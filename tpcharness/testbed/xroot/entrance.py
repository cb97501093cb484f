"""How a client comes in: hello, TLS, login, credentials, and what it may do then."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

from tpcharness.testbed.authorisation import Operation, Refused, Rights, Verifier
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.xroot import frames
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.testbed.xroot.frames import Asked, XrootError
from tpcharness.testbed.xroot.rendezvous import Meetings

PEER = "xrootd"
"""The user name of a destination's copy program: its connections are known by it."""

_PLAIN, _TLS = 0x00100001, 0xD7100001  # a server without pgread: copy programs take read
_ABLE_TLS = 0x02
_OFFERS = b"&P=ztn,0:16384:&P=unix"


@dataclass(frozen=True, slots=True)
class Premises:
    """What all connections of a door share."""

    files: FileStore
    verifier: Verifier
    server_ssl: ssl.SSLContext
    client_ssl: ssl.SSLContext
    meetings: Meetings
    faults: set[RootFault]
    session: bytes
    cold_seconds: float = 0.0
    peers_by_token: bool = False
    warm: set[str] = field(default_factory=set)

    async def fetch(self, path: str) -> None:
        """What the first read of a file costs where it has to come from an origin."""
        if self.cold_seconds and path not in self.warm:
            self.warm.add(path)
            await asyncio.sleep(self.cold_seconds)


class Entrance:
    """Who the other end of one connection is; `user` is empty before the login."""

    def __init__(self, premises: Premises, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.user = ""
        self.origin = ""
        self._premises = premises
        self._reader = reader
        self._writer = writer
        self._rights: Rights | None = None

    @property
    def peer(self) -> bool:
        """Whether it is the copy program of a destination."""
        return self.user == PEER

    def _has(self, fault: RootFault) -> bool:
        return fault in self._premises.faults

    async def greet(self) -> bool:
        """The hello; False when there is nothing more to say."""
        if self._has(RootFault.SILENT):
            await self._reader.read()
            return False
        if self._has(RootFault.NOT_XROOT):
            self._writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return False
        try:
            hello = await self._reader.readexactly(frames.HELLO_BYTES)
        except asyncio.IncompleteReadError:
            return False
        if hello != frames.HELLO:
            return False
        self._writer.write(frames.answer(b"\0\0", frames.VERSION.to_bytes(4, "big") + b"\0\0\0\x01"))
        return True

    async def protocol(self, asked: Asked) -> bytes | None:
        tls = bool(asked.body[4] & _ABLE_TLS) and not self._has(RootFault.NO_TLS)
        flags = _TLS if tls else _PLAIN
        said = frames.answer(asked.stream, frames.VERSION.to_bytes(4, "big") + flags.to_bytes(4, "big"))
        if not tls:
            return said
        self._writer.write(said)
        await self._writer.start_tls(self._premises.server_ssl)
        return None

    async def log_in(self, asked: Asked) -> bytes:
        self.user = asked.body[4:12].rstrip(b"\0").decode("ascii", "replace") or "nobody"
        self.origin = f"{self.user}.{int.from_bytes(asked.body[:4], 'big')}@localhost"
        offers = _OFFERS
        if self.user == PEER:
            if self._has(RootFault.CLOSED_TO_PEER):
                raise ConnectionResetError
            if self._has(RootFault.MUTE_TO_PEER):
                await self._reader.read()
            if self._has(RootFault.WANTS_OTHER_CREDENTIAL):
                offers = b"&P=krb5,xrootd@EXAMPLE.ORG"
        return frames.answer(asked.stream, self._premises.session + offers)

    async def authenticate(self, asked: Asked) -> bytes:
        if self._has(RootFault.LOGIN_REFUSED):
            raise XrootError(3030, "invalid token supplied")
        if asked.body[12:16] == b"ztn\0":
            token = asked.data[10:].partition(b"\0")[0].decode("ascii", "replace")
            checked = self._premises.verifier.check(token)
            if isinstance(checked, Refused):
                raise XrootError(3030, "invalid token supplied")
            self._rights = checked
        elif asked.body[12:16] != b"unix":
            raise XrootError(3030, "security protocol is not supported.")
        return frames.answer(asked.stream)

    def check(self, asked: Asked, operation: Operation, verb: str) -> None:
        """Raises XrootError unless the request's token, or else the login's, allows it."""
        rights = self._rights
        token = asked.words.get("authz")
        if token is not None:
            checked = self._premises.verifier.check(token.removeprefix("Bearer%20"))
            rights = None if isinstance(checked, Refused) else checked
        if rights is None or not rights.may(operation, asked.path):
            raise XrootError(3010, f"Unable to {verb} {asked.path}; permission denied")
