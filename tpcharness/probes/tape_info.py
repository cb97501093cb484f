"""The cheap look at a tape service: is it there, does it know the registered files, does it say no where it must?"""

from __future__ import annotations

from tpcharness.diagnosis.tape_verdict import judge_info, judge_missing, remark_on_info
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Phase, Variant
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.probes.tape_attempt import TapeAttempt
from tpcharness.wire.tape.discovery import TapeService

MISSING = "tpcharness-no-such-file"
NO_REQUEST = "tpcharness-no-such-request"

_NOT_KNOWN = frozenset({401, 403, 404, 410})


class TapeInfoProbe:
    """Discovery, archiveinfo of the registered files and of one that does not exist, a poll that must be refused.

    Nothing is staged, no tape is mounted.
    """

    variant = Variant.TAPE_INFO

    def __init__(self, errands: TapeErrands) -> None:
        self._errands = errands

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint."""
        attempt = TapeAttempt.begin(self.variant, subject, context)
        service = await attempt.discover(self._errands)
        if service is not None:
            with attempt.trail.enter(Phase.REQUEST):
                await self._ask(attempt, service)
        return attempt.result()

    async def _ask(self, attempt: TapeAttempt, service: TapeService) -> None:
        files = attempt.endpoint.tape_files
        missing = f"{files[0].rpartition('/')[0]}/{MISSING}"
        infos = await attempt.archive_info(self._errands, service, (*files, missing))
        if not attempt.ok:
            return
        for path in files:
            info = infos.get(path)
            if failure := judge_info(path, info):
                attempt.fail(failure)
            elif info is not None and (remark := remark_on_info(path, info)):
                attempt.warnings.append(remark)
        if failure := judge_missing(missing, infos.get(missing)):
            attempt.fail(failure)
        if attempt.ok and service.can_stage:
            status = await self._errands.status_of_unknown(attempt.endpoint, service, NO_REQUEST, files, attempt.trail)
            if status not in _NOT_KNOWN:
                said = f"status {status}" if status else "no answer"
                attempt.warnings.append(f"a poll of a request that never was got {said} in place of 404")
