"""Third-party copy made by gfal2, as FTS makes it: seed, tokens, a job for a worker, verification, clean-up."""

from __future__ import annotations

from dataclasses import dataclass

from tpcharness.diagnosis.gfal_verdict import GfalSeen, Scheme, judge_gfal
from tpcharness.diagnosis.parties import active_role
from tpcharness.diagnosis.verdict import Verdict, of_failure
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange, Result
from tpcharness.model.seams import ProbeContext, TokenSource
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.arrival import Arrivals
from tpcharness.probes.attempt import CopyAttempt
from tpcharness.probes.control import Control
from tpcharness.probes.gfal_run import GfalRun, run_gfal
from tpcharness.probes.gfal_urls import OPTIONS, PULL_ONLY, SCHEMES, door_of, gfal_url, takes_token
from tpcharness.probes.role_token import role_token
from tpcharness.probes.root_ability import RootAbility
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.tokens.roles import Role
from tpcharness.wire.copy_request import Mode
from tpcharness.wire.fingerprint import identify
from tpcharness.workers.messages import GfalJob
from tpcharness.workers.pool import Trust, WorkerPool

SPARE_SECONDS = 60
"""By how much gfal2's own clock is longer than ours."""

MAX_EXCERPT = 2000

# After these nobody knows whether a storage is still writing.
_MAY_RUN_ON = frozenset(
    {Reason.NO_VERDICT, Reason.NO_RESPONSE, Reason.CONNECTION_LOST, Reason.MARKERS_GARBLED, Reason.TRANSFER_FAILED}
)


@dataclass(frozen=True, slots=True)
class GfalSettings:
    """What all gfal2 probes share. `ca_path` is trusted beside the system's authorities and the endpoint's own."""

    limits: TimeLimits
    agent: str
    ca_path: str = ""


