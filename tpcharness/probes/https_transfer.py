"""One third-party copy by WebDAV COPY of a file that is there already: tokens, COPY, verification, clean-up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tpcharness.diagnosis.copy_verdict import judge_copy
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
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
from tpcharness.probes.arrival import Arrivals, Doubt
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.control import Control, Original
from tpcharness.probes.copying import CopyRun, run_copy
from tpcharness.probes.role_token import role_token
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode, copy_headers


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
        self._servers = servers
        self._limits = limits
        self._control = Control(Errands(client, tokens), payload, verifier)
        self._arrivals = Arrivals(payload, self._control, verifier, servers)

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
            reading = await role_token(self._tokens, Role.READ, original.file, trail)
            writing = await role_token(self._tokens, Role.WRITE, file, trail)
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
                await self._arrivals.verify(attempt, self._mode, original, file, doubt)
                if attempt.good:
                    await then()
            attempt.judged = True
        finally:
            await self._clean(attempt, file)

    async def doubt_seed(self, seed: Seed, trail: Trail, verdict: Verdict) -> Verdict:
        """The doubt about a copy of a seed."""
        return await self._arrivals.doubt_seed(seed, trail, verdict)

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

    async def _clean(self, attempt: CopyAttempt[CopyRun], file: PayloadFile) -> None:
        run = attempt.run
        with attempt.trail.enter(Phase.CLEANUP):
            if run is not None and run.never_sent:
                await self._payload.forget(file)
                return
            head = None if run is None else run.head
            may_run_on = run is None or run.may_run_on
            await self._arrivals.remove(attempt, file, self._active(attempt.link), head, may_run_on=may_run_on)
