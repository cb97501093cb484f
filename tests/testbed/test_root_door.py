"""A root door of the testbed answers as XRootD 5.5.3 does: rights, files, keys, and clients that know no manners."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.root_grid import RootGrid, root_grid
from tpcharness.model.endpoint import AddressFamily
from tpcharness.model.progress import Nobody
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import Reply, XrootClient, XrootTarget, XrootVisit
from tpcharness.testbed.xroot.frames import XrootError
from tpcharness.testbed.xroot.rendezvous import Meeting, Meetings
from tpcharness.wire.xroot.answers import read_checksum, read_handle, read_stat
from tpcharness.wire.xroot.codes import OpenFlag
from tpcharness.wire.xroot.opaque import RootUrl
from tpcharness.wire.xroot.operations import (
    close,
    mkdir,
    open_file,
    query_checksum,
    read,
    rm,
    stat,
    write,
)

ALL = "storage.read:/ storage.create:/ storage.modify:/"
CONTENT = bytes(range(256)) * 10


@pytest.fixture
async def world() -> AsyncIterator[RootGrid]:
    async with root_grid() as world:
        yield world


@asynccontextmanager
async def visiting(world: RootGrid, scope: str = ALL) -> AsyncIterator[XrootVisit]:
    """A client at SITE-A with a token of these rights."""
    site = world.grid.sites[0]
    target = XrootTarget(
        RootUrl("localhost", world.source.port, "/", secure=True),
        Secret(world.grid.issuer.mint(scope, site.audience)),
        address_family=AddressFamily.IPV4,
    )
    trust = Trust(str(world.grid.authority.ca_file))
    async with (
        XrootClient(program="tests", limits=TimeLimits(request_seconds=5.0), trust=trust) as client,
        client.visit(target, Trail("test", Nobody())) as visit,
    ):
        yield visit


def number(reply: Reply) -> int:
    """The error, or 0."""
    assert reply.failure is None, reply
    return reply.refusal.number if reply.refusal is not None else 0


async def test_a_file_comes_and_goes(world: RootGrid) -> None:
    path = f"{world.grid.sites[0].prefix}/made/file"
    async with visiting(world) as visit:
        assert number(await visit.ask(stat(path), Phase.REQUEST)) == 3011
        assert number(await visit.ask(mkdir(path.rpartition("/")[0]), Phase.REQUEST)) == 0
        assert number(await visit.ask(mkdir(path.rpartition("/")[0]), Phase.REQUEST)) == 0
        flags = OpenFlag.UPDATE | OpenFlag.NEW
        opened = await visit.ask(open_file(path, flags), Phase.REQUEST)
        assert opened.server is not None
        handle, _ = read_handle(opened.data)
        assert number(await visit.quietly(opened.server, write(handle, 0, CONTENT), 5.0)) == 0
        assert number(await visit.quietly(opened.server, write(handle, 0, CONTENT), 5.0)) == 3005
        assert number(await visit.quietly(opened.server, close(handle), 5.0)) == 0
        assert number(await visit.quietly(opened.server, close(handle), 5.0)) == 3004
        assert number(await visit.ask(open_file(path, flags), Phase.REQUEST)) == 3018
        assert read_stat((await visit.ask(stat(path), Phase.REQUEST)).data).size == len(CONTENT)
        told = read_checksum((await visit.ask(query_checksum(path, "adler32"), Phase.REQUEST)).data)
        assert told.hex == f"{zlib.adler32(CONTENT):08x}"
        assert number(await visit.ask(query_checksum(path, "sha999"), Phase.REQUEST)) == 3012
        opened = await visit.ask(open_file(path, OpenFlag.READ), Phase.REQUEST)
        assert opened.server is not None
        handle, _ = read_handle(opened.data)
        assert (await visit.quietly(opened.server, read(handle, 100, 5000), 5.0)).data == CONTENT[100:]
        assert number(await visit.ask(rm(path), Phase.REQUEST)) == 0
        assert number(await visit.ask(rm(path), Phase.REQUEST)) == 3011


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        ("storage.read:/", {"mkdir", "rm", "create"}),
        ("storage.create:/ storage.modify:/", {"open", "stat", "rm"}),  # as 5.5.3: it looks before it deletes
        ("storage.read:/elsewhere", {"open", "stat", "mkdir", "rm", "create"}),
    ],
)
async def test_rights_are_those_of_the_token(world: RootGrid, scope: str, refused: set[str]) -> None:
    site = world.grid.sites[0]
    path = f"{site.prefix}/given"
    site.storage.files.add(path, CONTENT)
    requests = {
        "open": open_file(path, OpenFlag.READ),
        "stat": stat(path),
        "mkdir": mkdir(f"{site.prefix}/new"),
        "create": open_file(f"{site.prefix}/more", OpenFlag.UPDATE | OpenFlag.NEW),
        "rm": rm(path),
    }
    async with visiting(world, scope) as visit:
        found = {name for name, asked in requests.items() if number(await visit.ask(asked, Phase.REQUEST)) == 3010}
    assert found == refused


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 200, b""])
async def test_clients_of_another_kind_are_shown_the_door(world: RootGrid, first: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.source.port)
    writer.write(first)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_key_is_for_one_file_one_client_one_host_and_once() -> None:
    meetings = Meetings(ttl_seconds=0.05)
    right = Meeting("k", "a.1@localhost", "/f", "localhost")
    await meetings.announce(right)
    for wrong in (
        Meeting("x", "a.1@localhost", "/f", "localhost"),
        Meeting("k", "a.2@localhost", "/f", "localhost"),
        Meeting("k", "a.1@localhost", "/g", "localhost"),
        Meeting("k", "a.1@localhost", "/f", "elsewhere"),
    ):
        with pytest.raises(XrootError, match="tpc authorization expired"):
            await meetings.claim(wrong)
    await meetings.claim(right)
    with pytest.raises(XrootError, match="expired"):
        await meetings.claim(right)
    with pytest.raises(XrootError, match="duplicate"):
        await meetings.announce(right)


async def test_a_destination_that_is_early_waits_for_the_client() -> None:
    meetings = Meetings(ttl_seconds=10.0)
    meeting = Meeting("k", "a.1@localhost", "/f", "localhost")
    early = asyncio.create_task(meetings.claim(meeting))
    await asyncio.sleep(0)
    await meetings.announce(meeting)
    await early
