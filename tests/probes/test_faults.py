"""Storages that misbehave: what an expert would conclude from the wire is what the harness says.

The faults are switched on when seed and directories are there, so that they meet the copy and not its preparation.
A fault of the active party is tried with every kind of active party, one of the passive party against all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.house import House, open_house, shortened
from tpcharness.model.endpoint import Link
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Outcome
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.grid import Site
from tpcharness.wire.copy_request import Mode

R = Reason
SOURCE, DESTINATION, PATH, UNDETERMINED = Blame.SOURCE, Blame.DESTINATION, Blame.PATH, Blame.UNDETERMINED
SIZE = 96 * 1024
STALL_SECONDS = 0.3

ACTIVE, PASSIVE = "active", "passive"
EITHER = frozenset({ACTIVE, PASSIVE, PATH})
FAR_END = frozenset({PASSIVE, PATH})

# Nothing here may be long, but only the clock that is meant may run out.
SILENT = shortened(response_seconds=1.0)
NO_BYTES = shortened(first_byte_seconds=0.8)
STANDING = shortened(no_progress_seconds=0.8)
MUTE = shortened(marker_silence_seconds=0.8, first_marker_seconds=0.8)
HURRIED = shortened(transfer_seconds=1.0)


@dataclass(frozen=True, slots=True)
class Found:
    """A reason, and the parties that may have to act: with more than one, nobody is blamed."""

    reason: Reason
    parties: frozenset[str]

    def blames(self, mode: Mode) -> frozenset[Blame]:
        """The parties by what they are in a copy of that mode."""
        active, passive = (DESTINATION, SOURCE) if mode is Mode.PULL else (SOURCE, DESTINATION)
        names = {ACTIVE: active, PASSIVE: passive}
        return frozenset(names.get(party) or Blame(party) for party in self.parties)


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be found in a mode; `at` says it for kinds of active parties that show it otherwise, or not at all."""

    faults: tuple[str, ...]
    mode: Mode
    found: Found
    at: Mapping[str, Found | None] = field(default_factory=dict)
    limits: TimeLimits = shortened()

    def __str__(self) -> str:
        return f"{'+'.join(self.faults)}-{self.mode}"


def by_active(reason: Reason) -> Found:
    return Found(reason, frozenset({ACTIVE}))


def by_passive(reason: Reason) -> Found:
    return Found(reason, frozenset({PASSIVE}))


def in_both(
    *faults: str, found: Found, at: Mapping[str, Found | None] | None = None, limits: TimeLimits = shortened()
) -> list[Case]:
    return [Case(faults, mode, found, at or {}, limits) for mode in Mode]


LIKE_XROOTD = ("xrootd5", "xrootd6", "eos")

ACTIVE_CASES = [
    # XRootD and dCache say "permission denied" with 401 for a right that is missing: no word against the token.
    *in_both(
        "active_401", found=by_active(R.UNAUTHENTICATED), at=dict.fromkeys((*LIKE_XROOTD, "dcache"), by_active(R.FORBIDDEN))
    ),
    *in_both("active_403", found=by_active(R.FORBIDDEN)),
    *in_both("active_500", found=by_active(R.SERVER_ERROR)),
    *in_both("active_503", found=by_active(R.OVERLOADED)),
    *in_both("tpc_unsupported", found=by_active(R.TPC_UNSUPPORTED)),
    *in_both(
        "loopback_forbidden",
        found=by_active(R.PASSIVE_ADDRESS_FORBIDDEN),
        at=dict.fromkeys(("dcache", "xrootd5", "storm", "pelican", "dpm")),
    ),
    # Nobody has to say who he is before the source has answered; a sender need not wait for anybody.
    Case(("hang_before_headers",), Mode.PULL, Found(R.NO_RESPONSE, frozenset({ACTIVE, PASSIVE})), limits=SILENT),
    Case(("hang_before_headers",), Mode.PUSH, by_active(R.NO_RESPONSE), limits=SILENT),
    # Pelican is silent while no bytes come: what it does not say is no fault of its own.
    *in_both(
        "frozen_bytes", found=Found(R.NO_FIRST_BYTE, EITHER), at={"pelican": Found(R.NO_FIRST_MARKER, EITHER)}, limits=NO_BYTES
    ),
    *in_both(
        "frozen_bytes:1000", found=Found(R.NO_PROGRESS, EITHER), limits=STANDING
    ),
    *in_both(
        "frozen_bytes:1000", "marker_silence",
        found=by_active(R.MARKER_SILENCE), at={"pelican": Found(R.MARKER_SILENCE, EITHER)}, limits=MUTE,
    ),
    # StoRM gives no head before it has something to say.
    *in_both("cut_without_verdict", found=by_active(R.NO_VERDICT), at={"storm": by_active(R.CONNECTION_LOST)}),
    *in_both("end_without_verdict", found=by_active(R.NO_VERDICT)),
    *in_both("aborted", found=by_active(R.ABORTED)),
    *in_both("wrong_content", found=by_active(R.CHECKSUM_MISMATCH)),
    *in_both("success_zero_bytes", found=by_active(R.SIZE_MISMATCH)),
    Case(("no_space",), Mode.PULL, by_active(R.NO_SPACE)),
]  # fmt: skip

