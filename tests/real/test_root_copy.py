"""The probe `root-pull` between two XRootD 5.5.3: what works, what fails, who is named, what Debian's xrdcp says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from tests.support.clocks import WallClock
from tests.support.house import LIMITS
from tests.support.real_world import TOKENS, endpoint_of
from tests.support.real_xroot import RealXroot, RootSetup, real_xroot
from tests.support.real_xrootd import Server
from tests.support.root_bench import RootBench, root_bench
from tpcharness.assembly import assemble
from tpcharness.config.configuration import Config
from tpcharness.engine.plan import make_plan
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.plan import DropReason
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.settings import (
    HarnessSettings,
    ProbeSelection,
    RunLimits,
    TokenKind,
    TokenSettings,
)
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority, write_private
from tpcharness.tokens.roles import Role

pytestmark = pytest.mark.real

MIB = 1024 * 1024
SIDE_BY_SIDE = (Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.ROOT_PULL)


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


@pytest.fixture
async def bench(tmp_path: Path, authority: Authority, issuer: Issuer) -> AsyncIterator[RootBench]:
    async with root_bench(tmp_path, issuer, authority.ca_file) as bench:
        yield bench


def endpoint(server: Server, *, secure: bool = True) -> Endpoint:
    scheme = "roots" if secure else "root"
    return replace(endpoint_of(server), root=f"{scheme}://{server.host}:{server.port}//wlcg")


async def pair(xroot: RealXroot, source: RootSetup, destination: RootSetup, *, secure: bool = True) -> Link:
    a, b = await xroot.start("XROOT-A", source), await xroot.start("XROOT-B", destination)
    return Link(endpoint(a, secure=secure), endpoint(b, secure=secure))


def good(result: Result, size: int) -> None:
    assert result.reason is Reason.OK, result
    assert result.variant is Variant.ROOT_PULL
    assert result.bytes == size
    assert result.checksum.verified_by is VerifiedBy.DIGEST
    assert result.warnings == ()


async def clean(xroot: RealXroot, bench: RootBench) -> None:
    """Nothing is left, at the storages and in our notes."""
    assert await bench.left() == []
    assert not any(xroot.servers.leftovers().values())


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param(RootSetup(), RootSetup(), id="tokens for us, unix between the two"),
        pytest.param(RootSetup(), RootSetup(forward=True), id="the destination shows our token"),
        pytest.param(RootSetup(methods=("unix",)), RootSetup(methods=("unix",)), id="unix and authz"),
        pytest.param(RootSetup(methods=("ztn", "unix"), tls="all"), RootSetup(tls="all"), id="all under TLS"),
    ],
)
@pytest.mark.parametrize("size", [0, 1, MIB, 20 * MIB])
async def test_copies(xroot: RealXroot, bench: RootBench, source: RootSetup, destination: RootSetup, size: int) -> None:
    link = await pair(xroot, source, destination)
    result = await bench.copy(link, size)
    good(result, size)
    assert result.phases.keys() >= {Phase.PREPARE, Phase.REQUEST, Phase.TRANSFER, Phase.VERIFY, Phase.CLEANUP}
    assert result.phases[Phase.TLS] > 0
    assert (result.transfer_seconds or 9) < 2.0
    await clean(xroot, bench)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_gibibyte(xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    patient = replace(LIMITS, transfer_seconds=120.0, no_progress_seconds=60.0, first_byte_seconds=60.0)
    async with root_bench(tmp_path, issuer, authority.ca_file, limits=patient) as bench:
        result = await bench.copy(link, 1024 * MIB)
        good(result, 1024 * MIB)
        assert result.markers.count > 0
        await clean(xroot, bench)


async def test_root_urls_go_up_to_tls_for_the_token(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup(), secure=False)
    good(await bench.copy(link, MIB), MIB)
    await clean(xroot, bench)


@pytest.mark.slow
@pytest.mark.parametrize("at_source", [True, False])
async def test_through_a_redirector(xroot: RealXroot, bench: RootBench, at_source: bool) -> None:
    """A manager sends us to its data server, by an address and not by a name; blame and evidence name that one."""
    plain = endpoint(await xroot.start("XROOT-P"))
    head = await xroot.cluster("CLUSTER")
    ends = (endpoint(head), plain) if at_source else (plain, endpoint(head))
    result = await bench.copy(Link(*ends), MIB)
    good(result, MIB)
    exchanges = [each for each in result.evidence.exchanges if each.method == "open" and len(each.hops) == 2]
    assert exchanges
    assert exchanges[0].hops[0].host == f"localhost:{head.port}"
    await clean(xroot, bench)


async def test_fifty_at_once(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    results = await asyncio.gather(*(bench.copy(link) for _ in range(50)))
    assert {result.reason for result in results} == {Reason.OK}
    await clean(xroot, bench)


async def test_a_source_that_does_no_copies(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(tpc=False), RootSetup())
    result = await bench.copy(link)
    assert (result.reason, result.blame) == (Reason.TPC_UNSUPPORTED, Blame.SOURCE), result
    await clean(xroot, bench)


async def test_a_destination_that_does_no_copies(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup(tpc=False))
    result = await bench.copy(link)
    assert (result.reason, result.blame) == (Reason.TPC_UNSUPPORTED, Blame.DESTINATION), result
    await clean(xroot, bench)


async def test_a_source_that_refuses_the_read(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    bench.forges[Role.READ] = lambda issuer, request: issuer.mint("storage.read:/elsewhere", request.endpoint.audience)
    result = await bench.copy(link)
    assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.SOURCE), result
    await clean(xroot, bench)


async def test_a_destination_that_refuses_the_write(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    bench.forges[Role.WRITE] = lambda issuer, request: issuer.mint("storage.read:/", request.endpoint.audience)
    result = await bench.copy(link)
    assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.DESTINATION), result
    await clean(xroot, bench)


async def test_a_copy_program_that_does_not_run(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup(program="/bin/false"))
    result = await bench.copy(link)
    assert (result.reason, result.blame) == (Reason.SERVER_ERROR, Blame.DESTINATION), result
    await clean(xroot, bench)


async def test_a_source_that_wants_a_token_which_the_destination_has_not(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(methods=("ztn",)), RootSetup())
    result = await bench.copy(link)
    assert result.reason is Reason.PASSIVE_UNAUTHENTICATED, result
    assert {each.blame for each in result.alternatives} == {Blame.SOURCE, Blame.DESTINATION}
    await clean(xroot, bench)


async def test_a_wrong_path_at_the_root_door(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    bench.forges[Role.READ] = lambda issuer, request: issuer.mint("storage.read:/", request.endpoint.audience)
    elsewhere = replace(link.source, root=link.source.root.replace("//wlcg", "//elsewhere"))
    result = await bench.copy(replace(link, source=elsewhere))
    assert (result.reason, result.blame) == (Reason.NOT_FOUND, Blame.SOURCE)
    assert "is the path in `root` right?" in result.hint
    await clean(xroot, bench)


async def test_a_token_for_another_path_than_the_root_doors(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    elsewhere = replace(link.source, root=link.source.root.replace("//wlcg", "//elsewhere"))
    result = await bench.copy(replace(link, source=elsewhere))
    assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.SOURCE)
    assert "tokens are made for the path in `https`" in result.hint
    await clean(xroot, bench)


async def test_a_door_that_is_not_there(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup())
    for end, blame in (("source", Blame.SOURCE), ("destination", Blame.DESTINATION)):
        moved = replace(getattr(link, end), root="roots://localhost:1//wlcg")
        result = await bench.copy(replace(link, **{end: moved}))
        assert (result.reason, result.blame) == (Reason.CONNECTION_REFUSED, blame), result
    await clean(xroot, bench)


async def test_another_pid_at_the_source_expires_at_its_ttl(
    xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer
) -> None:
    """What a copy through two faces of one client comes to; and no file and no handle is left of it."""
    link = await pair(xroot, RootSetup(ttl=(2, 3)), RootSetup())
    async with root_bench(tmp_path, issuer, authority.ca_file) as bench:
        visits = bench.client.visit
        turns = iter(range(100))

        def split(target: object, trail: object) -> object:
            bench.client._visitor = replace(bench.client._visitor, pid=1000 + next(turns) % 2)
            return visits(target, trail)  # type: ignore[arg-type]

        bench.client.visit = split  # type: ignore[method-assign,assignment]
        result = await bench.copy(link)
        assert result.reason is Reason.PASSIVE_FORBIDDEN, result
        assert Blame.CLIENT in {each.blame for each in result.alternatives}
        assert "by another name or address" in result.hint
        await clean(xroot, bench)


async def test_no_token_is_seen_anywhere(xroot: RealXroot, bench: RootBench) -> None:
    link = await pair(xroot, RootSetup(), RootSetup(forward=True))
    result = await bench.copy(link)
    assert "eyJ" not in repr((result, bench.events))
    assert "tpc.key" not in repr((result, bench.events))


async def test_the_whole_product_with_https_and_root_side_by_side(
    xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer
) -> None:
    """As a user runs it: doors, then every link in all three ways; endpoints without a root door are left out."""
    link = await pair(xroot, RootSetup(), RootSetup())
    plain = endpoint_of(await xroot.start("XROOT-C"))
    secret = tmp_path / "secret"
    write_private(secret, issuer.client_secret.reveal().encode())
    tokens = TokenSettings(
        TOKENS,
        TokenKind.CLIENT_CREDENTIALS,
        issuer=issuer.url,
        client_id=issuer.client_id,
        client_secret_file=str(secret),
    )
    config = Config(
        path=tmp_path / "endpoints.toml",
        harness=HarnessSettings("root", state_dir=str(tmp_path / "state"), ca_path=str(authority.ca_file)),
        endpoints={each.name: each for each in (link.source, link.destination, plain)},
        tokens={TOKENS: tokens},
        probes=(ProbeSelection(variants=SIDE_BY_SIDE, sizes=(1024,)),),
        limits=RunLimits(),
        timeouts=LIMITS,
        intervals=(0.0,),
        origins={},
    )
    plan = make_plan(tuple(config.endpoints.values()), config.probes)
    assert {(str(each.subject), each.detail) for each in plan.dropped if each.why is DropReason.NO_ROOT_DOOR} == {
        (f"{a} -> {b}", "XROOT-C") for a, b in permutations(config.endpoints, 2) if "XROOT-C" in (a, b)
    }
    results: list[Result] = []
    async with assemble(
        config, run_id="whole", sink=ListSink(results), observer=Nobody(), clock=WallClock()
    ) as harness:
        await harness.runner.run(plan)
        await harness.remove_seeds()
    assert [result for result in results if not result.ok] == []
    assert Counter(result.variant for result in results) == {
        Variant.DOOR: 3,
        Variant.ROOT_DOOR: 2,
        Variant.HTTPS_PULL: 6,
        Variant.HTTPS_PUSH: 6,
        Variant.ROOT_PULL: 2,
    }
    assert not any(xroot.servers.leftovers().values())


class ListSink:
    """Keeps results."""

    def __init__(self, results: list[Result]) -> None:
        self._results = results

    def add(self, result: Result) -> None:
        self._results.append(result)
