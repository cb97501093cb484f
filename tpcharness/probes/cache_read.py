"""A file through the cache in front of an endpoint, cold and then warm, and directly from the origin to compare."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from tpcharness.diagnosis.cache_verdict import CacheFailure, ReadSeen, Warmth, judge_cache, judge_warmth, why_unknown
from tpcharness.diagnosis.stream_verdict import Broken
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.result import Exchange, Result
from tpcharness.model.seams import ProbeContext, Token, TokenSource
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.xroot import XrootClient
from tpcharness.payload.content import Content
from tpcharness.payload.errands import Errands
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.payload.upload import Upload
from tpcharness.probes.role_token import token_for
from tpcharness.probes.root_attempt import RootAttempt, enter, mismatch, visiting
from tpcharness.probes.root_files import root_path
from tpcharness.probes.root_reading import Transfer, fetch
from tpcharness.probes.servers import ServerBook
from tpcharness.probes.verification import Verifier
from tpcharness.tokens.roles import Role
from tpcharness.wire.xroot.codes import ServerFlag, Status
from tpcharness.wire.xroot.opaque import RootUrl

DIRECT, COLD, WARM = "read direct", "read cold", "read warm"


@dataclass(frozen=True, slots=True)
class _Leg:
    """One read. `inside`: the server had let us in; `wrong`: the bytes came and are not those that were stored."""

    transfer: Transfer
    inside: bool = True
    wrong: Failure | None = None

    @property
    def broken(self) -> Broken | None:
        return self.transfer.broken or (None if self.wrong is None else Broken(self.wrong))

    @property
    def seen(self) -> ReadSeen:
        server = self.transfer.server
        return ReadSeen(self.transfer.bytes_seconds, "" if server is None else server.place, self.transfer.identity)


class CacheReadProbe:
    """Puts a new file to the origin by https, reads it from the origin's root door if there is one, and then twice
    through the cache: a name that nobody has used makes the first read cold.

    Each read has a connection of its own, and is timed from the request to open the file to its last byte. Size and
    checksum of each are compared. The file at the origin is removed; the cache's copy is the cache's own, which throws
    it away as it does with others. `transfer_seconds` and `throughput` are of the cold read.
    """

    variant = Variant.CACHE_READ

    def __init__(
        self,
        client: XrootClient,
        errands: Errands,
        tokens: TokenSource,
        payload: PayloadStore,
        names: PayloadNames,
        verifier: Verifier,
        servers: ServerBook,
    ) -> None:
        self._client = client
        self._errands = errands
        self._tokens = tokens
        self._payload = payload
        self._names = names
        self._verifier = verifier
        self._servers = servers

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result: `blame` destination means the origin, `path` the cache in front of it. When cancelled it removes
        the file first.
        """
        if not isinstance(subject, Endpoint) or not subject.cache:
            raise TypeError(f"{self.variant} is about an endpoint that has a cache, not {subject!r}")
        attempt = RootAttempt.begin(self.variant, subject, context)
        file = self._names.door(subject, f"{context.probe_id}-{context.attempt}")
        with attempt.trail.enter(Phase.TOKEN):
            reading = await token_for(self._tokens, attempt, Role.READ, file)
        if reading is not None and await self._prepare(attempt):
            await self._payload.register(file)
            upload = Upload(Content(context.size_bytes))
            try:
                await self._store(attempt, file, upload)
                if attempt.ok:
                    await self._read(attempt, file, reading)
            finally:
                with attempt.trail.enter(Phase.CLEANUP):
                    left = await self._payload.remove_upload(file, attempt.trail, upload)
                if left is not None:
                    attempt.note_leftover(left)
        self._servers.learn(subject, attempt.trail.exchanges)
        return attempt.record(self._servers)

    async def _prepare(self, attempt: RootAttempt) -> bool:
        content = Content(attempt.context.size_bytes)
        with attempt.trail.enter(Phase.PREPARE):
            if content.size > MIB:
                await asyncio.to_thread(lambda: content.adler32)
            failure = await self._payload.ensure_directory(attempt.endpoint, attempt.trail)
        if failure is not None:
            attempt.fail(failure)
        return failure is None

    async def _store(self, attempt: RootAttempt, file: PayloadFile, upload: Upload) -> None:
        """Puts the file to the origin and sees that it is right there."""
        content, trail = upload.content, attempt.trail
        with trail.enter(Phase.PREPARE):
            limit = self._client.limits.transfer_seconds
            upload.answer = await self._errands.ask(
                Role.SEED, "PUT", file.endpoint, file.path, trail, Phase.PREPARE, body=upload, timeout_seconds=limit
            )
            if upload.failure is not None:
                attempt.fail(upload.failure)
                return
            seen = await self._verifier.verify(file, content.size, content.adler32, trail)
        attempt.note_verification(seen)

    async def _read(self, attempt: RootAttempt, file: PayloadFile, reading: Token) -> None:
        """Direct, cold, warm, until one fails."""
        endpoint = attempt.endpoint
        direct = None
        if endpoint.root:
            direct = await self._leg(attempt, file, reading, RootUrl.parse(endpoint.root), DIRECT)
            if direct.broken is not None:
                attempt.broke(direct.broken)
                return
        cache, legs = RootUrl.parse(endpoint.cache), []
        for label in (COLD, WARM):
            leg = await self._leg(attempt, file, reading, cache, label)
            if leg.broken is not None:
                attempt.judge(judge_cache(_failure(endpoint, cache, leg, leg.broken, cold=label == COLD)))
                return
            legs.append(leg)
        cold, warm = legs
        attempt.seconds, attempt.count = cold.transfer.seconds, cold.transfer.count
        attempt.compare(cold.transfer, Content(attempt.context.size_bytes))
        _conclude(attempt, direct, cold, warm)

    async def _leg(self, attempt: RootAttempt, file: PayloadFile, reading: Token, url: RootUrl, label: str) -> _Leg:
        content, trail = Content(attempt.context.size_bytes), attempt.trail
        async with visiting(self._client, attempt, url, reading.secret) as visit:
            failure = await enter(visit, trail)
            attempt.family = visit.address_family
            if failure is not None:
                return _Leg(Transfer(0.0, broken=Broken(failure), opened=False), inside=False)
            with trail.enter(Phase.TRANSFER):
                path = root_path(file, url)
                transfer = await fetch(visit, path, reading.secret, content.size, trail, label=label)
        return _Leg(transfer, wrong=None if transfer.broken is not None else mismatch(transfer, content))


