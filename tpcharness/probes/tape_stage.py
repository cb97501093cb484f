"""One registered file from tape to disk, with everything that belongs to it, and the clean-up. Opt-in: it is dear."""

from __future__ import annotations

from urllib.parse import quote

from tpcharness.diagnosis.tape_verdict import judge_info
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Phase, Variant
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.payload.tape_requests import OpenRequest, TapeRequests
from tpcharness.probes.tape_attempt import TapeAttempt
from tpcharness.wire.tape.archive_info import FileInfo, Locality
from tpcharness.wire.tape.discovery import TapeService


class TapeStageProbe:
    """Stages one registered file, polls until it is on disk, reads its first byte, releases and deletes.

    A file that is on tape only is preferred: with one that is on disk already nothing is measured, and a warning says
    so. Nothing is read before the service says that it is on disk: dCache would recall it for a GET.
    """

    variant = Variant.TAPE_STAGE

    def __init__(self, errands: TapeErrands, requests: TapeRequests) -> None:
        self._errands = errands
        self._requests = requests

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint. When cancelled, ends its request first."""
        attempt = TapeAttempt.begin(self.variant, subject, context)
        service = await attempt.discover(self._errands)
        if service is not None and not service.can_stage:
            attempt.fail(Failure(Reason.TAPE_UNSUPPORTED, f"it publishes {service.version}, which stages nothing"))
        elif service is not None:
            await self._stage(attempt, service)
        return attempt.result()

    async def _stage(self, attempt: TapeAttempt, service: TapeService) -> None:
        with attempt.trail.enter(Phase.REQUEST):
            path = await self._choose(attempt, service)
            if path is None:
                return
            request = await self._requests.open(attempt.endpoint, service, (path,), attempt.trail)
        if isinstance(request, Failure):
            attempt.fail(request)
            return
        try:
            await self._follow(attempt, request, path)
        finally:
            with attempt.trail.enter(Phase.CLEANUP):
                left = await self._requests.close(request, attempt.trail)
        if left is not None:
            attempt.fail(left)

    async def _choose(self, attempt: TapeAttempt, service: TapeService) -> str | None:
        """The file to stage; None when the first of them is in a bad way."""
        files = attempt.endpoint.tape_files
        infos = await attempt.archive_info(self._errands, service, files)
        if not attempt.ok:
            return None
        good = {path: infos[path] for path in files if judge_info(path, infos[path]) is None}
        if not good:
            attempt.fail(judge_info(files[0], infos[files[0]]) or Failure(Reason.TAPE_FILE_UNAVAILABLE))
            return None
        path = next((path for path, info in good.items() if _cold(info)), next(iter(good)))
        if not _cold(good[path]):
            attempt.warnings.append(f"{path} was on disk already: how long a recall takes was not measured")
        return path

    async def _follow(self, attempt: TapeAttempt, request: OpenRequest, path: str) -> None:
        attempt.warnings.extend(request.receipt.deviations)
        if not request.receipt.sound:
            attempt.fail(
                Failure(Reason.TAPE_INVALID, "the receipt names no requestId: FTS cannot follow such a request")
            )
            return
        with attempt.trail.enter(Phase.TRANSFER):
            staging = await self._requests.follow(request, attempt.trail)
        attempt.warnings.extend(staging.deviations)
        if staging.failure is not None:
            attempt.fail(staging.failure)
            return
        attempt.stage_seconds = staging.online_seconds
        with attempt.trail.enter(Phase.VERIFY):
            file = PayloadFile(attempt.endpoint, quote(path))
            unreadable = await self._errands.read_a_byte(file, path, attempt.trail)
        if unreadable is not None:
            attempt.fail(unreadable)


def _cold(info: FileInfo | None) -> bool:
    return info is not None and info.locality is Locality.TAPE
