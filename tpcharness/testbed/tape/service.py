"""The Tape REST service of one storage: a port of its own, its connections, and the document that leads there."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from tpcharness.testbed.authorisation import Verifier
from tpcharness.testbed.dialects.vocabulary import Reply
from tpcharness.testbed.listening import BACKLOG, listeners
from tpcharness.testbed.stream import STREAM_LIMIT, PeerGoneError, ProtocolError, Request, Wire, head
from tpcharness.testbed.tape.desk import Desk
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.library import Library
from tpcharness.testbed.tape.manner import Manner
from tpcharness.testbed.tape.paper import Paper

WELL_KNOWN = "/.well-known/wlcg-tape-rest-api"

_MAX_BODY = 4 * 1024 * 1024
_ROUNDS = 10
_DEAD_PORT = 9


@dataclass(slots=True)
class TapeService:
    """Serves a library by Tape REST in the manner of an implementation.

    `server_ssl` is shown to clients. `faults` may be changed while it runs. `requests_seen` counts by method and
    operation ("POST stage"), for tests.
    """

    site_name: str
    library: Library
    verifier: Verifier
    server_ssl: ssl.SSLContext
    manner: Manner
    faults: set[TapeFault] = field(default_factory=set)
    port: int = 0
    requests_seen: list[str] = field(default_factory=list)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def uri(self) -> str:
        """The base of all requests, as the document says it: dCache's has no slash at its end, others may."""
        port = _DEAD_PORT if TapeFault.DEAD_URI in self.faults else self.port
        return f"https://localhost:{port}{self.manner.base}"

    def document(self) -> Reply:
        """What the door answers at WELL_KNOWN."""
        if TapeFault.NOT_DISCOVERED in self.faults:
            return Reply(404, b"Not Found\n", (("Content-Type", "text/plain"),))
        if TapeFault.PAGE_FOR_DOCUMENT in self.faults:
            return Reply(200, b"<!DOCTYPE html><title>Welcome</title>", (("Content-Type", "text/html"),))
        site, uri = self.site_name, self.uri
        if TapeFault.EXAMPLE_DOCUMENT in self.faults:
            site, uri = "dcache-example-org", "https://dcache.example.org:3880/api/v1/tape"
        version = "v0.1" if TapeFault.ONLY_OLD_VERSION in self.faults else "v1"
        document = {"sitename": site, "endpoints": [{"uri": uri, "version": version, "metadata": {}}]}
        return Reply(200, json.dumps(document).encode(), (("Content-Type", "application/json"),))

    async def start(self, host: str = "127.0.0.1", port: int = 0, faults: Iterable[TapeFault] = ()) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        self.faults.update(faults)
        desk = Desk(self.library, self.verifier, self.manner, self.faults, self._own_uri)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = Wire(reader, writer)
            task = asyncio.get_running_loop().create_task(self._converse(wire, desk))
            self._visits.add(task)
            task.add_done_callback(self._visits.discard)
            task.add_done_callback(lambda _: wire.cut())  # a task that never began closes nothing

        opened = await listeners(host, port)
        for listener in opened:
            self._servers.append(
                await asyncio.start_server(
                    accept, sock=listener, backlog=BACKLOG, limit=STREAM_LIMIT, ssl=self.server_ssl
                )
            )
        self.port = int(opened[0].getsockname()[1])

    async def stop(self) -> None:
        """Closes the port and every connection, and waits until their work has ended."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        visits = list(self._visits)
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

    def _own_uri(self) -> str:
        return f"https://localhost:{self.port}{self.manner.base}"

    async def _converse(self, wire: Wire, desk: Desk) -> None:
        """Serves one connection, request after request."""
        with suppress(PeerGoneError, ProtocolError, ConnectionError, ssl.SSLError):
            while (request := await wire.read_request()) is not None:
                body = wire.request_body(request)
                content = b""
                while len(content) <= _MAX_BODY and (piece := await body.piece()):
                    content += piece
                await self._send(wire, desk.answer(self._noted(request), content))
                if not request.keep_alive or not body.finished:
                    break
        await wire.close()

    def _noted(self, request: Request) -> Request:
        self.requests_seen.append(f"{request.method} {request.path.removeprefix(self.manner.base).lstrip('/')}")
        return request

    async def _send(self, wire: Wire, paper: Paper) -> None:
        fields = (
            ("Server", self.manner.server),
            *((("Content-Type", paper.media_type),) if paper.body else ()),
            *paper.fields,
            ("Content-Length", str(len(paper.body))),
        )
        await wire.send(head(f"HTTP/1.1 {paper.status} {HTTPStatus(paper.status).phrase}", fields), paper.body)