def _failure(endpoint: Endpoint, cache: RootUrl, leg: _Leg, broken: Broken, *, cold: bool) -> CacheFailure:
    witness = "the origin's root door" if endpoint.root else "the origin's https door"
    return CacheFailure(
        broken=broken,
        cache=cache.place,
        own=cache.host in _hosts(endpoint),
        inside=leg.inside,
        cold=cold,
        witness=f"{witness} serves us the same file",
    )


def _hosts(endpoint: Endpoint) -> set[str]:
    """The endpoint's own hosts."""
    hosts = {(urlsplit(endpoint.https).hostname or "").lower()}
    return hosts | {RootUrl.parse(endpoint.root).host} if endpoint.root else hosts


def _conclude(attempt: RootAttempt, direct: _Leg | None, cold: _Leg, warm: _Leg) -> None:
    """Says how long each read took, and what the warm one was."""
    warmth = judge_warmth(cold.seen, warm.seen)
    if warmth is Warmth.UNKNOWN:
        proxy = _calls_itself_proxy(cold)
        attempt.warnings.append(
            why_unknown(cold.seen, warm.seen) + ("" if proxy else "; it does not call itself a cache or a proxy")
        )
    legs = [("direct", direct), ("cold", cold), ("warm", warm)]
    times = ", ".join(f"{name} {leg.transfer.seconds:.4f} s" for name, leg in legs if leg is not None)
    exchange = Exchange(
        Phase.VERIFY, "compare reads", attempt.endpoint.cache, status=Status.OK.value, status_text=f"{times}: {warmth}"
    )
    attempt.trail.record(exchange, 0.0)


def _calls_itself_proxy(leg: _Leg) -> bool:
    server = leg.transfer.server
    protocol = None if server is None else server.connection.session.protocol
    return protocol is not None and bool(protocol.flags & (ServerFlag.IS_CACHE | ServerFlag.IS_PROXY))
