"""Storages that misbehave: what an expert would conclude from the wire is what the harness says.

The faults are switched on when seed and directories are there, so that they meet the copy and not its preparation.
A fault of the active party is tried with every kind of active party, one of the passive party against all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from _pytest.mark import ParameterSet

from tests.support.grid import QUICK_MARKERS_SECONDS
from tests.support.house import LIMITS, House, open_house, shortened
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
CLIENT = Blame.CLIENT
SIZE = 600 * 1024  # more than one piece that a storage of the testbed moves at a time
STALL_SECONDS = 0.3

ACTIVE, PASSIVE = "active", "passive"
EITHER = frozenset({ACTIVE, PASSIVE, PATH})

# Nothing here may be long, but only the clock that is meant may run out.
SILENT = shortened(response_seconds=1.0, request_seconds=1.0)
NO_BYTES = shortened(first_byte_seconds=0.8, first_marker_seconds=0.8)
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
    limits: TimeLimits = LIMITS
    marker_period_seconds: float = QUICK_MARKERS_SECONDS

    def __str__(self) -> str:
        return f"{'+'.join(self.faults)}-{self.mode}"


def by_active(reason: Reason) -> Found:
    return Found(reason, frozenset({ACTIVE}))


def by_passive(reason: Reason) -> Found:
    return Found(reason, frozenset({PASSIVE}))


def in_both(*faults: str, found: Found, **more: Any) -> list[Case]:
    return [Case(faults, mode, found, **more) for mode in Mode]


SPEAK_OF_PERMISSION = ("dcache", "xrootd5", "xrootd6", "eos")
NO_ACCESS_RULES = ("dcache", "xrootd5", "storm", "pelican", "dpm")
# Takes a checksum that is still being worked out for growth of the file: payload.removal, watch_and_remove.
LATE_CHECKSUM = {"dpm": None}

ACTIVE_CASES = [
    # "Permission denied" is no word against the token, whatever the status.
    *in_both(
        "active_401",
        found=by_active(R.UNAUTHENTICATED),
        at=dict.fromkeys(SPEAK_OF_PERMISSION, by_active(R.FORBIDDEN)),
    ),
    *in_both("active_403", found=by_active(R.FORBIDDEN)),
    *in_both("active_500", found=by_active(R.SERVER_ERROR)),
    *in_both("active_503", found=by_active(R.OVERLOADED)),
    *in_both("tpc_unsupported", found=by_active(R.TPC_UNSUPPORTED)),
    *in_both("loopback_forbidden", found=by_active(R.PASSIVE_ADDRESS_FORBIDDEN), at=dict.fromkeys(NO_ACCESS_RULES)),
    # Some say nothing before the source has answered them; a sender need not wait for anybody.
    Case(("hang_before_headers",), Mode.PULL, Found(R.NO_RESPONSE, EITHER), limits=SILENT),
    Case(("hang_before_headers",), Mode.PUSH, by_active(R.NO_RESPONSE), limits=SILENT),
    # Pelican is silent while no bytes come: what it does not say is no fault of its own.
    *in_both(
        "no_first_byte",
        found=Found(R.NO_FIRST_BYTE, EITHER),
        at={"pelican": Found(R.NO_FIRST_MARKER, EITHER)},
        limits=NO_BYTES,
    ),
    *in_both("frozen_bytes", found=Found(R.NO_PROGRESS, EITHER), limits=STANDING),
    *in_both(
        "frozen_bytes",
        "marker_silence",
        found=by_active(R.MARKER_SILENCE),
        at={"pelican": Found(R.MARKER_SILENCE, EITHER)},
        limits=MUTE,
    ),
    # StoRM gives no head before it has a marker to send.
    *in_both(
        "cut_without_verdict",
        found=by_active(R.NO_VERDICT),
        at={"storm": by_active(R.CONNECTION_LOST), **LATE_CHECKSUM},
        marker_period_seconds=5.0,
    ),
    *in_both("end_without_verdict", found=by_active(R.NO_VERDICT), at=LATE_CHECKSUM),
    *in_both("aborted", found=by_active(R.ABORTED)),
    *in_both("wrong_content", found=by_active(R.CHECKSUM_MISMATCH)),
    *in_both("success_zero_bytes", found=by_active(R.SIZE_MISMATCH)),
    Case(("no_space",), Mode.PULL, by_active(R.NO_SPACE)),
]

PASSIVE_CASES = [
    *in_both("passive_401", found=by_passive(R.PASSIVE_UNAUTHENTICATED)),
    *in_both("passive_403", found=by_passive(R.PASSIVE_FORBIDDEN)),
    *in_both("passive_500", found=by_passive(R.PASSIVE_ERROR)),
    *in_both("passive_503", found=by_passive(R.PASSIVE_OVERLOADED)),
    Case(("missing_file",), Mode.PULL, by_passive(R.PASSIVE_NOT_FOUND)),
    Case(("no_space",), Mode.PUSH, by_passive(R.NO_SPACE)),
    # After these we ask the passive party ourselves, and get no better answer: it is not the path, nor anybody's trust.
    Case(("refuse",), Mode.PULL, by_passive(R.PASSIVE_REFUSED)),
    Case(
        ("passive_hang",),
        Mode.PULL,
        by_passive(R.PASSIVE_TIMEOUT),
        at={
            "dcache": by_passive(R.PASSIVE_STALLED),
            "storm": by_passive(R.PASSIVE_STALLED),
            "xrootd5": by_passive(R.NO_RESPONSE),  # waits for the source without a word
            "dpm": by_passive(R.TRANSFER_FAILED),
        },
        limits=SILENT,
    ),
    Case(
        ("passive_hang",),
        Mode.PUSH,
        by_passive(R.PASSIVE_TIMEOUT),
        at={
            "dcache": by_passive(R.PASSIVE_STALLED),
            "storm": by_passive(R.PASSIVE_STALLED),
            "dpm": by_passive(R.TRANSFER_FAILED),
        },
        limits=SILENT,
    ),
    # EOS does not look at the connection but at the size of what it has got.
    Case(
        ("passive_cut",),
        Mode.PULL,
        by_passive(R.PASSIVE_CUT),
        at={"eos": by_passive(R.SIZE_MISMATCH)},
    ),
    Case(
        ("passive_stall",),
        Mode.PULL,
        by_passive(R.PASSIVE_STALLED),
        at={"dpm": by_passive(R.TRANSFER_FAILED)},
        limits=SILENT,
    ),
    # StoRM goes on when we have left: test_late_writers.
    Case(("passive_slow:20000",), Mode.PULL, Found(R.DEADLINE, EITHER | {CLIENT}), at={"storm": None}, limits=HURRIED),
]


def _marked(cases: list[Case]) -> list[ParameterSet]:
    """Where our patience has to run out, it takes its time."""
    slow = {True: (pytest.mark.slow,), False: ()}
    return [pytest.param(case, marks=slow[case.limits is not LIMITS], id=str(case)) for case in cases]


@pytest.fixture(autouse=True)
def impatient_storages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Storages wait for each other's bytes, but not half a minute."""
    for dialect in DIALECTS.values():
        monkeypatch.setattr(type(dialect), "stall_seconds", STALL_SECONDS)


