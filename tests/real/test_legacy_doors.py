"""The audit of legacy doors at real servers: Globus' GridFTP, and TLS of OpenSSL's own that wants a certificate."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clocks import WallClock
from tests.support.house import shortened
from tests.support.real_gridftp import real_gridftp
from tests.support.real_xrootd import reserved_port
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import Event
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Outcome
from tpcharness.net.legacy import LegacyClient
from tpcharness.probes.legacy_door import GsiftpDoorProbe, SrmDoorProbe
from tpcharness.testbed.pki import Authority

pytestmark = pytest.mark.real

HERE = Endpoint("SITE-A", "https://localhost:1/dteam")
LIMITS = shortened()
START_SECONDS = 20.0


class Onlooker:
    """Takes what a probe tells on its way."""

    def notice(self, _event: Event) -> None:
        return


async def audit(endpoint: Endpoint, limits: TimeLimits = LIMITS) -> Result:
    context = ProbeContext("run", "p1", 1, 1024, 0.0, WallClock(), Onlooker())
    async with LegacyClient(user_agent="tests/1", limits=limits) as client:
        probe = GsiftpDoorProbe(client) if endpoint.gsiftp else SrmDoorProbe(client)
        return await probe.run(endpoint, context)


@pytest.fixture
def home() -> Iterator[Path]:
    """Not below tmp_path, which only we can enter."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        yield Path(directory)


@pytest.mark.parametrize("gsi", [True, False], ids=["with a host certificate", "without"])
async def test_a_gridftp_server_answers_until_it_is_switched_off(authority: Authority, home: Path, gsi: bool) -> None:
    async with real_gridftp(authority, home, gsi=gsi) as server:
        url = server.url.replace("localhost", "127.0.0.1")
        result = await audit(replace(HERE, gsiftp=url))
    assert (result.outcome, result.reason, result.blame) == (
        Outcome.FAILURE,
        Reason.LEGACY_ANSWERS,
        Blame.DESTINATION,
    ), result
    assert result.hint.startswith("127.0.0.1: gsiftp, with GSI: 220 ")
    assert "GridFTP Server" in result.hint
    (exchange,) = result.evidence.exchanges
    assert ("334 " in exchange.body_excerpt) is gsi
    assert ("530 " in exchange.body_excerpt) is not gsi
    result = await audit(replace(HERE, gsiftp=url))
    assert (result.outcome, result.reason) == (Outcome.OK, Reason.OK)


async def test_a_gridftp_server_is_no_srm(authority: Authority, home: Path) -> None:
    async with real_gridftp(authority, home) as server:
        result = await audit(replace(HERE, srm=f"srm://127.0.0.1:{server.port}/x"))
    assert (result.reason, result.hint) == (
        Reason.MALFORMED_RESPONSE,
        "127.0.0.1: it speaks no TLS: wrong version number",
    )


@asynccontextmanager
async def openssl_server(authority: Authority, *options: str) -> AsyncIterator[int]:
    """`openssl s_server`; the port where it listens."""
    host = authority.issue("openssl")
    with reserved_port() as port:
        process = await asyncio.create_subprocess_exec(
            *("openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(host.cert), "-key", str(host.key)),
            *("-CAfile", str(authority.ca_file), *options),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(START_SECONDS):
                while (line := await process.stdout.readline()).strip() != b"ACCEPT":
                    assert line, "openssl s_server ended"
            yield port
        finally:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_tls_that_wants_a_certificate_may_be_an_srm(authority: Authority, version: str) -> None:
    async with openssl_server(authority, "-Verify", "1", version) as port:
        result = await audit(replace(HERE, srm=f"srm://127.0.0.1:{port}/srm/managerv2?SFN=/dteam"))
    assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.TLS_HANDSHAKE), result
    assert [each.reason for each in result.alternatives] == [Reason.LEGACY_ANSWERS]
    assert "alert" in result.hint


@pytest.mark.parametrize(
    "options", [("-tls1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")]
)
async def test_old_tls_does_not_hide_a_door(authority: Authority, options: tuple[str, ...]) -> None:
    async with openssl_server(authority, "-www", *options) as port:
        endpoint = replace(HERE, srm=f"srm://127.0.0.1:{port}/srm/managerv2?SFN=/dteam")
        result = await audit(endpoint, shortened(request_seconds=0.5))
    assert result.reason.phase.value == "request", result
    assert [facts.version for facts in result.evidence.tls] == ["TLSv1" if options[0] == "-tls1" else "TLSv1.1"]
