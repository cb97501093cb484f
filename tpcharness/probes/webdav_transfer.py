"""Direct transfers over WebDAV: one file from us to an endpoint, or from an endpoint to us. Half a link each."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import ClassVar

from tpcharness.diagnosis.direct_verdict import Stream, judge_ranges, judge_stream
from tpcharness.diagnosis.plain_verdict import judge_plain
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Checksum, Result, VerifiedBy
from tpcharness.model.seams import ProbeContext, Token, TokenSource
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.client import HttpClient, evidence
from tpcharness.net.messages import Answer, HttpRequest, expectation
from tpcharness.net.sending import Sending
from tpcharness.payload.content import Content
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.door_check import DoorCheck
from tpcharness.probes.role_token import token_for
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import ALGORITHM, MAX_READBACK_BYTES, Verifier
from tpcharness.probes.webdav_reading import (
    WholeRead,
    middle_span,
    note_timings,
    read_ranges,
    read_refusal,
    read_whole,
    vector_spans,
)
from tpcharness.tokens.roles import Role
from tpcharness.wire.digest import Adler32, same_checksum
from tpcharness.wire.fingerprint import Server, identify

_OUT_OF_PATIENCE = frozenset({Reason.STREAM_STALLED, Reason.DEADLINE, Reason.NO_RESPONSE})
_NEVER_SENT = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS})


@dataclass(slots=True)
class WebdavAttempt(DoorCheck):
    """One attempt at one endpoint. `count` are the bytes that were seen to be right or wrong, in `seconds`.

    Once it is `judged` its verdict stands, also when it is interrupted in its clean-up.
    """

    seconds: float | None = None
    count: int | None = None
    judged: bool = False

    def judge(self, verdict: Verdict) -> None:
        """Keeps the first verdict against anybody."""
        if self.ok:
            self.verdict = verdict

    def record(self, servers: ServerBook) -> Result:
        """The result; throughput is the verified size over `seconds`."""
        result, size = self.result(servers), self.context.size_bytes
        throughput = size / self.seconds if self.ok and self.seconds else None
        return replace(result, bytes=self.count, transfer_seconds=self.seconds, throughput=throughput)


class Summed:
    """A body whose adler32 is worked out on its way, anew each time it is begun."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._adler = Adler32()

    @property
    def length(self) -> int:
        return self._content.size

    @property
    def adler32(self) -> str:
        """Of what has been handed out since the last beginning."""
        return self._adler.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        self._adler = Adler32()
        for chunk in self._content.chunks():
            self._adler.update(chunk)
            yield chunk


