"""Our xroot client against XRootD 5.5.3: every way in, every request, and what Debian's own client says of the same."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

import pytest

from tests.support.real_xroot import RealXroot, RootSetup, real_xroot, target
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import Reply, XrootClient, XrootVisit
from tpcharness.net.xroot import Server as Answering
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.answers import ToldChecksum, does_tpc, read_checksum, read_config, read_handle, read_space
from tpcharness.wire.xroot.answers import read_stat as read_stat_text
from tpcharness.wire.xroot.codes import OpenFlag, PrepareFlag
from tpcharness.wire.xroot.opaque import NO_OPAQUE, Opaque
from tpcharness.wire.xroot.operations import (
    close,
    mkdir,
    open_file,
    prepare,
    query_checksum,
    query_config,
    query_prepare,
    query_space,
    read,
    rm,
    stat,
    stat_handle,
    sync,
    truncate,
    write,
)

pytestmark = pytest.mark.real

LIMITS = TimeLimits(connect_seconds=10.0, tls_seconds=10.0, request_seconds=20.0)
CONTENT = bytes(range(256)) * 1200
FILE = "/wlcg/made/file"


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


@pytest.fixture
async def client(authority: Authority) -> AsyncIterator[XrootClient]:
    async with XrootClient(program="tests", limits=LIMITS, trust=Trust(str(authority.ca_file))) as client:
        yield client


def trail() -> Trail:
    return Trail("test", Nobody())


def of(reply: Reply) -> tuple[bytes, Answering]:
    """What a request that must succeed brought."""
    assert reply.ok, reply
    assert reply.server is not None
    return reply.data, reply.server


async def put(visit: XrootVisit, path: str, content: bytes, opaque: Opaque = NO_OPAQUE) -> None:
    """Makes a file in pieces."""
    flags = OpenFlag.NEW | OpenFlag.UPDATE | OpenFlag.MKPATH
    data, server = of(await visit.ask(open_file(path, flags, opaque), Phase.PREPARE))
    handle, _ = read_handle(data)
    pieces = [(place, content[place : place + 65536]) for place in range(0, len(content), 65536)]
    replies = await asyncio.gather(
        *(visit.quietly(server, write(handle, place, piece), 20.0) for place, piece in pieces)
    )
    assert all(reply.ok for reply in replies)
    for verb, request in (("sync", sync(handle)), ("close", close(handle))):
        of(await visit.ask_server(server, verb, request, Phase.PREPARE))


async def round_trip(visit: XrootVisit, opaque: Opaque = NO_OPAQUE) -> None:
    """Everything that a probe does with a file."""
    assert (await visit.ask(stat(FILE, opaque), Phase.REQUEST)).refusal is not None
    of(await visit.ask(mkdir("/wlcg/made", opaque), Phase.PREPARE))
    of(await visit.ask(mkdir("/wlcg/made", opaque), Phase.PREPARE))
    await put(visit, FILE, CONTENT, opaque)
    seen = read_stat_text(of(await visit.ask(stat(FILE, opaque), Phase.VERIFY))[0])
    assert seen.size == len(CONTENT)
    told = read_checksum(of(await visit.ask(query_checksum(FILE, "adler32", opaque), Phase.VERIFY))[0])
    assert told == ToldChecksum("adler32", f"{zlib.adler32(CONTENT):08x}")
    data, server = of(await visit.ask(open_file(FILE, OpenFlag.READ | OpenFlag.RETSTAT, opaque), Phase.VERIFY))
    handle, opened = read_handle(data)
    assert opened is not None
    assert opened.size == len(CONTENT)
    got, _ = of(await visit.ask_server(server, "read", read(handle, 100, 1000), Phase.VERIFY))
    assert got == CONTENT[100:1100]
    end, _ = of(await visit.ask_server(server, "read", read(handle, len(CONTENT) - 5, 100), Phase.VERIFY))
    assert end == CONTENT[-5:]
    again, _ = of(await visit.ask_server(server, "stat", stat_handle(handle), Phase.VERIFY))
    assert read_stat_text(again).size == len(CONTENT)
    of(await visit.ask_server(server, "close", close(handle), Phase.VERIFY))
    of(await visit.ask(rm(FILE, opaque), Phase.CLEANUP))
    gone = await visit.ask(rm(FILE, opaque), Phase.CLEANUP)
    assert gone.refusal is not None
    assert gone.refusal.number == 3011


async def test_a_token_under_tls(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A")
    log = trail()
    async with client.visit(target(server, xroot.mint(server)), log) as visit:
        await round_trip(visit)
        connection = of(await visit.ask(stat("/wlcg"), Phase.REQUEST))[1].connection
        assert connection.method == "ztn"
        assert connection.session.tls
        assert connection.version == "xroot/5.1.1"
    assert visit.timings.tls > 0
    assert {(each.method, each.status) for each in log.exchanges} >= {("open", 0), ("rm", 3011)}
    assert log.exchanges[0].hops[0].host == f"localhost:{server.port}"


async def test_tokens_in_requests_with_a_unix_login(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A", RootSetup(methods=("unix",)))
    token = xroot.mint(server)
    async with client.visit(target(server, token), trail()) as visit:
        await round_trip(visit, Opaque.of(("authz", token)))


async def test_a_plain_login_where_there_is_no_tls(xroot: RealXroot, client: XrootClient) -> None:
    """Tokens stay here: on the wire there is a user's name, and the server refuses what it would let a token do."""
    server = await xroot.start("XROOT-A", RootSetup(tls="", methods=("unix",)))
    token = xroot.mint(server)
    async with client.visit(target(server, token, secure=False), trail()) as visit:
        reply = await visit.ask(stat("/wlcg", Opaque.of(("authz", token))), Phase.REQUEST)
        assert reply.server is not None
        assert not reply.server.connection.session.tls
        assert reply.server.connection.method == "unix"
    async with client.visit(target(server, token), trail()) as visit:
        reply = await visit.ask(stat("/wlcg"), Phase.REQUEST)
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_HANDSHAKE


