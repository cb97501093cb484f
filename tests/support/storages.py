"""Storages of the testbed for tests, with a grid's trust around them, and a client that shows every byte.

The client is not the product's own: it reads a connection as it is, so that a test can compare bytes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

from tpcharness.testbed.authorisation import Verifier
from tpcharness.testbed.dialects.catalogue import dialect
from tpcharness.testbed.faults import FaultSet
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority, CertFiles
from tpcharness.testbed.storage import Storage

AUDIENCE = "https://storage.example"
ALL_SCOPES = "storage.read:/ storage.create:/ storage.modify:/"
WAIT_SECONDS = 10.0
_MAX_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """One authority, one certificate and one issuer that is never started: keys are all that storages need."""

    authority: Authority
    certificate: CertFiles
    issuer: Issuer

    def token(self, scope: str = ALL_SCOPES, **overrides: object) -> str:
        return self.issuer.mint(scope, AUDIENCE, **overrides)  # type: ignore[arg-type]


@cache
def trust() -> Trust:
    """The same for all tests of a run; keys are slow to make."""
    authority = Authority(Path(mkdtemp(prefix="tpcharness-tests-")))
    return Trust(authority, authority.issue("localhost"), Issuer(authority))


def make_storage(
    dialect_name: str,
    *,
    files: FileStore | None = None,
    faults: tuple[str, ...] = (),
    tls: bool = True,
    client_ssl: ssl.SSLContext | None = None,
    marker_period_seconds: float = 0.05,
    stall_seconds: float = 0.3,
    prefix: str = "/",
) -> Storage:
    """A storage that is not started yet."""
    issuer = trust().issuer
    return Storage(
        name="SITE",
        dialect=dialect(dialect_name),
        files=files or FileStore(),
        verifier=Verifier(issuer.url, issuer.jwks(), frozenset({AUDIENCE}), "/"),
        server_ssl=trust().authority.server_context(trust().certificate) if tls else None,
        client_ssl=client_ssl or trust().authority.client_context(),
        prefix=prefix,
        marker_period_seconds=marker_period_seconds,
        stall_seconds=stall_seconds,
        faults=FaultSet(faults),
    )


@asynccontextmanager
async def running(*storages: Storage) -> AsyncIterator[None]:
    """The storages, started."""
    async with AsyncExitStack() as stack:
        for storage in storages:
            await storage.start()
            stack.push_async_callback(storage.stop)
        yield


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came. `pieces` are (seconds since the request, bytes of one read); body without framing.

    `lost` is the error that ended it, empty for an end in order.
    """

    raw: bytes
    pieces: tuple[tuple[float, bytes], ...] = field(default=(), compare=False)
    lost: str = field(default="", compare=False)

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode()

    @property
    def status_line(self) -> str:
        return self.head.split("\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.status_line.split(" ")[1])

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return [(name, value) for name, _, value in lines]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def payload(self) -> bytes:
        """Everything after the head, chunk framing included."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def chunks(self) -> list[bytes]:
        """The chunks of a chunked body; the last one is empty when the body is complete."""
        rest, found = self.payload, []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            found.append(rest[:length])
            rest = b"" if length == 0 else rest[length + 2 :]
        return found

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks) if self.header("Transfer-Encoding") == "chunked" else self.payload

    @property
    def verdict(self) -> str:
        """The last line of the body."""
        return self.body.decode().strip().rpartition("\n")[2]


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    context = trust().authority.client_context() if parts.scheme == "https" else None
    return await asyncio.open_connection(
        "127.0.0.1", parts.port, ssl=context, server_hostname="localhost" if context else None
    )


async def ask(
    url: str,
    method: str,
    headers: Mapping[str, str] | None = None,
    *,
    token: str | None = None,
    body: bytes | None = None,
    agent: str = "test/1",
) -> RawAnswer:
    """One request on a connection of its own; the answer is read to its end, or to where it is cut."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"Host": parts.netloc, "User-Agent": agent, "Connection": "close"}
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    fields |= headers or {}
    if body is not None:
        fields.setdefault("Content-Length", str(len(body)))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    reader, writer = await connect(url)
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))
            return await read_answer(reader, method)
    finally:
        writer.transport.abort()


async def read_answer(reader: asyncio.StreamReader, method: str) -> RawAnswer:
    """Reads one answer off a connection."""
    loop = asyncio.get_running_loop()
    started, raw, pieces, lost = loop.time(), b"", [], ""
    while not _complete(raw, method) and len(raw) < _MAX_ANSWER:
        try:
            data = await reader.read(64 * 1024)
        except ConnectionError as error:
            lost = repr(error)
            break
        if not data:
            break
        pieces.append((loop.time() - started, data))
        raw += data
    return RawAnswer(raw, tuple(pieces), lost)


def _complete(raw: bytes, method: str) -> bool:
    _, end, payload = raw.partition(b"\r\n\r\n")
    if not end:
        return False
    answer = RawAnswer(raw)
    if method == "HEAD" or answer.status in (204, 304):
        return True
    if answer.header("Transfer-Encoding") == "chunked":
        return payload.endswith(b"0\r\n\r\n") or (b"\r\n0\r\n" in payload and payload.endswith(b"\r\n\r\n"))
    length = answer.header("Content-Length")
    return bool(length) and len(payload) >= int(length)


async def copy(
    active: Storage,
    path: str,
    passive_url: str,
    headers: Mapping[str, str] | None = None,
    *,
    pull: bool = True,
    token: str | None = None,
    passive_token: str | None = None,
) -> RawAnswer:
    """A COPY with full rights on both sides, unless other tokens are given; an empty one means none."""
    theirs = trust().token() if passive_token is None else passive_token
    fields = {"Source" if pull else "Destination": passive_url, "Credential": "none"}
    if theirs:
        fields["TransferHeaderAuthorization"] = f"Bearer {theirs}"
    ours = trust().token() if token is None else token
    return await ask(f"{active.url}{path}", "COPY", fields | dict(headers or {}), token=ours or None)