PASSIVE_CASES = [
    *in_both("passive_401", found=by_passive(R.PASSIVE_UNAUTHENTICATED)),
    *in_both("passive_403", found=by_passive(R.PASSIVE_FORBIDDEN)),
    *in_both("passive_500", found=by_passive(R.PASSIVE_ERROR)),
    *in_both("passive_503", found=by_passive(R.PASSIVE_OVERLOADED)),
    Case(("missing_file",), Mode.PULL, by_passive(R.PASSIVE_NOT_FOUND)),
    Case(("no_space",), Mode.PUSH, by_passive(R.NO_SPACE)),
    Case(("refuse",), Mode.PULL, Found(R.PASSIVE_REFUSED, FAR_END)),
    Case(
        ("passive_hang",),
        Mode.PULL,
        Found(R.PASSIVE_TIMEOUT, FAR_END),
        at={
            "dcache": Found(R.PASSIVE_STALLED, FAR_END),
            "storm": Found(R.PASSIVE_STALLED, FAR_END),
            "xrootd5": Found(R.NO_RESPONSE, frozenset({ACTIVE, PASSIVE})),  # waits for the source without a word
        },
        limits=SILENT,
    ),
    Case(("passive_hang",), Mode.PUSH, Found(R.PASSIVE_TIMEOUT, FAR_END), limits=SILENT),
    # EOS does not look at the connection but at the size of what it has got.
    Case(("passive_cut",), Mode.PULL, Found(R.PASSIVE_CUT, FAR_END), at={"eos": Found(R.SIZE_MISMATCH, EITHER)}),
    Case(("passive_stall",), Mode.PULL, Found(R.PASSIVE_STALLED, FAR_END)),
    Case(("passive_slow:20000",), Mode.PULL, Found(R.DEADLINE, EITHER), limits=HURRIED),
]


def actives(mode: Mode) -> list[str]:
    return [name for name in DIALECTS if mode is Mode.PULL or not DIALECTS[name].pulls_only]


@pytest.fixture(autouse=True)
def impatient_storages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Storages wait for each other's bytes, but not half a minute."""
    for dialect in DIALECTS.values():
        monkeypatch.setattr(type(dialect), "stall_seconds", STALL_SECONDS)


@pytest.mark.parametrize("case", ACTIVE_CASES, ids=str)
async def test_what_an_active_party_does_wrong(case: Case, tmp_path: Path) -> None:
    names = [name for name in actives(case.mode) if case.at.get(name, case.found)]
    async with open_house(tmp_path, *names, "dcache", limits=case.limits) as house:
        *active, passive = house.grid.sites
        await _judge(case, house, active, passive, faulty=active)


@pytest.mark.parametrize("case", PASSIVE_CASES, ids=str)
async def test_what_a_passive_party_does_wrong(case: Case, tmp_path: Path) -> None:
    async with open_house(tmp_path, *actives(case.mode), "dcache", limits=case.limits) as house:
        *active, passive = house.grid.sites
        await _judge(case, house, active, passive, faulty=[passive])


async def _judge(case: Case, house: House, active: list[Site], passive: Site, *, faulty: list[Site]) -> None:
    """Copies with every active party, looks at each result, and at what is left when the faults are over."""
    links = [_link(case.mode, site, passive) for site in active]
    await house.prepare(*links, size=SIZE)
    for site in faulty:
        for fault in case.faults:
            site.storage.faults.add(fault)
    results = await asyncio.gather(*(house.copy(case.mode, link, size=SIZE) for link in links))
    for site in faulty:
        site.storage.faults.clear()
    wrong = {
        site.dialect: complaint
        for site, result in zip(active, results, strict=True)
        if (complaint := _complaint(result, case.at.get(site.dialect) or case.found, case.mode))
    }
    assert wrong == {}
    assert await house.left() == ([], [])


def _link(mode: Mode, active: Site, passive: Site) -> Link:
    source, destination = (passive, active) if mode is Mode.PULL else (active, passive)
    return Link(source.endpoint, destination.endpoint)


def _complaint(result: Result, expected: Found, mode: Mode) -> str:
    """What is wrong with a result; empty when nothing is."""
    blames = expected.blames(mode)
    blame = next(iter(blames)) if len(blames) == 1 else UNDETERMINED
    alternatives = {alternative.blame for alternative in result.alternatives}
    text = result.evidence.exchanges[-1].body_excerpt if result.evidence.exchanges else ""
    excerpts = " | ".join(e.body_excerpt for e in result.evidence.exchanges if e.method == "COPY") or text
    if (result.reason, result.blame) != (expected.reason, blame):
        return f"{result.reason} of {result.blame}, not {expected.reason} of {blame}: {excerpts!r}"
    if alternatives != (blames if blame is UNDETERMINED else set()):
        return f"alternatives {alternatives}"
    if result.outcome is not Outcome.FAILURE or not result.hint or result.throughput is not None:
        return f"{result.outcome}, hint {result.hint!r}, throughput {result.throughput}"
    return f"warnings {result.warnings}" if result.warnings else ""