@pytest.mark.parametrize("case", _marked(ACTIVE_CASES))
async def test_what_an_active_party_does_wrong(case: Case, tmp_path: Path) -> None:
    async with _house(case, tmp_path) as house:
        *active, passive = house.grid.sites
        await _judge(case, house, active, passive, faulty=active)


@pytest.mark.parametrize("case", _marked(PASSIVE_CASES))
async def test_what_a_passive_party_does_wrong(case: Case, tmp_path: Path) -> None:
    async with _house(case, tmp_path) as house:
        *active, passive = house.grid.sites
        await _judge(case, house, active, passive, faulty=[passive])


def _house(case: Case, directory: Path) -> AbstractAsyncContextManager[House]:
    """A site for every kind of active party that shows the fault, and the passive party behind them."""
    able = [name for name, dialect in DIALECTS.items() if case.mode is Mode.PULL or not dialect.pulls_only]
    actives = [name for name in able if case.at.get(name, case.found)]
    return open_house(
        directory, *actives, "dcache", limits=case.limits, marker_period_seconds=case.marker_period_seconds
    )


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
    files, noted = await house.left()
    said = " ".join(text for result in results for text in result.warnings)
    assert files == []
    assert [url for url in noted if urlsplit(url).path not in said] == []


def _link(mode: Mode, active: Site, passive: Site) -> Link:
    source, destination = (passive, active) if mode is Mode.PULL else (active, passive)
    return Link(source.endpoint, destination.endpoint)


def _complaint(result: Result, expected: Found, mode: Mode) -> str:
    """What is wrong with a result; empty when nothing is."""
    blames = expected.blames(mode)
    blame = UNDETERMINED if len(blames) != 1 else next(iter(blames))
    alternatives = {alternative.blame for alternative in result.alternatives}
    excerpts = " | ".join(exchange.body_excerpt for exchange in result.evidence.exchanges if exchange.method == "COPY")
    if (result.reason, result.blame) != (expected.reason, blame):
        return f"{result.reason} of {result.blame}, not {expected.reason} of {blame}: {excerpts!r}"
    if alternatives != (blames if blame is UNDETERMINED else set()):
        return f"alternatives {alternatives}"
    if result.outcome is not Outcome.FAILURE or not result.hint or result.throughput is not None:
        return f"{result.outcome}, hint {result.hint!r}, throughput {result.throughput}"
    # A copy that its storage does not speak of, or that StoRM goes on with, may bring its file later: it is noted.
    odd = [text for text in result.warnings if "may still be going on" not in text]
    return f"warnings {odd}" if odd else ""
