"""Direct transfers over xroot: bytes between us and one root door, so that a slow link can be split into its halves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tpcharness.diagnosis.verdict import Verdict
from tpcharness.diagnosis.xroot_verdict import told
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, VerifiedBy
from tpcharness.model.seams import ProbeContext, Token, TokenSource
from tpcharness.model.secret import Secret
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Blame, Phase, Variant
from tpcharness.net.xroot import XrootClient, XrootVisit
from tpcharness.payload.content import Content
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.seeds import Seed
from tpcharness.payload.store import PayloadStore
from tpcharness.probes.role_token import token_for
from tpcharness.probes.root_attempt import RootAttempt, enter, take_away, visiting
from tpcharness.probes.root_files import failure_of, read_back, root_path, verify
from tpcharness.probes.root_reading import OpenedFile, fetch, put
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import MAX_READBACK_BYTES, Verification
from tpcharness.tokens.roles import Role
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.opaque import RootUrl
from tpcharness.wire.xroot.vectors import Range, read_vector, readv

RANGES = 8
RANGE_BYTES = 4096


class RootUploadProbe:
    """Writes a new file at the root door, several pieces in flight, syncs and closes it, looks at size and checksum,
    and removes it.

    Never over a file that is there. The file is noted in the ledger before it is asked for.
    """

    variant = Variant.ROOT_UPLOAD

    def __init__(
        self,
        client: XrootClient,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        servers: ServerBook,
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._payload = payload
        self._names = names
        self._servers = servers

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint. When cancelled it removes the file first."""
        endpoint = _with_root_door(subject, self.variant)
        attempt = RootAttempt.begin(self.variant, endpoint, context)
        file = self._names.door(endpoint, f"{context.probe_id}-{context.attempt}")
        with attempt.trail.enter(Phase.TOKEN):
            writing = await token_for(self._tokens, attempt, Role.SEED, file)
            removing = await token_for(self._tokens, attempt, Role.CLEANUP, file)
        if writing is not None and removing is not None:
            await self._payload.register(file)
            made = True
            try:
                made = await self._transfer(attempt, file, writing)
            finally:
                with attempt.trail.enter(Phase.CLEANUP):
                    await (self._clean(attempt, file, removing) if made else self._payload.forget(file))
        return attempt.record(self._servers)

    async def _transfer(self, attempt: RootAttempt, file: PayloadFile, writing: Token) -> bool:
        """The upload and its verification. False when there is certainly no file."""
        endpoint, trail = attempt.endpoint, attempt.trail
        url = RootUrl.parse(endpoint.root)
        content, path = Content(attempt.context.size_bytes), root_path(file, url)
        if content.size > MIB:
            with trail.enter(Phase.PREPARE):
                await asyncio.to_thread(lambda: content.adler32)
        async with visiting(self._client, attempt, url, writing.secret) as visit:
            failure = await enter(visit, trail)
            attempt.family = visit.address_family
            if failure is not None:
                attempt.fail(failure)
                return False
            with trail.enter(Phase.TRANSFER):
                transfer = await put(visit, path, writing.secret, content, trail)
            attempt.seconds, attempt.count = transfer.seconds, transfer.count
            if transfer.broken is not None:
                attempt.broke(transfer.broken)
                attempt.explain_path(file, path)
                return transfer.opened
            with trail.enter(Phase.VERIFY):
                seen = await _inspect(visit, path, writing.secret, content)
            attempt.note_verification(seen)
        return True

    async def _clean(self, attempt: RootAttempt, file: PayloadFile, removing: Token) -> None:
        """Removes the file over a connection of its own, for the first may hang."""
        url = RootUrl.parse(attempt.endpoint.root)
        async with visiting(self._client, attempt, url, removing.secret) as visit:
            await take_away(self._payload, visit, attempt, file, root_path(file, url), removing.secret)


async def _inspect(visit: XrootVisit, path: str, token: Secret, content: Content) -> Verification:
    """What became of the bytes. A wrong checksum is held against the bytes themselves, up to 64 MiB."""
    seen = await verify(visit, path, token, content.size, content.adler32)
    lied = seen.failure is not None and seen.failure.reason is Reason.CHECKSUM_MISMATCH
    if not lied or seen.checksum.verified_by is not VerifiedBy.DIGEST or content.size > MAX_READBACK_BYTES:
        return seen
    back = await read_back(visit, path, token, content.size, content.adler32)
    if back.failure is not None:
        return back
    text = f"it tells adler32 {seen.checksum.found} of bytes whose adler32 is {content.adler32}"
    return Verification(Failure(Reason.CHECKSUM_MISMATCH, text), seen.checksum, seen.size)


