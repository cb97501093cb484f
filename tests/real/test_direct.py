"""Direct transfers with a real XRootD 5.5.3: whole files, parts of them, and what goes wrong there."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.direct_bench import DOWNLOAD, UPLOAD, DirectBench, direct_bench
from tests.support.house import LIMITS
from tests.support.real_world import endpoint_of
from tests.support.real_xrootd import RealXrootd, Server, Setup
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.tokens.roles import Role

pytestmark = pytest.mark.real

KIB, MIB = 1024, 1024 * 1024
R = Reason
BOTH = pytest.mark.parametrize("variant", [UPLOAD, DOWNLOAD])
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class World:
    """Servers on demand, and the harness about them."""

    servers: RealXrootd
    directory: Path
    authority: Authority
    bench: DirectBench

    async def start(self, setup: Setup | None = None) -> Endpoint:
        """One server, as the harness knows it."""
        return endpoint_of(await self.servers.start("DIRECT", setup or Setup()))

    @property
    def server(self) -> Server:
        return self.servers.servers[-1]

    def on_disk(self, name: str) -> Path:
        """Where the server keeps one of our files."""
        return self.server.data_dir / "wlcg" / "tpcharness" / "bench" / name

    async def left(self) -> list[str]:
        """Everything that is left, in our notes and at the servers."""
        noted = await self.bench.left()
        return noted + [path for paths in self.servers.leftovers().values() for path in paths]


@pytest.fixture
async def world(tmp_path: Path, authority: Authority, issuer: Issuer) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        async with (
            RealXrootd(authority, issuer, Path(directory), names=()) as servers,
            direct_bench(tmp_path, issuer, authority.ca_file) as bench,
        ):
            yield World(servers, Path(directory), authority, bench)


def good(result: Result, size: int) -> None:
    assert (result.outcome, result.reason) == (Outcome.OK, R.OK), result
    assert (result.bytes, result.warnings, result.size_bytes) == (size, (), size)
    assert result.transfer_seconds is not None
    assert result.throughput == pytest.approx(size / result.transfer_seconds)
    assert result.implementation.destination == ("XrootD/v5.5.3",)


def failed(result: Result, reason: Reason, *blames: Blame) -> None:
    assert result.reason is reason, result
    assert ({each.blame for each in result.alternatives} or {result.blame}) == set(blames), result
    assert (result.outcome, result.throughput) == (Outcome.FAILURE, None)
    assert result.hint
    assert "eyJ" not in repr(result)


@BOTH
@pytest.mark.parametrize("size", [0, 1, KIB, 3 * MIB])
async def test_whole_files(world: World, variant: Variant, size: int) -> None:
    result = await world.bench.run(variant, await world.start(), size)
    good(result, size)
    assert result.checksum.verified_by is (VerifiedBy.DIGEST if variant is UPLOAD else VerifiedBy.READBACK)
    assert await world.left() == []


async def test_parts_of_files(world: World) -> None:
    endpoint = await world.start()
    good(await world.bench.download(endpoint, 3 * MIB), 3 * MIB)
    result = await world.bench.download(endpoint, 5)
    good(result, 5)
    asked = [dict(each.request_headers).get("Range") for each in result.evidence.exchanges if each.method == "GET"]
    said = [each.status for each in result.evidence.exchanges if each.method == "GET"]
    assert (asked, said) == ([None, "bytes=1-2", "bytes=0-0,4-4"], [200, 206, 206])
    assert await world.left() == []


@pytest.mark.slow
@pytest.mark.timeout(400)
@BOTH
async def test_a_gibibyte_in_flat_memory(
    world: World, tmp_path: Path, authority: Authority, issuer: Issuer, variant: Variant
) -> None:
    endpoint = await world.start()
    limits = replace(LIMITS, transfer_seconds=180.0, request_seconds=180.0)
    folder = tmp_path / "patient"
    folder.mkdir()
    async with direct_bench(folder, issuer, authority.ca_file, limits=limits) as bench:
        good(await bench.run(variant, endpoint, 3 * MIB), 3 * MIB)
        gc.collect()
        before, most = resident_bytes(), 0
        task = asyncio.create_task(bench.run(variant, endpoint, 1024 * MIB))
        while not task.done():
            await asyncio.wait({task}, timeout=0.05)
            most = max(most, resident_bytes())
        result = task.result()
        assert result.reason is R.OK, result
        assert result.bytes == 1024 * MIB
        assert most - before < 16 * MIB
        assert await bench.left() == []


def resident_bytes() -> int:
    """How much memory this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def test_twenty_at_once(world: World) -> None:
    endpoint = await world.start()
    results = await asyncio.gather(*(world.bench.run(v, endpoint, MIB) for v in (UPLOAD, DOWNLOAD) for _ in range(10)))
    assert {result.reason for result in results} == {R.OK}
    assert await world.left() == []


