"""A server that answers what a test tells it to, byte by byte, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import fnmatch
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it came in; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


Answer = bytes | Callable[[SeenRequest], Awaitable[bytes]]


@dataclass(slots=True)
class _Rule:
    pattern: str
    answer: Answer
    times: int | None


def answer(status: int, body: bytes | str = b"", *headers: tuple[str, str]) -> bytes:
    """A whole answer; Content-Length is added unless it is among the headers."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    if not any(name.lower() == "content-length" for name, _ in headers):
        lines.append(f"Content-Length: {len(raw)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + raw


async def never(_request: SeenRequest) -> bytes:
    """The answer of a server that takes the request and falls silent."""
    await asyncio.Event().wait()
    return b""


@dataclass(slots=True)
class ScriptedServer:
    """Serves on a loopback port while the context lasts, with TLS if it is given a context.

    A request gets the answer of the first rule that matches `METHOD /target` (a glob) and is not used up; what no
    rule matches is answered 500 and stands in `unexpected`.
    """

    tls: ssl.SSLContext | None = None
    requests: list[SeenRequest] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    port: int = 0
    _rules: list[_Rule] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def on(self, pattern: str, answer: Answer, *, times: int | None = None) -> ScriptedServer:
        """Adds a rule, used at most `times`: bytes, or a coroutine function from the request to bytes."""
        self._rules.append(_Rule(pattern, answer, times))
        return self

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    @property
    def lines(self) -> list[str]:
        """The requests so far as `METHOD /target`."""
        return [request.line for request in self.requests]

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            request = await _read_request(reader, writer)
            self.requests.append(request)
            outcome = self._find(request)
            writer.write(outcome if isinstance(outcome, bytes) else await outcome(request))
            await writer.drain()
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the test is over, or the client went away
        finally:
            self._tasks.discard(task)
            writer.close()

    def _find(self, request: SeenRequest) -> Answer:
        for rule in self._rules:
            if rule.times != 0 and fnmatch.fnmatchcase(request.line, rule.pattern):
                if rule.times is not None:
                    rule.times -= 1
                return rule.answer
        self.unexpected.append(request.line)
        return answer(500, f"no rule for {request.line}")


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> SeenRequest:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "expect" in headers:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = headers.get("content-length")
    if length is not None:
        body = await reader.readexactly(int(length))
    elif headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = b""
    return SeenRequest(method, target, headers, body)
