"""One third-party copy by WebDAV COPY of a file that is there already: tokens, COPY, verification, clean-up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tpcharness.diagnosis.copy_verdict import judge_copy
from tpcharness.diagnosis.verdict import Party, Verdict, blamed, of_failure
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.seams import ProbeContext, Token, TokenSource
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest
from tpcharness.net.trail import Trail
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.control import Control, Original
from tpcharness.probes.copying import CopyRun, run_copy
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import MAX_READBACK_BYTES, Verification, Verifier
from tpcharness.tokens.roles import Role, token_request
from tpcharness.wire.copy_request import Mode, copy_headers

Doubt = Callable[[Verdict], Awaitable[Verdict]]
"""Looks again at what a failed copy was to be made from: the same verdict, or a better one."""


async def _nothing_more() -> None:
    """A good copy that is verified is all that was wanted."""


class HttpsTransfer:
    """Copies a file from the source of a link to a new one at its destination, and takes that away again.

    In pull mode the destination gets the COPY and fetches, in push mode the source gets it and sends.
    """

    def __init__(
        self,
        mode: Mode,
        client: HttpClient,
        tokens: TokenSource,
        payload: PayloadStore,
        verifier: Verifier,
        servers: ServerBook,
        limits: TimeLimits,
    ) -> None:
        self._mode = mode
        self._client = client
        self._tokens = tokens
        self._payload = payload
        self._verifier = verifier
        self._servers = servers
        self._limits = limits
        self._control = Control(Errands(client, tokens), payload, verifier)

    async def copy(
        self,
        attempt: CopyAttempt[CopyRun],
        original: Original,
        file: PayloadFile,
        *,
        doubt: Doubt,
        then: Callable[[], Awaitable[None]] = _nothing_more,
    ) -> None:
        """Everything from the tokens on, with the clean-up that each way out needs; the attempt has the verdict.

        `doubt` is asked about a failure before anybody else, `then` is awaited when the copy was found to be good, as
        long as the file is there. Raises LedgerError before anything is sent.
        """
        link, context, trail = attempt.link, attempt.context, attempt.trail
        with trail.enter(Phase.TOKEN):
            reading = await self._token(Role.READ, link.source, original.file.path, trail)
            writing = await self._token(Role.WRITE, link.destination, file.path, trail)
        for token in (reading, writing):
            if isinstance(token, Failure):
                attempt.verdict = of_failure(token, Blame.ISSUER)
        if isinstance(reading, Failure) or isinstance(writing, Failure):
            return
        request = self._request(original.file, file, reading, writing, context)
        await self._payload.register(file)
        try:
            run = await run_copy(self._client, request, original.size, self._limits, trail)
            attempt.run = run
            verdict = judge_copy(run.seen(self._mode, self._servers.identify_copy(self._active(link), run.head)))
            if verdict is not None:
                verdict = await doubt(verdict)
                attempt.verdict = await self._control.settle(verdict, self._mode, original, file, trail)
            else:
                await self._verify(attempt, original, file, doubt)
                if attempt.good:
                    await then()
            attempt.judged = True
        finally:
            await self._clean(attempt, file)

    async def doubt_seed(self, seed: Seed, trail: Trail, verdict: Verdict) -> Verdict:
        """A storage that says the source file is missing may be right: then it is our seed that was lost."""
        if verdict.reason in (Reason.NOT_FOUND, Reason.PASSIVE_NOT_FOUND):
            with trail.enter(Phase.PREPARE):
                lost = await self._payload.recheck(seed, trail)
            if lost is not None and lost.reason is Reason.SEED_LOST:
                return Verdict(Reason.SEED_LOST, Blame.NOBODY, hint=lost.detail)
        return verdict

    def _active(self, link: Link) -> Endpoint:
        return link.destination if self._mode is Mode.PULL else link.source

    def _request(
        self, source: PayloadFile, destination: PayloadFile, reading: Token, writing: Token, context: ProbeContext
    ) -> HttpRequest:
        pull = self._mode is Mode.PULL
        active, passive = (destination, source) if pull else (source, destination)
        active_token, passive_token = (writing, reading) if pull else (reading, writing)
        headers = copy_headers(
            self._mode,
            passive.url,
            passive_token.secret,
            # In the manner of FTS, so that a site finds a run and a probe in its log by the habits it has.
            client_info=f"job-id={context.run_id};file-id={context.probe_id};retry={context.attempt - 1}",
            # Pull: with T, XRootD asks for more than storage.create, which is all that the token holds. Push: with F,
            # StoRM looks at the destination first, for which the token holds no right either (http-tpc 1.2).
            overwrite=not pull,
        )
        return HttpRequest.for_endpoint(
            active.endpoint, "COPY", active.path, token=active_token.secret, headers=headers
        )

    async def _token(self, role: Role, endpoint: Endpoint, path: str, trail: Trail) -> Token | Failure:
        token = await self._tokens.token(token_request(role, endpoint, path))
        if isinstance(token, Token):
            trail.token(token.facts)
        return token

    async def _verify(self, attempt: CopyAttempt[CopyRun], original: Original, file: PayloadFile, doubt: Doubt) -> None:
        with attempt.trail.enter(Phase.VERIFY):
            verification = await self._verifier.verify(file, original.size, original.adler32, attempt.trail)
        attempt.verification = verification
        attempt.warnings.extend(verification.warnings)
        failure = verification.failure
        if failure is None:
            return
        if verification.checksum.verified_by is VerifiedBy.DIGEST and failure.reason is Reason.CHECKSUM_MISMATCH:
            found = await self._read_what_is_there(attempt, original, file)
            if found is not None and found.failure is None:
                hint = f"{failure.detail}; the bytes themselves are right: it tells a wrong checksum"
                attempt.verdict = Verdict(failure.reason, Blame.DESTINATION, hint=hint)
                return
        if failure.reason in (Reason.SIZE_MISMATCH, Reason.CHECKSUM_MISMATCH):
            attempt.verdict = await self._settle_damage(attempt, failure, original, doubt)
        else:
            attempt.verdict = of_failure(failure, Blame.DESTINATION)

    async def _settle_damage(
        self, attempt: CopyAttempt[CopyRun], failure: Failure, original: Original, doubt: Doubt
    ) -> Verdict:
        """Who has damaged a copy. What is in doubt is not read again: then the active party called it good."""
        first = blamed(failure.reason, self._mode, Party.ACTIVE).with_hint(failure.detail)
        doubted = await doubt(first)
        if doubted is not first:
            return first.with_hint(f"{failure.detail}; {doubted.hint}")
        destination = attempt.link.destination
        return await self._control.settle_damage(failure, self._mode, original, destination, attempt.trail)

    async def _read_what_is_there(
        self, attempt: CopyAttempt[CopyRun], original: Original, file: PayloadFile
    ) -> Verification | None:
        """The bytes of a file whose checksum is told wrong; None when there are too many."""
        if original.size > MAX_READBACK_BYTES:
            return None
        with attempt.trail.enter(Phase.VERIFY):
            return await self._verifier.read_back(file, original.size, original.adler32, attempt.trail)

    async def _clean(self, attempt: CopyAttempt[CopyRun], file: PayloadFile) -> None:
        """Removes the destination's file. A copy that is good but for this is not called good (design 6)."""
        run = attempt.run
        with attempt.trail.enter(Phase.CLEANUP):
            if run is not None and run.never_sent:
                await self._payload.forget(file)
                return
            if run is None or run.may_run_on:
                failure = await self._watch_and_remove(attempt, file)
            else:
                left = await self._payload.remove_all((file,), attempt.trail)
                failure = left[0][1] if left else None
        if failure is None:
            return
        if attempt.good and attempt.judged:
            attempt.verdict = of_failure(failure, Blame.DESTINATION)
        else:
            attempt.warnings.append(f"{failure.reason}: {failure.detail}")

    async def _watch_and_remove(self, attempt: CopyAttempt[CopyRun], file: PayloadFile) -> Failure | None:
        head = None if attempt.run is None else attempt.run.head
        stops = self._servers.stops_with_its_client(self._active(attempt.link), head)
        limit = self._limits.cleanup_seconds + self._limits.settle_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._payload.watch_and_remove(file, attempt.trail, may_come_late=not stops)
        except TimeoutError:
            return Failure(Reason.CLEANUP_FAILED, f"not removed within {limit:g} s; the file stays in the ledger")