@pytest.mark.parametrize(("variant", "role"), [(UPLOAD, Role.WRITE), (DOWNLOAD, Role.READ)])
@pytest.mark.parametrize("wrong", ["path", "audience"])
async def test_a_token_that_is_not_good(world: World, variant: Variant, role: Role, wrong: str) -> None:
    """5.5.3 says 403 to all of them."""
    endpoint = await world.start()
    if wrong == "path":
        world.bench.forges[role] = lambda issuer, request: issuer.mint(
            "storage.read:/elsewhere storage.create:/elsewhere", request.endpoint.audience
        )
    else:
        world.bench.forges[role] = lambda issuer, request: issuer.mint(
            " ".join(request.scopes), "https://another.example"
        )
    failed(await world.bench.run(variant, endpoint, MIB), R.FORBIDDEN, Blame.DESTINATION)
    assert await world.left() == []


async def test_a_refusal_is_heard_whoever_sends_the_body(world: World) -> None:
    """5.5.3 hangs up on a body that it does not want: ours waits to be asked for."""
    endpoint = await world.start()
    world.bench.forges[Role.SEED] = lambda issuer, request: issuer.mint(
        "storage.create:/elsewhere", request.endpoint.audience
    )
    failed(await world.bench.download(endpoint, 16 * MIB), R.SEED_REFUSED, Blame.DESTINATION)
    failed(await world.bench.run(Variant.DOOR, endpoint, 16 * MIB), R.FORBIDDEN, Blame.DESTINATION)
    assert await world.left() == []


@BOTH
async def test_a_server_without_checksums(world: World, variant: Variant) -> None:
    endpoint = await world.start(Setup(without=("xrootd.chksum",)))
    result = await world.bench.run(variant, endpoint, KIB)
    assert (result.reason, result.checksum.verified_by) == (R.OK, VerifiedBy.READBACK)
    assert bool(result.warnings) is (variant is UPLOAD)
    assert await world.left() == []


