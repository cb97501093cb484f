"""The truth table of direct transfers: every fault that a client can meet at an endpoint, in either direction.

What an expert concludes who sees the wire alone; where it cannot tell, everybody who may have to act, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.support.house import LIMITS
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Variant
from tpcharness.testbed.dialects.catalogue import DIALECTS

KIB, MIB = 1024, 1024 * 1024
R = Reason
ENDPOINT, NOBODY = frozenset({Blame.DESTINATION}), frozenset({Blame.NOBODY})
EITHER = frozenset({Blame.DESTINATION, Blame.PATH})
ANYBODY = EITHER | {Blame.CLIENT}

BREAK_WHY = "a connection may be broken by the storage or by a box on the way"
STALL_WHY = "a storage that sends nothing and a way that lets nothing through look alike to who waits"
SLOW_WHY = "slow is slow, or our own limit short: one transfer does not show"

# Nothing may take long, but only the clock that is meant may run out.
STALLED = replace(LIMITS, first_byte_seconds=1.0, no_progress_seconds=1.0)
HURRIED = replace(LIMITS, transfer_seconds=1.0)
MUTE = replace(LIMITS, response_seconds=1.0, request_seconds=2.0)

XROOTD_5 = frozenset({"xrootd5"})


@dataclass(frozen=True, slots=True)
class DirectRow:
    """One fault, and what is to be found where it bites; `warned` is a word of the warning of a result that is ok.

    `seeded`: the fault comes when our seed is there. Bigger than what the buffers on the way take is `size` where the
    storage must be seen not to read.
    """

    fault: str
    variant: Variant
    reason: Reason
    blames: frozenset[Blame] = ENDPOINT
    warned: str = ""
    why: str = ""
    size: int = 64 * KIB
    limits: TimeLimits = LIMITS
    seeded: bool = True

    @property
    def ambiguous(self) -> bool:
        return len(self.blames) > 1


@dataclass(frozen=True, slots=True)
class DirectCell:
    """One row in one dialect."""

    row: DirectRow
    dialect: str

    def __str__(self) -> str:
        return f"{self.row.fault}@{self.row.variant}-{self.dialect}"

    @property
    def reasons(self) -> frozenset[Reason]:
        """What the alternatives may be called. XRootD 5 closes without a word when its disk is full (xrootd 5)."""
        sent = self.row.variant is Variant.WEBDAV_UPLOAD and self.row.reason is R.TRANSFER_CUT
        full = sent and self.dialect in XROOTD_5
        return frozenset({self.row.reason, R.NO_SPACE}) if full else frozenset({self.row.reason})


def up(fault: str, reason: Reason, blames: frozenset[Blame] = ENDPOINT, **more: object) -> DirectRow:
    return DirectRow(fault, Variant.WEBDAV_UPLOAD, reason, blames, **more)  # type: ignore[arg-type]


def down(fault: str, reason: Reason, blames: frozenset[Blame] = ENDPOINT, **more: object) -> DirectRow:
    return DirectRow(fault, Variant.WEBDAV_DOWNLOAD, reason, blames, **more)  # type: ignore[arg-type]


DIRECT_ROWS: tuple[DirectRow, ...] = (
    # parts of files
    down("ranges_ignored", R.OK, NOBODY, warned="whole file"),
    down("ranges_refused", R.RANGE_REFUSED),
    down("vectors_refused", R.OK, NOBODY, warned="8 ranges in one request"),
    down("ranges_first_only", R.RANGE_WRONG),
    down("ranges_missing", R.RANGE_WRONG),
    down("ranges_mislabelled", R.RANGE_WRONG),
    down("ranges_as_whole", R.RANGE_WRONG),
    down("ranges_of_other_bytes", R.CONTENT_MISMATCH),
    down("ranges_short", R.RANGE_WRONG),
    down("ranges_unended", R.RANGE_WRONG),
    # whole files, read
    down("download_wrong", R.CONTENT_MISMATCH),
    down("passive_cut", R.TRANSFER_CUT, EITHER, why=BREAK_WHY),
    down("passive_stall", R.STREAM_STALLED, EITHER, why=STALL_WHY, limits=STALLED),
    down("passive_slow:20000", R.DEADLINE, ANYBODY, why=SLOW_WHY, limits=HURRIED),
    down("look_refused@GET", R.FORBIDDEN),
    down("look_fails@GET", R.SERVER_ERROR),
    down("look_overloaded@GET", R.OVERLOADED),
    down("look_dropped@GET", R.CONNECTION_LOST),
    down("token_refused_direct@GET", R.UNAUTHENTICATED),
    down("passive_hang@GET", R.NO_RESPONSE, limits=MUTE),
    down("token_refused_direct", R.SEED_REFUSED, seeded=False),
    down("upload_short", R.SEED_CORRUPT, seeded=False),
    down("no_space", R.NO_SPACE, seeded=False),
    # whole files, sent
    up("upload_cut:100000", R.TRANSFER_CUT, EITHER, why=BREAK_WHY, size=16 * MIB),
    up("upload_unread", R.STREAM_STALLED, size=24 * MIB, limits=STALLED),
    up("upload_slow:2000000", R.DEADLINE, ANYBODY, why=SLOW_WHY, size=24 * MIB, limits=HURRIED),
    up("upload_wrong", R.CONTENT_MISMATCH),
    up("upload_short", R.SIZE_MISMATCH),
    up("no_space", R.NO_SPACE),
    up("token_refused_direct@PUT", R.UNAUTHENTICATED),
    up("drop_direct@PUT", R.CONNECTION_LOST),
    up("passive_hang@PUT", R.NO_RESPONSE, limits=MUTE),
    up("checksum_wrong", R.CHECKSUM_MISMATCH),
    up("checksum_absent", R.OK, NOBODY, warned="read back"),
    up("never_visible", R.NOT_VISIBLE),
    up("delete_refused", R.CLEANUP_REFUSED),
    up("delete_ignored", R.CLEANUP_FAILED),
    # both
    up("refuse", R.CONNECTION_REFUSED),
    down("refuse", R.CONNECTION_REFUSED),
    up("tls_expired", R.TLS_EXPIRED),
    down("tls_untrusted", R.TLS_UNTRUSTED),
)

# What can be concluded from those that say it otherwise (xrootd 5: 403 for every token, no word when the disk is full).
_SAY_403 = ("xrootd5", "xrootd6", "eos", "dpm")
ELSEWHERE: dict[tuple[str, Variant, str], Reason] = {
    ("no_space", Variant.WEBDAV_UPLOAD, "xrootd5"): R.TRANSFER_CUT,
    ("no_space", Variant.WEBDAV_DOWNLOAD, "xrootd5"): R.SEED_FAILED,
    **{("token_refused_direct@PUT", Variant.WEBDAV_UPLOAD, name): R.FORBIDDEN for name in _SAY_403},
    **{("token_refused_direct@GET", Variant.WEBDAV_DOWNLOAD, name): R.FORBIDDEN for name in _SAY_403},
}


def _cell(row: DirectRow, dialect: str) -> DirectCell:
    reason = ELSEWHERE.get((row.fault, row.variant, dialect), row.reason)
    if reason is R.TRANSFER_CUT:
        return DirectCell(replace(row, reason=reason, blames=EITHER, why=BREAK_WHY), dialect)
    return DirectCell(replace(row, reason=reason), dialect)


DIRECT_CELLS: tuple[DirectCell, ...] = tuple(_cell(row, dialect) for row in DIRECT_ROWS for dialect in DIALECTS)
