"""One request to a tape service, with its role's token, and what came of it as a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote

from tpcharness.diagnosis.tape_verdict import Operation, judge_answer
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import TokenSource
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.net.redirects import secrets_may_follow
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile
from tpcharness.tokens.tape_roles import TapeRole, tape_token_request
from tpcharness.wire.errors import WireError
from tpcharness.wire.tape.archive_info import ArchiveInfo, parse_archive_info
from tpcharness.wire.tape.discovery import WELL_KNOWN, Discovery, TapeService, parse_discovery
from tpcharness.wire.tape.problem import read_problem
from tpcharness.wire.tape.reading import MAX_BODY_BYTES
from tpcharness.wire.tape.stage import (
    Receipt,
    StageStatus,
    cancel_url,
    parse_receipt,
    parse_status,
    paths_body,
    release_url,
    request_url,
    stage_body,
)

MAX_RETRY_AFTER_SECONDS = 3600.0

_REFUSED = frozenset({401, 403})
_JSON = ("Content-Type", "application/json")
_ACCEPT = ("Accept", "application/json, application/problem+json")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Discovered:
    """A discovery document, and whether it took a token to see it: the specification names none."""

    document: Discovery
    needed_token: bool


@dataclass(frozen=True, slots=True)
class Polled:
    """One poll: a status or a failure, and how long the service asks to be left alone (429, 503)."""

    outcome: StageStatus | Failure
    retry_after_seconds: float = 0.0


class TapeErrands:
    """Asks tape services. Failures without a blame are the storage's; nothing raises for what a peer does.

    Every request about a STAGE has the token of the STAGE. Tokens go to the host of the endpoint, and to another one
    only as its `redirect_auth` allows: the discovery document may name any host.
    """

    def __init__(self, client: HttpClient, tokens: TokenSource) -> None:
        self._client = client
        self._tokens = tokens

    async def discover(self, endpoint: Endpoint, trail: Trail, phase: Phase = Phase.PREPARE) -> Discovered | Failure:
        """The document at the endpoint's door; first without a token, as the specification has it.

        An endpoint without registered files is asked with the right to its own directory.
        """
        url = endpoint.url(WELL_KNOWN)
        answer = await self._exchange(HttpRequest.for_endpoint(endpoint, "GET", WELL_KNOWN), trail, phase)
        needed_token = answer.status in _REFUSED
        if needed_token:
            paths = endpoint.tape_files or (unquote(endpoint.path),)
            asked = await self._ask(Operation.DISCOVERY, "GET", url, endpoint, TapeRole.POLL, paths, trail, phase)
            if isinstance(asked, Failure):
                return asked
            answer = asked
        elif failure := _judged(Operation.DISCOVERY, answer):
            return failure
        media_type = answer.headers.get("Content-Type", "")
        document = _read(Operation.DISCOVERY, answer, lambda body: parse_discovery(body, media_type))
        return document if isinstance(document, Failure) else Discovered(document, needed_token)

    async def archive_info(
        self,
        endpoint: Endpoint,
        service: TapeService,
        paths: Sequence[str],
        trail: Trail,
        phase: Phase,
        *,
        sent: Callable[[Answer], None] = lambda _: None,
    ) -> ArchiveInfo | Failure:
        """Where files are. `sent` is given whatever came back, for whoever asks again and must know when he may."""
        answer = await self._ask(
            Operation.ARCHIVE_INFO,
            "POST",
            service.archive_info_url,
            endpoint,
            TapeRole.POLL,
            paths,
            trail,
            phase,
            body=paths_body(paths),
            sent=sent,
        )
        return answer if isinstance(answer, Failure) else _read(Operation.ARCHIVE_INFO, answer, parse_archive_info)

    async def stage(
        self,
        endpoint: Endpoint,
        service: TapeService,
        paths: Sequence[str],
        disk_lifetime_seconds: int,
        trail: Trail,
        sent: Callable[[Answer], None],
    ) -> Receipt | Failure:
        """Asks for files. `sent` is given whatever came back, for whoever must know whether it may have been taken."""
        answer = await self._ask(
            Operation.STAGE,
            "POST",
            service.stage_url,
            endpoint,
            TapeRole.STAGE,
            paths,
            trail,
            Phase.REQUEST,
            body=stage_body(paths, disk_lifetime_seconds),
            sent=sent,
        )
        if isinstance(answer, Failure):
            return answer
        status, location = answer.status or 0, answer.headers.get("Location", "")
        return _read(Operation.STAGE, answer, lambda body: parse_receipt(body, status, location, service))

    async def poll(
        self, endpoint: Endpoint, service: TapeService, request_id: str, paths: Sequence[str], trail: Trail
    ) -> Polled:
        """How a request goes on."""
        heads: list[Answer] = []
        answer = await self._ask(
            Operation.POLL,
            "GET",
            request_url(service, request_id),
            endpoint,
            TapeRole.STAGE,
            paths,
            trail,
            Phase.TRANSFER,
            sent=heads.append,
        )
        if isinstance(answer, Failure):
            return Polled(answer, retry_after_seconds(heads))
        return Polled(_read(Operation.POLL, answer, lambda body: parse_status(body, request_id)))

    async def status_of_unknown(
        self, endpoint: Endpoint, service: TapeService, request_id: str, paths: Sequence[str], trail: Trail
    ) -> int | None:
        """With which status a poll is answered that cannot be right; None without an answer.

        With the right to poll alone: nothing is staged, so nobody has to allow more.
        """
        heads: list[Answer] = []
        url = request_url(service, request_id)
        await self._ask(
            Operation.POLL, "GET", url, endpoint, TapeRole.POLL, paths, trail, Phase.REQUEST, sent=heads.append
        )
        return heads[-1].status if heads and heads[-1].failure is None else None

    async def end(
        self,
        operation: Operation,
        endpoint: Endpoint,
        service: TapeService,
        request_id: str,
        paths: Sequence[str],
        trail: Trail,
    ) -> Failure | None:
        """Cancels, releases or deletes a request. That it is not known any more (404) is as good as done."""
        method, body = ("DELETE", None) if operation is Operation.DELETE else ("POST", paths_body(paths))
        where = {Operation.CANCEL: cancel_url, Operation.RELEASE: release_url}
        url = where.get(operation, request_url)(service, request_id)
        heads: list[Answer] = []
        outcome = await self._ask(
            operation, method, url, endpoint, TapeRole.STAGE, paths, trail, Phase.CLEANUP, body=body, sent=heads.append
        )
        gone = bool(heads) and heads[-1].failure is None and heads[-1].status in (404, 410)
        return outcome if isinstance(outcome, Failure) and not gone else None

    async def read_a_byte(self, file: PayloadFile, path: str, trail: Trail) -> Failure | None:
        """Why the door does not give the first byte of a staged file; a success without a byte is none.

        That we may not read, or cannot reach the door, says nothing about the staging.
        """
        token = await self._tokens.token(tape_token_request(TapeRole.READ_STAGED, file.endpoint, [path]))
        if isinstance(token, Failure):
            return token
        trail.token(token.facts)
        request = HttpRequest.for_endpoint(
            file.endpoint, "GET", file.path, token=token.secret, headers=(("Range", "bytes=0-0"),)
        )
        answer = await self._client.exchange(request, trail=trail, phase=Phase.VERIFY, max_body=1)
        if answer.failure is None and answer.status in (200, 206) and answer.body:
            return None
        said = answer.failure.detail if answer.failure else f"status {answer.status}"
        reason = Reason.STAGED_UNREADABLE
        if answer.status in _REFUSED:
            reason = Reason.VERIFY_REFUSED
        elif answer.status is None:
            reason = Reason.VERIFY_FAILED
        return Failure(reason, f"the first byte of {path} cannot be read: {said}")

    async def _ask(
        self,
        operation: Operation,
        method: str,
        url: str,
        endpoint: Endpoint,
        role: TapeRole,
        paths: Sequence[str],
        trail: Trail,
        phase: Phase,
        *,
        body: bytes | None = None,
        sent: Callable[[Answer], None] = lambda _: None,
    ) -> Answer | Failure:
        if not secrets_may_follow(endpoint.https, url, endpoint.redirect_auth):
            detail = (
                f"the tape service is at another host, and redirect_auth of {endpoint.name} keeps our token from it"
            )
            return Failure(Reason.TOKEN_SOURCE_FAILED, f"{detail}: {url}", Blame.CLIENT)
        try:
            wanted = tape_token_request(role, endpoint, paths)
        except ValueError as error:
            return Failure(Reason.TOKEN_SOURCE_FAILED, str(error), Blame.CLIENT)
        token = await self._tokens.token(wanted)
        if isinstance(token, Failure):
            return token
        trail.token(token.facts)
        request = HttpRequest(
            method,
            url,
            (_ACCEPT, _JSON) if body is not None else (_ACCEPT,),
            token.secret,
            body,
            endpoint.ca_path,
            endpoint.address_family,
            redirect_auth=endpoint.redirect_auth,
        )
        answer = await self._exchange(request, trail, phase)
        sent(answer)
        return _judged(operation, answer) or answer

    async def _exchange(self, request: HttpRequest, trail: Trail, phase: Phase) -> Answer:
        return await self._client.exchange(request, trail=trail, phase=phase, max_body=MAX_BODY_BYTES)


def _judged(operation: Operation, answer: Answer) -> Failure | None:
    """Why it failed, if it did."""
    refused = answer.failure is None and answer.status is not None and answer.status >= 300
    text = read_problem(answer.body, answer.headers) or answer.text if refused else ""
    return judge_answer(operation, answer.status, text, answer.failure)


def _read(operation: Operation, answer: Answer, parse: Callable[[bytes], T]) -> T | Failure:
    """The document; what cannot be read is the service's mistake."""
    if answer.truncated:
        return Failure(Reason.TAPE_INVALID, f"{operation}: the answer is longer than {MAX_BODY_BYTES} bytes")
    try:
        return parse(answer.body)
    except WireError as error:
        return Failure(Reason.TAPE_INVALID, f"{operation}: {error}")


def retry_after_seconds(answers: Sequence[Answer]) -> float:
    """How long the last answer asks to be left alone; 0 without an answer or a plain number.

    A date is not worth reading: the next poll is far enough.
    """
    text = "" if not answers else answers[-1].headers.get("Retry-After", "").strip()
    return min(float(text), MAX_RETRY_AFTER_SECONDS) if text.isascii() and text.isdigit() and len(text) < 9 else 0.0
