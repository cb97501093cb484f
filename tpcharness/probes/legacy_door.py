"""The decommissioning audit: does an endpoint's gsiftp or SRM door still answer? The wanted answer is no.

Nobody logs in, no credential and no token is sent, nothing is written. docs/legacy-doors.md has what each thing that
can be seen there means.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from time import perf_counter

from tpcharness.diagnosis.legacy_verdict import (
    FtpTalk,
    answers,
    judge_failure,
    judge_gsiftp,
    judge_ping,
    judge_srm_failure,
    over_all,
    said,
)
from tpcharness.diagnosis.verdict import Verdict
from tpcharness.model.endpoint import Endpoint, Link
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Exchange, Result
from tpcharness.model.seams import ProbeContext
from tpcharness.model.variant import Phase, Variant
from tpcharness.net.legacy import Conversation, LegacyClient
from tpcharness.net.resolver import Address
from tpcharness.net.transport import timeout_failure
from tpcharness.probes.legacy_audit import LegacyAudit
from tpcharness.wire.errors import WireError
from tpcharness.wire.legacy.ftp import AUTH_GSSAPI, QUIT, Reply, ReplyReader
from tpcharness.wire.legacy.srm import NO_DELEGATION, PingAnswer, PingKind, PingReader, ping_request

POLITE_SECONDS = 10.0
"""How long we wait, at most, for what the verdict does not need: the answers to AUTH and QUIT, a second opinion."""


class _LegacyDoorProbe(ABC):
    """Looks at every address of a door, whatever it finds at one of them."""

    variant: Variant

    def __init__(self, client: LegacyClient) -> None:
        self._client = client

    async def run(self, subject: Endpoint | Link, context: ProbeContext) -> Result:
        """One result: ok when nothing answers at any address. Cancellation closes the connection, no more."""
        audit = LegacyAudit.begin(self.variant, subject, context)
        audit.trail.announce(Phase.RESOLVE)
        resolution = await self._client.resolve(audit.url.host, audit.url.port)
        if resolution.failure is not None and resolution.failure.reason is Reason.NO_ADDRESS_IN_FAMILY:
            audit.no_such_name(resolution, others_known=await self._client.knows(audit.endpoint.https))
            return audit.result()
        for address in audit.addresses(resolution):
            audit.trail.announce(Phase.CONNECT)
            audit.conclude(address, await self._look(audit, address))
        return audit.result()

    @abstractmethod
    async def _look(self, audit: LegacyAudit, address: Address) -> Verdict:
        """What one address means."""


class GsiftpDoorProbe(_LegacyDoorProbe):
    """Connects, reads the greeting, asks whether GSI is spoken (AUTH GSSAPI, and no further), and takes leave."""

    variant = Variant.GSIFTP_DOOR

    async def _look(self, audit: LegacyAudit, address: Address) -> Verdict:
        begin = perf_counter()
        dialled = await self._client.dial(address, audit.url.port, audit.url.host, tls=False)
        audit.spent(dialled.timings)
        if dialled.talk is None:
            failure = dialled.failure or Failure(Reason.CONNECTION_LOST)
            audit.record("connect", address, perf_counter() - begin, failure)
            return judge_failure(failure)
        with audit.trail.enter(Phase.REQUEST):
            async with dialled.talk as talk:
                heard = await self._hear(talk)
            if heard.failure is not None and heard.failure.reason is Reason.NO_RESPONSE:
                heard = await self._knock_with_tls(audit, address, heard)
        self._keep(audit, address, heard, perf_counter() - begin)
        return judge_gsiftp(heard)

    async def _hear(self, talk: Conversation) -> FtpTalk:
        reader = ReplyReader()
        greeting = await _reply(talk, reader, self._client.limits.request_seconds)
        if isinstance(greeting, Failure):
            return FtpTalk(failure=greeting)
        if greeting.code >= 300 or not greeting.whole:
            return FtpTalk(greeting)
        talk.send(AUTH_GSSAPI)
        auth = await _reply(talk, reader, POLITE_SECONDS)
        if isinstance(auth, Failure):
            return FtpTalk(greeting)
        talk.send(QUIT)
        await _reply(talk, reader, POLITE_SECONDS)
        return FtpTalk(greeting, auth)

    async def _knock_with_tls(self, audit: LegacyAudit, address: Address, heard: FtpTalk) -> FtpTalk:
        """Silence may be a server that waits for us to begin: one that speaks TLS is no gsiftp."""
        dialled = await self._client.dial(address, audit.url.port, audit.url.host, tls=True, at_most=POLITE_SECONDS)
        if dialled.talk is None:
            return heard
        async with dialled.talk as talk:
            facts = talk.certificate()
        if facts is not None:
            audit.trail.tls.append(facts)
        return FtpTalk(failure=Failure(Reason.MALFORMED_RESPONSE, "it speaks TLS, so it is another service"))

    def _keep(self, audit: LegacyAudit, address: Address, heard: FtpTalk, seconds: float) -> None:
        greeting = heard.greeting
        if greeting is None:
            audit.record("read the greeting", address, seconds, heard.failure)
            return
        lines = [f"{greeting.code} {greeting.text}"]
        if heard.auth is not None:
            lines.append(f"{heard.auth.code} {heard.auth.text} (to AUTH GSSAPI)")
        exchange = Exchange(
            Phase.REQUEST, "read the greeting", str(audit.url), status=greeting.code, body_excerpt="\n".join(lines)
        )
        audit.keep(exchange, address, seconds)


class SrmDoorProbe(_LegacyDoorProbe):
    """Shakes hands without a certificate and asks srmPing, as https first and then as httpg without delegation."""

    variant = Variant.SRM_DOOR

    async def _look(self, audit: LegacyAudit, address: Address) -> Verdict:
        verdicts: list[Verdict] = []
        for path in audit.url.services:
            asked = await self._ask(audit, address, path)
            verdicts.append(asked.verdict)
            if not isinstance(asked.answer, PingAnswer) or answers(asked.verdict):
                break
        if asked.secured and not isinstance(asked.answer, PingAnswer):
            verdicts.append((await self._ask(audit, address, path, NO_DELEGATION)).verdict)
        return over_all(verdicts)

    async def _ask(self, audit: LegacyAudit, address: Address, path: str, opening: bytes = b"") -> _Asked:
        """One connection, one srmPing."""
        begin = perf_counter()
        dialled = await self._client.dial(address, audit.url.port, audit.url.host, tls=True)
        audit.spent(dialled.timings)
        answer: PingAnswer | Failure = dialled.failure or Failure(Reason.CONNECTION_LOST)
        if dialled.talk is not None:
            with audit.trail.enter(Phase.REQUEST):
                async with dialled.talk as talk:
                    self._note_certificate(audit, talk)
                    talk.send(opening + ping_request(audit.url.place, path, self._client.user_agent))
                    answer = await _answer(talk, self._client.limits.request_seconds)
        method = "srmPing (httpg)" if opening else "srmPing"
        if isinstance(answer, Failure):
            audit.record(method, address, perf_counter() - begin, answer, path)
        else:
            audit.keep(_exchange(method, f"{audit.url}{path}", answer), address, perf_counter() - begin)
        return _Asked(answer, dialled.talk is not None)

    def _note_certificate(self, audit: LegacyAudit, talk: Conversation) -> None:
        facts = talk.certificate()
        if facts is not None and facts not in audit.trail.tls:
            audit.trail.tls.append(facts)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What came of one srmPing; `secured`: the handshake was done."""

    answer: PingAnswer | Failure
    secured: bool

    @property
    def verdict(self) -> Verdict:
        return judge_srm_failure(self.answer) if isinstance(self.answer, Failure) else judge_ping(self.answer)


