"""A redirector whose server fails is asked for another one; and disk servers without TLS behind a door that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support import xroot_frames as frames
from tests.support.scripted_xroot import OPEN, ScriptedXroot, Seen, redirect, wait
from tpcharness.model.endpoint import AddressFamily, RedirectAuth
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Hop
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.resolver import Resolver
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import Reply, XrootClient, XrootTarget
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.codes import OpenFlag
from tpcharness.wire.xroot.opaque import Opaque, RootUrl
from tpcharness.wire.xroot.operations import PathRequest, open_file, rm

LIMITS = TimeLimits(connect_seconds=5.0, tls_seconds=5.0, request_seconds=5.0)
CANARY = Secret("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl")
HANDLE = bytes(4)
HOSTS = ("door.site.org", "dead.site.org", "old.site.org", "new.site.org", "disk.site.org")
READING = open_file("/f", OpenFlag.READ)
WRITING = open_file("/f", OpenFlag.UPDATE | OpenFlag.NEW)
CLOSED_PORT = 1


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def client(authority: Authority) -> AsyncIterator[XrootClient]:
    def lookup(host: str, _port: int, _family: int) -> list[str]:
        if host not in HOSTS:
            raise OSError("no such host")
        return ["127.0.0.1"]

    trust, resolver = Trust(str(authority.ca_file)), Resolver(lookup)
    async with XrootClient(program="tests", limits=LIMITS, trust=trust, resolver=resolver, pid=7) as client:
        yield client


@pytest.fixture
async def servers() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


def fine(seen: Seen) -> bytes:
    return frames.answer(seen.stream, 0, HANDLE if seen.code == OPEN else b"")


def refusing(number: int, text: str = "no") -> object:
    return lambda seen: frames.answer(seen.stream, 4003, number.to_bytes(4, "big") + text.encode() + b"\0")


def head(first: tuple[int, str], then: object) -> ScriptedXroot:
    """A redirector that knows one server, and does something else once it is told that this one was tried."""

    def script(seen: Seen) -> bytes:
        if "tried=" not in seen.opaque:
            return redirect(seen, *first)
        return redirect(seen, *then) if isinstance(then, tuple) else then(seen)  # type: ignore[operator]

    return ScriptedXroot(script)


async def ask(
    client: XrootClient, server: ScriptedXroot, request: PathRequest, *, secure: bool = False, **settings: object
) -> tuple[Reply, tuple[Hop, ...], list[str]]:
    """The reply, its hops in evidence, and what was got round."""
    url, trail = RootUrl("door.site.org", server.port, "/", secure), Trail("test", Nobody())
    target = XrootTarget(url, address_family=AddressFamily.IPV4, **settings)  # type: ignore[arg-type]
    async with client.visit(target, trail) as visit:
        reply = await visit.ask(request, Phase.REQUEST)
        return reply, trail.exchanges[-1].hops, visit.setbacks


@pytest.mark.parametrize("request_", [READING, WRITING, rm("/f")])
async def test_a_server_that_is_down_is_got_round(
    client: XrootClient, servers: AsyncExitStack, request_: PathRequest
) -> None:
    new = await servers.enter_async_context(ScriptedXroot(fine))
    door = await servers.enter_async_context(head((CLOSED_PORT, "dead.site.org?cap.sym=c"), (new.port, "new.site.org")))
    reply, hops, setbacks = await ask(client, door, request_)
    assert reply.ok
    assert reply.redirected_to == f"new.site.org:{new.port}"
    assert [seen.opaque for seen in door.asked] == ["", "tried=dead.site.org&triedrc=srverr"]
    assert [bool(seen.body[3] & 0x80) for seen in door.asked] == [False, request_.ask == OPEN]
    assert [seen.opaque for seen in new.asked] == ["tried=dead.site.org&triedrc=srverr"]  # no `cap` of another's
    place = f"door.site.org:{door.port}"
    dead, there = f"dead.site.org:{CLOSED_PORT}", f"new.site.org:{new.port}"
    assert [(hop.host, hop.status) for hop in hops] == [(place, 4004), (dead, None), (place, 4004), (there, 0)]
    assert setbacks == [f"{dead}: connection refused; {place} sent us to {there} instead"]


async def test_a_lost_replica_is_got_round(client: XrootClient, servers: AsyncExitStack) -> None:
    old = await servers.enter_async_context(ScriptedXroot(refusing(3011, "Unable to open /f; no such file")))  # type: ignore[arg-type]
    new = await servers.enter_async_context(ScriptedXroot(fine))
    door = await servers.enter_async_context(head((old.port, "old.site.org"), (new.port, "new.site.org")))
    reply, _, setbacks = await ask(client, door, READING)
    assert reply.ok
    assert door.asked[1].opaque == "tried=old.site.org&triedrc=enoent"
    assert setbacks[0].startswith(f"old.site.org:{old.port}: error 3011: Unable to open /f; no such file; ")


@pytest.mark.parametrize(
    "then", [refusing(3011, "No servers are available to read the file."), (CLOSED_PORT, "dead.site.org")]
)
async def test_the_servers_own_failure_stands_when_there_is_no_other(
    client: XrootClient, servers: AsyncExitStack, then: object
) -> None:
    door = await servers.enter_async_context(head((CLOSED_PORT, "dead.site.org"), then))
    reply, hops, setbacks = await ask(client, door, READING)
    assert reply.failure is not None
    assert reply.failure.reason is Reason.CONNECTION_REFUSED
    assert reply.redirected_to == f"dead.site.org:{CLOSED_PORT}"
    assert len(door.asked) == 2
    assert len(hops) >= 3
    assert setbacks == []


async def test_one_more_is_asked_and_not_all(client: XrootClient, servers: AsyncExitStack) -> None:
    old = await servers.enter_async_context(ScriptedXroot(refusing(3005, "first")))  # type: ignore[arg-type]
    new = await servers.enter_async_context(ScriptedXroot(refusing(3005, "second")))  # type: ignore[arg-type]
    door = await servers.enter_async_context(head((old.port, "old.site.org"), (new.port, "new.site.org")))
    reply, _, _ = await ask(client, door, READING)
    assert reply.refusal is not None
    assert (reply.refusal.text, reply.redirected_to) == ("second", f"new.site.org:{new.port}")
    assert len(door.asked) == 2


@pytest.mark.parametrize(("number", "request_"), [(3010, READING), (3011, WRITING), (3011, rm("/f"))])
async def test_other_refusals_are_final(
    client: XrootClient, servers: AsyncExitStack, number: int, request_: PathRequest
) -> None:
    old = await servers.enter_async_context(ScriptedXroot(refusing(number)))  # type: ignore[arg-type]
    door = await servers.enter_async_context(head((old.port, "old.site.org"), fine))
    reply, _, _ = await ask(client, door, request_)
    assert reply.refusal is not None
    assert reply.refusal.number == number
    assert len(door.asked) == 1


async def test_a_server_of_its_own_is_asked_once(client: XrootClient, servers: AsyncExitStack) -> None:
    door = await servers.enter_async_context(ScriptedXroot(refusing(3011)))  # type: ignore[arg-type]
    reply, _, _ = await ask(client, door, READING)
    assert reply.refusal is not None
    assert len(door.asked) == 1


async def test_looking_anew_is_asked_for_once(client: XrootClient, servers: AsyncExitStack) -> None:
    waits = [True, True]
    door = await servers.enter_async_context(
        head((CLOSED_PORT, "dead.site.org"), lambda seen: wait(seen, 0) if waits and waits.pop() else fine(seen))
    )
    reply, _, _ = await ask(client, door, READING)
    assert reply.ok
    assert [bool(seen.body[3] & 0x80) for seen in door.asked] == [False, True, False, False]


@pytest.mark.parametrize("allowed", [False, True])
async def test_disk_servers_without_tls_are_used_only_on_request_and_get_no_token(
    client: XrootClient, servers: AsyncExitStack, authority: Authority, allowed: bool
) -> None:
    disk = await servers.enter_async_context(ScriptedXroot(fine, offers=b"&P=ztn,0:16384:&P=unix"))
    context = authority.server_context(authority.issue("door", hosts=HOSTS))
    door = await servers.enter_async_context(
        ScriptedXroot(lambda seen: redirect(seen, disk.port, "disk.site.org?cap.sym=c"), tls=context)
    )
    request = open_file("/f", OpenFlag.READ, Opaque.of(("authz", CANARY)))
    settings = {"token": CANARY, "plain_redirects": allowed, "redirect_auth": RedirectAuth.KEEP}
    reply, _, _ = await ask(client, door, request, secure=True, **settings)
    assert reply.ok is allowed
    assert CANARY.reveal().encode() not in disk.plain
    assert CANARY.reveal().encode() not in door.plain
    assert [seen.opaque for seen in disk.asked] == (["cap.sym=c"] if allowed else [])
    if not allowed:
        assert reply.failure is not None
        assert reply.failure.detail == f"disk.site.org:{disk.port}: the server has no TLS"


async def test_the_endpoints_own_server_must_have_tls_all_the_same(
    client: XrootClient, servers: AsyncExitStack
) -> None:
    door = await servers.enter_async_context(ScriptedXroot(fine))
    reply, _, _ = await ask(client, door, READING, secure=True, token=CANARY, plain_redirects=True)
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_HANDSHAKE
    assert door.asked == []


async def test_disk_servers_with_tls_get_it(client: XrootClient, servers: AsyncExitStack, authority: Authority) -> None:
    context = authority.server_context(authority.issue("door", hosts=HOSTS))
    disk = await servers.enter_async_context(ScriptedXroot(fine, tls=context, shy=True))
    door = await servers.enter_async_context(
        ScriptedXroot(lambda seen: redirect(seen, disk.port, "disk.site.org"), tls=context)
    )
    reply, _, _ = await ask(client, door, READING, secure=True, token=CANARY, plain_redirects=True)
    assert reply.ok
    assert disk.asked[0].tls
