"""`gfal-gsiftp-gsiftp` between real GridFTP servers in front of real XRootD, which shows the same files by https."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clocks import WallClock
from tests.support.gridftp_pair import gridftp_servers
from tests.support.house import LIMITS, LOOKS_SECONDS, QuickStore
from tests.support.real_world import ForgedTokens, endpoint_of
from tests.support.real_xroot import hashed_directory
from tests.support.real_xrootd import RealXrootd
from tpcharness.model.endpoint import Link
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Blame, Variant
from tpcharness.net.client import HttpClient
from tpcharness.net.xroot import XrootClient
from tpcharness.payload.errands import Errands
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadNames
from tpcharness.probes.control import Control
from tpcharness.probes.gfal_copy import GfalCopyProbe, GfalSettings
from tpcharness.probes.root_ability import RootAbility
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.workers.pool import WorkerPool

pytestmark = [pytest.mark.real, pytest.mark.slow]

MIB = 1024 * 1024


class Bench:
    """One probe between the two, and where a broken door would be."""

    def __init__(self, probe: GfalCopyProbe, link: Link) -> None:
        self.probe = probe
        self.link = link
        self._number = 0

    async def copy(self, link: Link | None = None, size: int = MIB) -> Result:
        self._number += 1
        context = ProbeContext("run", f"f{self._number}", 1, size, 0.0, WallClock(), Nobody())
        return await self.probe.run(link or self.link, context)


@asynccontextmanager
async def open_bench(
    tmp_path: Path, xrootd: RealXrootd, authority: Authority, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    trusted = hashed_directory(tmp_path / "trusted", authority)
    (tmp_path / "gridftp").mkdir()
    owner = pwd.getpwuid(os.stat(xrootd.servers[0].data_dir).st_uid).pw_name
    async with (
        gridftp_servers(tmp_path / "gridftp", owner) as gridftp,
        HttpClient(user_agent="test/1", limits=LIMITS, ca_path=str(authority.ca_file)) as client,
        XrootClient(program="tests", limits=LIMITS, trust=client.trust) as xroot,
        Ledger(tmp_path / "ledger.jsonl") as ledger,
        WorkerPool() as pool,
    ):
        for file in gridftp.authorities.iterdir():
            shutil.copyfile(file, trusted / file.name)
        monkeypatch.setenv("X509_USER_CERT", str(gridftp.certificate))
        monkeypatch.setenv("X509_USER_KEY", str(gridftp.key))
        ends = [
            replace(endpoint_of(server), gsiftp=f"gsiftp://localhost:{port}{server.data_dir}/wlcg")
            for server, port in zip(xrootd.servers, gridftp.ports, strict=True)
        ]
        tokens, names = ForgedTokens(issuer, {}), PayloadNames("gsiftp", "run")
        payload = QuickStore(client, tokens, ledger, names, WallClock(), LIMITS, looks_seconds=LOOKS_SECONDS)
        verifier = Verifier(Errands(client, tokens), LOOKS_SECONDS)
        probe = GfalCopyProbe(
            Variant.GFAL_GSIFTP_GSIFTP,
            pool,
            tokens,
            payload,
            names,
            Control(Errands(client, tokens), payload, verifier),
            verifier,
            ServerBook(),
            RootAbility(xroot, tokens),
            GfalSettings(LIMITS, "test/1", str(trusted)),
        )
        yield Bench(probe, Link(*ends))
        await payload.remove_seeds()
        assert ledger.entries == ()
    assert not any(xrootd.leftovers().values())


async def test_copies_by_gridftp(
    tmp_path: Path, xrootd: RealXrootd, authority: Authority, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench(tmp_path, xrootd, authority, issuer, monkeypatch) as bench:
        for size in (0, 1024, 20 * MIB):
            result = await bench.copy(size=size)
            assert (result.reason, result.bytes) == (Reason.OK, size), result.hint
            assert result.checksum.found == result.checksum.expected != ""
            assert result.warnings == ()


async def test_failures_name_who_has_to_act(
    tmp_path: Path, xrootd: RealXrootd, authority: Authority, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench(tmp_path, xrootd, authority, issuer, monkeypatch) as bench:
        source, destination = bench.link.source, bench.link.destination
        nowhere = "gsiftp://localhost:1/data"
        cases = {
            (Reason.CONNECTION_REFUSED, Blame.SOURCE): Link(replace(source, gsiftp=nowhere), destination),
            (Reason.CONNECTION_REFUSED, Blame.DESTINATION): Link(source, replace(destination, gsiftp=nowhere)),
            (Reason.NOT_FOUND, Blame.SOURCE): Link(replace(source, gsiftp=f"{source.gsiftp}/elsewhere"), destination),
            (Reason.PARENT_MISSING, Blame.DESTINATION): Link(
                source, replace(destination, gsiftp=f"{destination.gsiftp}/elsewhere")
            ),
        }
        found = {wanted: await bench.copy(link) for wanted, link in cases.items()}
        assert {wanted: (each.reason, each.blame) for wanted, each in found.items()} == {each: each for each in cases}
