"""The HTTP client of probes, payload and tokens: each request timed, bounded and kept as evidence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from time import perf_counter
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange, Hop, TlsFacts
from tpcharness.model.secret import redact, redact_url
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.certificates import read_tls_facts
from tpcharness.net.dialer import EXPECT_SECONDS, Dial, DialFailedError, PinnedConnector, current_dial
from tpcharness.net.messages import Answer, BodySource, HttpRequest, Timings
from tpcharness.net.redirects import MAX_HOPS, MAX_SHOWN, STATUSES, can_be_asked, next_hop
from tpcharness.net.resolver import Address, Resolution, Resolver
from tpcharness.net.sending import Sending
from tpcharness.net.trail import Trail
from tpcharness.net.transport import exchange_failure, timeout_failure
from tpcharness.net.trust import Trust

MAX_HEADER_BYTES = 16 * 1024
MAX_HEADER_LINES = 128
MAX_EXCERPT = 4096

# Nothing of aiohttp's own may end a request: each step has its limit here, under its own name.
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
_AUTO_HEADERS = frozenset({"Accept-Encoding", "Content-Type", "Accept"})


class OpenAnswer:
    """An answer whose head has come and whose body is read piece by piece."""

    def __init__(self, head: Answer, response: aiohttp.ClientResponse | None) -> None:
        self.head = head
        self._response = response

    async def next_chunk(self) -> bytes | Failure:
        """The next bytes of the body as they come from the wire; empty at its end, a Failure when it breaks.

        Waits without limit: the stall clocks are the caller's.
        """
        if self._response is None:
            return b""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, EOFError) as error:
            return exchange_failure(error)


class HttpClient:
    """Sends requests; an async context manager that owns its sockets and threads.

    Every request gets a fresh connection unless `reuse_connections` is set, so that its phases are its own. There
    are no retries, no cookies, no decompression, no proxies from the environment, and no second address tried.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        limits: TimeLimits,
        ca_path: str = "",
        reuse_connections: bool = False,
        resolver: Resolver | None = None,
    ) -> None:
        self.limits = limits
        self.trust = Trust(ca_path)
        self._user_agent = user_agent
        self._reuse = reuse_connections
        self._resolver = resolver or Resolver()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> HttpClient:
        self._connector = PinnedConnector(reuse=self._reuse)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            headers={"User-Agent": self._user_agent},
            skip_auto_headers=_AUTO_HEADERS,
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADER_LINES,
            middlewares=(_send_once,),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            await self._connector.finish()
            self._session = None
        self._resolver.close()

    async def exchange(
        self,
        request: HttpRequest,
        *,
        trail: Trail | None = None,
        phase: Phase = Phase.REQUEST,
        max_body: int = 65536,
        body_sink: Callable[[bytes], None] | None = None,
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Sends a request and reads the whole answer, at most `max_body` bytes of it.

        With `body_sink` the bytes go there as they come and `body` stays empty. `timeout_seconds` bounds head and
        body together (`limits.request_seconds` if None). Never raises for what a peer does.
        """
        limit = self.limits.request_seconds if timeout_seconds is None else timeout_seconds
        start = perf_counter()
        async with self.open(request, response_seconds=limit) as opened:
            answer = opened.head
            if answer.failure is None and request.method != "HEAD":
                try:
                    async with asyncio.timeout(max(0.001, start + limit - perf_counter())):
                        answer = await _read_body(opened, max_body, body_sink)
                except TimeoutError:
                    failure = Failure(Reason.NO_RESPONSE, f"the answer's body did not end within {limit:g} s")
                    answer = replace(answer, failure=failure)
        if trail is not None:
            trail.record(evidence(request, answer, phase), perf_counter() - start)
        return answer

    async def resolve(self, url: str, family: AddressFamily) -> Resolution:
        """Every address of a URL's host, for probes that try each of them."""
        host, port = _place(url)
        return await self._resolver.resolve(host, port, family, self.limits.connect_seconds)

    async def tls_facts(self, url: str, address: Address) -> TlsFacts | Failure | None:
        """What certificate one address of a URL's host shows, trusted or not; None for a URL without TLS."""
        if not url.startswith("https:"):
            return None
        host, port = _place(url)
        return await read_tls_facts(address, port, host, self.limits)

    @asynccontextmanager
    async def open(
        self, request: HttpRequest, *, response_seconds: float | None = None, sending: Sending | None = None
    ) -> AsyncIterator[OpenAnswer]:
        """Sends a request and yields as soon as the last hop's head is there; leaving closes the connection.

        `response_seconds` bounds the wait for the heads of all hops together, once their connections stand, and the
        sending of the request's body with it. With `sending` its clocks do, and it can be asked how far the body is.
        """
        limit = self.limits.response_seconds if response_seconds is None else response_seconds
        response: aiohttp.ClientResponse | None = None
        try:
            head, response = await self._follow(request, limit, sending)
            yield OpenAnswer(head, response)
        finally:
            if response is not None:
                _finish(response, self._reuse)

    async def _follow(
        self, request: HttpRequest, limit: float, sending: Sending | None
    ) -> tuple[Answer, aiohttp.ClientResponse | None]:
        """The answer of the last hop."""
        former: Answer | None = None
        url, address, with_secrets = request.url, request.address, True
        while True:
            left = limit if former is None else max(0.001, limit - former.timings.request)
            head, response = await self._one_hop(request, url, address, left, sending, with_secrets=with_secrets)
            if former is not None:
                head = replace(head, hops=former.hops + head.hops, timings=former.timings + head.timings)
            if response is None or response.status not in STATUSES:
                return head, response
            onward = next_hop(
                url, response.status, head.headers.get("Location", ""), request.method, request.redirect_auth
            )
            if not isinstance(onward, Failure) and len(head.hops) > MAX_HOPS:
                onward = Failure(Reason.REDIRECT_LOOP, f"more than {MAX_HOPS} redirects")
            _finish(response, reuse=False)
            if isinstance(onward, Failure):
                return replace(head, failure=onward), None
            former = head
            url, address, with_secrets = onward.url, "", with_secrets and onward.with_secrets

    async def _one_hop(
        self,
        request: HttpRequest,
        url: str,
        address: str,
        limit: float,
        sending: Sending | None,
        *,
        with_secrets: bool,
    ) -> tuple[Answer, aiohttp.ClientResponse | None]:
        """One request on one connection, up to the answer's head."""
        if not can_be_asked(url):
            return Answer(Failure(Reason.REDIRECT_INVALID, f"not an http address: {redact_url(url)[:MAX_SHOWN]}")), None
        parts = urlsplit(url)
        host, port = _place(url)
        resolution = await self._resolver.resolve(
            address or host, port, request.address_family, self.limits.connect_seconds
        )
        spent = Timings(queued=resolution.queued_seconds, resolve=resolution.resolve_seconds)
        if resolution.failure is not None:
            hop = Hop(redact(parts.netloc)[:MAX_SHOWN], None)
            return Answer(resolution.failure, hops=(hop,), timings=spent), None
        try:
            context = await self.trust.context(request.ca_path) if parts.scheme == "https" else None
        except OSError as error:
            failure = Failure(Reason.LOCAL_NETWORK, f"CA files {request.ca_path} are unusable: {error}", Blame.CLIENT)
            return Answer(failure, timings=spent), None
        dial = Dial(resolution.addresses[0], port, host, context, self.limits.connect_seconds, self.limits.tls_seconds)
        return await self._send(request, url, dial, spent, limit, sending, with_secrets=with_secrets)

    async def _send(
        self,
        request: HttpRequest,
        url: str,
        dial: Dial,
        spent: Timings,
        limit: float,
        sending: Sending | None,
        *,
        with_secrets: bool,
    ) -> tuple[Answer, aiohttp.ClientResponse | None]:
        if self._session is None:
            raise RuntimeError("HttpClient is used outside its context")
        loop = asyncio.get_running_loop()
        begin = perf_counter()
        dial.expect_limit_seconds = min(EXPECT_SECONDS, limit / 2)  # the other half is for the body and the answer
        current_dial.set(dial)
        response: aiohttp.ClientResponse | None = None
        failure: Failure | None = None
        headers = request.wire_headers(with_secrets=with_secrets)
        body: bytes | AsyncIterator[bytes] | None
        if request.body is None or isinstance(request.body, bytes):
            body = request.body
        else:
            headers["Content-Length"] = str(request.body.length)
            body = _pieces(request.body) if sending is None else sending.pieces(request.body)
        dial_limit = self.limits.connect_seconds + self.limits.tls_seconds
        try:
            async with asyncio.timeout(dial_limit + limit) as timer:
                if sending is None:
                    dial.on_ready = lambda: timer.reschedule(loop.time() + limit)
                else:
                    dial.on_ready = lambda: sending.start(timer, dial)
                response = await self._session.request(
                    request.method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    ssl=dial.context if dial.context is not None else True,
                )
        except DialFailedError as error:
            failure = error.failure
        except TimeoutError:
            failure = (sending and sending.failure) or timeout_failure(Phase.REQUEST, limit)
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, EOFError) as error:
            failure = exchange_failure(error)
        finally:
            dial.over()
            if sending is not None:
                sending.stop()
        if failure is not None and dial.uninvited:
            waited = f"; it had not asked for the body within {dial.expect_limit_seconds:g} s, so that went uninvited"
            failure = replace(failure, detail=failure.detail + waited)
        seconds = perf_counter() - begin
        timings = Timings(
            spent.queued,
            spent.resolve,
            dial.connect_seconds,
            dial.tls_seconds,
            max(0.0, seconds - dial.connect_seconds - dial.tls_seconds),
        )
        netloc = redact(urlsplit(url).netloc)[:MAX_SHOWN]
        if response is None:
            hop = Hop(netloc, None, address=dial.address.ip)
            return Answer(failure, hops=(hop,), timings=timings, address_family=dial.address.family), None
        hop = Hop(
            netloc,
            response.status,
            redact(response.headers.get("Server", ""))[:200],
            dial.address.ip,
            redact_url(response.headers["Location"])[:500] if "Location" in response.headers else "",
        )
        return (
            Answer(
                status=response.status,
                status_text=redact(response.reason or "")[:200],
                headers=response.headers,
                hops=(hop,),
                timings=timings,
                address_family=dial.address.family,
            ),
            response,
        )


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from sending an idempotent request again by itself when a connection breaks.

    A prober that repeats a PUT or DELETE in silence would hide the very fault that it looks for. And aiohttp waits for
    100 Continue without limit: the dial gets what it waits for.
    """
    current_dial.get().invitation = request._continue  # noqa: SLF001 - there is no other way to it
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise DialFailedError(exchange_failure(error)) from error


async def _pieces(body: BodySource) -> AsyncIterator[bytes]:
    for piece in body.chunks():
        yield piece


async def _read_body(opened: OpenAnswer, max_body: int, sink: Callable[[bytes], None] | None) -> Answer:
    kept: list[bytes] = []
    size = 0
    while True:
        chunk = await opened.next_chunk()
        if isinstance(chunk, Failure):
            return replace(opened.head, failure=chunk, body=b"".join(kept))
        if not chunk:
            return replace(opened.head, body=b"".join(kept))
        allowed = chunk[: max_body - size]
        size += len(allowed)
        if sink is None:
            kept.append(allowed)
        else:
            sink(allowed)
        if len(allowed) < len(chunk):
            return replace(opened.head, body=b"".join(kept), truncated=True)


def _finish(response: aiohttp.ClientResponse, reuse: bool) -> None:
    """Gives the connection back when its answer is read to the end and it may be used again; else closes it."""
    if reuse and response.content.is_eof():
        response.release()
    else:
        response.close()


def evidence(request: HttpRequest, answer: Answer, phase: Phase, body: str | None = None) -> Exchange:
    """The exchange as it stands in a result: no secret, no more than a person reads."""
    return Exchange(
        phase=phase,
        method=request.method,
        url=redact_url(request.url),
        request_headers=request.shown_headers(with_secrets=True),
        status=answer.status,
        status_text=answer.status_text,
        server=answer.server,
        hops=answer.hops,
        body_excerpt=(answer.text if body is None else body)[:MAX_EXCERPT],
        error=answer.failure.detail if answer.failure else "",
    )
