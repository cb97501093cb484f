"""`gfal-root-root` between real XRootD servers, as a user runs it: tokens over TLS, and a third-party copy or none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clocks import WallClock
from tests.support.house import LIMITS
from tests.support.real_world import TOKENS, endpoint_of
from tests.support.real_xroot import RealXroot, RootSetup, real_xroot
from tests.support.real_xrootd import Server
from tpcharness.assembly import assemble
from tpcharness.config.configuration import Config
from tpcharness.engine.plan import make_plan
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import HarnessSettings, ProbeSelection, RunLimits, TokenKind, TokenSettings
from tpcharness.model.variant import Blame, Variant
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority, write_private

pytestmark = [pytest.mark.real, pytest.mark.slow]

MIB = 1024 * 1024


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


class Results(list[Result]):
    """A sink that is what it was given."""

    def add(self, result: Result) -> None:
        self.append(result)

    def copies(self) -> dict[str, Result]:
        return {str(result.subject): result for result in self if result.variant is Variant.GFAL_ROOT_ROOT}


def endpoint(server: Server) -> Endpoint:
    return replace(endpoint_of(server), root=f"roots://{server.host}:{server.port}//wlcg")


async def run(endpoints: list[Endpoint], directory: Path, authority: Authority, issuer: Issuer) -> Results:
    """What a user gets who asks for gfal2's copies by root between all of the endpoints."""
    secret = directory / "secret"
    write_private(secret, issuer.client_secret.reveal().encode())
    config = Config(
        path=directory / "endpoints.toml",
        harness=HarnessSettings("gfal", state_dir=str(directory / "state"), ca_path=str(authority.ca_file)),
        endpoints={each.name: each for each in endpoints},
        tokens={
            TOKENS: TokenSettings(
                TOKENS,
                TokenKind.CLIENT_CREDENTIALS,
                issuer=issuer.url,
                client_id=issuer.client_id,
                client_secret_file=str(secret),
            )
        },
        probes=(ProbeSelection(variants=(Variant.GFAL_ROOT_ROOT,), sizes=(MIB,)),),
        limits=RunLimits(),
        timeouts=LIMITS,
        intervals=(0.0,),
        origins={},
    )
    results = Results()
    async with assemble(config, run_id="gfal", sink=results, observer=Nobody(), clock=WallClock()) as harness:
        await harness.runner.run(make_plan(tuple(endpoints), config.probes))
        await harness.remove_seeds()
    return results


async def test_tokens_over_tls(xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer) -> None:
    servers = [await xroot.start(name, setup) for name, setup in (("A", RootSetup()), ("B", RootSetup(forward=True)))]
    results = await run([endpoint(server) for server in servers], tmp_path, authority, issuer)
    copies = results.copies()
    assert {name: (result.reason, result.bytes) for name, result in copies.items()} == {
        "A -> B": (Reason.OK, MIB),
        "B -> A": (Reason.OK, MIB),
    }, [result.hint for result in copies.values()]
    for result in copies.values():
        assert result.checksum.found == result.checksum.expected != ""
        assert any("streamed" in warning for warning in result.warnings)
    assert "eyJ" not in repr(results)
    assert not any(xroot.servers.leftovers().values())
    # The bytes went from one to the other: the destination logged in at the source to fetch them.
    for server in servers:
        assert "xrootd." in server.log.read_text(errors="replace")


async def test_never_through_this_machine(
    xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer
) -> None:
    """A destination that does no third-party copies fails; gfal2 does not stream in its place."""
    able, unable = await xroot.start("A"), await xroot.start("N", RootSetup(tpc=False))
    copies = (await run([endpoint(able), endpoint(unable)], tmp_path, authority, issuer)).copies()
    result = copies["A -> N"]
    assert (result.reason, result.blame) == (Reason.TPC_UNSUPPORTED, Blame.DESTINATION), result.hint
    assert result.hint.startswith(("error 3013", "it says"))
    assert not any(xroot.servers.leftovers().values())
