"""What is known of one look at a tape service while it goes on, and the Result that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tpcharness.diagnosis.outcome import outcome_of
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, Implementation, Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.secret import redact
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.trail import Trail
from tpcharness.payload.tape_errands import Discovered, TapeErrands
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.wire.tape.archive_info import ArchiveInfo, FileInfo
from tpcharness.wire.tape.discovery import TapeService

_OK = Verdict(Reason.OK, Blame.NOBODY)


@dataclass(slots=True)
class TapeAttempt:
    """One attempt. The verdict is good until something is found, and the first finding stays.

    `blame` is who bears what the tape service does wrong: it is the source where the attempt is a part of a copy.
    """

    variant: Variant
    endpoint: Endpoint
    context: ProbeContext
    trail: Trail
    started_at: datetime
    verdict: Verdict = _OK
    warnings: list[str] = field(default_factory=list)
    stage_seconds: float | None = None
    blame: Blame = Blame.DESTINATION

    @classmethod
    def begin(cls, variant: Variant, subject: Endpoint | Link, context: ProbeContext) -> TapeAttempt:
        """Raises TypeError for a link, ValueError for an endpoint without registered files: plans hold neither."""
        if not isinstance(subject, Endpoint):
            raise TypeError(f"{variant} is about an endpoint, not {subject!r}")
        if not subject.tape_files:
            raise ValueError(f"endpoint {subject.name} has no registered files on tape")
        trail = Trail(context.probe_id, context.observer)
        trail.add(Phase.QUEUED, context.queued_seconds)
        return cls(variant, subject, context, trail, context.clock.now())

    @property
    def ok(self) -> bool:
        return self.verdict.reason is Reason.OK

    def fail(self, failure: Failure) -> None:
        """What has no blame of its own is the storage's, or the issuer's where no token came."""
        if self.ok:
            issuer = failure.reason.phase is Phase.TOKEN
            self.verdict = of_failure(failure, Blame.ISSUER if issuer else self.blame)
        else:
            self.warnings.append(f"{failure.reason}: {failure.detail}")

    async def discover(self, errands: TapeErrands) -> TapeService | None:
        """The service, the highest version first; None when there is none to be asked."""
        with self.trail.enter(Phase.PREPARE):
            found = await errands.discover(self.endpoint, self.trail)
        if not isinstance(found, Discovered):
            self.fail(found)
            return None
        self.warnings.extend(found.document.deviations)
        if found.needed_token:
            self.warnings.append("the discovery document is shown to token holders only")
        return found.document.services[0]

    async def archive_info(
        self, errands: TapeErrands, service: TapeService, paths: tuple[str, ...]
    ) -> dict[str, FileInfo | None]:
        """What archiveinfo says of each path; None for what it leaves out even when it is asked again.

        A service may answer for fewer paths than it was asked for, when there are too many (specification).
        """
        infos: dict[str, FileInfo | None] = {}
        asked = paths
        for _ in range(2):
            answer = await errands.archive_info(self.endpoint, service, asked, self.trail, Phase.REQUEST)
            if not isinstance(answer, ArchiveInfo):
                self.fail(answer)
                return infos
            self.warnings.extend(answer.deviations)
            infos |= {path: answer.of(path) for path in asked}
            asked = tuple(path for path in paths if infos[path] is None)
            if not asked:
                break
        return infos

    def hand_over(self, attempt: CopyAttempt[Any]) -> None:
        """Gives what was found to the attempt to copy that this is a part of; what came first is its verdict."""
        attempt.warnings[:0] = dict.fromkeys(map(redact, self.warnings))
        if attempt.good:
            attempt.verdict = self.verdict
        elif not self.ok and self.verdict is not attempt.verdict:
            attempt.warnings.append(redact(f"{self.verdict.reason}: {self.verdict.hint}"))

    def result(self) -> Result:
        """The record of it. `transfer_seconds` is how long a file took from tape, where one came."""
        context, verdict = self.context, self.verdict
        servers = (exchange.server for exchange in self.trail.exchanges if exchange.server)
        return Result(
            run_id=context.run_id,
            probe_id=context.probe_id,
            subject=self.endpoint.subject,
            variant=self.variant,
            size_bytes=context.size_bytes,
            started_at=self.started_at,
            attempt=context.attempt,
            outcome=outcome_of(verdict.reason, verdict.blame),
            reason=verdict.reason,
            blame=verdict.blame,
            alternatives=verdict.alternatives,
            hint="" if self.ok else redact(verdict.hint or verdict.reason.info.fix),
            warnings=tuple(dict.fromkeys(map(redact, self.warnings))),
            phases=self.trail.phases,
            transfer_seconds=self.stage_seconds,
            evidence=Evidence(tuple(self.trail.exchanges), tuple(self.trail.tokens)),
            implementation=Implementation((), tuple(dict.fromkeys(servers))),
        )
