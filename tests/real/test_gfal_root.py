"""`gfal-root-root` beside `root-pull` between the same real XRootD servers, as a user runs them: tokens over TLS."""

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

    def copies(self, variant: Variant = Variant.GFAL_ROOT_ROOT) -> dict[str, Result]:
        return {str(result.subject): result for result in self if result.variant is variant}


def endpoint(server: Server) -> Endpoint:
    return replace(endpoint_of(server), root=f"roots://{server.host}:{server.port}//wlcg")


async def run(endpoints: list[Endpoint], directory: Path, authority: Authority, issuer: Issuer) -> Results:
    """What a user gets who asks for copies by root, ours and gfal2's, between all of the endpoints."""
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
        probes=(ProbeSelection(variants=(Variant.ROOT_PULL, Variant.GFAL_ROOT_ROOT), sizes=(MIB,)),),
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
    copies, ours = results.copies(), results.copies(Variant.ROOT_PULL)
    assert {name: (result.reason, result.bytes) for name, result in copies.items()} == {
        "A -> B": (Reason.OK, MIB),
        "B -> A": (Reason.OK, MIB),
    }, [result.hint for result in copies.values()]
    assert [(result.reason, result.bytes) for result in ours.values()] == [(Reason.OK, MIB)] * len(copies)
    for result in copies.values():
        assert result.checksum.found == result.checksum.expected != ""
        assert not any("gfal2" in warning for warning in result.warnings)
    assert "eyJ" not in repr(results)
    assert not any(xroot.servers.leftovers().values())
    # The bytes went from one to the other: the destination logged in at the source to fetch them.
    for server in servers:
        assert "xrootd." in server.log.read_text(errors="replace")


LOGIN = "LOGIN"
"""A door that wants the token at the login: we show it there as well, gfal2 in the URL alone."""


@pytest.mark.timeout(120)
async def test_they_agree(xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer) -> None:
    """Every pair of good and bad doors by both: the same reason and the same blame but where it is declared."""
    setups = {
        "GOOD": RootSetup(),
        "UNABLE": RootSetup(tpc=False),
        "BROKEN": RootSetup(program="/bin/false"),
        "DISTRUSTFUL": RootSetup(program=str(xroot.distrustful)),
        LOGIN: RootSetup(methods=("ztn",), tls="all"),
    }
    servers = [await xroot.start(name, setup) for name, setup in setups.items()]
    results = await run([endpoint(server) for server in servers], tmp_path, authority, issuer)
    ours, gfal = results.copies(Variant.ROOT_PULL), results.copies()
    assert len(ours) == len(gfal) == len(servers) * (len(servers) - 1)
    for pair, result in gfal.items():
        source, _, destination = pair.split()
        found = (result.reason, result.blame)
        if LOGIN in (source, destination):
            assert found == (Reason.UNAUTHENTICATED, Blame.SOURCE if source == LOGIN else Blame.DESTINATION), pair
        else:
            assert (causes(result), pair) == (causes(ours[pair]), pair), result.hint
        # Between roots:// doors XrdCl is told to stream where the source does no third-party copies, whatever there is
        # at the other end (gfal2 2.21.3, gfal_xrootd_plugin_3rd_copy.cpp:236): a success that is none.
        streamed = source == "UNABLE" and destination != LOGIN
        assert any("through this machine" in warning for warning in result.warnings) is streamed, pair
    failures = {result.reason for pair, result in gfal.items() if causes(result) == causes(ours[pair])} - {Reason.OK}
    assert failures == {Reason.TPC_UNSUPPORTED, Reason.SERVER_ERROR, Reason.PASSIVE_TLS_FAILED}
    assert not any(xroot.servers.leftovers().values())


def causes(result: Result) -> set[tuple[Reason, Blame]]:
    return {(each.reason, each.blame) for each in result.alternatives} or {(result.reason, result.blame)}
