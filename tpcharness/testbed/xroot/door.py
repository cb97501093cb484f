"""The root door of one storage: a port, its connections, and what they share."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field

from tpcharness.testbed.authorisation import Verifier
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.listening import BACKLOG, listeners
from tpcharness.testbed.xroot.entrance import Premises
from tpcharness.testbed.xroot.faults import RootFault
from tpcharness.testbed.xroot.rendezvous import Meetings
from tpcharness.testbed.xroot.visit import Visit

TTL_SECONDS = 15.0
_ROUNDS = 10


@dataclass(slots=True, eq=False)
class RootDoor:
    """Serves the files of a storage by xroot on a port of its own, as XRootD 5.5.3 does.

    `server_ssl` is shown to clients that can do TLS, `client_ssl` is for copies from other doors; `ttl_seconds` is how
    long a key waits for its destination. With `peers_by_token` a destination that brings a token needs no key, as at
    dCache (xroot 13). `faults` may be changed while it runs.
    """

    files: FileStore
    verifier: Verifier
    server_ssl: ssl.SSLContext
    client_ssl: ssl.SSLContext
    ttl_seconds: float = TTL_SECONDS
    faults: set[RootFault] = field(default_factory=set)
    cold_seconds: float = 0.0
    peers_by_token: bool = False
    port: int = 0
    _servers: list[asyncio.Server] = field(default_factory=list)
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str) -> str:
        """What an endpoint's `root` says for a directory."""
        return f"roots://localhost:{self.port}/{path}"

    async def start(self, host: str = "127.0.0.1", port: int = 0, faults: Iterable[RootFault] = ()) -> None:
        """Listens; port 0 takes a free one. Raises OSError when the port is taken."""
        self.faults.update(faults)
        premises = Premises(
            self.files,
            self.verifier,
            self.server_ssl,
            self.client_ssl,
            Meetings(self.ttl_seconds),
            self.faults,
            secrets.token_bytes(16),
            self.cold_seconds,
            self.peers_by_token,
        )

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            visit = Visit(premises, reader, writer, self.port)
            task = asyncio.get_running_loop().create_task(visit.serve())
            self._visits.add(task)
            task.add_done_callback(self._visits.discard)
            task.add_done_callback(lambda _: visit.cut())  # a task that never began closes nothing

        opened = await listeners(host, port)
        for listener in opened:
            self._servers.append(await asyncio.start_server(accept, sock=listener, backlog=BACKLOG))
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
