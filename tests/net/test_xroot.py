"""Visits to scripted servers: redirects, waits, what is late or lost, and where tokens go."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from tests.support import xroot_frames as frames
from tests.support.scripted_xroot import ScriptedXroot, Seen, deferred, fine, redirect, wait
from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.resolver import Resolver
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import MAX_HOPS, Reply, XrootClient, XrootTarget
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.opaque import Opaque, RootUrl
from tpcharness.wire.xroot.operations import PathRequest, ping, read, stat

LIMITS = TimeLimits(connect_seconds=5.0, tls_seconds=5.0, request_seconds=5.0)
CANARY = Secret("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl")
GOOD_STAT = b"1 5 16 7\x00"
HOSTS = {"door.site.org": "127.0.0.1", "pool.site.org": "127.0.0.1", "elsewhere.example": "127.0.0.1"}


def lookup(host: str, _port: int, _family: int) -> list[str]:
    if host not in HOSTS:
        raise OSError("no such host")
    return [HOSTS[host]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def client(authority: Authority) -> AsyncIterator[XrootClient]:
    trust, resolver = Trust(str(authority.ca_file)), Resolver(lookup)
    async with XrootClient(program="tests", limits=LIMITS, trust=trust, resolver=resolver, pid=7) as client:
        yield client


@pytest.fixture
async def servers() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def door(server: ScriptedXroot, token: Secret | None = None, **settings: object) -> XrootTarget:
    made = XrootTarget(RootUrl("door.site.org", server.port, "/"), token, address_family=AddressFamily.IPV4)
    return replace(made, **settings)  # type: ignore[arg-type]


def secure(server: ScriptedXroot, token: Secret | None = None, **settings: object) -> XrootTarget:
    return door(server, token, url=RootUrl("door.site.org", server.port, "/", secure=True), **settings)


async def ask(client: XrootClient, target: XrootTarget, request: PathRequest, log: Trail | None = None) -> Reply:
    async with client.visit(target, log or Trail("test", Nobody())) as visit:
        return await visit.ask(request, Phase.REQUEST)


def tls_server(authority: Authority, script: object = fine, **settings: object) -> ScriptedXroot:
    context = authority.server_context(authority.issue("door", hosts=tuple(HOSTS)))
    return ScriptedXroot(script, tls=context, **settings)  # type: ignore[arg-type]


def authz() -> Opaque:
    return Opaque.of(("authz", CANARY))


async def test_a_redirect_takes_the_request_and_its_opaque_part_along(
    client: XrootClient, servers: AsyncExitStack
) -> None:
    pool = await servers.enter_async_context(ScriptedXroot(lambda seen: frames.answer(seen.stream, 0, GOOD_STAT)))
    head = await servers.enter_async_context(
        ScriptedXroot(lambda seen: redirect(seen, pool.port, "pool.site.org?cap.sym=c&oss.asize=9"))
    )
    log = Trail("test", Nobody())
    reply = await ask(client, door(head), stat("/f", Opaque.of(("oss.asize", "5"), ("tpc.key", "k"))), log)
    assert reply.data == GOOD_STAT
    assert reply.server is not None
    assert reply.server.place == f"pool.site.org:{pool.port}"
    assert [(seen.path, seen.opaque) for seen in pool.asked] == [("/f", "tpc.key=k&cap.sym=c&oss.asize=9")]
    [exchange] = log.exchanges
    assert [hop.host for hop in exchange.hops] == [f"door.site.org:{head.port}", f"pool.site.org:{pool.port}"]
    assert exchange.hops[0].location == f"pool.site.org:{pool.port}"
    assert exchange.server == "xroot/5.1.1"


async def test_circles_and_long_ways(client: XrootClient, servers: AsyncExitStack) -> None:
    circle = await servers.enter_async_context(ScriptedXroot())
    circle.script = lambda seen: redirect(seen, circle.port, "door.site.org")
    reply = await ask(client, door(circle), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.REDIRECT_LOOP
    assert len(circle.asked) <= 3

    snail = await servers.enter_async_context(ScriptedXroot())
    snail.script = lambda seen: redirect(seen, snail.port, f"door.site.org?n={len(snail.seen)}")
    reply = await ask(client, door(snail), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.detail == f"more than {MAX_HOPS} redirects"


async def test_a_redirect_to_a_server_that_is_not_there(client: XrootClient, servers: AsyncExitStack) -> None:
    head = await servers.enter_async_context(ScriptedXroot(lambda seen: redirect(seen, 1, "pool.site.org")))
    reply = await ask(client, door(head), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.CONNECTION_REFUSED
    assert reply.failure.detail.startswith("pool.site.org:1: ")


async def test_waits_are_kept_and_bounded(client: XrootClient, servers: AsyncExitStack) -> None:
    busy = await servers.enter_async_context(ScriptedXroot())
    busy.script = lambda seen: wait(seen, 0) if len(busy.asked) < 4 else frames.answer(seen.stream, 0, GOOD_STAT)
    assert (await ask(client, door(busy), stat("/f"))).ok
    assert len(busy.asked) == 4

    endless = await servers.enter_async_context(ScriptedXroot(lambda seen: wait(seen, 61)))
    reply = await ask(client, door(endless), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.OVERLOADED
    assert "wait 61 s in all" in reply.failure.detail


async def test_an_answer_that_is_promised_and_never_comes(client: XrootClient, servers: AsyncExitStack) -> None:
    mute = await servers.enter_async_context(ScriptedXroot(deferred))
    async with client.visit(door(mute), Trail("test", Nobody())) as visit:
        reply = await visit.ask(stat("/f"), Phase.REQUEST, timeout_seconds=0.1)
        assert reply.failure is not None
        assert reply.failure.reason is Reason.NO_RESPONSE
        mute.script = lambda seen: frames.answer(seen.stream, 0, GOOD_STAT)
        assert (await visit.ask(stat("/f"), Phase.REQUEST)).ok  # the session is as good as before
    assert mute.connections == 1


async def test_late_answers_find_their_requests_in_any_order(client: XrootClient, servers: AsyncExitStack) -> None:
    kept: list[Seen] = []

    def script(seen: Seen) -> bytes:
        kept.append(seen)
        if len(kept) < 20:
            return deferred(seen)
        return deferred(seen) + b"".join(
            frames.later(each.stream, 0, b"1 %d 16 7\x00" % int(each.path[1:])) for each in reversed(kept)
        )

    server = await servers.enter_async_context(ScriptedXroot(script))
    async with client.visit(door(server), Trail("test", Nobody())) as visit:
        replies = await asyncio.gather(*(visit.ask(stat(f"/{n}"), Phase.REQUEST) for n in range(20)))
    assert [reply.data for reply in replies] == [b"1 %d 16 7\x00" % n for n in range(20)]
    assert server.connections == 1


async def test_a_lost_connection_ends_every_request_on_it(client: XrootClient, servers: AsyncExitStack) -> None:
    server = await servers.enter_async_context(ScriptedXroot())
    server.script = lambda seen: None if len(server.asked) == 3 else b""
    async with client.visit(door(server), Trail("test", Nobody())) as visit:
        replies = await asyncio.gather(*(visit.ask(stat(f"/{n}"), Phase.REQUEST) for n in range(3)))
        assert {reply.failure.reason for reply in replies if reply.failure} == {Reason.CONNECTION_LOST}
        assert not any(reply.ok for reply in replies)
        server.script = lambda seen: frames.answer(seen.stream, 0, GOOD_STAT)
        assert (await visit.ask(stat("/f"), Phase.REQUEST)).ok
    assert server.connections == 2


@pytest.mark.parametrize(
    ("hello", "reason"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.MALFORMED_RESPONSE), (b"\x00" * 40, Reason.MALFORMED_RESPONSE)],
)
async def test_a_server_of_another_kind(
    client: XrootClient, servers: AsyncExitStack, hello: bytes, reason: Reason
) -> None:
    server = await servers.enter_async_context(ScriptedXroot(hello=hello))
    reply = await ask(client, door(server), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.reason is reason


async def test_garbage_lengths_end_the_session(client: XrootClient, servers: AsyncExitStack) -> None:
    server = await servers.enter_async_context(
        ScriptedXroot(lambda seen: struct.pack(">HHi", seen.stream, 0, 0x7FFFFFFF))
    )
    reply = await ask(client, door(server), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.MALFORMED_RESPONSE


async def test_more_bytes_than_were_asked_for(client: XrootClient, servers: AsyncExitStack) -> None:
    server = await servers.enter_async_context(ScriptedXroot(lambda seen: frames.answer(seen.stream, 0, bytes(100))))
    server_reply: Reply
    async with client.visit(door(server), Trail("test", Nobody())) as visit:
        first = await visit.ask(stat("/f"), Phase.REQUEST)
        assert first.server is not None
        server_reply = await visit.quietly(first.server, read(bytes(4), 0, 99), 5.0)
    assert server_reply.failure is not None
    assert server_reply.failure.reason is Reason.MALFORMED_RESPONSE


@pytest.mark.parametrize("shy", [False, True])
async def test_a_token_goes_under_tls_only(
    client: XrootClient, servers: AsyncExitStack, authority: Authority, shy: bool
) -> None:
    server = await servers.enter_async_context(tls_server(authority, offers=b"&P=ztn,0:16384:&P=unix", shy=shy))
    assert (await ask(client, door(server, CANARY), stat("/f", authz()))).ok
    assert server.received.count(CANARY.reveal().encode()) == 2
    assert CANARY.reveal().encode() not in server.plain


async def test_no_token_where_there_is_no_tls(client: XrootClient, servers: AsyncExitStack) -> None:
    server = await servers.enter_async_context(ScriptedXroot(offers=b"&P=ztn,0:16384:&P=unix"))
    assert (await ask(client, door(server, CANARY), stat("/f", authz()))).ok
    assert server.asked[0].opaque == ""
    log = Trail("test", Nobody())
    reply = await ask(client, secure(server, CANARY), stat("/f", authz()), log)
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_HANDSHAKE
    assert reply.failure.detail.endswith("the server has no TLS")
    assert CANARY.reveal().encode() not in server.plain
    assert CANARY.reveal() not in repr((reply, log.exchanges))


async def test_roots_never_goes_down_to_plain(
    client: XrootClient, servers: AsyncExitStack, authority: Authority
) -> None:
    pool = await servers.enter_async_context(ScriptedXroot())
    head = await servers.enter_async_context(
        tls_server(authority, lambda seen: redirect(seen, pool.port, f"pool.site.org?authz={CANARY.reveal()}"))
    )
    reply = await ask(client, secure(head, CANARY), stat("/f", authz()))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_HANDSHAKE
    assert reply.failure.detail == f"pool.site.org:{pool.port}: the server has no TLS"
    assert pool.asked == []
    assert CANARY.reveal().encode() not in pool.plain


@pytest.mark.parametrize(
    ("host", "policy", "sent"),
    [
        ("pool.site.org", RedirectAuth.SAME_DOMAIN, True),
        ("elsewhere.example", RedirectAuth.SAME_DOMAIN, False),
        ("elsewhere.example", RedirectAuth.KEEP, True),
        ("pool.site.org", RedirectAuth.DROP, False),
    ],
)
async def test_a_token_follows_redirects_by_the_endpoints_policy(
    client: XrootClient, servers: AsyncExitStack, authority: Authority, host: str, policy: RedirectAuth, sent: bool
) -> None:
    pool = await servers.enter_async_context(tls_server(authority, offers=b"&P=ztn,0:16384:&P=unix"))
    head = await servers.enter_async_context(tls_server(authority, lambda seen: redirect(seen, pool.port, host)))
    assert (await ask(client, secure(head, CANARY, redirect_auth=policy), stat("/f", authz()))).ok
    assert (CANARY.reveal().encode() in pool.received) is sent


OTHER = Secret("eyJhbGciOiJub25lIn0.another-canary.sig")


@pytest.mark.parametrize(
    "echo",
    [
        f"x={CANARY.reveal()}",
        f"x=1?authz={CANARY.reveal()}",  # for the login at the next server
        f"old=authz%3d{OTHER.reveal()}",  # that of another role, which the request has in it
    ],
)
async def test_our_token_under_another_name_goes_nowhere(
    client: XrootClient, servers: AsyncExitStack, authority: Authority, echo: str
) -> None:
    pool = await servers.enter_async_context(ScriptedXroot())
    head = await servers.enter_async_context(
        tls_server(authority, lambda seen: redirect(seen, pool.port, f"pool.site.org?{echo}"))
    )
    source = Secret(f"authz={OTHER.reveal()}")
    reply = await ask(client, secure(head, CANARY), stat("/f", authz().followed_by((("tpc.scgi", source),))))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.REDIRECT_INVALID
    assert pool.connections == 0


async def test_the_family_of_the_other_end_is_preferred(servers: AsyncExitStack) -> None:
    server = await servers.enter_async_context(ScriptedXroot())
    resolver = Resolver(lambda _host, _port, _family: ["::1", "127.0.0.1"])
    target = XrootTarget(RootUrl("door.site.org", server.port, "/"))
    async with (
        XrootClient(program="tests", limits=LIMITS, trust=Trust(), resolver=resolver) as client,
        client.visit(target, Trail("test", Nobody())) as visit,
    ):
        visit.preferred_family = AddressFamily.IPV4
        assert (await visit.ask(stat("/f"), Phase.REQUEST)).ok
        assert visit.address_family is AddressFamily.IPV4


def test_the_same_under_uvloop(authority: Authority) -> None:
    """The loop that the product runs on has transports and a TLS of its own."""

    async def scenario() -> None:
        trust, resolver = Trust(str(authority.ca_file)), Resolver(lookup)
        async with (
            tls_server(authority, offers=b"&P=ztn,0:16384:&P=unix") as server,
            ScriptedXroot() as plain,
            XrootClient(program="tests", limits=LIMITS, trust=trust, resolver=resolver) as client,
        ):
            assert (await ask(client, secure(server, CANARY), stat("/f", authz()))).ok
            assert server.received.count(CANARY.reveal().encode()) == 2
            assert (await ask(client, door(plain), stat("/f"))).ok
            reply = await ask(client, secure(plain, CANARY), stat("/f"))
            assert reply.failure is not None
            assert reply.failure.reason is Reason.TLS_HANDSHAKE

    uvloop.run(scenario())


async def test_a_certificate_for_another_name(
    client: XrootClient, servers: AsyncExitStack, authority: Authority
) -> None:
    context = authority.server_context(authority.issue("other", hosts=("other.example",)))
    server = await servers.enter_async_context(ScriptedXroot(tls=context))
    reply = await ask(client, secure(server, CANARY), stat("/f"))
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_HOSTNAME
    assert server.received == b""


async def test_a_handshake_that_never_ends(authority: Authority) -> None:
    limits = replace(LIMITS, request_seconds=0.1, tls_seconds=0.1)

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frames.HELLO_ANSWER + frames.PROTOCOL_TLS)
        while await reader.read(1024):
            pass
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    mute = await asyncio.start_server(stall, "127.0.0.1", 0)
    async with XrootClient(
        program="tests", limits=limits, trust=Trust(str(authority.ca_file)), resolver=Resolver(lookup)
    ) as client:
        port = mute.sockets[0].getsockname()[1]
        target = XrootTarget(RootUrl("door.site.org", port, "/", secure=True), address_family=AddressFamily.IPV4)
        reply = await ask(client, target, stat("/f"))
    await ended.wait()
    mute.close()
    await mute.wait_closed()
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_TIMEOUT


async def test_a_cancelled_visit_leaves_nothing_open(client: XrootClient, servers: AsyncExitStack) -> None:
    asked = asyncio.Event()

    def script(seen: Seen) -> bytes:
        asked.set()
        return deferred(seen)

    server = await servers.enter_async_context(ScriptedXroot(script))
    task = asyncio.create_task(ask(client, door(server), stat("/f")))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_ping_more_than_may_be_in_flight(client: XrootClient, servers: AsyncExitStack) -> None:
    held: list[Seen] = []

    def script(seen: Seen) -> bytes:
        held.append(seen)
        return b"" if len(held) < 256 else b"".join(map(fine, held[-256:])) if len(held) == 256 else fine(seen)

    server = await servers.enter_async_context(ScriptedXroot(script))
    async with client.visit(door(server), Trail("test", Nobody())) as visit:
        server.script = fine
        first = await visit.ask(stat("/f"), Phase.REQUEST)
        server.script = script
        assert first.server is not None
        replies = await asyncio.gather(*(visit.quietly(first.server, ping(), 5.0) for _ in range(257)))
    assert all(reply.ok for reply in replies)
