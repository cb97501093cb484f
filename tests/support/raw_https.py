"""One request on a TLS connection of its own, and the answer byte for byte, as it came."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Head and body as they came; the body with its chunk framing."""

    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def text(self) -> str:
        """The body, chunk framing included."""
        return self.body.decode(errors="replace")

    def header(self, name: str) -> str:
        """The first header of that name, in any case of letters; empty when there is none."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name.lower():
                return value
        return ""


async def exchange(
    port: int, context: ssl.SSLContext, line: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
) -> RawAnswer:
    """Sends `line` ("GET /path HTTP/1.1") to localhost, and reads to the end that the answer itself announces.

    Not to the end of the connection: XRootD 5.5.3 keeps it after a COPY, whatever it is asked.
    Raises TimeoutError after `PATIENCE_SECONDS`, IncompleteReadError for an answer that breaks off.
    """
    lines = [line, f"Host: localhost:{port}", *(f"{name}: {value}" for name, value in headers), "", ""]
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        try:
            writer.write("\r\n".join(lines).encode() + body)
            await writer.drain()
            answer = RawAnswer(await reader.readuntil(b"\r\n\r\n"), b"")
            return RawAnswer(answer.head, await _body(reader, answer, to_head=line.startswith("HEAD ")))
        finally:
            writer.transport.abort()


async def _body(reader: asyncio.StreamReader, answer: RawAnswer, *, to_head: bool) -> bytes:
    if to_head:
        return b""
    if answer.header("Transfer-Encoding") == "chunked":
        return await reader.readuntil(b"\r\n0\r\n\r\n")
    return await reader.readexactly(int(answer.header("Content-Length")))
