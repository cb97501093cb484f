"""One storage: its ports, its connections, and who answers what."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from tpcharness.testbed.authorisation import Verifier
from tpcharness.testbed.call import Call, Premises
from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.vocabulary import Cause, RefusalError, Reply
from tpcharness.testbed.effects import Certificate, Occasion, Party, Shown
from tpcharness.testbed.faults import FaultSet
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.listening import BACKLOG, listeners
from tpcharness.testbed.narration import copy
from tpcharness.testbed.stream import CLOSE_SECONDS, STREAM_LIMIT, PeerGoneError, ProtocolError, Request, Wire
from tpcharness.testbed.webdav import HANDLERS

_HANDSHAKE_SECONDS = 10.0
_ROUNDS = 10
_KEPT_LOSSES = 16


class Storage:
    """A storage that speaks a dialect, and misbehaves as its faults say.

    `prefix` is the directory (a URL path) that exists from the beginning. `server_ssl` None means plain HTTP;
    `client_ssl` is for its own requests as the active party. `stall_seconds` is how long it waits for bytes of a
    passive party; None means what the dialect's implementation does. `bad_ssl` makes the TLS side with a certificate
    that is not what it should be.
    A dialect that redirects gets a second port: `port` is the manager's, `data_port` the disk server's.
    `pages` are what it shows to everybody beside its files, by path: its discovery documents.
    """

    def __init__(
        self,
        *,
        name: str,
        dialect: Dialect,
        files: FileStore,
        verifier: Verifier,
        server_ssl: ssl.SSLContext | None,
        client_ssl: ssl.SSLContext,
        prefix: str = "/",
        marker_period_seconds: float = 5.0,
        stall_seconds: float | None = None,
        faults: FaultSet | None = None,
        bad_ssl: Callable[[Shown], ssl.SSLContext] | None = None,
    ) -> None:
        self.name = name
        self.dialect = dialect
        self.files = files
        self.faults = faults or FaultSet()
        self.prefix = prefix.rstrip("/")
        self.pages: dict[str, Callable[[], Reply]] = {}
        self.port = 0
        self.data_port = 0
        self.hostname = "localhost"
        self._server_ssl = server_ssl
        self._bad_ssl = bad_ssl
        if server_ssl is not None and bad_ssl is not None:
            server_ssl.sni_callback = self._choose_certificate
        self._host = "127.0.0.1"
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False
        self.losses: deque[str] = deque(maxlen=_KEPT_LOSSES)
        """Why connections ended in the middle of something, the newest last: for whoever got no answer."""
        self._premises = Premises(
            dialect=dialect,
            files=files,
            verifier=verifier,
            faults=self.faults,
            client_ssl=client_ssl,
            marker_period_seconds=marker_period_seconds,
            stall_seconds=dialect.stall_seconds if stall_seconds is None else stall_seconds,
            secret=secrets.token_bytes(16),
        )
        if files.find(prefix.rstrip("/") or "/") is None:
            files.make_directory(prefix.rstrip("/"), parents=True)
        self.faults.watch(self._faults_changed)

    @property
    def url(self) -> str:
        """Scheme, host and port, without a trailing slash."""
        return self._url(self.port)

    @property
    def listening(self) -> bool:
        return bool(self._servers)

    @property
    def busy(self) -> int:
        """How many connections it serves."""
        return len(self._tasks)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        self._host = host
        self._started = True
        await self._open(port)

    async def stop(self) -> None:
        """Closes the ports, cancels every running request and transfer, and waits until all have ended."""
        self._started = False
        await self._accept_no_more()
        self._close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _rounds()

    async def _open(self, port: int) -> None:
        try:
            self.port = await self._listen(port, manager=True)
            if self.dialect.redirects:
                self.data_port = await self._listen(self.data_port, manager=False)
        except OSError:
            self._close()
            raise
        if self.faults.closed:
            self._close()

    async def _accept_no_more(self) -> None:
        """A server that is closed between accept() and the handshake's first step would leave a socket open."""
        loop = asyncio.get_running_loop()
        for server in self._servers:
            for listener in server.sockets:
                loop.remove_reader(listener.fileno())
        await _rounds()

    async def _listen(self, port: int, *, manager: bool) -> int:
        """Listens on one port of every address that the host has; returns which."""

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = Wire(reader, writer)
            task = self._spawn(self._converse(wire, manager=manager))
            task.add_done_callback(
                lambda _: wire.cut()
            )  # a task that is cancelled before its first step closes nothing

        tls: dict[str, Any] = {}
        if self._server_ssl is not None:
            tls = {
                "ssl": self._server_ssl,
                "ssl_handshake_timeout": _HANDSHAKE_SECONDS,
                "ssl_shutdown_timeout": CLOSE_SECONDS,
            }
        opened = await listeners(self._host, port)
        for listener in opened:
            self._servers.append(
                await asyncio.start_server(accept, sock=listener, backlog=BACKLOG, limit=STREAM_LIMIT, **tls)
            )
        return int(opened[0].getsockname()[1])

    def _choose_certificate(self, handshake: Any, *_: object) -> None:
        """Shows another certificate when a fault says so; asked by every handshake."""
        fault = self.faults.find(Certificate, Occasion("", Party.CLIENT))
        if fault is not None and self._bad_ssl is not None:
            handshake.context = self._bad_ssl(fault.which)

    def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _faults_changed(self) -> None:
        if self.faults.closed:
            self._close()
        elif self._started and not self._servers:
            self._spawn(self._open(self.port))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _url(self, port: int) -> str:
        return f"{'http' if self._server_ssl is None else 'https'}://{self.hostname}:{port}"

    async def _converse(self, wire: Wire, *, manager: bool) -> None:
        """Serves one connection, request after request."""
        try:
            while (request := await wire.read_request()) is not None:
                if not await self._serve(wire, request, manager=manager):
                    break
        except ProtocolError:
            await self._reject(wire)
        except (PeerGoneError, ConnectionError, ssl.SSLError) as error:
            self.losses.append(repr(error))
            wire.cut()
        except Exception as error:
            self.losses.append(repr(error))
            raise
        finally:
            await wire.close()

    async def _serve(self, wire: Wire, request: Request, *, manager: bool) -> bool:
        """Answers one request; whether the connection can serve another."""
        redirect_to = self._url(self.data_port) if manager and self.dialect.redirects else ""
        call = Call(self._premises, wire, request, redirect_to=redirect_to)
        try:
            if await call.misbehave():
                return await call.finish()
            if self.dialect.redirects and not manager:
                call.check_capability()
            await self._dispatch(call)
        except RefusalError as error:
            await call.decline(error.trouble)
        return await call.finish()

    async def _dispatch(self, call: Call) -> None:
        if call.method == "GET" and (page := self.pages.get(call.request.path)):
            await call.answer(page())
            return
        handler = copy if call.method == "COPY" else HANDLERS.get(call.method)
        if handler is None:
            raise call.refuse(Cause.METHOD)
        await handler(call)

    async def _reject(self, wire: Wire) -> None:
        reply = Reply(400, b"Bad Request\n")
        head = self.dialect.head(reply.status, length=len(reply.body), fields=(), keep_alive=False)
        with suppress(ConnectionError):
            await wire.send(head, reply.body)


async def _rounds() -> None:
    """Lets asyncio do what it has begun: a few rounds of the loop are enough, as nothing is waited for."""
    for _ in range(_ROUNDS):
        await asyncio.sleep(0)
