"""One request to a storage in one role, with that role's token; and a look at a file of ours."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from tpcharness.diagnosis.plain_verdict import judge_plain
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import TokenSource
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import Answer, BodySource, HttpRequest, expectation
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile
from tpcharness.tokens.roles import Role, token_request
from tpcharness.wire.digest import FoundDigest, find_digest, want_digest

ABSENT = frozenset({404, 410})

_PENDING = 202
_NO_DIGEST = 405  # XRootD 5.5.3 without xrootd.chksum, to a HEAD that asks for one

MAX_BODY = 64 * 1024
MAX_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Sight:
    """What a storage says of a file. `pending`: it is still working out the checksum (DPM's 202)."""

    present: bool
    pending: bool = False
    size: int | None = None
    digest: FoundDigest | None = None


class Errands:
    """Sends the room's requests. A peer's misbehaviour comes back as a Failure whose blame is for the caller."""

    def __init__(self, client: HttpClient, tokens: TokenSource) -> None:
        self._client = client
        self._tokens = tokens

    async def ask(
        self,
        role: Role,
        method: str,
        endpoint: Endpoint,
        path: str,
        trail: Trail,
        phase: Phase,
        *,
        fine: Collection[int] = (),
        headers: tuple[tuple[str, str | Secret], ...] = (),
        body: BodySource | None = None,
        timeout_seconds: float | None = None,
        replace: bool = False,
        address: str = "",
        max_body: int = MAX_BODY,
        body_sink: Callable[[bytes], None] | None = None,
    ) -> Answer | Failure:
        """The answer when its status is a success or one of `fine`, else why not.

        A body waits until it is wanted. `replace` asks for the right to overwrite, `address` pins one of the host's. At
        most `max_body` bytes of the answer are read, into `body_sink` if there is one. Failures without a blame are the
        storage's.
        """
        try:
            wanted = token_request(role, endpoint, path, replace=replace)
        except ValueError as error:
            return Failure(Reason.TOKEN_SOURCE_FAILED, str(error), Blame.CLIENT)
        token = await self._tokens.token(wanted)
        if isinstance(token, Failure):
            return token
        trail.token(token.facts)
        request = HttpRequest.for_endpoint(
            endpoint,
            method,
            path,
            token=token.secret,
            headers=(*headers, *expectation(body)),
            body=body,
            address=address,
        )
        answer = await self._client.exchange(
            request,
            trail=trail,
            phase=phase,
            timeout_seconds=timeout_seconds,
            max_body=max_body,
            body_sink=body_sink,
        )
        if answer.failure is None and answer.status in fine:
            return answer
        return judge_plain(method, answer.status, answer.text, answer.failure) or answer

    async def look(
        self, role: Role, file: PayloadFile, trail: Trail, phase: Phase, *, digest: bool = True, address: str = ""
    ) -> Sight | Failure:
        """One HEAD: size, and adler32 if `digest` is asked for; `address` pins one of the host's."""
        answer = await self.ask(
            role,
            "HEAD",
            file.endpoint,
            file.path,
            trail,
            phase,
            fine=(*ABSENT, _NO_DIGEST) if digest else ABSENT,
            headers=(("Want-Digest", want_digest(["adler32"])),) if digest else (),
            address=address,
        )
        if isinstance(answer, Failure):
            return answer
        if answer.status in ABSENT:
            return Sight(present=False)
        if answer.status == _NO_DIGEST:
            return await self.look(role, file, trail, phase, digest=False, address=address)
        found, length = find_digest(answer.all, "adler32"), answer.headers.get("Content-Length", "")
        if answer.status == _PENDING and found is None:
            return Sight(present=True, pending=True)  # its length is that of the 202, not of the file
        plain = length.isascii() and length.isdigit() and len(length) < MAX_DIGITS
        return Sight(present=True, size=int(length) if plain else None, digest=found)