async def test_root_goes_up_to_tls_where_a_token_needs_it(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A")
    async with client.visit(target(server, xroot.mint(server), secure=False), trail()) as visit:
        connection = of(await visit.ask(stat("/wlcg"), Phase.REQUEST))[1].connection
        assert connection.session.tls
        assert connection.method == "ztn"


@pytest.mark.parametrize("demand", ["capable all", "capable tpc", "all"])
async def test_sites_differ_in_what_they_want_tls_for(xroot: RealXroot, client: XrootClient, demand: str) -> None:
    server = await xroot.start("XROOT-A", RootSetup(tls=demand))
    async with client.visit(target(server, xroot.mint(server)), trail()) as visit:
        of(await visit.ask(stat("/wlcg"), Phase.REQUEST))


async def test_a_token_of_somebody_else(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A", RootSetup(methods=("ztn",)))
    forged = xroot.mint(server)
    token = type(forged)(forged.reveal()[:-8] + "AAAAAAAA")
    log = trail()
    async with client.visit(target(server, token), log) as visit:
        reply = await visit.ask(stat("/wlcg"), Phase.REQUEST)
        if not reply.at_login:  # 5.5.3 looks at the signature when the token is used
            assert reply.refusal is not None
            assert reply.refusal.number == 3010
    assert token.reveal() not in repr((reply, log.exchanges))


async def test_an_authority_that_we_do_not_trust(xroot: RealXroot) -> None:
    server = await xroot.start("XROOT-A")
    async with (
        XrootClient(program="tests", limits=LIMITS, trust=Trust()) as client,
        client.visit(target(server, xroot.mint(server)), trail()) as visit,
    ):
        reply = await visit.ask(stat("/wlcg"), Phase.REQUEST)
    assert reply.failure is not None
    assert reply.failure.reason is Reason.TLS_UNTRUSTED


async def test_settings_space_prepare_and_truncate(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A")
    words = ("tpc", "tpcdlg", "chksum", "role")
    async with client.visit(target(server, xroot.mint(server)), trail()) as visit:
        space, answering = of(await visit.ask(query_space("/wlcg"), Phase.REQUEST))
        assert (read_space(space).free or 0) > 0
        told, _ = of(await visit.ask_server(answering, "query config", query_config(*words), Phase.REQUEST))
        config = read_config(told, words)
        assert does_tpc(config)
        assert config["role"] == "server"
        assert "adler32" in config["chksum"]
        await put(visit, FILE, CONTENT)
        staged, _ = of(
            await visit.ask_server(answering, "prepare", prepare([(FILE, NO_OPAQUE)], PrepareFlag.STAGE), Phase.REQUEST)
        )
        request_id = staged.partition(b"\x00")[0].decode()
        assert request_id
        of(await visit.ask_server(answering, "query prepare", query_prepare(request_id, [FILE]), Phase.REQUEST))
        data, _ = of(await visit.ask(open_file(FILE, OpenFlag.UPDATE), Phase.REQUEST))
        handle, _ = read_handle(data)
        of(await visit.ask_server(answering, "truncate", truncate(handle, 10), Phase.REQUEST))
        of(await visit.ask_server(answering, "close", close(handle), Phase.REQUEST))
    assert (server.data_dir / FILE.lstrip("/")).read_bytes() == CONTENT[:10]


async def test_a_server_that_wants_signed_requests(xroot: RealXroot, client: XrootClient) -> None:
    extra = ("sec.level all pedantic force",)
    server = await xroot.start("XROOT-A", RootSetup(extra=extra))
    async with client.visit(target(server, xroot.mint(server)), trail()) as visit:
        await round_trip(visit)


async def test_hundreds_of_requests_in_flight(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A")
    async with client.visit(target(server, xroot.mint(server)), trail()) as visit:
        _, answering = of(await visit.ask(stat("/wlcg"), Phase.REQUEST))
        requests = [stat(f"/wlcg/{'none' if number % 2 else ''}").request() for number in range(600)]
        replies = await asyncio.gather(*(visit.quietly(answering, request, 20.0) for request in requests))
    assert [reply.ok for reply in replies] == [True, False] * 300


async def test_debians_client_agrees(xroot: RealXroot, client: XrootClient) -> None:
    server = await xroot.start("XROOT-A")
    token = xroot.mint(server)
    url = f"roots://{server.host}:{server.port}"
    async with client.visit(target(server, token), trail()) as visit:
        await put(visit, FILE, CONTENT)
        ours = read_stat_text(of(await visit.ask(stat(FILE), Phase.VERIFY))[0])
        checksum = read_checksum(of(await visit.ask(query_checksum(FILE, "adler32"), Phase.VERIFY))[0])
        missing = await visit.ask(stat("/wlcg/none"), Phase.VERIFY)
    code, said = await xroot.judge("xrdfs", url, "stat", FILE, token=token)
    assert code == 0, said
    assert f"Size:   {ours.size}" in said
    code, said = await xroot.judge("xrdfs", url, "query", "checksum", FILE, token=token)
    assert (code, said.split()) == (0, ["adler32", checksum.hex])
    code, said = await xroot.judge("xrdfs", url, "stat", "/wlcg/none", token=token)
    assert missing.refusal is not None
    assert code != 0
    assert f"[{missing.refusal.number}]" in said
