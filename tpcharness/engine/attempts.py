"""One attempt of one probe, guarded: whatever happens in it, one result comes out. What runner and service share."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from tpcharness.engine.stand_in import StandIns
from tpcharness.model.plan import PlannedProbe
from tpcharness.model.progress import Observer, ProbeStarted
from tpcharness.model.result import Result
from tpcharness.model.seams import Clock, Probe, ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Variant
from tpcharness.payload.lock import StateUnusable

log = logging.getLogger(__name__)

current_probe: ContextVar[str] = ContextVar("current_probe", default="")
"""The id of the probe that the running task works for: a log line's place in the story."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes attempts in the name of one run; `new_probe_id` gives names that are unique in it."""

    run_id: str
    clock: Clock
    observer: Observer
    new_probe_id: Callable[[], str]
    stand_ins: StandIns = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stand_ins", StandIns(self.run_id, self.clock, self.new_probe_id))

    async def attempt(
        self,
        probes: Mapping[Variant, Probe],
        planned: PlannedProbe,
        probe_id: str,
        *,
        attempt: int = 1,
        queued_seconds: float = 0.0,
    ) -> Result:
        """The attempt's result: that of the probe, or a stand-in for one that was cancelled or has a bug.

        Never raises, and does not pass a cancellation on: a probe that is cancelled cleans up and is `cancelled`.
        """
        context = ProbeContext(
            self.run_id, probe_id, attempt, planned.size_bytes, queued_seconds, self.clock, self.observer
        )
        current_probe.set(probe_id)
        self.observer.notice(ProbeStarted(probe_id, label(planned)))
        try:
            return await probes[planned.variant].run(planned.subject, context)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                return self.stand_ins.cancelled(planned, probe_id, attempt)
            # Nobody cancelled us: it leaked out of something that the probe awaited.
            _log_bug(planned, error)
            return self.stand_ins.internal(planned, probe_id, attempt, error)
        except StateUnusable as error:  # no bug, though ours: without our notes nothing may be sent
            log.error("%s: %s", label(planned), error)  # noqa: TRY400 - no place in the code is to blame
            return self.stand_ins.unnoted(planned, probe_id, attempt, error)
        except Exception as error:  # the one place where a bug in a probe must not end the run
            _log_bug(planned, error)
            return self.stand_ins.internal(planned, probe_id, attempt, error)


def check_variants(probes: Mapping[Variant, Probe], planned: Iterable[Variant]) -> None:
    """Raises ValueError when something is planned that nobody can probe."""
    if missing := set(planned) - probes.keys():
        raise ValueError(f"no probe for {', '.join(sorted(missing))}")


def label(planned: PlannedProbe) -> str:
    """A planned probe for people: names of tasks, progress, log."""
    return f"{planned.subject.subject} {planned.variant}"


def _log_bug(planned: PlannedProbe, error: BaseException) -> None:
    # Redacted: an exception's text may quote what a server sent.
    log.error("bug in the probe of %s\n%s", label(planned), redact("".join(traceback.format_exception(error))))
