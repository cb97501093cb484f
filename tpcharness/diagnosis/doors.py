"""Doors that failed: endpoints that are down, and what is behind several doors that fail alike."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tpcharness.diagnosis.families import TOKENS
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Phase

_ORIGIN = re.compile(r"https?://[^\s/,;:\[\]]+(?::\d+)?|https?://\[[0-9a-fA-F:.]+\](?::\d+)?")

CLIENT = str(Blame.CLIENT)
"""The culprit that is ourselves."""

NO_NETWORK = frozenset({Reason.LOCAL_NETWORK, Reason.DNS_FAILURE, Reason.UNREACHABLE})
"""What somebody sees who has no network or no name server, at every storage."""

UNNAMED_ISSUER = "an issuer that they do not name"  # an opaque token says nothing of itself


@dataclass(frozen=True, slots=True)
class Fallen:
    """Failed doors with one cause. `culprit` is the endpoint, an issuer's URL or CLIENT.

    `accepted` counts the other endpoints whose doors take tokens of the issuer that is refused here.
    """

    kind: FindingKind
    culprit: str
    doors: dict[str, Result]
    accepted: int = 0

    @property
    def typical(self) -> Result:
        return next(iter(self.doors.values()))


def nobody_reached(doors: Collection[Result]) -> bool:
    """Whether several doors were tried and each met no name or no way: as if we had no network or no name server."""
    tried = [door for door in doors if door.outcome is not Outcome.SKIPPED]
    return len(tried) > 1 and all(door.reason in NO_NETWORK for door in tried)


def fallen_doors(doors: Mapping[str, Result]) -> list[Fallen]:
    """The failed doors by cause: several that fail for one issuer, or for us, are one."""
    failed = {name: door for name, door in doors.items() if door.outcome in (Outcome.FAILURE, Outcome.ERROR)}
    if nobody_reached(doors.values()):
        return [Fallen(FindingKind.OUR_SIDE, CLIENT, failed)]
    groups: dict[tuple[str, Reason, Blame], dict[str, Result]] = defaultdict(dict)
    for name, door in failed.items():
        # 401 at one implementation is 403 at another: they refuse the same tokens.
        reason = Reason.UNAUTHENTICATED if door.reason in TOKENS else door.reason
        groups[_shared_cause(door) or name, reason, door.blame][name] = door
    found: list[Fallen] = []
    for group in groups.values():
        found += _fallen(group, doors)
    return found


def accepting(doors: Mapping[str, Result], issuer: str) -> int:
    """How many endpoints' doors take tokens of this issuer."""
    return sum(door.ok and issuer_of(door) == issuer for door in doors.values()) if issuer else 0


def issuer_of(result: Result) -> str:
    """Whose tokens were used; "" if none were, or not those of one issuer."""
    issuers = {facts.issuer for facts in result.evidence.tokens}
    return issuers.pop() if len(issuers) == 1 else ""


def missing_from(result: Result) -> str:
    """Who should have given the token that was missing: the issuer's address, as far as the result tells it."""
    origin = _ORIGIN.search(result.hint)
    return issuer_of(result) or (origin[0] if origin else "")


def _shared_cause(door: Result) -> str:
    """What other doors may fail for as well; "" if nothing but the endpoint."""
    if door.blame in (Blame.ISSUER, Blame.CLIENT):
        return missing_from(door) or door.hint or door.reason
    return (issuer_of(door) or UNNAMED_ISSUER) if door.reason in TOKENS else ""


def _fallen(group: dict[str, Result], doors: Mapping[str, Result]) -> list[Fallen]:
    door = next(iter(group.values()))
    if door.blame in (Blame.ISSUER, Blame.CLIENT):
        if len(group) > 1:
            tokens = door.blame is Blame.ISSUER or door.reason.phase is Phase.TOKEN
            kind = FindingKind.NO_TOKENS if tokens else FindingKind.OUR_SIDE
            return [Fallen(kind, (missing_from(door) if tokens else "") or CLIENT, group)]
    elif door.reason in TOKENS:
        issuer = issuer_of(door)
        accepted = accepting(doors, issuer)
        if accepted:
            return [Fallen(FindingKind.REFUSES_TOKENS, name, {name: each}, accepted) for name, each in group.items()]
        if len(group) > 1:
            return [Fallen(FindingKind.ISSUER_NOT_ACCEPTED, issuer or UNNAMED_ISSUER, group)]
    return [Fallen(FindingKind.ENDPOINT_DOWN, name, {name: each}) for name, each in group.items()]
