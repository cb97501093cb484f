"""What an exchange means, before it is known which storage played which part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative
from tpcharness.model.variant import Blame
from tpcharness.wire.copy_request import Mode


class Party(StrEnum):
    """Who has to act, in the words of a third-party copy. The receiving end is `DESTINATION` in either mode."""

    ACTIVE = "active"
    PASSIVE = "passive"
    SOURCE = "source"
    DESTINATION = "destination"
    PATH = "path"
    CLIENT = "client"
    UNKNOWN = "unknown"

    def blame(self, mode: Mode) -> Blame:
        """The blame that this party bears: in pull mode the destination is active, in push mode the source."""
        pull = mode is Mode.PULL
        match self:
            case Party.ACTIVE:
                return Blame.DESTINATION if pull else Blame.SOURCE
            case Party.PASSIVE:
                return Blame.SOURCE if pull else Blame.DESTINATION
            case Party.SOURCE:
                return Blame.SOURCE
            case Party.DESTINATION:
                return Blame.DESTINATION
            case Party.PATH:
                return Blame.PATH
            case Party.CLIENT:
                return Blame.CLIENT
            case Party.UNKNOWN:
                return Blame.UNDETERMINED


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reason and who has to act; with several `alternatives` nobody can be blamed on this evidence alone."""

    reason: Reason
    blame: Blame
    alternatives: tuple[Alternative, ...] = ()
    hint: str = ""

    def with_hint(self, hint: str) -> Verdict:
        return replace(self, hint=hint)


def blamed(reason: Reason, mode: Mode, *parties: Party) -> Verdict:
    """A verdict against one party, or an undetermined one between several."""
    if len(parties) == 1:
        return Verdict(reason, parties[0].blame(mode))
    causes = tuple(Alternative(reason, party.blame(mode)) for party in parties)
    return Verdict(reason, Blame.UNDETERMINED, causes)


def of_failure(failure: Failure, blame: Blame) -> Verdict:
    """The verdict on a step that failed while we dealt with one party alone; that party bears it, unless we do, and
    neither where nobody can tell.
    """
    if failure.perhaps_ours and failure.blame is None:
        causes = (Alternative(failure.reason, blame), Alternative(failure.reason, Blame.CLIENT))
        return Verdict(failure.reason, Blame.UNDETERMINED, causes, failure.detail)
    return Verdict(failure.reason, failure.blame or blame, hint=failure.detail)
