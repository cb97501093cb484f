"""Direct uploads and downloads at XRootD 5.5.3: what works, and where Debian's xrdcp must come to the same end."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.support.house import shortened
from tests.support.real_world import endpoint_of
from tests.support.real_xroot import SOUND_ROOT, RealXroot, RootSetup, real_xroot
from tests.support.real_xrootd import Server
from tests.support.root_bench import RootBench, root_bench
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.trail import Trail
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.tokens.roles import Role

pytestmark = pytest.mark.real

MIB = 1024 * 1024
SIZE = 1024
ALL = "storage.read:/ storage.create:/ storage.modify:/"
OURS = "wlcg/tpcharness/bench"


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


@pytest.fixture
async def bench(tmp_path: Path, authority: Authority, issuer: Issuer) -> AsyncIterator[RootBench]:
    async with root_bench(tmp_path, issuer, authority.ca_file) as bench:
        yield bench


def endpoint(server: Server, *, scheme: str = "roots", path: str = "/wlcg") -> Endpoint:
    return replace(endpoint_of(server), root=f"{scheme}://{server.host}:{server.port}/{path}")


async def clean(xroot: RealXroot, bench: RootBench) -> None:
    """Nothing is left, at the storage and in our notes."""
    assert await bench.left() == []
    assert not any(xroot.servers.leftovers().values())


def good(result: Result, variant: Variant, size: int, verified_by: VerifiedBy) -> None:
    assert (result.reason, result.warnings) == (Reason.OK, ()), result
    assert (result.variant, result.bytes, result.checksum.verified_by) == (variant, size, verified_by)
    assert result.transfer_seconds is not None
    assert bool(result.throughput) is (size > 0)
    assert {Phase.CONNECT, Phase.TLS, Phase.REQUEST, Phase.TRANSFER} <= set(result.phases)


@pytest.mark.parametrize(
    ("setup", "scheme"),
    [
        pytest.param(RootSetup(), "roots", id="token login"),
        pytest.param(RootSetup(), "root", id="up to TLS for the token"),
        pytest.param(RootSetup(methods=("unix",)), "roots", id="unix login, token with the request"),
    ],
)
@pytest.mark.parametrize("size", [0, 1, MIB, 20 * MIB + 3])
async def test_both_ways(xroot: RealXroot, bench: RootBench, setup: RootSetup, scheme: str, size: int) -> None:
    door = endpoint(await xroot.start("XROOT-A", setup), scheme=scheme)
    good(await bench.upload(door, size), Variant.ROOT_UPLOAD, size, VerifiedBy.DIGEST)
    good(await bench.download(door, size), Variant.ROOT_DOWNLOAD, size, VerifiedBy.READBACK)
    await clean(xroot, bench)


@pytest.mark.slow
async def test_through_a_redirector(xroot: RealXroot, bench: RootBench) -> None:
    door = endpoint(await xroot.cluster("CLUSTER"))
    good(await bench.upload(door, 5 * MIB), Variant.ROOT_UPLOAD, 5 * MIB, VerifiedBy.DIGEST)
    result = await bench.download(door, 5 * MIB)
    good(result, Variant.ROOT_DOWNLOAD, 5 * MIB, VerifiedBy.READBACK)
    assert {len(each.hops) for each in result.evidence.exchanges if each.method == "open"} == {2}
    await clean(xroot, bench)


async def test_twenty_at_once(xroot: RealXroot, bench: RootBench) -> None:
    door = endpoint(await xroot.start("XROOT-A"))
    ways = (bench.upload, bench.download)
    results = await asyncio.gather(*(way(door, MIB) for way in ways for _ in range(10)))
    assert {result.reason for result in results} == {Reason.OK}
    await clean(xroot, bench)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_gibibyte_in_flat_memory(
    xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer
) -> None:
    door = endpoint(await xroot.start("XROOT-A"))
    patient = shortened(transfer_seconds=120.0, no_progress_seconds=60.0, first_byte_seconds=60.0)
    async with root_bench(tmp_path, issuer, authority.ca_file, limits=patient) as bench:
        for way in (bench.upload, bench.download):
            await way(door, 8 * MIB)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        good(await bench.upload(door, 1024 * MIB), Variant.ROOT_UPLOAD, 1024 * MIB, VerifiedBy.DIGEST)
        good(await bench.download(door, 1024 * MIB), Variant.ROOT_DOWNLOAD, 1024 * MIB, VerifiedBy.READBACK)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
        await clean(xroot, bench)


async def test_a_server_that_is_stopped_in_the_middle(
    xroot: RealXroot, tmp_path: Path, authority: Authority, issuer: Issuer
) -> None:
    """Its kernel still takes our bytes for a while: silence, which the way to it may have brought about as well."""
    server = await xroot.start("XROOT-A")
    quick = shortened(first_byte_seconds=1.0, no_progress_seconds=1.0, cleanup_seconds=1.0)
    async with root_bench(tmp_path, issuer, authority.ca_file, limits=quick) as bench:
        task = asyncio.create_task(bench.upload(endpoint(server), 512 * MIB))
        async with asyncio.timeout(20.0):
            await bench.bytes_told()
        xroot.servers.signal(server, signal.SIGSTOP)
        result = await task
        xroot.servers.signal(server, signal.SIGCONT)
        assert result.reason is Reason.STREAM_STALLED, result
        assert {each.blame for each in result.alternatives} == {Blame.DESTINATION, Blame.PATH}
        assert len(bench.ledger.entries) == 1  # it could not be removed, and is not forgotten


async def test_a_server_that_is_killed_in_the_middle(xroot: RealXroot, bench: RootBench) -> None:
    server = await xroot.start("XROOT-A")
    task = asyncio.create_task(bench.upload(endpoint(server), 512 * MIB))
    async with asyncio.timeout(20.0):
        await bench.bytes_told()
    xroot.servers.signal(server, signal.SIGKILL)
    result = await task
    assert result.reason is Reason.TRANSFER_CUT, result
    assert {each.blame for each in result.alternatives} == {Blame.DESTINATION, Blame.PATH}
    assert len(bench.ledger.entries) == 1


@dataclass(frozen=True, slots=True)
class Dispute:
    """One situation: what xrdcp says of it and what we do, in one direction or in both.

    `at` is a root door in place of the server's own; BARE in it is a server without TLS. `spoil` is done to our
    directory there when everything is in its place.
    """

    said: str
    reason: Reason
    blame: Blame = Blame.DESTINATION
    setup: RootSetup = SOUND_ROOT
    at: str = ""
    token: Callable[[Issuer], str] = field(default=lambda issuer: issuer.mint(ALL))
    spoil: Callable[[Path], None] = lambda _directory: None
    up: bool = True
    down: bool = True


TOKENS_ONLY = RootSetup(methods=("ztn",))


def _scoped(scope: str) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.mint(scope)


def _remove_all(directory: Path) -> None:
    for file in directory.iterdir():
        file.unlink()


def _lock_all(directory: Path) -> None:
    for file in directory.iterdir():
        file.chmod(0)


def _lock_directory(directory: Path) -> None:
    directory.chmod(0o555)


def _take_the_names(directory: Path) -> None:
    for name in ("door-run-p1-1", "taken"):
        (directory / name).write_bytes(b"somebody's")


DISPUTES = {
    "all is well": Dispute("", Reason.OK, Blame.NOBODY),
    "no right to write": Dispute("[3010]", Reason.FORBIDDEN, token=_scoped("storage.read:/"), down=False),
    "no right to read": Dispute(
        "[3010]", Reason.FORBIDDEN, token=_scoped("storage.create:/ storage.modify:/"), up=False
    ),
    "rights elsewhere": Dispute("[3010]", Reason.FORBIDDEN, token=_scoped(ALL.replace(":/", ":/elsewhere"))),
    "a token for somebody else": Dispute(
        "[3010]", Reason.FORBIDDEN, token=lambda issuer: issuer.mint(ALL, "https://elsewhere.example")
    ),
    "a token that is over": Dispute(
        "Auth failed",
        Reason.UNAUTHENTICATED,
        setup=TOKENS_ONLY,
        token=lambda issuer: issuer.mint(ALL, lifetime_seconds=-600),
    ),
    "a login that is refused": Dispute(
        "Auth failed", Reason.UNAUTHENTICATED, setup=TOKENS_ONLY, token=lambda _issuer: "garbage"
    ),
    "a directory that may not be written": Dispute("[3010]", Reason.FORBIDDEN, spoil=_lock_directory, down=False),
    "a file that is there already": Dispute(
        "file exists", Reason.DESTINATION_EXISTS, spoil=_take_the_names, down=False
    ),
    "no file": Dispute("[3011]", Reason.SEED_LOST, Blame.NOBODY, spoil=_remove_all, up=False),
    "a file that may not be read": Dispute("[3010]", Reason.FORBIDDEN, spoil=_lock_all, up=False),
    "another path": Dispute("[3011]", Reason.NOT_FOUND, at="roots://{door}//wlcg/elsewhere", up=False),
    "nothing listens": Dispute("Connection", Reason.CONNECTION_REFUSED, at="roots://localhost:1//wlcg"),
    "no address": Dispute("Invalid address", Reason.DNS_FAILURE, at="roots://door.invalid//wlcg"),
    "no TLS": Dispute("TLS", Reason.TLS_HANDSHAKE, at="roots://{bare}//wlcg"),
}


def test_there_are_enough_of_them() -> None:
    failing = [dispute for dispute in DISPUTES.values() if dispute.reason is not Reason.OK]
    assert min(sum(dispute.up for dispute in failing), sum(dispute.down for dispute in failing)) >= 8


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", [name for name, dispute in DISPUTES.items() if dispute.up])
async def test_xrdcp_agrees_on_uploads(xroot: RealXroot, bench: RootBench, tmp_path: Path, name: str) -> None:
    dispute = DISPUTES[name]
    door, directory, token = await _arrange(xroot, bench, dispute)
    for role in (Role.SEED, Role.CLEANUP):
        bench.forges[role] = lambda _issuer, _request: token
    result = await bench.upload(door, SIZE)
    assert (result.reason, result.blame) == (dispute.reason, dispute.blame), result

    given = tmp_path / "given"
    given.write_bytes(b"x" * SIZE)
    code, said = await xroot.judge("xrdcp", str(given), f"{_ours(door)}/taken", token=Secret(token))
    assert (code == 0) is result.ok, said
    assert dispute.said in said
    assert not result.ok or (directory / "taken").read_bytes() == given.read_bytes()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", [name for name, dispute in DISPUTES.items() if dispute.down])
async def test_xrdcp_agrees_on_downloads(xroot: RealXroot, bench: RootBench, tmp_path: Path, name: str) -> None:
    dispute = DISPUTES[name]
    door, directory, token = await _arrange(xroot, bench, dispute)
    bench.forges[Role.READ] = lambda _issuer, _request: token
    result = await bench.download(door, SIZE)
    assert (result.reason, result.blame) == (dispute.reason, dispute.blame), result

    taken = tmp_path / "taken"
    code, said = await xroot.judge("xrdcp", f"{_ours(door)}/given", str(taken), token=Secret(token))
    assert (code == 0) is result.ok, said
    assert dispute.said in said
    assert not result.ok or taken.read_bytes() == (directory / "given").read_bytes()


async def _arrange(xroot: RealXroot, bench: RootBench, dispute: Dispute) -> tuple[Endpoint, Path, str]:
    """The endpoint with a seed and a file for the judge, spoilt; our directory there; the token of both."""
    server = await xroot.start("XROOT-A", dispute.setup)
    places = {"door": f"{server.host}:{server.port}", "bare": ""}
    if "{bare}" in dispute.at:
        bare = await xroot.start("XROOT-B", RootSetup(methods=(), tls=""))
        places["bare"] = f"{bare.host}:{bare.port}"
    door = endpoint(server)
    if dispute.at:
        door = replace(door, root=dispute.at.format(**places))
    await bench.payload.seed(door, SIZE, Trail("test", Nobody()))
    directory = server.data_dir / OURS
    (directory / "given").write_bytes(b"x" * SIZE)
    dispute.spoil(directory)
    return door, directory, dispute.token(xroot.issuer)


def _ours(door: Endpoint) -> str:
    return f"{door.root}/{OURS.removeprefix('wlcg/')}"
