"""The results that the engine makes itself, for probes that came to no verdict of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tpcharness.model.endpoint import Link
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.reason import Reason
from tpcharness.model.result import Alternative, Result
from tpcharness.model.seams import Clock
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.payload.lock import StateUnusable


@dataclass(frozen=True, slots=True)
class StandIns:
    """Makes results in the name of one run."""

    run_id: str
    clock: Clock
    new_probe_id: Callable[[], str]

    def not_reached(self, probe: PlannedProbe) -> Result:
        """The run ended before its turn came."""
        return self._make(probe, self.new_probe_id(), 1, Outcome.SKIPPED, Reason.NOT_REACHED, Blame.NOBODY)

    def cancelled(self, probe: PlannedProbe, probe_id: str, attempt: int) -> Result:
        """The run ended while it was under way."""
        return self._make(probe, probe_id, attempt, Outcome.SKIPPED, Reason.CANCELLED, Blame.NOBODY)

    def internal(self, probe: PlannedProbe, probe_id: str, attempt: int, error: BaseException) -> Result:
        """Our own bug. Only the exception's type is told: its text may hold anything."""
        hint = f"{type(error).__name__} inside tpcharness; the log has the details"
        return self._make(probe, probe_id, attempt, Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT, hint=hint)

    def unnoted(self, probe: PlannedProbe, probe_id: str, attempt: int, error: StateUnusable) -> Result:
        """Our disk did not take the note that must come before a file; the message of ours says what to do."""
        hint = str(error)
        return self._make(probe, probe_id, attempt, Outcome.ERROR, Reason.STATE_UNWRITABLE, Blame.CLIENT, hint=hint)

    def endpoint_down(self, probe: PlannedProbe, doors: Sequence[Result]) -> Result:
        """Not tried, because of these failed doors (source's first, at least one).

        Who has to act is who has to for the door: the endpoint in its role here, unless the door's failure is the
        issuer's, the path's or our own. Where those of several doors differ, the others stand in `alternatives`.
        """
        first, *others = dict.fromkeys(_blame_in_link(probe, door) for door in doors)
        return self._make(
            probe,
            self.new_probe_id(),
            1,
            Outcome.SKIPPED,
            Reason.ENDPOINT_DOWN,
            first,
            alternatives=tuple(Alternative(Reason.ENDPOINT_DOWN, blame) for blame in others),
            hint=" ".join(f"{_called(door)}: {door.reason.info.sentence}" for door in doors),
        )

    def _make(
        self,
        probe: PlannedProbe,
        probe_id: str,
        attempt: int,
        outcome: Outcome,
        reason: Reason,
        blame: Blame,
        *,
        alternatives: tuple[Alternative, ...] = (),
        hint: str = "",
    ) -> Result:
        return Result(
            run_id=self.run_id,
            probe_id=probe_id,
            subject=probe.subject.subject,
            variant=probe.variant,
            size_bytes=probe.size_bytes,
            started_at=self.clock.now(),
            attempt=attempt,
            outcome=outcome,
            reason=reason,
            blame=blame,
            alternatives=alternatives,
            hint=hint,
        )


def _called(door: Result) -> str:
    return str(door.subject) if door.variant is Variant.DOOR else f"{door.variant} of {door.subject}"


def _blame_in_link(probe: PlannedProbe, door: Result) -> Blame:
    # To a door its endpoint is always the destination; in the link it may be the source.
    if door.blame is not Blame.DESTINATION or not isinstance(probe.subject, Link):
        return door.blame
    return Blame.SOURCE if door.subject == probe.subject.source.subject else Blame.DESTINATION
