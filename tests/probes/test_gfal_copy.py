"""The probes that have gfal2 copy: what it says is judged, and never believed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.house import LIMITS, House, open_house, shortened
from tests.support.scripted_gfal import calls, make_interpreter, rehearse
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.progress import MarkerSeen
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.seams import ProbeContext
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import GFAL_VARIANTS, Blame, Outcome, Phase, Variant
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import XrootClient
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.probes.control import Control
from tpcharness.probes.gfal_copy import GfalCopyProbe, GfalSettings
from tpcharness.probes.gfal_urls import SCHEMES, gfal_url, takes_token
from tpcharness.probes.root_ability import RootAbility
from tpcharness.probes.servers import ServerBook
from tpcharness.results.record import result_document
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.wire.copy_request import Mode
from tpcharness.workers.pool import WorkerPool

WAIT_SECONDS = 20.0
SIZE = 1024


class Bench:
    """A house with a probe of gfal2 in it; `folder` is where the scripted gfal2 lies."""

    def __init__(self, house: House, pool: WorkerPool, xroot: XrootClient, folder: Path, limits: TimeLimits) -> None:
        self.house = house
        self.folder = folder
        self._number = 0
        verifier = house.verifier
        self.probe = GfalCopyProbe(
            Variant.GFAL_DAVS_DAVS,
            pool,
            house.tokens,
            house.payload,
            PayloadNames("house", "run"),
            Control(verifier._errands, house.payload, verifier),
            verifier,
            ServerBook(),
            RootAbility(xroot, house.tokens),
            GfalSettings(limits, "test/1", str(house.grid.authority.ca_file)),
        )

    async def copy(self, script: str = "", size: int = SIZE) -> Result:
        if script:
            rehearse(self.folder, script)
        self._number += 1
        context = ProbeContext("run", f"g{self._number}", 1, size, 0.0, self.house.clock, self.house)
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.probe.run(self.house.link(), context)

    async def clean(self) -> None:
        """Nothing is left at the storages and in our notes."""
        assert await self.house.left() == ([], [])


@asynccontextmanager
async def open_bench(
    folder: Path, *dialects: str, interpreter: str = "", limits: TimeLimits = LIMITS, faults: tuple[str, ...] = ()
) -> AsyncIterator[Bench]:
    """With the system's own gfal2, unless there is another interpreter."""
    async with (
        open_house(folder, *(dialects or ("dcache", "dcache")), limits=limits, faults=faults) as house,
        WorkerPool(interpreter) as pool,
        XrootClient(program="tests", limits=limits, trust=Trust(str(house.grid.authority.ca_file))) as xroot,
    ):
        yield Bench(house, pool, xroot, folder, limits)


@asynccontextmanager
async def scripted(folder: Path, limits: TimeLimits = LIMITS) -> AsyncIterator[Bench]:
    async with open_bench(folder, interpreter=make_interpreter(folder), limits=limits) as bench:
        yield bench


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.real
@pytest.mark.parametrize("destination", DIALECTS)
async def test_a_real_gfal2_copies_to_every_dialect(destination: str, tmp_path: Path) -> None:
    async with open_bench(tmp_path, "dcache", destination) as bench:
        for size in (0, SIZE, 3 * 1024 * 1024):
            result = await bench.copy(size=size)
            assert (result.outcome, result.reason, result.blame) == (Outcome.OK, Reason.OK, Blame.NOBODY), result
            assert result.bytes == size
            assert result.checksum.verified_by is not VerifiedBy.NONE
            assert result.checksum.found == result.checksum.expected
            assert result.throughput == pytest.approx(size / (result.transfer_seconds or 1))
            assert {Phase.TOKEN, Phase.PREPARE, Phase.TRANSFER, Phase.VERIFY, Phase.CLEANUP} <= result.phases.keys()
        shown = [exchange for exchange in result.evidence.exchanges if exchange.method == "gfal2.filecopy"]
        assert [exchange.status_text for exchange in shown] == ["3rd pull"]
        await bench.clean()


@pytest.mark.real
@pytest.mark.parametrize(
    ("site", "fault", "reason", "blame"),
    [
        ("SITE-A", "passive_403@GET", Reason.PASSIVE_FORBIDDEN, Blame.SOURCE),
        ("SITE-A", "passive_503@GET", Reason.PASSIVE_OVERLOADED, Blame.SOURCE),
        ("SITE-B", "success_short", Reason.SIZE_MISMATCH, Blame.DESTINATION),
        ("SITE-B", "aborted", Reason.ABORTED, Blame.DESTINATION),
        ("SITE-B", "cut_without_verdict", Reason.NO_VERDICT, Blame.DESTINATION),
    ],
)
async def test_a_real_gfal2_meets_faults(site: str, fault: str, reason: Reason, blame: Blame, tmp_path: Path) -> None:
    async with open_bench(tmp_path, "dcache", "dcache") as bench:
        await bench.house.prepare(bench.house.link(), size=SIZE)
        bench.house.grid.site(site).storage.faults.add(fault)
        result = await bench.copy()
        assert (result.reason, result.blame) == (reason, blame), result


async def test_a_success_is_not_believed(tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        result = await bench.copy("copy")
        assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.NOT_VISIBLE)
        assert result.throughput is None
        assert (result.markers.count, result.markers.bytes_claimed) == (2, 1024)
        assert [event.bytes_claimed for event in bench.house.events if isinstance(event, MarkerSeen)] == [512, 1024]
        await bench.clean()


