"""The truth table of tape: every fault of a tape service, on each of three systems, in each variant that meets it.

What an expert concludes stands here, fault by fault; none of it depends on the system, however differently the three
say it. Whose the fault is depends on the variant alone: the source's tape in a recall, the destination's elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Variant
from tpcharness.testbed.tape.faults import TapeFault

SYSTEMS = ("dcache", "eos", "storm")
VARIANTS = (Variant.TAPE_INFO, Variant.TAPE_STAGE, Variant.TAPE_RECALL, Variant.TAPE_ARCHIVE)

_F, _R = TapeFault, Reason
_OK = _R.OK

# What is found by tape-info, tape-stage, tape-recall and tape-archive.
EXPECTED: dict[TapeFault, tuple[Reason, Reason, Reason, Reason]] = {
    # Nobody can be asked: whatever is wanted, it is the same.
    _F.NOT_DISCOVERED: (_R.TAPE_UNSUPPORTED,) * 4,
    _F.EXAMPLE_DOCUMENT: (_R.TAPE_INVALID,) * 4,
    _F.PAGE_FOR_DOCUMENT: (_R.TAPE_INVALID,) * 4,
    _F.DEAD_URI: (_R.CONNECTION_REFUSED,) * 4,
    _F.TOKEN_REFUSED: (_R.UNAUTHENTICATED,) * 4,
    _F.NOT_ALLOWED: (_R.FORBIDDEN,) * 4,
    _F.OVERLOADED: (_R.OVERLOADED,) * 4,
    _F.UNREACHABLE_BULK: (_R.SERVER_ERROR,) * 4,
    _F.PAGE_FOR_ANSWER: (_R.TAPE_INVALID,) * 4,
    _F.DROPS_PATHS: (_R.TAPE_INVALID,) * 4,
    # Version 0.1 has archiveinfo: an archive needs no more.
    _F.ONLY_OLD_VERSION: (_OK, _R.TAPE_UNSUPPORTED, _R.TAPE_UNSUPPORTED, _OK),
    _F.NULL_ERRORS: (_OK,) * 4,
    # A file on tape that is lost is not staged; one that was written is lost when it has got there.
    _F.FILE_LOST: (*(_R.TAPE_FILE_UNAVAILABLE,) * 3, _R.ARCHIVE_FAILED),
    _F.FILE_UNAVAILABLE: (*(_R.TAPE_FILE_UNAVAILABLE,) * 3, _R.ARCHIVE_FAILED),
    # Who knows files that are not there cannot be believed that ours has got to tape.
    _F.SEES_EVERYTHING: (_R.TAPE_INVALID, _OK, _OK, _R.TAPE_INVALID),
    _F.CLAIMS_TAPE: (_R.TAPE_INVALID, _OK, _OK, _R.TAPE_INVALID),
    # Requests for staging: an archive makes none.
    _F.STAGE_FAILS: (_OK, _R.SERVER_ERROR, _R.SERVER_ERROR, _OK),
    _F.TOO_MANY_TARGETS: (_OK, _R.BAD_REQUEST, _R.BAD_REQUEST, _OK),
    _F.NO_RECEIPT: (_OK, _R.TAPE_INVALID, _R.TAPE_INVALID, _OK),
    _F.POLL_FORGETS: (_OK, _R.TAPE_INVALID, _R.TAPE_INVALID, _OK),
    _F.POLL_DROPS_PATH: (_OK, _R.TAPE_INVALID, _R.TAPE_INVALID, _OK),
    _F.POLL_OTHER_ID: (_OK, _R.TAPE_INVALID, _R.TAPE_INVALID, _OK),
    _F.POLL_HICCUPS: (_OK,) * 4,
    _F.NEVER_ENDS: (_OK, _R.STAGE_TIMEOUT, _R.STAGE_TIMEOUT, _OK),
    _F.RECALL_FAILS: (_OK, _R.STAGE_FAILED, _R.STAGE_FAILED, _OK),
    _F.CANCELS_ITSELF: (_OK, _R.STAGE_FAILED, _R.STAGE_FAILED, _OK),
    _F.NOT_READABLE: (_OK, _R.STAGED_UNREADABLE, _R.STAGED_UNREADABLE, _OK),
    # The first byte is there, the rest is not: only a copy shows it, and the source fails us as well.
    _F.STAGES_HALF: (_OK, _OK, _R.PASSIVE_CUT, _OK),
    _F.EVICTS_EARLY: (_OK, _OK, _R.STAGED_UNREADABLE, _OK),
    _F.NEVER_MIGRATES: (_OK, _OK, _OK, _R.ARCHIVE_TIMEOUT),
    _F.MIGRATION_FAILS: (_OK, _OK, _OK, _R.ARCHIVE_FAILED),
    # The delete that follows ends the request.
    _F.RELEASE_FAILS: (_OK,) * 4,
    _F.NOTHING_ENDS: (_OK, _R.TAPE_REQUEST_LEFT, _R.TAPE_REQUEST_LEFT, _OK),
}


@dataclass(frozen=True, slots=True)
class TapeCell:
    """One fault of one system in one variant, and what is to be found."""

    fault: TapeFault
    system: str
    variant: Variant
    reason: Reason
    blame: Blame

    def __str__(self) -> str:
        return f"{self.fault}@{self.system}:{self.variant}"


@dataclass(frozen=True, slots=True)
class TapeFinding:
    """The same for all systems."""

    fault: TapeFault
    variant: Variant
    reason: Reason
    blame: Blame

    def cells(self) -> tuple[TapeCell, ...]:
        return tuple(TapeCell(self.fault, system, self.variant, self.reason, self.blame) for system in SYSTEMS)


def findings() -> Iterator[TapeFinding]:
    """Everything that is to be found, in the order of the table."""
    for fault, reasons in EXPECTED.items():
        for variant, reason in zip(VARIANTS, reasons, strict=True):
            yield TapeFinding(fault, variant, reason, _blame(variant, reason))


def _blame(variant: Variant, reason: Reason) -> Blame:
    if reason is Reason.OK:
        return Blame.NOBODY
    return Blame.SOURCE if variant is Variant.TAPE_RECALL else Blame.DESTINATION


TAPE_CELLS: tuple[TapeCell, ...] = tuple(cell for finding in findings() for cell in finding.cells())
