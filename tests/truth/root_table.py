"""The truth table of xroot: every fault of a root door, at either end of a copy, at the door alone, while we write to
it or read from it, and as the door of a cache before a sound origin.

What an expert concludes of a copy stands beside the fault, in the testbed's catalogue; here is what must be found in
all other places, and why the wire cannot tell where several may have to act.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.testbed.xroot.faults import CATALOGUE, RootFault

DOOR = "door"
"""Where a fault is tried on the endpoint alone."""
UPLOAD, DOWNLOAD, CACHE = "upload", "download", "cache"
"""Where it is tried in direct transfers; in the last one it is the cache that has it, not the endpoint."""

_F, _R = RootFault, Reason

# These show before anything is asked of a door, or in the answer to any request.
_AT_ITS_ENTRANCE: dict[RootFault, Reason] = {
    _F.OVERLOADED: _R.OVERLOADED,
    _F.REDIRECT_LOOP: _R.REDIRECT_LOOP,
    _F.LOGIN_REFUSED: _R.UNAUTHENTICATED,
    _F.NO_TLS: _R.TLS_HANDSHAKE,
    _F.POOLS_DOWN: _R.CONNECTION_REFUSED,
    _F.NOT_XROOT: _R.MALFORMED_RESPONSE,
    _F.SILENT: _R.NO_RESPONSE,
}

# All other faults leave a door well: they are about copies, or about files of more than a few bytes.
AT_THE_DOOR: dict[RootFault, Reason] = {
    _F.LIES_ABOUT_CHECKSUM: _R.CHECKSUM_MISMATCH,
    _F.WRONG_CONTENT: _R.CONTENT_MISMATCH,
    _F.SHORT_READS: _R.CONTENT_MISMATCH,
    _F.DAMAGES_WRITES: _R.CHECKSUM_MISMATCH,
    _F.FULL: _R.NO_SPACE,
    **_AT_ITS_ENTRANCE,
}

_IT, _WAY = frozenset({Blame.DESTINATION}), frozenset({Blame.PATH})
_IT_OR_THE_WAY = _IT | _WAY

WHILE_WE_WRITE: dict[RootFault, tuple[Reason, frozenset[Blame]]] = {
    _F.LIES_ABOUT_CHECKSUM: (_R.CHECKSUM_MISMATCH, _IT),
    _F.STALLS_WRITERS: (_R.STREAM_STALLED, _IT),
    _F.CUTS_WRITERS: (_R.TRANSFER_CUT, _IT_OR_THE_WAY),
    _F.LOSES_WRITES: (_R.SIZE_MISMATCH, _IT),
    _F.DAMAGES_WRITES: (_R.CONTENT_MISMATCH, _IT),
    _F.FULL: (_R.NO_SPACE, _IT),
    **{fault: (reason, _IT) for fault, reason in _AT_ITS_ENTRANCE.items()},
}

WHILE_WE_READ: dict[RootFault, tuple[Reason, frozenset[Blame]]] = {
    _F.WRONG_CONTENT: (_R.CONTENT_MISMATCH, _IT),
    _F.SHORT_READS: (_R.CONTENT_MISMATCH, _IT),
    _F.STALLS_READERS: (_R.STREAM_STALLED, _IT),
    _F.HANGS_READERS: (_R.STREAM_STALLED, _IT_OR_THE_WAY),
    _F.CUTS_READERS: (_R.TRANSFER_CUT, _IT_OR_THE_WAY),
    _F.SCRAMBLES_READV: (_R.RANGE_WRONG, _IT),
    **{fault: (reason, _IT) for fault, reason in _AT_ITS_ENTRANCE.items()},
}

# The endpoint behind it is well. What a cache says before it lets us in, and wrong bytes of a right file, are its own.
IN_A_CACHE: dict[RootFault, tuple[Reason, frozenset[Blame]]] = {
    _F.WRONG_CONTENT: (_R.CONTENT_MISMATCH, _WAY),
    _F.SHORT_READS: (_R.CONTENT_MISMATCH, _WAY),
    _F.STALLS_READERS: (_R.STREAM_STALLED, _IT_OR_THE_WAY),
    _F.HANGS_READERS: (_R.STREAM_STALLED, _IT_OR_THE_WAY),
    _F.CUTS_READERS: (_R.TRANSFER_CUT, _IT_OR_THE_WAY),
    **{fault: (reason, _WAY) for fault, reason in _AT_ITS_ENTRANCE.items()},
    _F.OVERLOADED: (_R.OVERLOADED, _IT_OR_THE_WAY),
}

_ELSEWHERE = {UPLOAD: WHILE_WE_WRITE, DOWNLOAD: WHILE_WE_READ, CACHE: IN_A_CACHE}
_WELL = (_R.OK, frozenset({Blame.NOBODY}))

_SILENCE = "a refused, mute or stalled source shows as silence only, and the destination may itself have stopped"
_BROKEN = "a connection may be broken by the source or by a box on the way"
_RELAYED = "what a cache does not give it may itself not have got from its origin"
WHY: dict[RootFault, str] = {
    _F.CUTS_READERS: _BROKEN,
    _F.CUTS_WRITERS: _BROKEN,
    _F.HANGS_READERS: "no sign of life on the connection: a server that hangs, or a way that lost our bytes",
    _F.WANTS_OTHER_CREDENTIAL: "the source's rules and the destination's own credential do not fit: either may change",
    _F.CLOSED_TO_PEER: _BROKEN,
    _F.CUTS: _BROKEN,
    _F.MUTE_TO_PEER: _SILENCE,
    _F.STALLS: _SILENCE,
    _F.NO_CANCEL: _SILENCE,
    _F.FORGETS_KEYS: "who is known by another name or address than it thinks may be we, the destination or the source",
}


WHY_OF_A_CACHE: dict[RootFault, str] = dict.fromkeys((_F.OVERLOADED, _F.STALLS_READERS), _RELAYED)


@dataclass(frozen=True, slots=True)
class RootCell:
    """One fault at one place, which is an end of a copy or one of the above, and what is to be found."""

    fault: RootFault
    at: str
    reason: Reason
    blames: frozenset[Blame]
    why: str = ""

    def __str__(self) -> str:
        return f"{self.fault}@{self.at}"

    @property
    def ambiguous(self) -> bool:
        return len(self.blames) > 1


def _cells() -> tuple[RootCell, ...]:
    copies = [
        RootCell(row.fault, row.at, row.reason, row.blames, WHY[row.fault] if len(row.blames) > 1 else "")
        for row in CATALOGUE
    ]
    doors = []
    for fault in RootFault:
        reason = AT_THE_DOOR.get(fault, Reason.OK)
        blame = Blame.NOBODY if reason is Reason.OK else Blame.DESTINATION
        doors.append(RootCell(fault, DOOR, reason, frozenset({blame})))
    return (*copies, *doors, *_direct_cells())


def _direct_cells() -> Iterator[RootCell]:
    for at, table in _ELSEWHERE.items():
        for fault in RootFault:
            reason, blames = table.get(fault, _WELL)
            why = WHY.get(fault) or WHY_OF_A_CACHE[fault] if len(blames) > 1 else ""
            yield RootCell(fault, at, reason, blames, why)


ROOT_CELLS: tuple[RootCell, ...] = _cells()