async def test_another_way_than_asked_for_is_said(tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        result = await bench.copy("way/streamed")
        assert "gfal2 says that it copied in another way: streamed" in result.warnings


async def test_what_gfal2_says_is_judged_and_shown_without_tokens(tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        result = await bench.copy("fail/111")
        assert "('BEARER', '<token>')" in result.hint
        assert "eyJ" not in str(result_document(result))
        await bench.clean()


async def test_a_lost_worker_is_our_error_and_leaves_nothing(tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        result = await bench.copy("abort")
        assert (result.outcome, result.reason, result.blame) == (Outcome.ERROR, Reason.WORKER_LOST, Blame.CLIENT)
        assert "SIGABRT" in result.hint
        await bench.clean()


@pytest.mark.parametrize(
    ("script", "clock", "reason"),
    [
        ("hang", "transfer_seconds", Reason.DEADLINE),
        ("stand/0", "first_byte_seconds", Reason.NO_FIRST_BYTE),
        ("stand/7", "no_progress_seconds", Reason.NO_PROGRESS),
        ("fall", "marker_silence_seconds", Reason.MARKER_SILENCE),
    ],
)
async def test_every_wait_has_an_end(tmp_path: Path, script: str, clock: str, reason: Reason) -> None:
    async with scripted(tmp_path, shortened(**{clock: 0.3})) as bench:
        result = await bench.copy(script)
        assert result.reason is reason
        assert not is_there(calls(tmp_path)[-1][0])
        await bench.clean()


async def test_silence_leaves_open_whether_anybody_answered(tmp_path: Path) -> None:
    async with scripted(tmp_path, shortened(transfer_seconds=0.3)) as bench:
        result = await bench.copy("hang")
        assert {Reason.DEADLINE, Reason.NO_RESPONSE} <= {cause.reason for cause in result.alternatives}
        assert result.blame is Blame.UNDETERMINED


async def test_without_gfal2_nothing_is_asked_and_others_go_on(tmp_path: Path) -> None:
    async with open_bench(tmp_path, interpreter=str(tmp_path / "nowhere")) as bench:
        result = await bench.copy()
        assert (result.outcome, result.reason, result.blame) == (Outcome.ERROR, Reason.WORKER_UNAVAILABLE, Blame.CLIENT)
        assert "python3-gfal2" in result.hint
        assert result.evidence.exchanges == ()
        assert bench.house.ledger.entries == ()
        assert (await bench.house.copy(Mode.PULL)).reason is Reason.OK


async def test_a_cancelled_copy_ends_its_worker_and_cleans_up(tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        copying = asyncio.create_task(bench.copy("gate/never"))
        await until(lambda: bool(calls(tmp_path)))
        copying.cancel()
        await asyncio.wait({copying})
        assert copying.cancelled()
        assert not is_there(calls(tmp_path)[0][0])
        await bench.clean()


@pytest.mark.parametrize("variant", GFAL_VARIANTS)
async def test_endpoints_without_the_door_are_a_mistake_of_the_plan(variant: Variant, tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        probe = bench.probe
        probe._variant, probe._scheme = variant, SCHEMES[variant]
        context = ProbeContext("run", "g1", 1, SIZE, 0.0, bench.house.clock, bench.house)
        with pytest.raises(TypeError, match=variant):
            await probe.run(bench.house.endpoint("SITE-A"), context)


ENDPOINT = Endpoint(
    "SITE",
    "https://se.example:2880/data/vo%20x",
    root="roots://se.example:1094//data/vo x",
    gsiftp="gsiftp://se.example:2811/pnfs/vo x",
    srm="srm://se.example:8443/srm/managerv2?SFN=/pnfs/vo x",
)


@pytest.mark.parametrize(
    ("variant", "url", "token"),
    [
        (Variant.GFAL_DAVS_DAVS, "davs://se.example:2880/data/vo%20x/tpcharness/h/f", True),
        (Variant.GFAL_ROOT_ROOT, "roots://se.example:1094//data/vo x/tpcharness/h/f", True),
        (Variant.GFAL_GSIFTP_GSIFTP, "gsiftp://se.example:2811/pnfs/vo x/tpcharness/h/f", False),
        (Variant.GFAL_SRM_SRM, "srm://se.example:8443/srm/managerv2?SFN=/pnfs/vo x/tpcharness/h/f", False),
    ],
)
def test_how_gfal2_is_told_of_a_file(variant: Variant, url: str, token: bool) -> None:
    scheme = SCHEMES[variant]
    assert gfal_url(PayloadFile(ENDPOINT, "/data/vo%20x/tpcharness/h/f"), scheme) == url
    assert takes_token(ENDPOINT, scheme) is token


@pytest.mark.parametrize("destination", ["roots", "root"])
async def test_one_end_without_tls_is_enough_to_keep_both_tokens(destination: str, tmp_path: Path) -> None:
    async with scripted(tmp_path) as bench:
        rehearse(bench.folder, "fail/5")
        bench.probe._variant, bench.probe._scheme = Variant.GFAL_ROOT_ROOT, SCHEMES[Variant.GFAL_ROOT_ROOT]
        link = bench.house.link()
        link = Link(
            replace(link.source, root=f"roots://a.invalid/{link.source.path}"),
            replace(link.destination, root=f"{destination}://b.invalid/{link.destination.path}"),
        )
        context = ProbeContext("run", "g1", 1, SIZE, 0.0, bench.house.clock, bench.house)
        result = await bench.probe.run(link, context)
        assert "roots://a.invalid/" in result.hint
        assert ("<redacted>" in result.hint) is (destination == "roots")


def test_no_token_without_tls() -> None:
    plain = replace(ENDPOINT, https="http://se.example/data", root="root://se.example//data")
    assert not takes_token(plain, SCHEMES[Variant.GFAL_DAVS_DAVS])
    assert not takes_token(plain, SCHEMES[Variant.GFAL_ROOT_ROOT])
