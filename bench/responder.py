"""The smallest storage that can be asked for a copy: a process that answers every COPY as XRootD 6 does.

It moves no bytes and costs next to nothing, so that what is measured is the client's. The path of a request says
what becomes of the connection: below `/keep` it stays open, elsewhere the answer is the end of it.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

from tpcharness.testbed.pki import CertFiles

# The pause between marker and verdict: the least that the loop can tell from none, so that both come by themselves.
COPYING_SECONDS = 0.001

# The bytes of tests/recordings/xrootd-6.1/pull-ok.txt.
_HEAD = (
    "HTTP/1.1 202 Accepted\r\nConnection: {}\r\nServer: XRootD\r\n"
    "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_MARKER = (
    b"8f\r\nPerf Marker\nTimestamp: 1795353078\nStripe Index: 0\nStripe Bytes Transferred: 0\n"
    b"Total Stripe Count: 1\nRemoteConnections: tcp:127.0.0.1:22510\nEnd\n\r\n"
)
_KEEP = _HEAD.format("Keep-Alive").encode() + _MARKER
_CLOSE = _HEAD.format("Close").encode() + _MARKER
_VERDICT = b"10\r\nsuccess: Created\r\n0\r\n\r\n"


class _Responder(asyncio.Protocol):
    """One connection. Requests have no body, and none is sent before the last one was answered."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its base class

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if not self._heard.endswith(b"\r\n\r\n"):
            return
        keep = self._heard.startswith(b"COPY /keep")
        self._heard = b""
        self._transport.write(_KEEP if keep else _CLOSE)
        self._loop.call_later(COPYING_SECONDS, self._conclude, keep)

    def _conclude(self, keep: bool) -> None:
        self._transport.write(_VERDICT)
        if not keep:
            self._transport.close()


@contextmanager
def responder(files: CertFiles) -> Iterator[str]:
    """The URL of a responder that lives as long as this context."""
    command = (sys.executable, "-m", __name__, str(files.cert), str(files.key))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"https://127.0.0.1:{int(process.stdout.readline())}"


async def _serve(cert: str, key: str) -> None:
    """Says its port on stdout, and answers until stdin ends: it cannot outlive whoever started it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    # Every handshake is a full one, whatever a client remembers.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Responder, "127.0.0.1", 0, ssl=context, backlog=1024)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(*sys.argv[1:]))
