"""When a state is believed: a change counts when it was seen several times in a row. Pure.

Asked twice of each result: by the service for what it tells now, and by the history for what the next life of the
service has to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tpcharness.model.variant import Outcome


class Verdict(Protocol):
    """What counts of a result that was not skipped; a `Result` is one."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def code(self) -> int: ...


V = TypeVar("V", bound=Verdict)


@dataclass(frozen=True, slots=True)
class Belief(Generic[V]):
    """What is thought of one probe. `believed` is the newest verdict of the confirmed state, None before there is one.

    `in_a_row` counts verdicts of the latest outcome, `same_code` those that also agree on reason and blame.
    """

    latest: V
    in_a_row: int
    same_code: int
    believed: V | None

    def pending(self, wanted: int) -> bool:
        """Whether the latest verdict disagrees with the confirmed state, and is still to be confirmed."""
        believed = self.believed
        return self.in_a_row < wanted and (believed is None or believed.outcome is not self.latest.outcome)

    @property
    def unshaken(self) -> bool:
        """Whether all is well, and was at the last look: what the latest verdict alone would say too."""
        return self.believed is self.latest and self.latest.outcome is Outcome.OK


def seen(before: Belief[V] | None, verdict: V, wanted: int) -> Belief[V]:
    """What is thought after one more verdict; None before the first. `wanted` in a row confirm a state, 1 or more.

    A state is an outcome: a link that times out now and is reset then is failing all the same. Its reason is that of
    the newest result, unless the confirmed state has another one that was not yet contradicted so many times in a
    row; so an alert does not change its name with each look. A probe's very first ok needs no confirmation.
    """
    if before is None:
        in_a_row = same_code = 1
        believed = None
    else:
        in_a_row = before.in_a_row + 1 if before.latest.outcome is verdict.outcome else 1
        same_code = before.same_code + 1 if before.latest.code == verdict.code else 1
        believed = before.believed
    if believed is None:
        settled = verdict.outcome is Outcome.OK or in_a_row >= wanted
    elif believed.outcome is not verdict.outcome:
        settled = in_a_row >= wanted
    else:
        settled = believed.code == verdict.code or same_code >= wanted
    return Belief(verdict, in_a_row, same_code, verdict if settled else believed)
