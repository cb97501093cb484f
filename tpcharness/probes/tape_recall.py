"""From tape at the source to disk at the destination: stage, third-party copy in pull mode, release. It is dear."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial

from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.copying import CopyRun
from tpcharness.probes.https_transfer import HttpsTransfer
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.tape_attempt import TapeAttempt
from tpcharness.probes.tape_staging import Staged, Stager
from tpcharness.probes.verification import MAX_READBACK_BYTES
from tpcharness.tokens.roles import Role
from tpcharness.wire.digest import Adler32

_DAMAGE = frozenset({Reason.SIZE_MISMATCH, Reason.CHECKSUM_MISMATCH})


@dataclass(frozen=True, slots=True)
class Recalled:
    """A registered file, and what its own storage says stands in it."""

    file: PayloadFile
    size: int
    adler32: str


class TapeRecallProbe:
    """Stages a registered file at the source of a link, lets the destination fetch it, and ends the request.

    What goes wrong with the staging is the source's; the copy is judged as that of `https-pull`. In the result the
    phase `transfer` has both, `transfer_seconds` the copy alone.
    """

    variant = Variant.TAPE_RECALL

    def __init__(
        self,
        transfer: HttpsTransfer,
        stager: Stager,
        errands: Errands,
        payload: PayloadStore,
        names: PayloadNames,
        servers: ServerBook,
        *,
        use_seconds: int,
    ) -> None:
        self._transfer = transfer
        self._stager = stager
        self._errands = errands
        self._payload = payload
        self._names = names
        self._servers = servers
        self._use_seconds = use_seconds

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result. When cancelled it removes the copy and ends the request first; the ledger knows what is left.

        Raises TypeError for what is no link, ValueError for a source without registered files: plans hold neither.
        """
        if not isinstance(subject, Link):
            raise TypeError(f"{self.variant} probes links, not {subject!r}")
        if not subject.source.tape_files:
            raise ValueError(f"endpoint {subject.source.name} has no registered files on tape")
        attempt = CopyAttempt[CopyRun].begin(self.variant, subject, context)
        await attempt.see(self._recall(attempt))
        self._servers.learn(subject.source, attempt.trail.exchanges)
        self._servers.learn(subject.destination, attempt.trail.exchanges)
        return attempt.result(self._servers)

    async def _recall(self, attempt: CopyAttempt[CopyRun]) -> None:
        """The destination's directory comes first: no tape is mounted for a copy that has nowhere to go."""
        link, trail = attempt.link, attempt.trail
        with trail.enter(Phase.PREPARE):
            no_place = await self._payload.ensure_directory(link.destination, trail)
        if no_place is not None:
            attempt.verdict = of_failure(no_place, Blame.DESTINATION)
            return
        tape = TapeAttempt(self.variant, link.source, attempt.context, trail, attempt.started_at, blame=Blame.SOURCE)
        async with self._stager.staged(tape, first=_first(attempt), use_seconds=self._use_seconds) as staged:
            if staged is not None:
                await self._copy(attempt, tape, staged)
        tape.hand_over(attempt)

    async def _copy(self, attempt: CopyAttempt[CopyRun], tape: TapeAttempt, staged: Staged) -> None:
        with attempt.trail.enter(Phase.VERIFY):
            original = await self._look(staged, attempt.trail)
        if isinstance(original, Failure):
            tape.fail(original)
            return
        attempt.size = original.size
        context = attempt.context
        file = self._names.destination(attempt.link.destination, context.probe_id, context.attempt)
        doubt = partial(self._doubt, staged, attempt.trail)
        await self._transfer.copy(attempt, original, file, doubt=doubt)

    async def _look(self, staged: Staged, trail: Trail) -> Recalled | Failure:
        """What must arrive: size and adler32 as the source tells them, or else of what it gives us to read."""
        sight = await self._errands.look(Role.READ, staged.file, trail, Phase.VERIFY)
        if isinstance(sight, Failure):
            return sight
        if not sight.present:
            return Failure(Reason.STAGED_UNREADABLE, f"the tape service knows {staged.path}, the door does not")
        if sight.size is None:
            return Failure(Reason.MALFORMED_RESPONSE, f"the source tells no size of {staged.path}")
        if sight.digest is not None:
            return Recalled(staged.file, sight.size, sight.digest.hex)
        return await self._read(staged, sight.size, trail)

    async def _read(self, staged: Staged, size: int, trail: Trail) -> Recalled | Failure:
        """The same from the bytes, up to 64 MiB."""
        if size > MAX_READBACK_BYTES:
            detail = f"the source tells no adler32 of {staged.path}, which is too big to be read for it"
            return Failure(Reason.CHECKSUM_UNAVAILABLE, detail)
        adler, count = Adler32(), 0

        def take(data: bytes) -> None:
            nonlocal count
            count += len(data)
            adler.update(data)

        answer = await self._errands.ask(
            Role.READ,
            "GET",
            staged.file.endpoint,
            staged.file.path,
            trail,
            Phase.VERIFY,
            max_body=size + 1,
            body_sink=take,
        )
        if isinstance(answer, Failure):
            return answer
        if count != size:
            return Failure(Reason.STAGED_UNREADABLE, f"{count} of the {size} bytes of {staged.path} can be read")
        return Recalled(staged.file, size, adler.hexdigest())

    async def _doubt(self, staged: Staged, trail: Trail, verdict: Verdict) -> Verdict:
        """Whether the file is on disk still: one that was taken from under our request explains a copy that failed.

        It is asked for nothing that is certainly another's, and before anybody reads the file: a GET of one that is
        on tape only may recall it again. A service that did not call it on disk when it had come proves nothing.
        """
        suspects = {verdict.blame, *(alternative.blame for alternative in verdict.alternatives)}
        if not suspects & {Blame.SOURCE, Blame.UNDETERMINED, Blame.PATH} and verdict.reason not in _DAMAGE:
            return verdict
        before, now = staged.locality, await self._stager.locality(staged, trail)
        if before is None or now is None or now.on_disk or not before.on_disk:
            return verdict
        hint = f"{staged.path} was {before} for our request, and now it is {now}; the copy: {verdict.reason}"
        return Verdict(Reason.STAGED_UNREADABLE, Blame.SOURCE, hint=hint)


def _first(attempt: CopyAttempt[CopyRun]) -> int:
    """With which registered file to begin: another one each day, and spread over the destinations."""
    return attempt.started_at.toordinal() + zlib.crc32(attempt.link.destination.name.encode())
