"""Links that all fail at one end are asked more seldom, but for one that keeps watch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Variant

SLOWER = 4
"""Links that are backed off run in every fourth round."""

FEWEST = 3
"""Two links that fail at one end may be chance."""

Group = tuple[str, Blame, Variant]
"""The links of one endpoint in one role and variant; the role is the blame that would be its own."""


class Member(Protocol):
    """One probe of a link. `idle`: its last turn was skipped, so it cannot keep watch."""

    @property
    def seed(self) -> int: ...
    @property
    def idle(self) -> bool: ...


Groups = dict[Group, list[Member]]


@dataclass(slots=True, eq=False)
class _Links:
    """`verdicts` are the latest of the members that have one, by seed: whether this end was to blame."""

    members: list[Member] = field(default_factory=list)
    verdicts: dict[int, bool] = field(default_factory=dict)
    blamed: int = 0

    @property
    def backed_off(self) -> bool:
        return len(self.verdicts) >= FEWEST and self.blamed == len(self.verdicts)

    @property
    def canary(self) -> Member | None:
        return next((member for member in self.members if member.seed in self.verdicts and not member.idle), None)

    def note(self, seed: int, blamed: bool) -> None:
        self.blamed += blamed - self.verdicts.get(seed, False)
        self.verdicts[seed] = blamed

    def forget(self, seed: int) -> None:
        self.blamed -= self.verdicts.pop(seed, False)


class BackOff:
    """A group is backed off while the latest result of every link in it that has one, at least three, blames its end.

    The end's door is fine then, else the links would not be tried at all. There is nothing to switch off again: the
    first link that goes well, or fails for another's sake, ends it. The canary, the link of the lowest hash that can
    be tried, goes on at full rate, and so does who has never had a verdict.
    """

    def __init__(self) -> None:
        self._groups: dict[Group, _Links] = {}

    def take(self, groups: Groups, gone: Iterable[tuple[LinkSubject, Variant, int]]) -> None:
        """Takes the links that there are now; what is known of those that are `gone` (by seed) is forgotten."""
        for subject, variant, seed in gone:
            for group in _groups(subject, variant):
                if links := self._groups.get(group):
                    links.forget(seed)
        former, self._groups = self._groups, {}
        for group, members in groups.items():
            links = self._groups[group] = former.get(group) or _Links()
            links.members = members

    def see(self, result: Result, seed: int) -> None:
        """Takes the newest result of a link; one that was skipped says nothing."""
        if not isinstance(result.subject, LinkSubject) or result.outcome is Outcome.SKIPPED:
            return
        for group in _groups(result.subject, result.variant):
            if links := self._groups.get(group):
                links.note(seed, result.outcome is Outcome.FAILURE and result.blame is group[1])

    def slowed(self, subject: LinkSubject, variant: Variant, seed: int) -> bool:
        """Whether the link is to run in every fourth round only."""
        for group in _groups(subject, variant):
            links = self._groups.get(group)
            if links is None or not links.backed_off or seed not in links.verdicts:
                continue
            canary = links.canary
            if canary is None or canary.seed != seed:
                return True
        return False


def groups_of(members: Iterable[tuple[LinkSubject, Variant, Member]]) -> Groups:
    """The groups of these links, the members of each by their hash."""
    found: Groups = {}
    for subject, variant, member in members:
        for group in _groups(subject, variant):
            found.setdefault(group, []).append(member)
    for mine in found.values():
        mine.sort(key=lambda member: member.seed)
    return found


def _groups(subject: LinkSubject, variant: Variant) -> tuple[Group, Group]:
    return (subject.source, Blame.SOURCE, variant), (subject.destination, Blame.DESTINATION, variant)
