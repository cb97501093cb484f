"""One request at a time, over real sockets: what comes back, what does not, and what travels with a redirect."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.scripted_server import ScriptedServer, answer, never
from tpcharness.model.endpoint import AddressFamily, Endpoint, RedirectAuth
from tpcharness.model.progress import Event, ExchangeSeen
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest
from tpcharness.net.trail import Trail
from tpcharness.testbed.pki import Authority

LIMITS = TimeLimits(request_seconds=5.0)
CANARY = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


class Notebook:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notice(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(user_agent="tpcharness/test (+ops@example.org)", limits=LIMITS) as client:
        yield client


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


async def test_a_plain_exchange(client: HttpClient, server: ScriptedServer) -> None:
    server.on("GET /file", answer(200, "body", ("Server", "dCache/9"), ("Digest", "a=1"), ("Digest", "b=2")))
    got = await client.exchange(HttpRequest("GET", f"{server.url}/file", (("X-One", "1"),), Secret("abc")))
    assert (got.status, got.body, got.server, got.failure) == (200, b"body", "dCache/9", None)
    assert got.all("digest") == ("a=1", "b=2")
    assert got.address_family is AddressFamily.IPV4
    [seen] = server.requests
    assert seen.headers["authorization"] == "Bearer abc"
    assert seen.headers["user-agent"] == "tpcharness/test (+ops@example.org)"
    assert "accept-encoding" not in seen.headers


async def test_a_body_is_cut_at_the_limit(client: HttpClient, server: ScriptedServer) -> None:
    server.on("GET /*", answer(200, "x" * 100_000))
    got = await client.exchange(HttpRequest("GET", f"{server.url}/big"), max_body=10)
    assert (len(got.body), got.truncated) == (10, True)


async def test_a_sink_gets_the_bytes(client: HttpClient, server: ScriptedServer) -> None:
    server.on("GET /*", answer(200, "x" * 100_000))
    pieces: list[bytes] = []
    got = await client.exchange(HttpRequest("GET", f"{server.url}/"), max_body=60_000, body_sink=pieces.append)
    assert (sum(map(len, pieces)), got.body, got.truncated) == (60_000, b"", True)


async def test_gzip_is_not_unpacked(client: HttpClient, server: ScriptedServer) -> None:
    server.on("GET /*", answer(200, b"\x1f\x8bnot really", ("Content-Encoding", "gzip")))
    got = await client.exchange(HttpRequest("GET", f"{server.url}/"))
    assert got.body == b"\x1f\x8bnot really"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.CONNECTION_LOST),
        (b"HTTP/1.1 20", Reason.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Reason.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", Reason.CONNECTION_LOST),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", Reason.MALFORMED_RESPONSE),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Reason.MALFORMED_RESPONSE),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Bomb: y\r\n" * 5000 + b"\r\n", Reason.MALFORMED_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nX-Bomb: " + b"y" * 1_000_000 + b"\r\n\r\n", Reason.MALFORMED_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Reason.MALFORMED_RESPONSE),
    ],
)
async def test_answers_that_are_none(client: HttpClient, server: ScriptedServer, raw: bytes, reason: Reason) -> None:
    server.on("*", raw)
    got = await client.exchange(HttpRequest("GET", f"{server.url}/"))
    assert got.failure is not None
    assert got.failure.reason is reason
    assert len(got.failure.detail) <= 300


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "COPY"])
async def test_a_lost_request_is_not_sent_again(client: HttpClient, server: ScriptedServer, method: str) -> None:
    server.on("*", b"")
    await client.exchange(HttpRequest(method, f"{server.url}/once"))
    assert server.lines == [f"{method} /once"]


async def test_silence_ends_by_our_limit(client: HttpClient, server: ScriptedServer) -> None:
    server.on("*", never)
    got = await client.exchange(HttpRequest("GET", f"{server.url}/"), timeout_seconds=0.2)
    assert got.failure is not None
    assert got.failure.reason is Reason.NO_RESPONSE
    assert got.timings.request >= 0.19


async def test_a_body_that_never_ends(client: HttpClient, server: ScriptedServer) -> None:
    async def drip(_request: object) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"

    release = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await release.wait()
        writer.close()

    hanging = await asyncio.start_server(half, "127.0.0.1", 0)
    port = hanging.sockets[0].getsockname()[1]
    got = await client.exchange(HttpRequest("GET", f"http://127.0.0.1:{port}/"), timeout_seconds=0.2)
    release.set()
    hanging.close()
    await hanging.wait_closed()
    assert got.status == 200
    assert got.failure is not None
    assert got.failure.reason is Reason.NO_RESPONSE


async def test_refused(client: HttpClient) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        got = await client.exchange(HttpRequest("GET", f"http://127.0.0.1:{port}/"))
    assert got.failure is not None
    assert got.failure.reason is Reason.CONNECTION_REFUSED
    assert got.failure.detail == "connection refused"
    assert got.hops[0].address == "127.0.0.1"


async def test_a_name_that_does_not_resolve(client: HttpClient) -> None:
    got = await client.exchange(HttpRequest("GET", "http://no-such-host.invalid/"))
    assert got.failure is not None
    assert got.failure.reason is Reason.DNS_FAILURE


async def test_a_family_that_the_host_does_not_have(client: HttpClient) -> None:
    got = await client.exchange(HttpRequest("GET", "http://127.0.0.1:9/", address_family=AddressFamily.IPV6))
    assert got.failure is not None
    assert got.failure.reason is Reason.NO_ADDRESS_IN_FAMILY


async def test_unusable_ca_files_are_our_fault(client: HttpClient, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    got = await client.exchange(HttpRequest("GET", "https://127.0.0.1:9/", ca_path=missing))
    assert got.failure is not None
    assert (got.failure.reason, got.failure.blame) == (Reason.LOCAL_NETWORK, Blame.CLIENT)
    assert missing in got.failure.detail


class TestRedirects:
    async def test_the_copy_is_sent_again_with_all_its_headers(
        self, client: HttpClient, server: ScriptedServer
    ) -> None:
        server.on("COPY /door", answer(307, "", ("Location", "/pool?opaque"), ("Server", "door")))
        server.on("COPY /pool?opaque", answer(202, "success: Created", ("Server", "pool")))
        headers = (("Source", "https://x/y"), ("TransferHeaderAuthorization", Secret("Bearer passive")))
        got = await client.exchange(HttpRequest("COPY", f"{server.url}/door", headers, Secret("active")))
        assert got.status == 202
        assert [(hop.server, hop.status) for hop in got.hops] == [("door", 307), ("pool", 202)]
        for seen in server.requests:
            assert seen.token == "active"
            assert seen.headers["transferheaderauthorization"] == "Bearer passive"
            assert seen.headers["source"] == "https://x/y"

    @pytest.mark.parametrize("policy", RedirectAuth)
    async def test_tokens_go_to_another_host_only_when_told(
        self, client: HttpClient, server: ScriptedServer, policy: RedirectAuth
    ) -> None:
        elsewhere = f"http://127.0.0.1:{server.port}/there"  # another host than localhost, for all one can tell
        server.on("GET /here", answer(307, "", ("Location", elsewhere)))
        server.on("GET /there", answer(200, "ok"))
        headers = (("X-Secret", Secret("hidden")), ("X-Plain", "seen"))
        request = HttpRequest("GET", f"{server.url}/here", headers, Secret("abc"), redirect_auth=policy)
        await client.exchange(request)
        there = server.requests[1].headers
        assert ("authorization" in there) is (policy is RedirectAuth.KEEP)
        assert ("x-secret" in there) is (policy is RedirectAuth.KEEP)
        assert there["x-plain"] == "seen"

    async def test_secrets_that_were_dropped_do_not_come_back(self, client: HttpClient, server: ScriptedServer) -> None:
        server.on("GET /1", answer(307, "", ("Location", f"http://127.0.0.1:{server.port}/2")))
        server.on("GET /2", answer(307, "", ("Location", f"{server.url}/3")))
        server.on("GET /3", answer(200, "ok"))
        await client.exchange(HttpRequest("GET", f"{server.url}/1", token=Secret("abc")))
        assert [seen.token for seen in server.requests] == ["abc", "", ""]

    async def test_a_loop_ends(self, client: HttpClient, server: ScriptedServer) -> None:
        server.on("*", answer(302, "", ("Location", "/again")))
        got = await client.exchange(HttpRequest("GET", f"{server.url}/"))
        assert got.failure is not None
        assert got.failure.reason is Reason.REDIRECT_LOOP
        assert len(server.requests) == 11

    async def test_a_body_goes_along(self, client: HttpClient, server: ScriptedServer) -> None:
        server.on("PUT /door", answer(307, "", ("Location", "/pool")))
        server.on("PUT /pool", answer(201))
        got = await client.exchange(HttpRequest("PUT", f"{server.url}/door", body=b"content"))
        assert got.status == 201
        assert [seen.body for seen in server.requests] == [b"content", b"content"]


class TestEvidence:
    async def test_no_secret_is_in_it(self, client: HttpClient, server: ScriptedServer) -> None:
        """The server echoes the token wherever it can: the body, the status line, its name, the next address."""
        echo = (
            f"HTTP/1.1 307 no {CANARY}\r\nServer: s {CANARY}\r\nLocation: /next?authz=Bearer%20{CANARY}\r\n"
            f"Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        server.on("COPY /first", echo.encode())
        server.on("COPY /next*", answer(403, f"your token {CANARY} is bad, Bearer {CANARY}"))
        notebook = Notebook()
        trail = Trail("1", notebook)
        headers = (("TransferHeaderAuthorization", Secret(f"Bearer {CANARY}")),)
        url = f"{server.url}/first"
        got = await client.exchange(HttpRequest("COPY", url, headers, Secret(CANARY)), trail=trail, phase=Phase.REQUEST)
        assert got.status == 403
        assert CANARY in server.requests[1].target
        [exchange] = trail.exchanges
        for shown in (repr(exchange), repr(notebook.events), repr(got.hops), got.text, repr(got.failure)):
            assert CANARY not in shown
            assert CANARY.partition(".")[0] not in shown
        assert ("Authorization", "Bearer <redacted>") in exchange.request_headers

    async def test_it_is_told_and_kept(self, client: HttpClient, server: ScriptedServer) -> None:
        server.on("*", answer(404))
        notebook = Notebook()
        trail = Trail("7", notebook)
        await client.exchange(HttpRequest("HEAD", f"{server.url}/x"), trail=trail, phase=Phase.VERIFY)
        [event] = notebook.events
        assert isinstance(event, ExchangeSeen)
        assert (event.probe_id, event.exchange) == ("7", trail.exchanges[0])
        assert (event.exchange.phase, event.exchange.status, event.exchange.method) == (Phase.VERIFY, 404, "HEAD")

    async def test_it_cannot_grow_without_bound(self, client: HttpClient, server: ScriptedServer) -> None:
        server.on("*", answer(200))
        trail = Trail("1", Notebook())
        for number in range(60):
            await client.exchange(HttpRequest("HEAD", f"{server.url}/{number}"), trail=trail)
        kept = [exchange.url.rpartition("/")[2] for exchange in trail.exchanges]
        assert len(kept) == 40
        assert (kept[0], kept[-1]) == ("0", "59")


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path)

    @pytest.mark.parametrize(
        ("certificate", "trusted", "reason"),
        [
            ({}, True, None),
            ({}, False, Reason.TLS_UNTRUSTED),
            ({"expired": True}, True, Reason.TLS_EXPIRED),
            ({"hosts": ("elsewhere.example.org",)}, True, Reason.TLS_HOSTNAME),
        ],
    )
    async def test_certificates(
        self, authority: Authority, certificate: dict[str, object], trusted: bool, reason: Reason | None
    ) -> None:
        files = authority.issue("door", **certificate)  # type: ignore[arg-type]
        async with ScriptedServer(tls=authority.server_context(files)) as server:
            server.on("*", answer(200, "ok"))
            async with HttpClient(user_agent="test", limits=LIMITS) as client:
                ca_path = str(authority.ca_file) if trusted else ""
                endpoint = Endpoint("E", f"{server.url}/x", ca_path=ca_path)
                got = await client.exchange(HttpRequest.for_endpoint(endpoint, "GET", "/x", token=Secret("abc")))
                [address] = (await client.resolve(f"https://127.0.0.1:{server.port}", AddressFamily.ANY)).addresses
                facts = await client.tls_facts(server.url, address)
            assert (got.failure.reason if got.failure else None) is reason
            assert [seen.token for seen in server.requests] == ([] if reason else ["abc"])
        # The facts are there in every case, read without a token.
        assert facts is not None
        assert not hasattr(facts, "reason")
        assert facts.not_after is not None
        assert facts.address == "127.0.0.1"
        assert facts.version.startswith("TLSv1.")
        assert facts.chain_length >= 1
        names = certificate.get("hosts", ("localhost",))
        assert isinstance(names, tuple)
        assert names[0] in facts.names

    async def test_plain_http_on_a_tls_port(self, server: ScriptedServer) -> None:
        async with HttpClient(user_agent="test", limits=TimeLimits(tls_seconds=1.0)) as client:
            got = await client.exchange(HttpRequest("GET", f"https://localhost:{server.port}/"))
        assert got.failure is not None
        assert got.failure.reason in (Reason.TLS_HANDSHAKE, Reason.TLS_TIMEOUT)


async def test_reused_connections_cost_no_second_handshake(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context(authority.issue("door"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{listener.sockets[0].getsockname()[1]}/"
    async with HttpClient(
        user_agent="test", limits=LIMITS, ca_path=str(authority.ca_file), reuse_connections=True
    ) as client:
        first = await client.exchange(HttpRequest("GET", url))
        second = await client.exchange(HttpRequest("GET", url))
    listener.close()
    await listener.wait_closed()
    assert first.timings.tls > 0
    assert second.timings.tls == second.timings.connect == 0
    assert second.body == b"ok"
