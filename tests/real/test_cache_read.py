"""The probe `cache-read` through a real XCache in front of a real XRootD: what was a hit, and whose a failure is."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.house import shortened
from tests.support.real_xcache import RealXcache, Traffic, start_xcache
from tests.support.real_xroot import RealXroot, RootSetup, real_xroot
from tests.support.root_bench import RootBench, root_bench
from tpcharness.diagnosis.cache_verdict import Warmth
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.tokens.roles import Role

pytestmark = pytest.mark.real

MIB = 1024 * 1024
TRACED = RootSetup(extra=("ofs.trace open",))


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


@pytest.fixture
async def cache(xroot: RealXroot) -> RealXcache:
    return await start_xcache(xroot, await xroot.start("ORIGIN", TRACED))


@pytest.fixture
async def bench(tmp_path: Path, authority: Authority, issuer: Issuer) -> AsyncIterator[RootBench]:
    async with root_bench(tmp_path, issuer, authority.ca_file) as bench:
        yield bench


def clean(cache: RealXcache, bench: RootBench) -> None:
    """Nothing is left at the origin and in our notes; what the cache keeps is its own."""
    assert [entry.url for entry in bench.ledger.entries] == []
    assert cache.xroot.servers.leftovers()[cache.origin.name] == []


def reads(result: Result) -> list[str]:
    return [each.method for each in result.evidence.exchanges if each.method.startswith("read ")]


def conclusion(result: Result) -> str:
    return next(each.status_text for each in result.evidence.exchanges if each.method == "compare reads")


@pytest.mark.parametrize("size", [0, 1, MIB, 5 * MIB + 1, 64 * MIB])
async def test_cold_and_warm(cache: RealXcache, bench: RootBench, size: int) -> None:
    """Two judges that know nothing of us: the cache's own books, and the origin's log."""
    result = await bench.through_cache(cache.endpoint, size)
    assert (result.reason, result.warnings) == (Reason.OK, ()), result
    assert (result.variant, result.bytes, result.checksum.verified_by) == (
        Variant.CACHE_READ,
        size,
        VerifiedBy.READBACK,
    )
    assert result.transfer_seconds is not None
    assert reads(result) == ["read direct", "read cold", "read warm"]
    assert conclusion(result).endswith(Warmth.OWN_COPY)
    assert cache.opens_at_origin("door-run-p1-1") == 1
    kilobytes = size // 1024
    async with asyncio.timeout(10):  # the books are written a moment after the file is closed
        while (traffic := await cache.traffic()) != Traffic(kilobytes, kilobytes):
            assert traffic.miss <= kilobytes, "the warm read was no hit"
            await asyncio.sleep(0.1)
    clean(cache, bench)


async def test_a_proxy_that_keeps_nothing_is_no_hit(xroot: RealXroot, bench: RootBench) -> None:
    """Its first open is slow, for it has to connect to the origin; its bytes are no faster the second time."""
    proxy = await start_xcache(xroot, await xroot.start("ORIGIN", TRACED), keeps=False)
    result = await bench.through_cache(proxy.endpoint, 5 * MIB)
    assert result.reason is Reason.OK, result
    [warning] = result.warnings
    assert warning.startswith("warm read not faster than cold: hit or miss cannot be told"), result.warnings
    assert proxy.opens_at_origin("door-run-p1-1") == 2
    clean(proxy, bench)


async def test_without_a_root_door_of_the_origin(cache: RealXcache, bench: RootBench) -> None:
    result = await bench.through_cache(replace(cache.endpoint, root=""), MIB)
    assert (result.reason, reads(result)) == (Reason.OK, ["read cold", "read warm"]), result
    clean(cache, bench)


def blames(result: Result) -> set[Blame]:
    return {each.blame for each in result.alternatives} or {result.blame}


async def test_a_cache_that_is_down(cache: RealXcache, bench: RootBench) -> None:
    await cache.xroot.servers.stop(cache.server)
    result = await bench.through_cache(cache.endpoint)
    assert (result.reason, blames(result)) == (Reason.CONNECTION_REFUSED, {Blame.PATH}), result
    assert f"cache 127.0.0.1:{cache.server.port}" in result.hint
    assert "the origin's root door serves us the same file" in result.hint
    own = replace(cache.endpoint, cache=cache.endpoint.cache.replace("127.0.0.1", "localhost"))
    result = await bench.through_cache(own)
    assert (result.reason, blames(result)) == (Reason.CONNECTION_REFUSED, {Blame.DESTINATION}), result
    clean(cache, bench)


async def test_an_origin_that_is_down(cache: RealXcache, bench: RootBench) -> None:
    moved = replace(cache.endpoint, root="roots://localhost:1//wlcg")
    result = await bench.through_cache(moved)
    assert (result.reason, blames(result)) == (Reason.CONNECTION_REFUSED, {Blame.DESTINATION}), result
    assert reads(result) == []
    clean(cache, bench)
    await cache.xroot.servers.stop(cache.origin)
    result = await bench.through_cache(cache.endpoint)
    assert (result.reason, blames(result)) == (Reason.CONNECTION_REFUSED, {Blame.DESTINATION}), result


@pytest.mark.timeout(120)
async def test_a_cache_that_does_not_find_its_origin(xroot: RealXroot, bench: RootBench) -> None:
    """In its own words it is as if the origin refused it."""
    lost = await start_xcache(xroot, await xroot.start("ORIGIN", TRACED), origin_port=1)
    result = await bench.through_cache(lost.endpoint)
    assert result.outcome is Outcome.FAILURE
    assert blames(result) == {Blame.PATH, Blame.DESTINATION}, result
    clean(lost, bench)


async def test_a_cache_that_its_origin_does_not_let_in(xroot: RealXroot, bench: RootBench) -> None:
    origin = await xroot.start("ORIGIN", RootSetup(methods=("ztn",)))
    refused = await start_xcache(xroot, origin, token="garbage")
    result = await bench.through_cache(refused.endpoint)
    assert result.outcome is Outcome.FAILURE
    assert blames(result) == {Blame.PATH, Blame.DESTINATION}, result
    clean(refused, bench)


async def test_a_token_that_the_cache_does_not_take(cache: RealXcache, bench: RootBench) -> None:
    bench.forges[Role.READ] = lambda issuer, request: issuer.mint("storage.read:/elsewhere", request.endpoint.audience)
    result = await bench.through_cache(cache.endpoint)
    assert (result.reason, blames(result)) == (Reason.FORBIDDEN, {Blame.DESTINATION}), result
    result = await bench.through_cache(replace(cache.endpoint, root=""))
    assert (result.reason, blames(result)) == (Reason.FORBIDDEN, {Blame.PATH, Blame.DESTINATION}), result
    clean(cache, bench)


async def test_a_wrong_path_at_the_cache(cache: RealXcache, bench: RootBench) -> None:
    bench.forges[Role.READ] = lambda issuer, request: issuer.mint("storage.read:/", request.endpoint.audience)
    elsewhere = replace(cache.endpoint, cache=cache.endpoint.cache.replace("//wlcg", "//elsewhere"))
    result = await bench.through_cache(elsewhere)
    assert (result.reason, blames(result)) == (Reason.NOT_FOUND, {Blame.PATH, Blame.DESTINATION}), result
    assert "is the path in `cache` right?" in result.hint
    clean(cache, bench)


async def test_no_token_is_seen_anywhere(cache: RealXcache, bench: RootBench) -> None:
    result = await bench.through_cache(cache.endpoint)
    assert "eyJ" not in repr((result, bench.events))


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_gibibyte_in_flat_memory(
    cache: RealXcache, tmp_path: Path, authority: Authority, issuer: Issuer
) -> None:
    patient = shortened(transfer_seconds=120.0, no_progress_seconds=60.0, first_byte_seconds=60.0)
    async with root_bench(tmp_path, issuer, authority.ca_file, limits=patient) as bench:
        await bench.through_cache(cache.endpoint, 8 * MIB)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = await bench.through_cache(cache.endpoint, 1024 * MIB)
        assert (result.reason, result.warnings) == (Reason.OK, ()), result
        assert conclusion(result).endswith(Warmth.OWN_COPY)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
        clean(cache, bench)