class RootDownloadProbe:
    """Reads a seed at the root door, several pieces in flight, with its checksum on the way; then some ranges of it in
    one vector read, as analysis jobs read.
    """

    variant = Variant.ROOT_DOWNLOAD

    def __init__(self, client: XrootClient, tokens: TokenSource, payload: PayloadStore, servers: ServerBook) -> None:
        self._client = client
        self._tokens = tokens
        self._payload = payload
        self._servers = servers

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result; `blame` destination means the endpoint. Makes nothing but the seed, which others use as well."""
        endpoint = _with_root_door(subject, self.variant)
        attempt = RootAttempt.begin(self.variant, endpoint, context)
        with attempt.trail.enter(Phase.PREPARE):
            seed = await self._payload.seed(endpoint, context.size_bytes, attempt.trail)
        if isinstance(seed, Failure):
            attempt.seed_failed(seed)
            return attempt.record(self._servers)
        with attempt.trail.enter(Phase.TOKEN):
            reading = await token_for(self._tokens, attempt, Role.READ, seed.file)
        if reading is not None:
            await self._transfer(attempt, seed, reading)
            if attempt.verdict.reason is Reason.NOT_FOUND:
                await self._settle_missing(attempt, seed)
        return attempt.record(self._servers)

    async def _transfer(self, attempt: RootAttempt, seed: Seed, reading: Token) -> None:
        endpoint, trail = attempt.endpoint, attempt.trail
        url = RootUrl.parse(endpoint.root)
        path = root_path(seed.file, url)
        async with visiting(self._client, attempt, url, reading.secret) as visit:
            failure = await enter(visit, trail)
            attempt.family = visit.address_family
            if failure is not None:
                attempt.fail(failure)
                return
            ranges = _VectorRead(visit, path, seed.content)
            with trail.enter(Phase.TRANSFER):
                then = ranges.read if seed.size else None
                transfer = await fetch(visit, path, reading.secret, seed.size, trail, then=then)
        attempt.seconds, attempt.count = transfer.seconds, transfer.count
        if transfer.broken is not None:
            attempt.broke(transfer.broken)
            attempt.explain_path(seed.file, path)
            return
        attempt.compare(transfer, seed.content)
        if ranges.failure is not None:
            attempt.fail(ranges.failure)
        attempt.warnings.extend(ranges.warnings)

    async def _settle_missing(self, attempt: RootAttempt, seed: Seed) -> None:
        """Whether the seed is gone, which is nobody's failure, or only the root door does not have it."""
        with attempt.trail.enter(Phase.PREPARE):
            lost = await self._payload.recheck(seed, attempt.trail)
        if lost is not None and lost.reason is Reason.SEED_LOST:
            attempt.verdict = Verdict(Reason.SEED_LOST, Blame.NOBODY, hint=lost.detail)
        elif lost is None:
            verdict = attempt.verdict
            attempt.verdict = verdict.with_hint(
                f"{verdict.hint}; its https door has the file: is the path in `root` right?"
            )


@dataclass(slots=True)
class _VectorRead:
    """Some ranges of an open file in one request, and what came of it. A server that takes none is only warned of."""

    visit: XrootVisit
    path: str
    content: Content
    failure: Failure | None = None
    warnings: list[str] = field(default_factory=list)

    async def read(self, opened: OpenedFile) -> None:
        ranges = spread(self.content.size)
        request = readv(opened.handle, ranges)
        reply = await self.visit.ask_server(opened.server, "readv", request, Phase.TRANSFER, path=self.path)
        if reply.refusal is not None:
            self.warnings.append(f"vector reads, as analysis jobs make them, are refused: {told(reply.refusal)}")
            return
        self.failure = failure_of(reply)
        if self.failure is not None:
            return
        try:
            pieces = read_vector(reply.data, opened.handle, ranges)
        except WireError as error:
            self.failure = Failure(Reason.RANGE_WRONG, str(error))
            return
        if pieces != [self.content.at(each.offset, each.length) for each in ranges]:
            self.failure = Failure(Reason.RANGE_WRONG, "a vector read gives other bytes than a plain one")


def spread(size: int) -> list[Range]:
    """Ranges all over a file of `size` bytes, none of them empty, the last one at its end."""
    count = min(RANGES, size)
    length = min(RANGE_BYTES, size // max(1, count))
    return [Range((size - length) * number // max(1, count - 1), length) for number in range(count)]


def _with_root_door(subject: Endpoint | Link, variant: Variant) -> Endpoint:
    if not isinstance(subject, Endpoint) or not subject.root:
        raise TypeError(f"{variant} is about an endpoint that has a root door, not {subject!r}")
    return subject
