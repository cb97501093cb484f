"""Connections to legacy doors: names that are gone, ports that refuse, TLS with anybody, and what is no TLS."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from tests.support.house import shortened
from tests.support.legacy_bench import BY_NAME, legacy_door
from tests.support.real_xrootd import reserved_port
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.net.legacy import LegacyClient
from tpcharness.net.resolver import Address, Lookup

LIMITS = shortened(tls_seconds=2.0)
HERE = Address.of("127.0.0.1")


def failing(number: int) -> Lookup:
    def lookup(host: str, _port: int, _family: int) -> list[str]:
        if host == "known.example.org":
            return ["192.0.2.1", "2001:db8::1"]
        raise socket.gaierror(number, "no")

    return lookup


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (socket.EAI_NONAME, Reason.NO_ADDRESS_IN_FAMILY),
        (socket.EAI_NODATA, Reason.NO_ADDRESS_IN_FAMILY),
        (socket.EAI_AGAIN, Reason.DNS_FAILURE),
        (socket.EAI_FAIL, Reason.DNS_FAILURE),
    ],
)
async def test_a_name_that_is_gone_is_told_from_a_resolver_that_fails(number: int, reason: Reason) -> None:
    async with LegacyClient(user_agent="tests/1", limits=LIMITS, lookup=failing(number)) as client:
        gone = await client.resolve("gone.example.org", 2811)
        assert gone.failure is not None
        assert gone.failure.reason is reason
        assert len((await client.resolve("known.example.org", 2811)).addresses) == 2


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://known.example.org:8443/x", True),
        ("https://gone.example.org/x", False),
        ("https://192.0.2.1/x", False),
        ("https://[2001:db8::1]/x", False),
    ],
)
async def test_only_a_name_proves_that_the_resolver_knows_names(url: str, known: bool) -> None:
    async with LegacyClient(user_agent="tests/1", limits=LIMITS, lookup=failing(socket.EAI_NONAME)) as client:
        assert await client.knows(url) is known


async def test_a_port_where_nobody_listens_refuses() -> None:
    async with LegacyClient(user_agent="tests/1", limits=LIMITS) as client:
        with reserved_port() as port:
            dialled = await client.dial(HERE, port, "localhost", tls=False)
    assert dialled.talk is None
    assert dialled.failure == Failure(Reason.CONNECTION_REFUSED, "connection refused")


async def test_tls_is_spoken_with_whomever_nobody_trusts(tmp_path: Path) -> None:
    """An authority that we do not know, and a name that is not the certificate's."""
    async with (
        LegacyClient(user_agent="tests/1", limits=LIMITS) as client,
        legacy_door(tmp_path, BY_NAME["srm_ping"]) as door,
    ):
        dialled = await client.dial(HERE, door.port, "other.example.org", tls=True)
        assert dialled.talk is not None
        async with dialled.talk as talk:
            facts = talk.certificate()
    assert facts is not None
    assert "localhost" in facts.names


async def test_a_server_without_tls_is_no_failed_handshake() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server, LegacyClient(user_agent="tests/1", limits=LIMITS) as client:
        dialled = await client.dial(HERE, server.sockets[0].getsockname()[1], "localhost", tls=True)
    assert dialled.talk is None
    assert dialled.failure is not None
    assert dialled.failure.reason is Reason.MALFORMED_RESPONSE