async def test_a_big_upload_without_checksums_is_not_called_good(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpcharness.probes.verification.MAX_READBACK_BYTES", MIB - 1)
    endpoint = await world.start(Setup(without=("xrootd.chksum",)))
    failed(await world.bench.upload(endpoint, MIB), R.CHECKSUM_UNAVAILABLE, Blame.DESTINATION)
    assert await world.left() == []


def mounted(world: World, *commands: str) -> Setup:
    """A server whose disk is a small one of its own, in a mount namespace that ends with it."""
    data = world.directory / "DIRECT" / "data"
    script = " && ".join(
        [f"mount -t tmpfs -o size=4m,mode=777 none {data}", f"mkdir -m 777 {data}/wlcg", *commands, 'exec "$@"']
    )
    rights = () if os.geteuid() == 0 else ("--map-root-user",)
    return Setup(within=("unshare", "--mount", *rights, "sh", "-c", script, "sh"))


@pytest.mark.parametrize("size", [5 * MIB, 32 * MIB], ids=["all was sent", "cut"])
async def test_a_full_disk(world: World, size: int) -> None:
    """5.5.3 closes the connection without a word; whether its disk was full can only be guessed.

    What the buffers on the way take has been sent, whether or not the server has read it.
    """
    endpoint = await world.start(mounted(world))
    good(await world.bench.upload(endpoint, MIB), MIB)
    result = await world.bench.upload(endpoint, size)
    assert (result.reason, result.blame) == (R.TRANSFER_CUT, Blame.UNDETERMINED), result
    assert {(each.reason, each.blame) for each in result.alternatives} == {
        (R.NO_SPACE, Blame.DESTINATION),
        (R.TRANSFER_CUT, Blame.DESTINATION),
        (R.TRANSFER_CUT, Blame.PATH),
    }
    assert await world.bench.left() == []
    good(await world.bench.upload(endpoint, MIB), MIB)  # what was written of it is gone


@BOTH
async def test_a_disk_that_is_read_only(world: World, variant: Variant) -> None:
    data = world.directory / "DIRECT" / "data"
    endpoint = await world.start(mounted(world, f"mount -o remount,ro {data}"))
    reason = R.SERVER_ERROR if variant is UPLOAD else R.SEED_FAILED
    failed(await world.bench.run(variant, endpoint, KIB), reason, Blame.DESTINATION)


async def test_a_seed_that_is_gone_from_the_disk(world: World) -> None:
    endpoint = await world.start()
    good(await world.bench.download(endpoint, KIB), KIB)
    world.on_disk("seed-run-1024").unlink()
    result = await world.bench.download(endpoint, KIB)
    assert (result.outcome, result.reason, result.blame) == (Outcome.SKIPPED, R.SEED_LOST, Blame.NOBODY)
    good(await world.bench.download(endpoint, KIB), KIB)
    assert await world.left() == []


async def test_bytes_that_are_damaged_on_the_disk(world: World) -> None:
    endpoint = await world.start()
    good(await world.bench.download(endpoint, KIB), KIB)
    with world.on_disk("seed-run-1024").open("r+b") as file:
        file.seek(512)
        file.write(b"damage")
    failed(await world.bench.download(endpoint, KIB), R.CONTENT_MISMATCH, Blame.DESTINATION)
    assert await world.left() == []


async def test_a_file_that_has_lost_its_end(world: World) -> None:
    endpoint = await world.start()
    good(await world.bench.download(endpoint, MIB), MIB)
    os.truncate(world.on_disk(f"seed-run-{MIB}"), MIB - 1)
    result = await world.bench.download(endpoint, MIB)
    failed(result, R.CONTENT_MISMATCH, Blame.DESTINATION)
    assert f"{MIB - 1} bytes" in result.hint


async def test_a_file_that_the_server_may_not_open(world: World) -> None:
    endpoint = await world.start()
    good(await world.bench.download(endpoint, KIB), KIB)
    world.on_disk("seed-run-1024").chmod(0)
    failed(await world.bench.download(endpoint, KIB), R.FORBIDDEN, Blame.DESTINATION)
    assert await world.left() == []


@BOTH
async def test_certificates_that_are_not_good(world: World, variant: Variant, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", name="nobody's")
    untrusted = await world.start(Setup(certificate=stranger.issue("DIRECT")))
    failed(await world.bench.run(variant, untrusted, KIB), R.TLS_UNTRUSTED, Blame.DESTINATION)
    await world.servers.restart(world.server, Setup(certificate=world.authority.issue("x", hosts=("x.example",))))
    failed(await world.bench.run(variant, untrusted, 2 * KIB), R.TLS_HOSTNAME, Blame.DESTINATION)


@BOTH
async def test_a_server_that_is_down(world: World, variant: Variant) -> None:
    endpoint = await world.start()
    good(await world.bench.run(variant, endpoint, KIB), KIB)
    await world.servers.stop(world.server)
    failed(await world.bench.run(variant, endpoint, KIB), R.CONNECTION_REFUSED, Blame.DESTINATION)


@BOTH
async def test_a_server_that_is_stopped_in_the_middle(
    world: World, tmp_path: Path, authority: Authority, issuer: Issuer, variant: Variant
) -> None:
    """An operator's kill -STOP: the machine acknowledges, the program does not go on."""
    endpoint, size = await world.start(), 512 * MIB
    limits = replace(LIMITS, no_progress_seconds=1.0, first_byte_seconds=1.0, settle_seconds=0.0, cleanup_seconds=2.0)
    folder = tmp_path / "hasty"
    folder.mkdir()
    async with direct_bench(folder, issuer, authority.ca_file, limits=limits) as bench:
        if variant is DOWNLOAD:
            good(await bench.download(endpoint, size), size)
        task = asyncio.create_task(bench.run(variant, endpoint, size))
        file = world.on_disk("door-run-p1-1")
        async with asyncio.timeout(20.0):
            bench.entered.clear()
            await bench.entered[Phase.TRANSFER].wait()
            while variant is UPLOAD and not (file.exists() and file.stat().st_size > MIB):
                await asyncio.sleep(0)
        world.servers.signal(world.server, signal.SIGSTOP)
        try:
            result = await task
        finally:
            world.servers.signal(world.server, signal.SIGCONT)
        if variant is UPLOAD:
            failed(result, R.STREAM_STALLED, Blame.DESTINATION)
            assert "all acknowledged" in result.hint
        else:
            failed(result, R.STREAM_STALLED, Blame.DESTINATION, Blame.PATH)


async def test_a_server_that_is_killed_in_an_upload(world: World) -> None:
    endpoint = await world.start()
    task = asyncio.create_task(world.bench.upload(endpoint, 512 * MIB))
    file = world.on_disk("door-run-p1-1")
    async with asyncio.timeout(20.0):
        while not (file.exists() and file.stat().st_size > MIB):
            await asyncio.sleep(0)
    world.servers.signal(world.server, signal.SIGKILL)
    result = await task
    assert (result.reason, result.blame) == (R.TRANSFER_CUT, Blame.UNDETERMINED), result
    assert len(await world.bench.left()) == 1  # nobody is there to take it away