class GfalCopyProbe:
    """Copies a seed from the source of a link to a new file at its destination by gfal2, and takes that away again.

    By davs and root the destination pulls; GridFTP servers send to each other at gfal2's word. What gfal2 would do of
    itself (fall back, stream, make directories, compare checksums) is switched off. Seed, verification and clean-up
    are ours, by https, whatever the copy goes by. Tokens go to `davs` and `roots` only; everything else gfal2 does with
    the X.509 proxy that it finds in its environment.
    """

    def __init__(
        self,
        variant: Variant,
        pool: WorkerPool,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        control: Control,
        verifier: Verifier,
        servers: ServerBook,
        root_ability: RootAbility,
        settings: GfalSettings,
    ) -> None:
        self._variant = variant
        self._scheme = SCHEMES[variant]
        self._mode = Mode.PUSH if active_role(variant) is Blame.SOURCE else Mode.PULL
        self._pool = pool
        self._tokens = tokens
        self._payload = payload
        self._names = names
        self._control = control
        self._arrivals = Arrivals(payload, control, verifier, servers)
        self._servers = servers
        self._root_ability = root_ability
        self._settings = settings

    @property
    def variant(self) -> Variant:
        return self._variant

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result. When cancelled before there is a verdict it ends the worker, cleans up within its limits and
        passes the cancellation on; what it could not clean stays in the ledger.
        """
        if not isinstance(subject, Link) or not all(
            door_of(endpoint, self._scheme) for endpoint in (subject.source, subject.destination)
        ):
            raise TypeError(f"{self.variant} probes links between {self._scheme} doors, not {subject!r}")
        attempt = CopyAttempt[GfalRun].begin(self.variant, subject, context)
        unavailable = await self._pool.unavailable()
        if unavailable is not None:  # then no storage need be asked for anything
            attempt.verdict = of_failure(unavailable, Blame.CLIENT)
            return attempt.result(self._servers)
        await attempt.go(self._payload, self._copy)
        self._learn(attempt)
        return attempt.result(self._servers)

    async def _copy(self, attempt: CopyAttempt[GfalRun], seed: Seed) -> None:
        """Everything from the tokens on, with the clean-up that each way out needs."""
        self._learn(attempt)
        file = self._names.destination(attempt.link.destination, attempt.context.probe_id, attempt.context.attempt)
        job = await self._job(attempt, seed.file, file)
        if isinstance(job, Failure):
            attempt.verdict = of_failure(job, Blame.ISSUER)
            return
        await self._payload.register(file)
        try:
            await self._transfer(attempt, job)
            verdict = self._judge(attempt, job)
            if verdict is not None:
                attempt.verdict = await self._settle(verdict, seed, file, attempt.trail)
            elif (streamed := await self._doubt_way(attempt, seed.file, file)) is not None:
                attempt.verdict = streamed
            else:
                await self._arrivals.verify(attempt, self._mode, seed, file)
            attempt.judged = True
        finally:
            await self._clean(attempt, file)

    def _learn(self, attempt: CopyAttempt[GfalRun]) -> None:
        """Who the two are: gfal2 does not tell, and what it says means different things of different storages."""
        for endpoint in (attempt.link.source, attempt.link.destination):
            self._servers.learn(endpoint, attempt.trail.exchanges)

    async def _job(self, attempt: CopyAttempt[GfalRun], source: PayloadFile, file: PayloadFile) -> GfalJob | Failure:
        """What gfal2 is asked to do, with tokens if both ends take them: what one is shown it may tell the other."""
        context, tokens, urls = attempt.context, dict[str, Secret](), list[str]()
        secure = all(takes_token(part.endpoint, self._scheme) for part in (source, file))
        with attempt.trail.enter(Phase.TOKEN):
            for role, part in ((Role.READ, source), (Role.WRITE, file)):
                url = gfal_url(part, self._scheme)
                if self._scheme is Scheme.DAVS and role is Role.READ:
                    url = f"{url}?{PULL_ONLY}"
                if secure:
                    token = await role_token(self._tokens, role, part, attempt.trail)
                    if isinstance(token, Failure):
                        return token
                    tokens[url] = token.secret
                urls.append(url)
        from_url, to_url = urls
        return GfalJob(
            from_url,
            to_url,
            timeout_seconds=int(self._settings.limits.transfer_seconds) + SPARE_SECONDS,
            tokens=tokens,
            token_in_url=self._scheme is Scheme.ROOT,
            options=OPTIONS[self._scheme],
            delegate=self._scheme in (Scheme.GSIFTP, Scheme.SRM),
            agent=self._settings.agent,
            client_info=(("job-id", context.run_id), ("file-id", context.probe_id)),
        )

    async def _transfer(self, attempt: CopyAttempt[GfalRun], job: GfalJob) -> None:
        """Has the job done, and keeps what gfal2 said of it as evidence."""
        link, trail = attempt.link, attempt.trail
        places = {self._settings.ca_path, link.source.ca_path, link.destination.ca_path}
        trust: Trust = tuple(sorted(place for place in places if place))
        run = attempt.run = await run_gfal(self._pool, job, trust, self._settings.limits, trail)
        said = run.ended.text if run.ended else run.failure.detail if run.failure else f"our clock: {run.stall}"
        shown = Exchange(
            Phase.TRANSFER,
            "gfal2.filecopy",
            job.destination,
            request_headers=(("Source", job.source),),
            status_text=", ".join(run.ways),
            body_excerpt=said[:MAX_EXCERPT],
        )
        trail.record(shown, run.seconds or 0.0)
        if self._scheme is Scheme.DAVS and any("3rd" not in way for way in run.ways):
            attempt.warnings.append(f"gfal2 says that it copied in another way: {', '.join(run.ways)}")

    async def _doubt_way(self, attempt: CopyAttempt[GfalRun], source: PayloadFile, file: PayloadFile) -> Verdict | None:
        """Whether a success by xroot was no third-party copy; None if it was one.

        2.21.3 insists on one between root:// doors only, and then says `3rd`. All others it calls `streamed`, and has
        XrdCl stream them where an end does no third-party copies.
        """
        ways = attempt.run.ways if attempt.run is not None else ()
        if self._scheme is not Scheme.ROOT or (ways and all("3rd" in way for way in ways)):
            return None
        verdict = await self._root_ability.judge(source, file, attempt.trail)
        if verdict is not None and verdict.reason is Reason.TPC_UNSUPPORTED:
            attempt.warnings.append("gfal2 calls this copy a success: its bytes went through this machine")
        return verdict

    def _judge(self, attempt: CopyAttempt[GfalRun], job: GfalJob) -> Verdict | None:
        run = attempt.run
        if run is None or run.failure is not None:
            return of_failure((run and run.failure) or Failure(Reason.WORKER_LOST), Blame.CLIENT)
        texts = self._servers.texts(attempt.link.destination)
        ended = run.ended
        return judge_gfal(
            GfalSeen(
                self._scheme,
                identify(texts[-1] if texts else ""),
                ended.code if ended else 0,
                ended.text if ended else "",
                run.stall,
                run.markers.count,
                job.source,
                job.destination,
            )
        )

    async def _settle(self, verdict: Verdict, seed: Seed, file: PayloadFile, trail: Trail) -> Verdict:
        """The verdict with what a look of our own at the source says."""
        verdict = await self._arrivals.doubt_seed(seed, trail, verdict)
        return await self._control.settle(verdict, self._mode, seed, file, trail)

    async def _clean(self, attempt: CopyAttempt[GfalRun], file: PayloadFile) -> None:
        run = attempt.run
        with attempt.trail.enter(Phase.CLEANUP):
            if run is not None and not run.started:
                await self._payload.forget(file)
                return
            may_run_on = run is None or run.ended is None or attempt.verdict.reason in _MAY_RUN_ON
            await self._arrivals.remove(attempt, file, attempt.link.destination, None, may_run_on=may_run_on)