class WebdavTransfer(ABC):
    """What both directions have in common: the subject, cancellation, tokens, who answered."""

    variant: ClassVar[Variant]

    def __init__(
        self,
        client: HttpClient,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        verifier: Verifier,
        servers: ServerBook,
        limits: TimeLimits,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._payload = payload
        self._names = names
        self._verifier = verifier
        self._servers = servers
        self._limits = limits

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result. When cancelled before there is a verdict it cleans up within its limits and passes the
        cancellation on; what it could not clean stays in the ledger.
        """
        if not isinstance(subject, Endpoint):
            raise TypeError(f"{self.variant} is about an endpoint, not {subject!r}")
        attempt = WebdavAttempt.begin(self.variant, subject, context)
        try:
            await self._transfer(attempt)
        except asyncio.CancelledError:
            if not attempt.judged:
                raise
            attempt.warnings.append("interrupted in its clean-up: the file stays in the ledger")
        self._servers.learn(subject, attempt.trail.exchanges)
        return attempt.record(self._servers)

    @abstractmethod
    async def _transfer(self, attempt: WebdavAttempt) -> None:
        """Everything from the preparation to the clean-up."""

    async def _token(self, attempt: WebdavAttempt, role: Role, file: PayloadFile) -> Token | None:
        """The token of one role; without one the attempt has failed."""
        with attempt.trail.enter(Phase.TOKEN):
            return await token_for(self._tokens, attempt, role, file)

    def _server(self, attempt: WebdavAttempt, head: Answer) -> Server:
        """Who answered, or who has answered there before."""
        self._servers.learn(attempt.endpoint, attempt.trail.exchanges)
        texts = self._servers.texts(attempt.endpoint)
        return identify(head.server or (texts[-1] if texts else ""))


class WebdavUploadProbe(WebdavTransfer):
    """Sends a new file by PUT, looks at it as at a copy, and takes it away again.

    The time is from the first byte sent, to the server that took it in the end, to its answer.
    """

    variant = Variant.WEBDAV_UPLOAD

    async def _transfer(self, attempt: WebdavAttempt) -> None:
        trail, context = attempt.trail, attempt.context
        with trail.enter(Phase.PREPARE):
            no_place = await self._payload.ensure_directory(attempt.endpoint, trail)
        if no_place is not None:
            attempt.fail(no_place)
            return
        file = self._names.door(attempt.endpoint, f"{context.probe_id}-{context.attempt}")
        token = await self._token(attempt, Role.WRITE, file)
        if token is None:
            return
        body = Summed(Content(context.size_bytes))
        request = HttpRequest.for_endpoint(
            attempt.endpoint,
            "PUT",
            file.path,
            token=token.secret,
            headers=(("Content-Type", "application/octet-stream"), *expectation(body)),
            body=body,
        )
        sending = Sending(self._limits)
        await self._payload.register(file)
        head: Answer | None = None
        try:
            head = await self._put(attempt, request, sending)
            if attempt.ok:
                await self._verify(attempt, file, body if sending.complete else None)
            attempt.judged = True
        finally:
            await self._clean(attempt, file, head, sending)

    async def _put(self, attempt: WebdavAttempt, request: HttpRequest, sending: Sending) -> Answer:
        """The upload; notes its time, and why it failed if it did."""
        trail, loop = attempt.trail, asyncio.get_running_loop()
        trail.announce(Phase.TRANSFER)
        begin, text, seconds = perf_counter(), "", 0.0
        async with self._client.open(request, sending=sending) as opened:
            head = opened.head
            if sending.began_at is not None:
                seconds = loop.time() - sending.began_at
            if head.failure is None and head.status is not None and head.status >= 300:
                text = await read_refusal(opened)
        note_timings(head, trail, transfer_seconds=seconds)
        trail.add(Phase.TRANSFER, seconds)
        trail.record(evidence(request, head, Phase.TRANSFER, text), perf_counter() - begin)
        attempt.family = head.address_family
        if head.failure is not None:
            begun, server = sending.sent > 0, self._server(attempt, head)
            seen = Stream(head.failure, sending.sent, sending.length, begun, upload=True, server=server)
            attempt.judge(judge_stream(seen))
        elif (refused := judge_plain("PUT", head.status, text, None)) is not None:
            attempt.fail(refused)
        else:
            attempt.seconds = seconds
        return head

    async def _verify(self, attempt: WebdavAttempt, file: PayloadFile, body: Summed | None) -> None:
        """Looks at what is there now; where its checksum is wrong, at the bytes themselves.

        A server that answered before it had all (`body` None) left us no sum of all.
        """
        trail, size = attempt.trail, attempt.context.size_bytes
        with trail.enter(Phase.VERIFY):
            expected = body.adler32 if body else await asyncio.to_thread(lambda: Content(size).adler32)
            seen = await self._verifier.verify(file, size, expected, trail)
            told_wrong = seen.failure is not None and seen.failure.reason is Reason.CHECKSUM_MISMATCH
            if told_wrong and seen.checksum.verified_by is VerifiedBy.DIGEST and size <= MAX_READBACK_BYTES:
                read = await self._verifier.read_back(file, size, expected, trail)
                if read.failure is not None:
                    seen = read
                else:
                    hint = "the bytes themselves are right: it tells a wrong checksum"
                    seen = replace(seen, failure=Failure(Reason.CHECKSUM_MISMATCH, hint))
        attempt.count = seen.size
        attempt.note_verification(seen)

    async def _clean(self, attempt: WebdavAttempt, file: PayloadFile, head: Answer | None, sending: Sending) -> None:
        """Takes the file away; where its writer may be late, only after it was seen not to grow."""
        failure = None if head is None else head.failure
        with attempt.trail.enter(Phase.CLEANUP):
            if failure is not None and failure.reason.phase in _NEVER_SENT and head is not None and len(head.hops) < 2:
                await self._payload.forget(file)
                return
            given_up = failure is not None and failure.reason in _OUT_OF_PATIENCE
            interrupted = head is None and sending.began_at is not None
            if given_up or interrupted:
                left = await self._payload.watch_and_remove(file, attempt.trail, may_come_late=sending.complete)
            else:
                stays = await self._payload.remove_all((file,), attempt.trail)
                left = stays[0][1] if stays else None
        if left is not None:
            attempt.note_leftover(left)


class WebdavDownloadProbe(WebdavTransfer):
    """Reads a seed of the endpoint by GET, and then parts of it as analysis jobs do.

    The time is from the request, once we are connected, to the last byte of the whole file.
    """

    variant = Variant.WEBDAV_DOWNLOAD

    async def _transfer(self, attempt: WebdavAttempt) -> None:
        trail = attempt.trail
        with trail.enter(Phase.PREPARE):
            seed = await self._payload.seed(attempt.endpoint, attempt.context.size_bytes, trail)
        if isinstance(seed, Failure):
            own = seed.blame is Blame.SOURCE  # which is called destination where there is one endpoint alone
            attempt.fail(replace(seed, blame=None) if own else seed)
            return
        token = await self._token(attempt, Role.READ, seed.file)
        if token is None:
            return
        request = HttpRequest.for_endpoint(attempt.endpoint, "GET", seed.file.path, token=token.secret)
        read = await read_whole(self._client, request, seed.size, self._limits, trail)
        attempt.family = read.head.address_family
        await self._judge_whole(attempt, read, seed)
        if attempt.ok:
            with trail.enter(Phase.REQUEST):
                await self._read_parts(attempt, request, seed)

    async def _judge_whole(self, attempt: WebdavAttempt, read: WholeRead, seed: Seed) -> None:
        """Whether what came is the seed."""
        head = read.head
        if read.failure is not None:
            begun = head.status is not None
            attempt.judge(judge_stream(Stream(read.failure, read.received, seed.size, begun)))
            return
        refused = judge_plain("GET", head.status, read.text, None)
        if refused is None and head.status != 200:
            refused = Failure(Reason.MALFORMED_RESPONSE, f"GET of a whole file was answered {head.status}")
        if refused is not None:
            lost = await self._doubt(attempt, seed) if refused.reason is Reason.NOT_FOUND else None
            gone = lost is not None and lost.reason is Reason.SEED_LOST
            attempt.fail(lost if lost is not None and gone else refused)
            return
        found = read.adler.hexdigest()
        attempt.count, attempt.seconds = read.received, read.seconds
        attempt.checksum = Checksum(ALGORITHM, seed.adler32, found, VerifiedBy.READBACK)
        if read.received != seed.size or not same_checksum(ALGORITHM, seed.adler32, found):
            await self._blame_bytes(attempt, read, seed)

    async def _blame_bytes(self, attempt: WebdavAttempt, read: WholeRead, seed: Seed) -> None:
        """Other bytes than we had stored: are they damaged where they lie, or when they are read?"""
        spoilt = await self._doubt(attempt, seed)
        more = " or more" if read.received > seed.size else ""
        found = (
            f"{read.received}{more} bytes with adler32 {read.adler.hexdigest()}, {seed.size} with {seed.adler32} stored"
        )
        if spoilt is None:
            found += "; its own checksum is still right: they are damaged when they are read"
        elif spoilt.reason is Reason.SEED_CORRUPT:
            found += f"; it says so itself: {spoilt.detail}"
        attempt.fail(Failure(Reason.CONTENT_MISMATCH, found))

    async def _doubt(self, attempt: WebdavAttempt, seed: Seed) -> Failure | None:
        with attempt.trail.enter(Phase.PREPARE):
            return await self._payload.recheck(seed, attempt.trail)

    async def _read_parts(self, attempt: WebdavAttempt, request: HttpRequest, seed: Seed) -> None:
        """One part from the middle, then several in one request; as long as nothing is wrong."""
        middle = middle_span(seed.size)
        for spans in ((middle,) if middle else (), vector_spans(seed.size)):
            if not spans or not attempt.ok:
                continue
            seen = await read_ranges(self._client, request, seed.content, spans, self._limits, attempt.trail)
            meaning = judge_ranges(seen)
            if meaning.warning:
                attempt.warnings.append(meaning.warning)
            if meaning.verdict is not None:
                attempt.judge(meaning.verdict)
