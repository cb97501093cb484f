"""The active party's requests to the passive one: really made, over TLS, with what came in TransferHeaders.

Every way in which they can fail becomes one RefusalError whose Cause the dialect can put into words.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from urllib.parse import SplitResult, urljoin, urlsplit

from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.vocabulary import Cause, Pairs, RefusalError, Trouble
from tpcharness.testbed.stream import (
    CLOSE_SECONDS,
    STREAM_LIMIT,
    Body,
    PeerGoneError,
    ProtocolError,
    ResponseHead,
    Wire,
    head,
)

CONNECT_SECONDS = 60.0
EXPECT_SECONDS = 1.0  # how long libcurl waits for a 100 before it sends anyway
MAX_REDIRECTS = 20
_PORTS = {"https": 443, "davs": 443, "dav": 80, "http": 80}
_TLS_SCHEMES = frozenset({"https", "davs"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOLD_BYTES = 1024  # how much of an error's text is quoted

Source = Callable[[], AsyncGenerator[bytes, None]]


class Passive:
    """The passive party of one copy. Use as an async context manager: leaving it closes the connection.

    `extra` goes with every request; its Authorization stays behind when a redirect leads to another host or port,
    as curl, dCache and StoRM do it (http-tpc 1.6). `template` is the Trouble that failures are made from;
    `out_of_reach` is the cause for which it cannot be connected to at all.
    """

    def __init__(
        self,
        dialect: Dialect,
        extra: Pairs,
        tls: ssl.SSLContext,
        template: Trouble,
        *,
        stall_seconds: float,
        out_of_reach: Cause | None = None,
    ) -> None:
        self._dialect = dialect
        self._extra = extra
        self._tls = tls
        self._template = template
        self._stall_seconds = stall_seconds
        self._out_of_reach = out_of_reach
        self._wire: Wire | None = None
        self._authority = ""
        self._body: Body | None = None
        self.peer = ""

    async def __aenter__(self) -> Passive:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hang_up()

    @property
    def url(self) -> str:
        return self._template.url

    async def resolve(self) -> None:
        """Raises RefusalError when the host has no address."""
        await self._addresses(urlsplit(self.url))

    async def ask(self, method: str) -> ResponseHead:
        """A request without a body; redirects are followed."""
        return await self._follow(method, None, 0)

    async def upload(self, source: Source, length: int) -> ResponseHead:
        """A PUT of that many bytes from the source, which is begun anew after a redirect."""
        return await self._follow("PUT", source, length)

    async def piece(self) -> bytes:
        """The next bytes of the last answer's body; empty at its end."""
        body = self._body
        if body is None:
            return b""
        try:
            async with asyncio.timeout(self._stall_seconds):
                return await body.piece()
        except TimeoutError:
            cause = Cause.PASSIVE_STALLED
        except PeerGoneError:
            cause = Cause.PASSIVE_CUT
        except (ProtocolError, OSError):
            cause = Cause.PASSIVE_GARBLED
        raise self._failed(
            cause, "GET", moved=body.received, size=body.length or body.received, seconds=self._stall_seconds
        )

    async def demand(self, method: str, response: ResponseHead) -> None:
        """Raises RefusalError when the answer is a refusal; its text is read for quoting."""
        if response.status < 300:
            return
        text = ""
        if self._body is not None and not self._body.finished:
            try:
                async with asyncio.timeout(self._stall_seconds):
                    text = await self._body.text(_TOLD_BYTES)
            except (PeerGoneError, ProtocolError, TimeoutError):
                text = ""
        refused = replace(self._template, cause=Cause.PASSIVE_STATUS, method=method, text=text)
        raise RefusalError(replace(refused, status=response.status, phrase=response.phrase))

    async def _follow(self, method: str, source: Source | None, length: int) -> ResponseHead:
        url, extra = self.url, self._extra
        for _ in range(MAX_REDIRECTS):
            response = await self._exchange(method, urlsplit(url), extra, source, length)
            location = response.fields.get("Location")
            if response.status not in _REDIRECTS or not location:
                return response
            try:
                origin, url = urlsplit(url), urljoin(url, location)
                elsewhere = urlsplit(url)[:2] != origin[:2]
            except ValueError:
                raise self._failed(Cause.PASSIVE_GARBLED, method) from None
            if elsewhere:
                extra = tuple(pair for pair in extra if pair[0].lower() != "authorization")
        raise self._failed(Cause.PASSIVE_REDIRECTS, method)

    async def _exchange(
        self, method: str, url: SplitResult, extra: Pairs, source: Source | None, length: int
    ) -> ResponseHead:
        wire = await self._connected(url, method)
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        fields = self._dialect.passive_fields(method, url.netloc, extra, None if source is None else length)
        try:
            await wire.send(head(f"{method} {target} HTTP/1.1", fields))
            response = None if source is None else await self._send_body(wire, source, fields)
            if response is None:
                async with asyncio.timeout(self._patience(method)):
                    response = await wire.read_response()
            self._body = wire.response_body(response, method)
        except TimeoutError:
            raise self._failed(Cause.PASSIVE_SILENT, method, seconds=self._stall_seconds, size=length) from None
        except (PeerGoneError, ConnectionError):
            raise self._failed(Cause.PASSIVE_EMPTY, method, size=length) from None
        except (ProtocolError, OSError):
            raise self._failed(Cause.PASSIVE_GARBLED, method) from None
        if not response.keep_alive:
            self._authority = ""  # the next request needs a connection of its own
        return response

    async def _send_body(self, wire: Wire, source: Source, fields: Pairs) -> ResponseHead | None:
        """Sends a PUT's body, unless the answer comes first."""
        if any(name == "Expect" for name, _ in fields):
            try:
                async with asyncio.timeout(EXPECT_SECONDS):
                    response = await wire.read_response(interim=True)
                if response.status >= 200:
                    self._authority = ""  # the body that was promised never comes
                    return response
            except TimeoutError:
                pass
        sent = 0
        try:
            async with aclosing(source()) as pieces:
                async for data in pieces:
                    async with asyncio.timeout(self._stall_seconds):
                        await wire.send(data)
                    sent += len(data)
        except ConnectionError:
            return await self._last_words(wire, sent)
        except TimeoutError:
            raise self._failed(Cause.PASSIVE_STALLED, "PUT", moved=sent, seconds=self._stall_seconds) from None
        return None

    async def _last_words(self, wire: Wire, sent: int) -> ResponseHead:
        """The answer of a peer that closed while we were sending, if it gave one."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                return await wire.read_response()
        except (PeerGoneError, ProtocolError, ConnectionError, TimeoutError):
            raise self._failed(Cause.PASSIVE_CUT, "PUT", moved=sent) from None

    def _patience(self, method: str) -> float | None:
        return None if method == "HEAD" and self._dialect.waits_for_head_forever else self._stall_seconds

    async def _connected(self, url: SplitResult, method: str) -> Wire:
        """A connection to the URL's host: the last one, when it can be used again."""
        again = self._wire is not None and self._authority == url.netloc and not self._wire.gone
        if again and self._wire is not None and (self._body is None or await self._body.discard()):
            return self._wire
        await self._hang_up()
        if url.scheme not in _PORTS:
            raise self._failed(Cause.SCHEME, method)
        connection = await self._connect(url, method)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await self._opened(connection, url)
        except TimeoutError:
            raise self._failed(Cause.PASSIVE_SILENT, method) from None
        except (ssl.SSLError, OSError):
            raise self._failed(Cause.PASSIVE_TLS, method) from None
        self._wire = Wire(reader, writer)
        self._authority = url.netloc
        self._body = None
        return self._wire

    async def _opened(
        self, connection: socket.socket, url: SplitResult
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Streams on a socket, under TLS where the URL says so; they, or nobody, have it afterwards.

        In two steps: asyncio's `open_connection` with `ssl`, cancelled in its first turn, leaves a transport that goes
        on reading, and once its socket is closed the descriptor's number is the next connection's (CPython 3.11).
        """
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(STREAM_LIMIT, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        secure = url.scheme in _TLS_SCHEMES
        try:
            transport, _ = await loop.create_connection(
                asyncio.Protocol if secure else lambda: protocol, sock=connection
            )
        except BaseException:
            connection.close()
            raise
        if secure:
            transport = await self._secured(transport, protocol, url.hostname or "")
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _secured(
        self, plain: asyncio.Transport, protocol: asyncio.StreamReaderProtocol, name: str
    ) -> asyncio.Transport:
        """TLS over an open connection, which is closed when this fails or is cancelled."""
        plain.pause_reading()
        secured: asyncio.Transport | None = None
        try:
            secured = await asyncio.get_running_loop().start_tls(
                plain, protocol, self._tls, server_hostname=name, ssl_shutdown_timeout=CLOSE_SECONDS
            )
        finally:
            if secured is None:
                plain.abort()
        if secured is None:  # asyncio does not tell of an end in the middle of a handshake
            raise ConnectionResetError(errno.ECONNRESET, "the peer closed the connection in the handshake")
        protocol.connection_made(secured)
        return secured

    async def _connect(self, url: SplitResult, method: str) -> socket.socket:
        """A TCP connection to the first address that takes one; from here on `peer` is known (recording pull-404)."""
        if self._out_of_reach is Cause.PASSIVE_SILENT:
            await self._wait_in_vain(method)
        if self._out_of_reach is not None:
            raise self._failed(self._out_of_reach, method)
        loop = asyncio.get_running_loop()
        for family, address in await self._addresses(url):
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.sock_connect(connection, address)
            except (OSError, TimeoutError):
                connection.close()
                continue
            except asyncio.CancelledError:
                connection.close()
                raise
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            host = address[0] if family == socket.AF_INET else f"[{address[0]}]"
            self.peer = f"{host}:{address[1]}"
            return connection
        raise self._failed(Cause.PASSIVE_REFUSED, method)

    async def _wait_in_vain(self, method: str) -> None:
        """As long as this implementation waits for a peer that does not answer."""
        patience = self._patience(method)
        if patience is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(patience)

    async def _addresses(self, url: SplitResult) -> list[tuple[int, tuple[str, int]]]:
        if self._out_of_reach is Cause.PASSIVE_DNS:
            raise self._failed(Cause.PASSIVE_DNS, "")
        try:
            port = url.port or _PORTS.get(url.scheme, 443)
            found = await asyncio.get_running_loop().getaddrinfo(url.hostname or "", port, type=socket.SOCK_STREAM)
        except (OSError, ValueError, UnicodeError):
            raise self._failed(Cause.PASSIVE_DNS, "") from None
        return [(family, (str(address[0]), int(address[1]))) for family, _, _, _, address in found]

    async def _hang_up(self) -> None:
        if self._wire is not None:
            wire, self._wire = self._wire, None
            if self._body is not None and not self._body.finished:
                wire.cut()
            await wire.close()

    def _failed(
        self, cause: Cause, method: str, *, size: int = 0, moved: int = 0, seconds: float = 0.0
    ) -> RefusalError:
        return RefusalError(
            replace(self._template, cause=cause, method=method, size=size, moved=moved, seconds=seconds)
        )
