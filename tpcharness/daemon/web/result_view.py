"""One result as the probe page tells it: who has to act, where the time went, which exchange decided."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.export.failure_text import deciding_exchange
from tpcharness.export.standing import NOT_ENDPOINTS
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Exchange, Markers, Result
from tpcharness.model.variant import Blame, Outcome, Phase

_BAR = 1000.0
_LEAST = 4.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """One phase in the bar: from `x` on, `width` wide, of 1000 in all."""

    phase: Phase
    seconds: float
    x: float
    width: float
    tone: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """What templates ask of a result. `complete` says whether its exchanges are known here."""

    result: Result
    complete: bool

    @property
    def bad(self) -> bool:
        return self.result.outcome in (Outcome.FAILURE, Outcome.ERROR)

    @property
    def ends(self) -> tuple[str, ...]:
        subject = self.result.subject
        return (subject.source, subject.destination) if isinstance(subject, LinkSubject) else (subject.endpoint,)

    @property
    def title(self) -> str:
        return " \u2192 ".join(self.ends)

    def party(self, blame: Blame) -> str:
        """Who has to act, by name where it is an endpoint."""
        subject = self.result.subject
        if isinstance(subject, LinkSubject):
            named = {Blame.SOURCE: subject.source, Blame.DESTINATION: subject.destination}
            if blame in named:
                return f"{named[blame]}, the {blame.value}"
        elif blame is Blame.DESTINATION:
            return subject.endpoint
        return NOT_ENDPOINTS.get(blame, "nobody" if blame is Blame.NOBODY else "not certain")

    def named(self, blame: Blame) -> str:
        """The endpoint that has to act, empty where it is none."""
        if blame is Blame.SOURCE:
            return self.ends[0]
        return self.ends[-1] if blame is Blame.DESTINATION else ""

    @property
    def deciding(self) -> Exchange | None:
        return deciding_exchange(self.result)

    @property
    def has_markers(self) -> bool:
        return self.result.markers != Markers()

    @property
    def bar(self) -> list[Stretch]:
        """The phases in the order of time; even the shortest can be seen."""
        known = [(phase, self.result.phases[phase]) for phase in Phase if phase in self.result.phases]
        total = sum(seconds for _, seconds in known) or 1.0
        room = _BAR - _LEAST * len(known)
        found, x = [], 0.0
        for number, (phase, seconds) in enumerate(known):
            width = _LEAST + room * max(0.0, seconds) / total
            tone = "failing" if self.bad and phase is self.result.phase else f"tone{number % 3}"
            found.append(Stretch(phase, seconds, round(x, 1), round(max(width - 1.5, 1.0), 1), tone))
            x += width
        return found


def tested(result: Result) -> bool:
    """Whether anything was tried at all."""
    return result.outcome is not Outcome.SKIPPED
