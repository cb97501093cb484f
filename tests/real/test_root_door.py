"""The probe `root-door` at XRootD 5.5.3: every way in, and what is wrong with doors that are set up badly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.real_world import endpoint_of
from tests.support.real_xroot import RealXroot, RootSetup, real_xroot
from tests.support.root_bench import RootBench, root_bench
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.tokens.roles import Role

pytestmark = pytest.mark.real

DOOR_BYTES = 64 * 1024


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


@pytest.fixture
async def bench(tmp_path: Path, authority: Authority, issuer: Issuer) -> AsyncIterator[RootBench]:
    async with root_bench(tmp_path, issuer, authority.ca_file) as bench:
        yield bench


async def door(xroot: RealXroot, setup: RootSetup, *, scheme: str = "roots") -> Endpoint:
    server = await xroot.start("XROOT-A", setup)
    return replace(endpoint_of(server), root=f"{scheme}://{server.host}:{server.port}//wlcg")


def clean(xroot: RealXroot, bench: RootBench) -> None:
    """Nothing is left, at the storage and in our notes."""
    assert [entry.url for entry in bench.ledger.entries] == []
    assert not any(xroot.servers.leftovers().values())


@pytest.mark.parametrize(
    ("setup", "scheme"),
    [
        pytest.param(RootSetup(), "roots", id="token login"),
        pytest.param(RootSetup(), "root", id="up to TLS for the token"),
        pytest.param(RootSetup(methods=("unix",)), "roots", id="unix login, token with the request"),
        pytest.param(RootSetup(tls="all"), "roots", id="all under TLS"),
    ],
)
async def test_sound_doors(xroot: RealXroot, bench: RootBench, setup: RootSetup, scheme: str) -> None:
    result = await bench.check(await door(xroot, setup, scheme=scheme), DOOR_BYTES)
    assert (result.reason, result.warnings) == (Reason.OK, ()), result
    assert result.checksum.verified_by is VerifiedBy.DIGEST
    assert result.evidence.tls
    clean(xroot, bench)


async def test_a_door_behind_a_redirector(xroot: RealXroot, bench: RootBench) -> None:
    head = await xroot.cluster("CLUSTER")
    endpoint = replace(endpoint_of(head), root=f"roots://{head.host}:{head.port}//wlcg")
    result = await bench.check(endpoint, DOOR_BYTES)
    assert (result.reason, result.warnings) == (Reason.OK, ()), result
    assert {len(exchange.hops) for exchange in result.evidence.exchanges if exchange.method == "open"} == {2}
    clean(xroot, bench)


async def test_a_door_that_does_no_copies_is_well_and_says_so(xroot: RealXroot, bench: RootBench) -> None:
    result = await bench.check(await door(xroot, RootSetup(tpc=False)))
    assert result.ok
    assert result.warnings == ("it says that it does no xroot copies (ofs.tpc)",)


@pytest.mark.parametrize(
    ("scope", "reason"),
    [("storage.read:/", Reason.FORBIDDEN), ("storage.create:/", Reason.VERIFY_REFUSED)],
)
async def test_rights_that_are_missing(xroot: RealXroot, bench: RootBench, scope: str, reason: Reason) -> None:
    bench.forges[Role.SEED] = lambda issuer, request: issuer.mint(scope, request.endpoint.audience)
    result = await bench.check(await door(xroot, RootSetup()))
    assert (result.reason, result.blame) == (reason, Blame.DESTINATION), result
    clean(xroot, bench)


async def test_a_token_for_somebody_else(xroot: RealXroot, bench: RootBench) -> None:
    for role in (Role.SEED, Role.CLEANUP):
        bench.forges[role] = lambda issuer, request: issuer.mint("storage.read:/", "https://elsewhere.example")
    result = await bench.check(await door(xroot, RootSetup(methods=("ztn",))))
    assert result.blame is Blame.DESTINATION
    assert result.reason in {Reason.UNAUTHENTICATED, Reason.FORBIDDEN}, result
    clean(xroot, bench)


async def test_a_door_without_tls_gets_no_token(xroot: RealXroot, bench: RootBench) -> None:
    """At a roots:// address it is no door at all."""
    server = await xroot.start("XROOT-A", RootSetup(methods=(), tls=""))
    secure = Endpoint("XROOT-A", "https://localhost/wlcg", root=f"roots://{server.host}:{server.port}//wlcg")
    result = await bench.check(replace(secure, scope_base="/wlcg", tokens="x", audience="x"))
    assert (result.reason, result.blame) == (Reason.TLS_HANDSHAKE, Blame.DESTINATION), result
    assert [entry.url for entry in bench.ledger.entries] == []
