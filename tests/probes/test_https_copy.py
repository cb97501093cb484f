"""A copy that goes well, between every kind of storage and in both modes: what its result says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.grid import QUICK_MARKERS_SECONDS
from tests.support.house import open_house
from tpcharness.model.progress import MarkerSeen, TerminalSeen
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.payload.content import Content
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.files import File
from tpcharness.wire.copy_request import Mode

SIZES = (0, 1024, 3 * 1024 * 1024)
PAIRS = [("dcache", other) for other in DIALECTS] + [(other, "dcache") for other in DIALECTS if other != "dcache"]
SELF_NAMES = {
    "dcache": "dCache/",
    "xrootd5": "XrootD/v5",
    "xrootd6": "XRootD",
    "storm": "StoRM",
    "eos": "XRootD",
    "pelican": "pelican/",
    "dpm": "Apache/",
}


def copies(mode: Mode) -> list[tuple[str, str]]:
    """Pairs that can do it at all: a storage that only pulls pushes to nobody."""
    return [pair for pair in PAIRS if mode is Mode.PULL or not DIALECTS[pair[0]].pulls_only]


@pytest.mark.parametrize(
    ("mode", "source", "destination"), [(mode, *pair) for mode in Mode for pair in copies(mode)], ids=str
)
async def test_arrives_whole_whatever_its_size(mode: Mode, source: str, destination: str, tmp_path: Path) -> None:
    async with open_house(tmp_path, source, destination) as house:
        results = await asyncio.gather(*(house.copy(mode, size=size) for size in SIZES))
        for size, result in zip(SIZES, results, strict=True):
            assert (result.outcome, result.reason, result.blame) == (Outcome.OK, Reason.OK, Blame.NOBODY)
            assert (result.hint, result.alternatives) == ("", ())
            assert result.bytes == size
            assert result.checksum.verified_by is VerifiedBy.DIGEST
            assert result.checksum.found == result.checksum.expected == Content(size).adler32
            assert result.throughput == pytest.approx(size / result.transfer_seconds)
            missing = {Phase.TOKEN, Phase.CONNECT, Phase.TLS, Phase.PREPARE, Phase.REQUEST} - result.phases.keys()
            assert not missing | ({Phase.TRANSFER, Phase.VERIFY, Phase.CLEANUP} - result.phases.keys())
            assert result.implementation.source[-1].startswith(SELF_NAMES[source])
            assert result.implementation.destination[-1].startswith(SELF_NAMES[destination])
        assert await house.left() == ([], [])


@pytest.fixture
def slow_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Storages that read their files in pieces of 32 KiB, one after each marker period."""
    read = File.read

    async def slowly(self: File, offset: int, length: int) -> bytes:
        await asyncio.sleep(1.5 * QUICK_MARKERS_SECONDS)
        return await read(self, offset, min(length, 32 * 1024))

    monkeypatch.setattr(File, "read", slowly)


@pytest.mark.usefixtures("slow_disks")
@pytest.mark.parametrize(
    ("mode", "active"),
    [(mode, name) for mode in Mode for name in DIALECTS if mode is Mode.PULL or not DIALECTS[name].pulls_only],
    ids=str,
)
async def test_a_slow_copy_is_told_in_markers(mode: Mode, active: str, tmp_path: Path) -> None:
    size = 128 * 1024
    pair = ("dcache", active) if mode is Mode.PULL else (active, "dcache")
    async with open_house(tmp_path, *pair) as house:
        result = await house.copy(mode, size=size)
        seen = [event for event in house.events if isinstance(event, MarkerSeen)]
        said = [event.text.lower() for event in house.events if isinstance(event, TerminalSeen)]

    assert result.outcome is Outcome.OK
    assert result.markers.count == len(seen) >= 2
    assert result.markers.bytes_claimed == seen[-1].bytes_claimed
    assert 0 < result.markers.bytes_claimed <= size
    assert 0 <= result.markers.first_byte_seconds < result.transfer_seconds
    assert 0 < result.markers.longest_silence_seconds < result.transfer_seconds
    assert [line.startswith("success") for line in said] == [True]
    assert result.phases[Phase.TRANSFER] >= seen[-1].seconds
