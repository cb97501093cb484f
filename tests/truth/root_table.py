"""The truth table of xroot: every fault of a root door, at either end of a copy and at the door alone.

What an expert concludes of a copy stands beside the fault, in the testbed's catalogue; here is what must be found at
the door alone, and why the wire cannot tell where several may have to act.
"""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.testbed.xroot.faults import CATALOGUE, RootFault

DOOR = "door"
"""Where a fault is tried on the endpoint alone."""

_F, _R = RootFault, Reason

# All other faults are about copies: they leave a door well.
AT_THE_DOOR: dict[RootFault, Reason] = {
    _F.LIES_ABOUT_CHECKSUM: _R.CHECKSUM_MISMATCH,
    _F.WRONG_CONTENT: _R.CONTENT_MISMATCH,
    _F.OVERLOADED: _R.OVERLOADED,
    _F.REDIRECT_LOOP: _R.REDIRECT_LOOP,
    _F.LOGIN_REFUSED: _R.UNAUTHENTICATED,
    _F.NO_TLS: _R.TLS_HANDSHAKE,
    _F.NOT_XROOT: _R.MALFORMED_RESPONSE,
    _F.SILENT: _R.NO_RESPONSE,
}

_SILENCE = "a refused, mute or stalled source shows as silence only, and the destination may itself have stopped"
_BROKEN = "a connection may be broken by the source or by a box on the way"
WHY: dict[RootFault, str] = {
    _F.WANTS_OTHER_CREDENTIAL: "the source's rules and the destination's own credential do not fit: either may change",
    _F.CLOSED_TO_PEER: _BROKEN,
    _F.CUTS: _BROKEN,
    _F.MUTE_TO_PEER: _SILENCE,
    _F.STALLS: _SILENCE,
    _F.NO_CANCEL: _SILENCE,
    _F.FORGETS_KEYS: "who is known by another name or address than it thinks may be we, the destination or the source",
}


@dataclass(frozen=True, slots=True)
class RootCell:
    """One fault at one place, `door` or an end of a copy, and what is to be found."""

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
    return (*copies, *doors)


ROOT_CELLS: tuple[RootCell, ...] = _cells()
