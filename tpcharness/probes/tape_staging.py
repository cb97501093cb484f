"""One registered file from tape to disk, and held there: the common part of a stage by itself and of a recall."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from tpcharness.diagnosis.tape_verdict import judge_info
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.tape_errands import TapeErrands
from tpcharness.payload.tape_requests import READING_SECONDS, OpenRequest, TapeRequests
from tpcharness.probes.tape_attempt import TapeAttempt
from tpcharness.wire.tape.archive_info import ArchiveInfo, FileInfo, Locality
from tpcharness.wire.tape.discovery import TapeService


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that a request of ours holds on disk, and whose first byte was read.

    `locality` is what archiveinfo called it when it had come; None when it did not say.
    """

    service: TapeService
    path: str
    file: PayloadFile
    locality: Locality | None


class Stager:
    """Stages one registered file, polls until it is on disk, reads its first byte, and ends the request afterwards.

    A file that is on tape only is preferred: with one that is on disk already nothing is measured, and a warning says
    so. Nothing is read before the service says that it is on disk: dCache would recall it for a GET.
    """

    def __init__(self, errands: TapeErrands, requests: TapeRequests) -> None:
        self._errands = errands
        self._requests = requests

    @asynccontextmanager
    async def staged(
        self, attempt: TapeAttempt, *, first: int = 0, use_seconds: int = READING_SECONDS
    ) -> AsyncIterator[Staged | None]:
        """A file on disk for the length of the block, None where there is none: the attempt knows why.

        The look for one that is on tape only begins with the `first` registered file. The request is ended however
        the block is left; one that is cancelled while it is opened waits for its name first.
        """
        async with self._requests.turn(attempt.endpoint, attempt.trail):
            service = await attempt.discover(self._errands)
            if service is not None and not service.can_stage:
                attempt.fail(Failure(Reason.TAPE_UNSUPPORTED, f"it publishes {service.version}, which stages nothing"))
                service = None
            opened = None if service is None else await self._open(attempt, service, first, use_seconds)
            if opened is None:
                yield None
                return
            try:
                yield await self._follow(attempt, opened)
            finally:
                with attempt.trail.enter(Phase.CLEANUP):
                    left = await self._requests.close(opened, attempt.trail)
                if left is not None:
                    attempt.fail(left)

    async def _open(
        self, attempt: TapeAttempt, service: TapeService, first: int, use_seconds: int
    ) -> OpenRequest | None:
        with attempt.trail.enter(Phase.REQUEST):
            path = await self._choose(attempt, service, first)
            if path is None:
                return None
            request = await self._requests.open(
                attempt.endpoint, service, (path,), attempt.trail, use_seconds=use_seconds
            )
        if isinstance(request, Failure):
            attempt.fail(request)
            return None
        return request

    async def _choose(self, attempt: TapeAttempt, service: TapeService, first: int) -> str | None:
        """The file to stage; None when all of them are in a bad way."""
        registered = attempt.endpoint.tape_files
        start = first % len(registered)
        files = (*registered[start:], *registered[:start])
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

    async def _follow(self, attempt: TapeAttempt, request: OpenRequest) -> Staged | None:
        attempt.warnings.extend(request.receipt.deviations)
        if not request.receipt.sound:
            attempt.fail(
                Failure(Reason.TAPE_INVALID, "the receipt names no requestId: FTS cannot follow such a request")
            )
            return None
        with attempt.trail.enter(Phase.TRANSFER):
            staging = await self._requests.follow(request, attempt.trail)
        attempt.warnings.extend(staging.deviations)
        if staging.failure is not None:
            attempt.fail(staging.failure)
            return None
        attempt.stage_seconds = staging.online_seconds
        (path,) = request.paths
        file = PayloadFile(attempt.endpoint, quote(path))
        staged = Staged(request.service, path, file, None)
        staged = replace(staged, locality=await self.locality(staged, attempt.trail))
        with attempt.trail.enter(Phase.VERIFY):
            unreadable = await self._errands.read_a_byte(file, path, attempt.trail)
        if unreadable is not None:
            attempt.fail(unreadable)
            return None
        if staged.locality is not None and not staged.locality.on_disk:
            attempt.warnings.append(f"archiveinfo calls {path} {staged.locality}, though it was staged and can be read")
        return staged

    async def locality(self, staged: Staged, trail: Trail) -> Locality | None:
        """Where the tape service says the file is now; None when it does not say."""
        with trail.enter(Phase.VERIFY):
            answer = await self._errands.archive_info(
                staged.file.endpoint, staged.service, (staged.path,), trail, Phase.VERIFY
            )
        info = answer.of(staged.path) if isinstance(answer, ArchiveInfo) else None
        return None if info is None else info.locality


def _cold(info: FileInfo | None) -> bool:
    return info is not None and info.locality is Locality.TAPE
