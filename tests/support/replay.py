"""Recorded requests sent again, to storages of the testbed, and the answers made comparable with the recorded ones.

Only what cannot be the same is made the same: ports, time stamps, dates of files. Ports have five digits on both
sides, so that lengths and chunk sizes are compared as they are.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

from tests.support.recordings import RecordedRequest, Recording
from tests.support.storages import RawAnswer, ask, make_storage, running, trust
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.pki import Authority
from tpcharness.testbed.storage import Storage

EXPIRED = {
    "pull-active-403-expired": "Authorization",
    "push-active-403": "Authorization",
    "pull-passive-403-wrong-token": "TransferHeaderAuthorization",
}
READ_ONLY = {"put-403": "Authorization", "push-passive-403": "TransferHeaderAuthorization"}
DISK_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Witness:
    """A passive party of our own, which writes down what it is asked, as the recorder's did.

    /ok/N and /chunked/N give N bytes, /status/N that status, /slow/N gives N bytes in ten pieces,
    /stall/N half of N and then nothing; PUT is taken.
    """

    pause_seconds: float = 0.0
    requests: list[RecordedRequest] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *fields = head.strip().split("\r\n")
                request = RecordedRequest(line, tuple((n, v) for n, _, v in (f.partition(": ") for f in fields)))
                self.requests.append(request)
                await self._answer(request, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _answer(
        self, request: RecordedRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        kind, *numbers = request.path.strip("/").split("/")
        number = int(numbers[0]) if numbers else 0
        if kind == "status":
            phrase = {401: "Unauthorized", 500: "Internal Server Error", 503: "Service Unavailable"}.get(number, "No")
            body = b"" if request.method == "HEAD" else b"passive says so\n"
            writer.write(f"HTTP/1.1 {number} {phrase}\r\nContent-Length: 16\r\n\r\n".encode() + body)
        elif request.method == "PUT":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await reader.readexactly(int(request.header("Content-Length")))
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        elif kind == "chunked":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            if request.method == "GET":
                writer.write(f"{number:x}\r\n".encode() + b"c" * number + b"\r\n0\r\n\r\n")
        else:
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {number}\r\n\r\n".encode())
            if request.method == "GET":
                await self._send(kind, number, writer)

    async def _send(self, kind: str, number: int, writer: asyncio.StreamWriter) -> None:
        if kind == "stall":
            writer.write(b"s" * (number // 2))
            await writer.drain()
            await asyncio.Event().wait()
        for _ in range(10 if kind == "slow" else 1):
            writer.write(b"d" * (number // (10 if kind == "slow" else 1)))
            await writer.drain()
            await asyncio.sleep(self.pause_seconds)


@dataclass(frozen=True, slots=True)
class World:
    """Two storages and the witness, laid out as they were for the recordings; `ports` are ours by recorded port."""

    source: Storage
    destination: Storage
    witness: Witness
    ports: Mapping[int, int]


@asynccontextmanager
async def world(
    recording: Recording,
    dialect: str,
    *,
    marker_period_seconds: float = 5.0,
    stall_seconds: float = 10.0,
    pause_seconds: float = 0.0,
) -> AsyncIterator[World]:
    """The world of one recording."""
    base = 21010 if recording.version == "xrootd-5.5.3" else 22510
    source_files, destination_files = FileStore(), FileStore()
    for name, size in (("8m", 8 * 1024 * 1024), ("1k", 1024), ("0", 0)):  # in the order of the recorded listing
        source_files.add(f"/src/{name}", b"k" * size)
    destination_files.add("/rec/exists", b"old")
    destination_files.make_directory("/small")
    if recording.name == "pull-disk-full":
        destination_files.capacity_bytes = DISK_BYTES + len(b"old")
    if recording.name == "put-overwrite-F":
        source_files.add("/src/put1", b"before")
    clocks = {"marker_period_seconds": marker_period_seconds, "stall_seconds": stall_seconds}
    source = make_storage(dialect, files=source_files, tls=recording.name != "pull-ok-http", **clocks)
    destination = make_storage(dialect, files=destination_files, **clocks)
    witness = Witness(pause_seconds)
    authority, certificate = trust().authority, trust().certificate
    if recording.name == "pull-untrusted":
        authority = Authority(Path(mkdtemp(prefix="tpcharness-foreign-")))
        certificate = authority.issue("localhost")
    server = await asyncio.start_server(
        witness.accept, "127.0.0.1", 0, ssl=authority.server_context(certificate), ssl_shutdown_timeout=0.1
    )
    try:
        async with running(source, destination):
            ports = {base: source.port, base + 1: destination.port}
            other = _other_port(recording, ports)
            if other is not None:
                refused = recording.name in ("pull-refused", "push-refused")
                ports[other] = _free_port() if refused else server.sockets[0].getsockname()[1]
            yield World(source, destination, witness, ports)
    finally:
        server.close()
        await witness.stop()


async def replay(recording: Recording, at: World) -> RawAnswer:
    """Sends the recorded request to the storage that stands for the recorded server.

    Raises AssertionError that tells what both ends know, where there should be an answer and is none.
    """
    headers = {name: _with_ports(value, at.ports) for name, value in recording.request.headers}
    for name, value in headers.items():
        headers[name] = value.replace("<token>", _token(recording.name, name))
    body = b"b" * int(headers["Content-Length"]) if "Content-Length" in headers else None
    url = f"https://{headers.pop('Host')}{recording.request.path}"
    answer = await ask(url, recording.request.method, headers, body=body, agent=headers["User-Agent"])
    if recording.response and not answer.raw:
        losses = [*at.source.losses, *at.destination.losses]
        raise AssertionError(f"no answer: {answer.lost or 'the connection was closed'}; the storages: {losses}")
    return answer


def normalised(raw: bytes, ports: Mapping[int, int]) -> str:
    """An answer with its ports, times and dates made the same."""
    text = raw.decode("utf-8", "replace")
    for recorded, ours in ports.items():
        text = text.replace(f":{ours}", f":{recorded}")
    text = re.sub(r"Timestamp: \d+", "Timestamp: T", text)
    return re.sub(r"(getlastmodified>)[^<]+", r"\1D", text)


def story(chunks: list[bytes], ports: Mapping[int, int]) -> list[str]:
    """The chunks of a slow copy, without its numbers; markers that follow each other alike count once."""
    told: list[str] = []
    for chunk in chunks:
        text = re.sub(r"Transferred: [1-9]\d*", "Transferred: N", normalised(chunk, ports))
        text = re.sub(r"in [\d.]+ seconds", "in S seconds", text)
        if not told or told[-1] != text:
            told.append(text)
    return told


def without_tokens(requests: list[RecordedRequest], ports: Mapping[int, int]) -> tuple[RecordedRequest, ...]:
    """What the witness was asked, as the recorder writes it."""
    masked = []
    for request in requests:
        fields = tuple(
            (name, "Bearer <token>" if name == "Authorization" else normalised(value.encode(), ports))
            for name, value in request.headers
        )
        masked.append(RecordedRequest(request.line, fields))
    return tuple(masked)


def _token(name: str, header: str) -> str:
    if EXPIRED.get(name) == header:
        return trust().token(lifetime_seconds=-60)
    if READ_ONLY.get(name) == header:
        return trust().token("storage.read:/")
    return trust().token()


def _with_ports(value: str, ports: Mapping[int, int]) -> str:
    for recorded, ours in ports.items():
        value = value.replace(f":{recorded}", f":{ours}")
    return value


def _other_port(recording: Recording, known: Mapping[int, int]) -> int | None:
    for name in ("Source", "Destination"):
        value = recording.request.header(name)
        if value and urlsplit(value).port not in known:
            return urlsplit(value).port
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