def _exchange(method: str, url: str, answer: PingAnswer) -> Exchange:
    return Exchange(
        Phase.REQUEST,
        method,
        url,
        status=answer.status,
        status_text=said(answer.status_text),
        server=said(answer.server),
        body_excerpt=answer.said if answer.kind is PingKind.PING else answer.body,
    )


async def _reply(talk: Conversation, reader: ReplyReader, limit_seconds: float) -> Reply | Failure:
    """The next reply; one that breaks off counts as far as it came."""
    failure: Failure
    try:
        async with asyncio.timeout(limit_seconds):
            while data := await talk.receive():
                if isinstance(data, Failure):
                    break
                if (reply := reader.feed(data)) is not None:
                    return reply
        failure = data if isinstance(data, Failure) else Failure(Reason.CONNECTION_LOST)
    except TimeoutError:
        failure = timeout_failure(Phase.REQUEST, limit_seconds)
    except WireError as error:
        return Failure(Reason.MALFORMED_RESPONSE, f"{error}: it says {said(reader.pending)!r}")
    return reader.finish() or failure


async def _answer(talk: Conversation, limit_seconds: float) -> PingAnswer | Failure:
    """The answer to srmPing; one that breaks off counts as far as it came, once its head is there."""
    reader, failure = PingReader(), Failure(Reason.CONNECTION_LOST, "closed without an answer")
    try:
        async with asyncio.timeout(limit_seconds):
            while data := await talk.receive():
                if isinstance(data, Failure):
                    failure = data
                    break
                if reader.feed(data):
                    break
    except TimeoutError:
        failure = timeout_failure(Phase.REQUEST, limit_seconds)
    except WireError as error:
        return Failure(Reason.MALFORMED_RESPONSE, f"{error}, but TLS: another service, or an SRM that speaks httpg")
    return reader.finish() or failure
