"""The audit of legacy doors at every manner of the testbed's, and at what is not there at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import legacy_bench
from tests.support.clocks import WallClock
from tests.support.house import shortened
from tests.support.legacy_bench import BY_NAME, LIMITS, legacy_door
from tpcharness.model.endpoint import AddressFamily, Endpoint, Link
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.net.legacy import LegacyClient
from tpcharness.net.resolver import Lookup, system_lookup
from tpcharness.probes.legacy_door import SrmDoorProbe
from tpcharness.testbed.legacy.door import LegacyDoor
from tpcharness.testbed.legacy.manners import MANNERS, Kind, Manner

HERE = Endpoint("SITE-A", "https://localhost:1/dteam")


async def audit(url: str, *, limits: TimeLimits = LIMITS, lookup: Lookup = system_lookup, **more: object) -> Result:
    kind = Kind(url.partition(":")[0])
    endpoint = replace(HERE, **{kind.value: url}, **more)  # type: ignore[arg-type]
    return await legacy_bench.audit(endpoint, kind, limits=limits, lookup=lookup)


def door(directory: Path, name: str) -> AbstractAsyncContextManager[LegacyDoor]:
    return legacy_door(directory, BY_NAME[name])


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that is ours, and at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize("manner", MANNERS, ids=str)
async def test_every_manner_is_found(tmp_path: Path, manner: Manner) -> None:
    async with legacy_door(tmp_path, manner) as opened:
        result = await audit(opened.url("/dteam"))
    assert (result.outcome, result.reason) == (Outcome.FAILURE, manner.reason), result
    assert result.blame is (Blame.DESTINATION if len(manner.blames) == 1 else Blame.UNDETERMINED)
    either = {(manner.other, Blame.DESTINATION)} if manner.maybe else set()
    dropped = {(manner.reason, blame) for blame in manner.blames} if len(manner.blames) > 1 else set()
    assert {(each.reason, each.blame) for each in result.alternatives} == either | dropped
    assert result.hint.startswith("127.0.0.1: ")
    assert result.evidence.exchanges
    assert result.bytes is None
    assert opened.connections <= 4


@pytest.mark.parametrize("kind", Kind)
async def test_a_port_where_nobody_listens_is_shut(kind: Kind) -> None:
    with taken_port() as port:
        result = await audit(f"{kind}://127.0.0.1:{port}/dteam")
    assert (result.outcome, result.reason, result.blame) == (Outcome.OK, Reason.OK, Blame.NOBODY)
    assert (result.hint, result.warnings, result.alternatives) == ("", (), ())
    (exchange,) = result.evidence.exchanges
    assert (exchange.phase, exchange.error) == (Phase.CONNECT, "connection refused")


def only(*known: str) -> Lookup:
    """A resolver that knows these names, and says of all others that they do not exist."""

    def lookup(host: str, _port: int, _family: int) -> list[str]:
        if host in known:
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    return lookup


@pytest.mark.parametrize("kind", Kind)
async def test_a_name_that_is_gone_is_shut_and_said(kind: Kind) -> None:
    result = await audit(f"{kind}://se.example.org/x", lookup=only("dav.example.org"), https="https://dav.example.org")
    assert (result.outcome, result.reason) == (Outcome.OK, Reason.OK)
    (warning,) = result.warnings
    assert "does not know the name se.example.org" in warning
    assert [each.phase for each in result.evidence.exchanges] == [Phase.RESOLVE]


@pytest.mark.parametrize("https", ["https://dav.example.org/x", "https://192.0.2.1/x"])
async def test_a_resolver_that_knows_nothing_proves_nothing(https: str) -> None:
    result = await audit("gsiftp://se.example.org/x", lookup=only(), https=https)
    assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.DNS_FAILURE)
    assert result.blame is Blame.UNDETERMINED
    assert {each.blame for each in result.alternatives} == {Blame.DESTINATION, Blame.CLIENT}


async def test_a_resolver_that_does_not_answer_proves_nothing() -> None:
    def lookup(_host: str, _port: int, _family: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    result = await audit("srm://se.example.org/x", lookup=lookup)
    assert (result.outcome, result.reason, result.blame) == (
        Outcome.FAILURE,
        Reason.DNS_FAILURE,
        Blame.UNDETERMINED,
    )


@pytest.mark.parametrize("kind", Kind)
async def test_packets_that_are_dropped_are_no_shut_door(kind: Kind) -> None:
    with socket.socket() as full:  # a full queue: Linux drops what comes then
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            result = await audit(f"{kind}://127.0.0.1:{port}/x", limits=replace(LIMITS, connect_seconds=0.5))
    assert (result.outcome, result.reason, result.blame) == (
        Outcome.FAILURE,
        Reason.CONNECT_TIMEOUT,
        Blame.UNDETERMINED,
    )
    assert {each.blame for each in result.alternatives} == {Blame.DESTINATION, Blame.PATH}


async def test_one_address_that_answers_is_enough(tmp_path: Path) -> None:
    """Shut on the first address, open on the second: each is looked at, and the open one decides."""
    async with door(tmp_path, "gsiftp_gsi") as opened:
        url = opened.url("/dteam").replace("localhost", "se.example.org")
        result = await audit(url, lookup=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert result.reason is Reason.LEGACY_ANSWERS
    assert result.hint.startswith("127.0.0.1: gsiftp, with GSI: 220 ")
    assert [each.hops[0].address for each in result.evidence.exchanges] == ["127.0.0.2", "127.0.0.1"]


async def test_a_door_is_shut_only_where_every_address_was_seen() -> None:
    """No machine has a route by an interface that it has not."""
    with taken_port() as port:
        result = await audit(f"gsiftp://se.example.org:{port}/x", lookup=lambda *_: ["127.0.0.1", "fe80::1%nowhere"])
    assert (result.outcome, result.reason, result.blame) == (Outcome.ERROR, Reason.LOCAL_NETWORK, Blame.CLIENT)
    assert "fe80::1%nowhere" in result.hint


async def test_the_family_of_the_endpoint_is_kept() -> None:
    with taken_port() as port:
        url = f"gsiftp://se.example.org:{port}/x"
        both: Lookup = lambda *_: ["127.0.0.1", "fe80::1%nowhere"]  # noqa: E731
        result = await audit(url, lookup=both, address_family=AddressFamily.IPV4)
        assert result.ok
        result = await audit(url, lookup=lambda *_: ["127.0.0.1"], address_family=AddressFamily.IPV6)
        assert (result.outcome, result.reason) == (Outcome.ERROR, Reason.NO_ADDRESS_IN_FAMILY)


async def test_what_is_said_stands_in_evidence_without_credentials(tmp_path: Path) -> None:
    async with door(tmp_path, "srm_ping") as opened:
        result = await audit(opened.url("/dteam").replace("localhost", "127.0.0.1"))
    assert result.hint == "127.0.0.1: SRM answers srmPing: v2.2 dCache 9.2.6"
    (exchange,) = result.evidence.exchanges
    assert (exchange.method, exchange.status, exchange.server) == ("srmPing", 200, "Jetty(9.4.53)")
    assert result.evidence.tls
    assert result.implementation.destination == ("Jetty(9.4.53)",)
    assert result.evidence.tokens == ()


async def test_gsi_is_told_from_plain_ftp(tmp_path: Path) -> None:
    async with door(tmp_path, "gsiftp_plain") as opened:
        result = await audit(opened.url("/dteam"))
    assert result.hint == "127.0.0.1: FTP without GSI: 220 FTP ready"


async def test_a_cancelled_audit_leaves_nothing(tmp_path: Path) -> None:
    async with door(tmp_path, "gsiftp_silent") as opened:
        task = asyncio.create_task(audit(opened.url("/dteam"), limits=shortened()))
        while not opened.connections:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_only_an_endpoint_with_such_a_door_can_be_audited() -> None:
    context = ProbeContext("run", "p1", 1, 1024, 0.0, WallClock(), Nobody())
    async with LegacyClient(user_agent="tests/1", limits=LIMITS) as client:
        for subject in (HERE, Link(HERE, HERE)):
            with pytest.raises(TypeError, match="such a door"):
                await SrmDoorProbe(client).run(subject, context)
