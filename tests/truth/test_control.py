"""The control after a failure accuses a passive party that serves nobody, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.house import House, open_house, shortened
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Phase
from tpcharness.wire.copy_request import Mode

LIMITS = shortened(request_seconds=2.0)


async def copied(house: House, mode: Mode, at_active: str, at_passive: str) -> Result:
    """One copy from SITE-A to SITE-B, with a fault at either; all was well before."""
    source, destination = house.grid.sites
    active, passive = (destination, source) if mode is Mode.PULL else (source, destination)
    await house.prepare(house.link())
    for site, fault in ((active, at_active), (passive, at_passive)):
        if fault:
            site.storage.faults.add(fault)
    return await house.copy(mode)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("at_passive", "accused"),
    [("", False), ("look_refused", False), ("look_overloaded", False), ("look_dropped", True), ("refuse", True)],
)
async def test_whom_a_refused_connection_is_blamed_on(
    mode: Mode, at_passive: str, accused: bool, tmp_path: Path
) -> None:
    async with open_house(tmp_path, "xrootd6", "xrootd6", limits=LIMITS) as house:
        result = await copied(house, mode, "peer_refused", at_passive)
    passive = Blame.SOURCE if mode is Mode.PULL else Blame.DESTINATION
    assert result.reason is Reason.PASSIVE_REFUSED
    assert result.blame is (passive if accused else Blame.UNDETERMINED)
    assert {alternative.blame for alternative in result.alternatives} == (set() if accused else {passive, Blame.PATH})
    assert result.hint.startswith("it does not serve us either") is accused


async def test_a_copy_that_fails_for_the_active_party_alone_asks_nobody_else(tmp_path: Path) -> None:
    async with open_house(tmp_path, "xrootd6", "xrootd6", limits=LIMITS) as house:
        result = await copied(house, Mode.PULL, "active_503", "refuse")
    assert (result.reason, result.blame) == (Reason.OVERLOADED, Blame.DESTINATION)
    assert Phase.VERIFY not in {exchange.phase for exchange in result.evidence.exchanges}


@pytest.mark.parametrize("wrong", [True, False], ids=["wrong-sum", "wrong-bytes"])
async def test_a_destination_that_tells_a_wrong_checksum_is_not_the_senders_fault(wrong: bool, tmp_path: Path) -> None:
    async with open_house(tmp_path, "xrootd6", "dcache") as house:
        result = await copied(house, Mode.PUSH, "" if wrong else "wrong_content", "checksum_wrong" if wrong else "")
    assert result.reason is Reason.CHECKSUM_MISMATCH
    assert result.blame is (Blame.DESTINATION if wrong else Blame.SOURCE)
