"""Third-party copy by xroot: the destination pulls from the source; seed, tokens, copy, verification, clean-up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.diagnosis.xroot_verdict import is_before_asking, judge_root_copy
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.seams import ProbeContext, Token, TokenSource
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.trail import Trail
from tpcharness.net.xroot import XrootClient, XrootVisit
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.control import Control
from tpcharness.probes.role_token import role_token
from tpcharness.probes.root_files import read_back, read_through, remove, root_path, root_target, verify
from tpcharness.probes.root_transfer import LOOK_SECONDS, RootRun, RootTransfer
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import MAX_READBACK_BYTES, Verification
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode
from tpcharness.wire.fingerprint import Implementation
from tpcharness.wire.xroot.opaque import RootUrl

MAX_CONTROL_BYTES = 64 * 1024

# What a source that is down, mute or stalled may have brought about, as the destination sees it.
_BETWEEN_THE_TWO = frozenset(
    {
        Reason.PASSIVE_DNS_FAILURE,
        Reason.PASSIVE_REFUSED,
        Reason.PASSIVE_STALLED,
        Reason.PASSIVE_CUT,
        Reason.PASSIVE_ERROR,
        Reason.TRANSFER_FAILED,
        Reason.NO_FIRST_BYTE,
        Reason.NO_PROGRESS,
        Reason.DEADLINE,
    }
)
_DAMAGE = frozenset({Reason.SIZE_MISMATCH, Reason.CHECKSUM_MISMATCH})
_OUT_OF_ORDER = frozenset(
    {Reason.NO_RESPONSE, Reason.CONNECTION_LOST, Reason.MALFORMED_RESPONSE, Reason.SERVER_ERROR, Reason.LOCAL_IO_ERROR}
)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both parties of one copy, with the files as the root doors call them."""

    source: XrootVisit
    destination: XrootVisit
    source_path: str
    destination_path: str
    reading: Token
    writing: Token
    same_paths: bool


