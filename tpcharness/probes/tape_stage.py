"""One registered file from tape to disk, with everything that belongs to it, and the clean-up. Opt-in: it is dear."""

from __future__ import annotations

from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Variant
from tpcharness.probes.tape_attempt import TapeAttempt
from tpcharness.probes.tape_staging import Stager


class TapeStageProbe:
    """Stages one registered file, sees that its first byte can be read, releases and deletes: no copy is made of it."""

    variant = Variant.TAPE_STAGE

    def __init__(self, stager: Stager) -> None:
        self._stager = stager

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint. When cancelled, ends its request first."""
        attempt = TapeAttempt.begin(self.variant, subject, context)
        async with self._stager.staged(attempt):
            pass
        return attempt.result()
