"""A legacy door keeps its port whether it is open or shut, and is switched at once."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from tests.support.grid import running_grid
from tests.support.legacy_bench import BY_NAME
from tpcharness.config.addresses import check_gsiftp_url, check_srm_url
from tpcharness.testbed.faults import UnknownFaultError
from tpcharness.testbed.grid import Grid, GridSpec
from tpcharness.testbed.legacy.conduct import Conduct
from tpcharness.testbed.legacy.door import LegacyDoor
from tpcharness.testbed.legacy.manners import Kind
from tpcharness.testbed.pki import Authority

OPEN, OTHER = BY_NAME["gsiftp_gsi"], BY_NAME["gsiftp_mail"]
TIMES = 3


@pytest.fixture
def conduct() -> Conduct:
    return Conduct()


@pytest.fixture
async def door(tmp_path: Path, conduct: Conduct) -> AsyncIterator[LegacyDoor]:
    async with LegacyDoor(Kind.GSIFTP, Authority(tmp_path), conduct) as door:
        yield door


async def greeting(port: int) -> bytes:
    """What a visitor is told, who leaves then. Raises ConnectionRefusedError at a door that is shut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_it_is_shut_until_it_has_a_manner_and_again_afterwards(door: LegacyDoor, conduct: Conduct) -> None:
    for _ in range(TIMES):  # also while connections of the last time are not quite over
        with pytest.raises(ConnectionRefusedError):
            await greeting(door.port)
        conduct.change(OPEN)
        assert (await greeting(door.port)).startswith(b"220 se.example.org GridFTP")
        conduct.change(OTHER)
        assert await greeting(door.port) == b"220 mail.example.org ESMTP\r\n"
        conduct.change(None)


@pytest.mark.parametrize("reuse", [0, 1])
@pytest.mark.parametrize("before", [False, True], ids=["never opened", "opened before"])
async def test_nobody_else_gets_its_port_while_it_is_shut(
    door: LegacyDoor, conduct: Conduct, reuse: int, before: bool
) -> None:
    if before:
        conduct.change(OPEN)
        await greeting(door.port)
        conduct.change(None)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", door.port))


async def test_who_is_inside_is_put_out_when_it_shuts(door: LegacyDoor, conduct: Conduct) -> None:
    conduct.change(OPEN)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        assert await reader.readline()
        conduct.change(None)
        assert await reader.read() == b""  # without the 221 of a farewell
    finally:
        writer.close()
        await writer.wait_closed()


async def test_what_is_dropped_is_neither_refused_nor_taken(door: LegacyDoor, conduct: Conduct) -> None:
    conduct.change(BY_NAME["gsiftp_dropped"])
    for _ in range(TIMES):
        with socket.socket() as visitor:
            visitor.settimeout(0.2)
            with pytest.raises(TimeoutError):
                visitor.connect(("127.0.0.1", door.port))
    assert door.connections == 0
    conduct.change(OPEN)
    assert await greeting(door.port)


def test_a_client_that_speaks_before_we_listen_to_it_gets_its_handshake(tmp_path: Path) -> None:
    """On the product's event loop: its first bytes are there when the connection is accepted."""

    async def shake_hands() -> str | None:
        authority = Authority(tmp_path)
        async with LegacyDoor(Kind.SRM, authority, Conduct(BY_NAME["srm_ping"])) as door:
            context = authority.client_context()
            async with asyncio.timeout(10.0):
                _, writer = await asyncio.open_connection("localhost", door.port, ssl=context)
            secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
            writer.transport.abort()
            return secured.version()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(shake_hands()) == "TLSv1.3"


async def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        door = LegacyDoor(Kind.SRM, Authority(tmp_path))
        with pytest.raises(OSError, match="in use"):
            await door.start(port=taken.getsockname()[1])
        await door.stop()


async def test_doors_of_a_grid_have_addresses_ports_and_faults_of_their_own() -> None:
    async with running_grid(sites=2, legacy=True, faults=("SITE-B=srm_ping",)) as grid:
        first, second = grid.sites
        ports = {port for site in grid.sites for port in (site.storage.port, *(d.port for d in site.legacy.values()))}
        assert len(ports) == 6
        for site in grid.sites:
            endpoint = site.endpoint
            assert check_gsiftp_url(endpoint.gsiftp) == endpoint.gsiftp == site.legacy[Kind.GSIFTP].url(site.prefix)
            assert check_srm_url(endpoint.srm) == endpoint.srm
            assert f'gsiftp = "{endpoint.gsiftp}"\nsrm = "{endpoint.srm}"\n' in grid.config_text()
        assert (first.faults.texts, second.faults.texts) == ((), ("srm_ping",))
        second.faults.add("gsiftp_gsi")
        second.faults.add("gsiftp_gsi")
        second.faults.add("checksum_absent")
        assert second.faults.texts == ("checksum_absent", "gsiftp_gsi", "srm_ping")
        assert await greeting(second.legacy[Kind.GSIFTP].port)
        second.faults.clear()
        assert second.faults.texts == ()
        with pytest.raises(ConnectionRefusedError):
            await greeting(second.legacy[Kind.GSIFTP].port)
    async with running_grid(sites=1) as grid:
        assert "gsiftp" not in grid.config_text()


@pytest.mark.parametrize(
    ("legacy", "faults", "message"),
    [
        (False, ("srm_ping",), "no srm door for 'srm_ping': `testbed up --legacy` makes one at every site"),
        (True, ("srm_pin",), "no fault 'srm_pin'; did you mean 'srm_ping'?"),
        (True, ("gsiftp_gsi:nth=2",), "fault 'gsiftp_gsi' takes no arguments"),
        (True, ("srm_ping", "srm_web"), "'srm_web': the srm door is 'srm_ping': clear that first"),
    ],
)
def test_what_is_no_fault_is_said_before_anything_starts(legacy: bool, faults: tuple[str, ...], message: str) -> None:
    with pytest.raises(UnknownFaultError, match=re.escape(message)):
        Grid(GridSpec(sites=1, legacy=legacy, faults=tuple(f"SITE-A={fault}" for fault in faults)))
