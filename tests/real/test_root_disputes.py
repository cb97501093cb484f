"""Where copies between two XRootD 5.5.3 fail, we and the official clients must come to the same end.

These are Debian's `xrdcp --tpc only` (5.5.3) and the Python bindings of XRootD 6, which bring their own XrdCl.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.support.real_world import endpoint_of
from tests.support.real_xroot import COPIERS, SOUND_ROOT, RealXroot, RootSetup, real_xroot
from tests.support.real_xrootd import Server
from tests.support.root_bench import RootBench, root_bench
from tpcharness.model.endpoint import Link
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame
from tpcharness.net.trail import Trail
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.tokens.roles import Role

pytestmark = pytest.mark.real

SIZE = 1024
ALL = "storage.read:/ storage.create:/ storage.modify:/"
OURS = "wlcg/tpcharness/bench"
"""Our directory at either server, where the judge works as well."""

DISTRUSTFUL = "distrustful"
"""Stands for a copy program that trusts no authority."""

_S, _D, _ANYBODY = Blame.SOURCE, Blame.DESTINATION, Blame.UNDETERMINED


@pytest.fixture
async def xroot(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXroot]:
    async with real_xroot(authority, issuer) as servers:
        yield servers


@pytest.fixture
async def bench(tmp_path: Path, authority: Authority, issuer: Issuer) -> AsyncIterator[RootBench]:
    async with root_bench(tmp_path, issuer, authority.ca_file) as bench:
        yield bench


def scoped(scope: str) -> Callable[[Issuer], str]:
    return lambda issuer: issuer.mint(scope)


@dataclass(frozen=True, slots=True)
class Dispute:
    """One situation: what xrdcp says of it, and what we do. `token` is the judge's and ours at both ends.

    `source_at` and `destination_at` are root doors in place of the servers' own; BARE in them is a server without TLS.
    `spoil` is done to both servers' files when everything is in its place.
    """

    said: str
    reason: Reason
    blame: Blame
    source: RootSetup = SOUND_ROOT
    destination: RootSetup = SOUND_ROOT
    source_at: str = ""
    destination_at: str = ""
    token: Callable[[Issuer], str] = field(default=scoped(ALL))
    spoil: Callable[[Path, Path], None] = lambda _source, _destination: None


TOKENS_ONLY = RootSetup(methods=("ztn",))


def _over(issuer: Issuer) -> str:
    return issuer.mint(ALL, lifetime_seconds=-600)


def _remove_sources(source: Path, _: Path) -> None:
    for file in source.iterdir():
        file.unlink()


def _lock_sources(source: Path, _: Path) -> None:
    for file in source.iterdir():
        file.chmod(0)


def _lock_destination(_: Path, destination: Path) -> None:
    destination.chmod(0o555)


# Where both ends refuse a token, we ask the source first and xrdcp the destination.
DISPUTES = {
    "all is well": Dispute("", Reason.OK, Blame.NOBODY),
    "no copies at the source": Dispute("not support", Reason.TPC_UNSUPPORTED, _S, source=RootSetup(tpc=False)),
    "no copies at the destination": Dispute(
        "not support", Reason.TPC_UNSUPPORTED, _D, destination=RootSetup(tpc=False)
    ),
    "no file": Dispute("[3011]", Reason.SEED_LOST, Blame.NOBODY, spoil=_remove_sources),
    "a file that the source may not read": Dispute("[3010]", Reason.FORBIDDEN, _S, spoil=_lock_sources),
    "a directory that the destination may not write": Dispute("[3010]", Reason.FORBIDDEN, _D, spoil=_lock_destination),
    "no right to read": Dispute("[3010]", Reason.FORBIDDEN, _S, token=scoped("storage.create:/ storage.modify:/")),
    "no right to write": Dispute("[3010]", Reason.FORBIDDEN, _D, token=scoped("storage.read:/")),
    "rights elsewhere": Dispute("[3010]", Reason.FORBIDDEN, _S, token=scoped(ALL.replace(":/", ":/elsewhere"))),
    "a token for somebody else": Dispute(
        "[3010]", Reason.FORBIDDEN, _S, token=lambda issuer: issuer.mint(ALL, "https://elsewhere.example")
    ),
    "a token that is over": Dispute("Auth failed", Reason.UNAUTHENTICATED, _S, TOKENS_ONLY, TOKENS_ONLY, token=_over),
    "a login that is refused": Dispute(
        "Auth failed", Reason.UNAUTHENTICATED, _S, TOKENS_ONLY, TOKENS_ONLY, token=lambda _issuer: "garbage"
    ),
    "another path at the source": Dispute("[3011]", Reason.NOT_FOUND, _S, source_at="roots://{source}//wlcg/elsewhere"),
    "nothing listens at the source": Dispute(
        "Connection", Reason.CONNECTION_REFUSED, _S, source_at="roots://localhost:1//wlcg"
    ),
    "nothing listens at the destination": Dispute(
        "Connection", Reason.CONNECTION_REFUSED, _D, destination_at="roots://localhost:1//wlcg"
    ),
    "a source that has no address": Dispute(
        "Invalid address", Reason.DNS_FAILURE, _S, source_at="roots://door.invalid//wlcg"
    ),
    "a destination that has no address": Dispute(
        "Invalid address", Reason.DNS_FAILURE, _D, destination_at="roots://door.invalid//wlcg"
    ),
    "a source without TLS": Dispute("TLS", Reason.TLS_HANDSHAKE, _S, source_at="roots://{bare}//wlcg"),
    "a destination without TLS": Dispute("TLS", Reason.TLS_HANDSHAKE, _D, destination_at="roots://{bare}//wlcg"),
    "a broken copy program": Dispute(
        "Copy failed with return code 1", Reason.SERVER_ERROR, _D, destination=RootSetup(program="/bin/false")
    ),
    "no credential for the source": Dispute("Auth failed", Reason.PASSIVE_UNAUTHENTICATED, _ANYBODY, TOKENS_ONLY),
    "a destination that trusts nobody": Dispute(
        "TLS", Reason.PASSIVE_TLS_FAILED, _D, RootSetup(tls="all"), RootSetup(program=DISTRUSTFUL)
    ),
}


def test_there_are_enough_of_them() -> None:
    assert sum(dispute.reason is not Reason.OK for dispute in DISPUTES.values()) >= 15


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", DISPUTES)
async def test_official_clients_agree(xroot: RealXroot, bench: RootBench, name: str) -> None:
    """The same two servers, the same rights, the same outcome."""
    dispute = DISPUTES[name]
    a = await xroot.start("XROOT-A", dispute.source)
    b = await xroot.start("XROOT-B", _with_program(dispute.destination, xroot))
    places = {"source": f"{a.host}:{a.port}", "bare": await _bare(xroot, dispute)}
    link = Link(_endpoint(a, dispute.source_at, places), _endpoint(b, dispute.destination_at, places))
    token = dispute.token(xroot.issuer)
    await bench.payload.seed(link.source, SIZE, Trail("test", Nobody()))
    await bench.payload.ensure_directory(link.destination, Trail("test", Nobody()))
    given = a.data_dir / OURS / "given"
    given.write_bytes(b"x" * SIZE)
    dispute.spoil(a.data_dir / OURS, b.data_dir / OURS)
    for role in (Role.READ, Role.WRITE):
        bench.forges[role] = lambda _issuer, _request: token

    result = await bench.copy(link, SIZE)
    assert (result.reason, result.blame) == (dispute.reason, dispute.blame), result

    below = OURS.removeprefix("wlcg/")
    for judge, command in COPIERS.items():
        source, destination = f"{link.source.root}/{below}/given", f"{link.destination.root}/{below}/by-{judge}"
        code, said = await xroot.judge(*command, source, destination, token=Secret(token))
        assert (code == 0) is result.ok, f"{judge}: {said}"
        assert dispute.said in said, f"{judge}: {said}"
        assert not result.ok or (b.data_dir / OURS / f"by-{judge}").read_bytes() == given.read_bytes()


async def _bare(xroot: RealXroot, dispute: Dispute) -> str:
    """A server that has root:// alone, where one is spoken of."""
    if "{bare}" not in dispute.source_at + dispute.destination_at:
        return ""
    server = await xroot.start("XROOT-C", RootSetup(methods=(), tls=""))
    return f"{server.host}:{server.port}"


def _with_program(setup: RootSetup, xroot: RealXroot) -> RootSetup:
    return replace(setup, program=str(xroot.distrustful)) if setup.program == DISTRUSTFUL else setup


def _endpoint(server: Server, at: str, places: dict[str, str]):  # type: ignore[no-untyped-def]
    root = at.format(**places) if at else f"roots://{server.host}:{server.port}//wlcg"
    return replace(endpoint_of(server), root=root)