class RootCopyProbe:
    """Copies a seed from the source of a link to a new file at its destination by xroot, and takes it away again.

    Seeds and ledger are those of the https probes: both doors of an endpoint lead to the same files. Nothing but the
    third-party copy is tried (design 5.2).
    """

    variant = Variant.ROOT_PULL

    def __init__(
        self,
        client: XrootClient,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        control: Control,
        servers: ServerBook,
        limits: TimeLimits,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._payload = payload
        self._names = names
        self._control = control
        self._servers = servers
        self._limits = limits
        self._look_seconds = look_seconds
        self._queueing: set[str] = set()

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result. When cancelled before there is a verdict it cleans up within its limits and passes the
        cancellation on; what it could not clean stays in the ledger.
        """
        if not isinstance(subject, Link) or not subject.source.root or not subject.destination.root:
            raise TypeError(f"{self.variant} probes links between root doors, not {subject!r}")
        attempt = CopyAttempt[RootRun].begin(self.variant, subject, context)
        await attempt.go(self._payload, self._copy)
        return attempt.result(self._servers)

    async def _copy(self, attempt: CopyAttempt[RootRun], seed: Seed) -> None:
        """Everything from the tokens on, with the clean-up that each way out needs."""
        link, context, trail = attempt.link, attempt.context, attempt.trail
        file = self._names.destination(link.destination, context.probe_id, context.attempt)
        with trail.enter(Phase.TOKEN):
            reading = await role_token(self._tokens, Role.READ, seed.file, trail)
            writing = await role_token(self._tokens, Role.WRITE, file, trail)
        for token in (reading, writing):
            if isinstance(token, Failure):
                attempt.verdict = of_failure(token, Blame.ISSUER)
        if isinstance(reading, Failure) or isinstance(writing, Failure):
            return
        await self._payload.register(file)
        try:
            async with self._visits(seed.file, file, reading, writing, trail) as ends:
                await self._transfer(attempt, seed, file, ends)
                attempt.warnings.extend((*ends.source.setbacks, *ends.destination.setbacks))
            attempt.judged = True
        finally:
            await self._clean(attempt, file)

    @asynccontextmanager
    async def _visits(
        self, source: PayloadFile, destination: PayloadFile, reading: Token, writing: Token, trail: Trail
    ) -> AsyncIterator[_Ends]:
        """Connections to both root doors; leaving ends whatever goes on over them."""
        from_url, to_url = RootUrl.parse(source.endpoint.root), RootUrl.parse(destination.endpoint.root)
        async with (
            self._client.visit(root_target(source.endpoint, from_url, reading.secret), trail) as giving,
            self._client.visit(root_target(destination.endpoint, to_url, writing.secret), trail) as taking,
        ):
            paths = root_path(source, from_url), root_path(destination, to_url)
            same = paths == (unquote(source.path), unquote(destination.path))
            yield _Ends(giving, taking, *paths, reading, writing, same)

    async def _transfer(self, attempt: CopyAttempt[RootRun], seed: Seed, file: PayloadFile, ends: _Ends) -> None:
        """The copy, its verdict or its verification, and the removal by the same door."""
        name = file.endpoint.name
        self._servers.learn(attempt.link.source, attempt.trail.exchanges)
        transfer = RootTransfer(
            ends.source,
            ends.destination,
            ends.source_path,
            ends.destination_path,
            seed.size,
            ends.reading.secret,
            ends.writing.secret,
            self._limits,
            attempt.trail,
            patient=name in self._queueing,
            shows_token=self._servers.software(attempt.link.source) is Implementation.DCACHE,
            look_seconds=self._look_seconds,
        )
        run = attempt.run = await transfer.run()
        (self._queueing.add if run.queued else self._queueing.discard)(name)
        verdict = judge_root_copy(run.seen)
        if verdict is not None:
            attempt.verdict = await self._settle(verdict, seed, ends, attempt.trail)
        else:
            await self._verify(attempt, seed, file, ends)
        if run.opened:
            await self._remove(attempt, file, ends)

    async def _settle(self, verdict: Verdict, seed: Seed, ends: _Ends, trail: Trail) -> Verdict:
        """The verdict with what a look of our own at the source says: does it give us what it gave nobody?"""
        if verdict.reason in (Reason.NOT_FOUND, Reason.PASSIVE_NOT_FOUND):
            with trail.enter(Phase.PREPARE):
                lost = await self._payload.recheck(seed, trail)
            if lost is not None and lost.reason is Reason.SEED_LOST:
                return Verdict(Reason.SEED_LOST, Blame.NOBODY, hint=lost.detail)
            if lost is None and verdict.blame is Blame.SOURCE:
                return verdict.with_hint(f"{verdict.hint}; its https door has the file: is the path in `root` right?")
            return verdict
        if verdict.reason is Reason.FORBIDDEN and not ends.same_paths:
            return verdict.with_hint(
                f"{verdict.hint}; tokens are made for the path in `https`, which differs in `root`"
            )
        if verdict.reason not in _BETWEEN_THE_TWO or verdict.blame is Blame.CLIENT:
            return verdict
        with trail.enter(Phase.VERIFY):
            wanted = min(seed.size, MAX_CONTROL_BYTES)
            count = await read_through(ends.source, ends.source_path, ends.reading.secret, wanted)
        if isinstance(count, Failure) and (count.reason in _OUT_OF_ORDER or is_before_asking(count)):
            return Verdict(verdict.reason, Blame.SOURCE, hint=f"it does not serve us either: {count.detail}")
        return verdict

    async def _verify(self, attempt: CopyAttempt[RootRun], seed: Seed, file: PayloadFile, ends: _Ends) -> None:
        """Whether the destination has what the source has; its own success says little (xroot 1)."""
        token = await role_token(self._tokens, Role.VERIFY, file, attempt.trail)
        if isinstance(token, Failure):
            attempt.verdict = of_failure(token, Blame.ISSUER)
            return
        with attempt.trail.enter(Phase.VERIFY):
            found = await verify(ends.destination, ends.destination_path, token.secret, seed.size, seed.adler32)
        attempt.verification = found
        attempt.warnings.extend(found.warnings)
        failure = found.failure
        if failure is None:
            return
        if failure.reason in (Reason.SIZE_MISMATCH, Reason.CHECKSUM_MISMATCH):
            attempt.verdict = await self._settle_damage(attempt, failure, found, seed, file, ends, token.secret)
        else:
            attempt.verdict = of_failure(failure, Blame.DESTINATION)

    async def _settle_damage(
        self,
        attempt: CopyAttempt[RootRun],
        failure: Failure,
        found: Verification,
        seed: Seed,
        file: PayloadFile,
        ends: _Ends,
        token: Secret,
    ) -> Verdict:
        """Who has spoilt the copy: both ends are read by ourselves, by the doors that the copy went through."""
        size, adler = seed.size, seed.adler32
        if size <= MAX_READBACK_BYTES:
            with attempt.trail.enter(Phase.VERIFY):
                if found.checksum.verified_by is VerifiedBy.DIGEST:
                    taken = await read_back(ends.destination, ends.destination_path, token, size, adler)
                    if taken.failure is None:
                        hint = f"{failure.detail}; the bytes themselves are right: it tells a wrong checksum"
                        return Verdict(failure.reason, Blame.DESTINATION, hint=hint)
                given = await read_back(ends.source, ends.source_path, ends.reading.secret, size, adler)
            if given.failure is not None and given.failure.reason in _DAMAGE:
                hint = f"{failure.detail}; the source gives us wrong bytes as well"
                return Verdict(failure.reason, Blame.SOURCE, hint=hint)
        return await self._control.settle_damage(failure, Mode.PULL, seed, file.endpoint, attempt.trail)

    async def _remove(self, attempt: CopyAttempt[RootRun], file: PayloadFile, ends: _Ends) -> None:
        """Removes the file at the door where it was made; that it is gone is seen by the clean-up at the other."""
        with attempt.trail.enter(Phase.CLEANUP):
            token = await role_token(self._tokens, Role.CLEANUP, file, attempt.trail)
            if isinstance(token, Failure):
                failure: Failure | None = token
            else:
                failure = await remove(ends.destination, ends.destination_path, token.secret)
        if failure is not None:  # not yet a file that stays: the other door may do better
            attempt.warnings.append(f"not removed at the root door: {failure.reason}: {failure.detail}")

    async def _clean(self, attempt: CopyAttempt[RootRun], file: PayloadFile) -> None:
        """Sees that the file is gone. A copy that is good but for this is not called good (design 6)."""
        run = attempt.run
        with attempt.trail.enter(Phase.CLEANUP):
            if run is not None and not run.opened:
                await self._payload.forget(file)
                return
            if run is None or not run.ended:
                # It ends with its handle and with its connection, but late writers are real (design 6).
                failure = await self._payload.watch_and_remove(file, attempt.trail)
            else:
                left = await self._payload.remove_all((file,), attempt.trail)
                failure = left[0][1] if left else None
        if failure is None:
            return
        if attempt.good and attempt.judged:
            attempt.verdict = of_failure(failure, Blame.DESTINATION)
        else:
            attempt.warnings.append(f"{failure.reason}: {failure.detail}")
