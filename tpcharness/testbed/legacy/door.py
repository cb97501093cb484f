"""A port of a gsiftp or SRM door, which is shut or has one of the manners."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from tpcharness.testbed.legacy.conduct import Conduct
from tpcharness.testbed.legacy.manners import Kind, Manner, Tls
from tpcharness.testbed.listening import BACKLOG, listeners
from tpcharness.testbed.pki import Authority

_HANDSHAKE_SECONDS = 60.0
_PARTING_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class LegacyDoor:
    """One such port, for as many connections as come; also an async context manager, on any free port.

    While it is shut the port stays its own: nobody listens there, and connections are refused. `name` is that of its
    certificate's files. `conduct` may be changed at any time, and has changed when that returns; connections end then.
    """

    kind: Kind
    authority: Authority
    conduct: Conduct = field(default_factory=Conduct)
    name: str = "legacy"
    port: int = 0
    connections: int = 0
    _contexts: dict[Tls, ssl.SSLContext] = field(default_factory=dict)
    _sockets: list[socket.socket] = field(default_factory=list)
    _listening: list[socket.socket] = field(default_factory=list)
    _fillers: list[socket.socket] = field(default_factory=list)
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str) -> str:
        """What an endpoint's `gsiftp` or `srm` says for a directory."""
        return f"{self.kind}://localhost:{self.port}{path}"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Takes the port, on every address of the host; 0 is any free one. Raises OSError when it is taken."""
        self._contexts = await asyncio.to_thread(self._make_contexts)
        with ExitStack() as stack:
            for each in [stack.enter_context(each) for each in await listeners(host, port)]:
                self._sockets.append(_kept(each))
        self.port = int(self._sockets[0].getsockname()[1])
        self.conduct.watchers.append(self._behave)
        self._behave()

    async def stop(self) -> None:
        """Gives the port back, and closes every connection."""
        with suppress(ValueError):  # one that never started does not watch
            self.conduct.watchers.remove(self._behave)
        self._shut()
        for each in self._sockets:
            each.close()
        self._sockets.clear()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await asyncio.sleep(0)  # what was cut is closed in the loop's next turn

    async def __aenter__(self) -> LegacyDoor:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _behave(self) -> None:
        """Does what the conduct says now."""
        self._shut()
        manner = self.conduct.manner
        if manner is None:
            return
        for each in self._sockets:
            _share(each, allowed=True)  # with former connections, which may not be over yet
            each.listen(0 if manner.play is None else BACKLOG)
            self._listening.append(each)
            if manner.play is None:
                self._fill(each)
            else:
                asyncio.get_running_loop().add_reader(each.fileno(), self._accept, each, manner)

    def _shut(self) -> None:
        """Listens no more, but keeps the port: Linux leaves a socket bound that is shut down."""
        for each in self._listening:
            asyncio.get_running_loop().remove_reader(each.fileno())
            each.shutdown(socket.SHUT_RDWR)
            _share(each, allowed=False)
        self._listening.clear()
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        for visit in self._visits:
            visit.cancel()

    def _fill(self, listener: socket.socket) -> None:
        """Takes the one place in its queue: Linux drops what comes then."""
        filler = socket.socket(listener.family)
        self._fillers.append(filler)
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())

    def _accept(self, listener: socket.socket, manner: Manner) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # gone before we came
            return
        connection.setblocking(False)
        self.connections += 1
        visit = _Visit(connection, manner, self._contexts.get(manner.tls))
        task = asyncio.get_running_loop().create_task(visit.serve())
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)
        task.add_done_callback(lambda _: visit.cut())  # a task that never began closes nothing

    def _make_contexts(self) -> dict[Tls, ssl.SSLContext]:
        """What stands before a play, by its kind."""
        files = self.authority.issue(self.name)
        secured = (Tls.ANYBODY, Tls.CERTIFICATE, Tls.CERTIFICATE_OLD)
        contexts: dict[Tls, ssl.SSLContext] = {tls: self.authority.server_context(files) for tls in secured}
        for tls in (Tls.CERTIFICATE, Tls.CERTIFICATE_OLD):
            contexts[tls].verify_mode = ssl.CERT_REQUIRED
            contexts[tls].load_verify_locations(cafile=self.authority.ca_file)
        contexts[Tls.CERTIFICATE_OLD].maximum_version = ssl.TLSVersion.TLSv1_2
        return contexts


def _kept(listener: socket.socket) -> socket.socket:
    """A socket in the place of a listening one, which is closed. It is bound by number: only then does it keep its port
    when it is shut down.
    """
    address = listener.getsockname()
    listener.close()
    kept = socket.socket(listener.family)
    try:
        kept.setblocking(False)
        _share(kept, allowed=True)
        if kept.family is socket.AF_INET6:
            kept.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        kept.bind(address)
        _share(kept, allowed=False)
    except OSError:
        kept.close()
        raise
    return kept


def _share(kept: socket.socket, *, allowed: bool) -> None:
    """Whether others may be bound to its port; while nobody listens there, another server could have it then."""
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(allowed))


class _Visit:
    """One connection, from its acceptance to its end."""

    def __init__(self, connection: socket.socket, manner: Manner, context: ssl.SSLContext | None) -> None:
        self._connection = connection
        self._manner = manner
        self._context = context
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self) -> None:
        """Plays; whatever the peer does is no error."""
        try:
            if self._context is not None and self._context.verify_mode is ssl.CERT_REQUIRED:
                await _turn_away(self._context, *await self._streams(None))
                return
            reader, writer = await self._streams(self._context)
            if self._manner.play is not None:
                await self._manner.play(reader, writer)
            writer.close()
            async with asyncio.timeout(_PARTING_SECONDS):
                await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # who audits may go at any moment

    def cut(self) -> None:
        """Closes what is still open."""
        if self._writer is None:
            self._connection.close()
        else:
            self._writer.transport.abort()

    async def _streams(self, context: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writer = writer

        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader, connected)
        # Not start_tls: a client's first bytes may have come before it, and are lost to it on uvloop.
        limits = {} if context is None else {"ssl_handshake_timeout": _HANDSHAKE_SECONDS}
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: protocol, self._connection, ssl=context, **limits
        )
        assert self._writer is not None  # noqa: S101 - a connection that was made has one
        return reader, self._writer


async def _turn_away(context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The handshake with somebody who shows no certificate, up to the alert, which asyncio would not send."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secured = context.wrap_bio(incoming, outgoing, server_side=True)
    over = False
    while not over:
        try:
            secured.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            over = True
        writer.write(outgoing.read())
        if not over:
            data = await reader.read(4096)
            over = not data
            incoming.write(data)
    writer.write_eof()
    while await reader.read(4096):  # to close with something unread would reset, and take the alert away
        pass
