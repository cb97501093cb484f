"""One request on its way to an answer: who asks, what for, what may be done, and the writing of the answer."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from dataclasses import dataclass, replace
from urllib.parse import quote

from tpcharness.testbed.authorisation import Operation, Refused, Verifier, components
from tpcharness.testbed.dialects.dialect import Dialect
from tpcharness.testbed.dialects.vocabulary import Cause, Pairs, RefusalError, Reply, Trouble
from tpcharness.testbed.effects import Answer, Dropped, E, Gibberish, Hang, Occasion, Party, Redirected, Say, Whither
from tpcharness.testbed.faults import FaultSet
from tpcharness.testbed.files import FileStore, FileWriter
from tpcharness.testbed.stream import Body, Request, Wire

_ANOTHER_NAME = "127.0.0.1"  # a storage is called localhost

# the User-Agents of storages that move bytes for a COPY (http-tpc 1.2; storage-extras 4)
_PEER_AGENTS = ("xrootd-tpc/", "dCache/", "StoRM", "pelican-origin/", "Apache-HttpClient/", "davix/0.8.0 libdpm")


@dataclass(frozen=True, slots=True)
class Premises:
    """What all requests to one storage share.

    `client_ssl` is the TLS side of its own requests to other storages. `stall_seconds` is how long it waits for
    bytes of theirs. `secret` signs the capabilities with which a manager sends clients to the disk server.
    """

    dialect: Dialect
    files: FileStore
    verifier: Verifier
    faults: FaultSet
    client_ssl: ssl.SSLContext
    marker_period_seconds: float
    stall_seconds: float
    secret: bytes


class Call:
    """One request and its wire. `redirect_to` is the URL of the disk server, where data requests are sent on."""

    def __init__(self, premises: Premises, wire: Wire, request: Request, *, redirect_to: str = "") -> None:
        self.premises = premises
        self.dialect = premises.dialect
        self.files = premises.files
        self.wire = wire
        self.request = request
        self.body: Body = wire.request_body(request)
        self.stays_open = False
        self._redirect_to = redirect_to
        self._answered = False
        self._invited = not request.fields.get("Expect").lower().startswith("100-continue")
        plain = components(request.path)
        self.path = "/" + "/".join(plain) if plain is not None else request.path
        self._plain = plain is not None

    @property
    def method(self) -> str:
        return self.request.method

    @property
    def occasion(self) -> Occasion:
        agent = self.request.fields.get("User-Agent")
        return Occasion(self.method, Party.PEER if agent.startswith(_PEER_AGENTS) else Party.CLIENT)

    @property
    def redirects(self) -> bool:
        """Whether another server of this storage does what was asked."""
        return bool(self._redirect_to) and self.method in self.dialect.redirects

    def fault(self, effect: type[E]) -> E | None:
        """The effect of that type that bites on this request, if any; a manager leaves it to the disk server."""
        return None if self.redirects else self.premises.faults.find(effect, self.occasion)

    async def misbehave(self) -> bool:
        """Whether a fault dealt with the request, before anybody looked at it. Raises RefusalError for a Say."""
        if self.fault(Hang):
            await self.wire.until_gone()
            return True
        if self.fault(Dropped):
            self.wire.cut()
            return True
        if self.fault(Gibberish):
            await self.wire.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n")
            return True
        if answer := self.fault(Answer):
            fields: Pairs = (("Content-Type", answer.media_type),) if answer.text else ()
            await self.answer(Reply(answer.status, answer.text.encode(), fields), refused=True)
            return True
        redirected = None if self._came_by_another_name else self.fault(Redirected)
        if redirected:
            fields = tuple(("Location", location) for location in self._nowhere(redirected.whither))
            await self.answer(Reply(307, fields=fields))
            return True
        if say := self.fault(Say):
            raise RefusalError(replace(self.trouble(say.cause), forced_status=say.status))
        return False

    def trouble(self, cause: Cause, *, method: str = "") -> Trouble:
        """What befell this request, or a step of it that implementations call by another method."""
        source, destination = (self.request.fields.get(name) for name in ("Source", "Destination"))
        return Trouble(
            cause,
            method=method or self.method,
            path=self.path,
            url=source or destination,
            pull=bool(source or not destination),
        )

    def refuse(self, cause: Cause) -> RefusalError:
        """For `raise call.refuse(...)`."""
        return RefusalError(self.trouble(cause))

    def require(self, operation: Operation, path: str = "", *, method: str = "") -> None:
        """Raises RefusalError unless the bearer may do that to the path (the request's own, when none is given)."""
        if not self._plain:
            raise self.refuse(Cause.BAD_REQUEST)
        rights = self.premises.verifier.check(self.request.token)
        if isinstance(rights, Refused):
            raise RefusalError(self.trouble(Cause.TOKEN_REFUSED, method=method))
        if not rights.may(operation, quote(path or self.path)):
            raise RefusalError(self.trouble(Cause.FORBIDDEN, method=method))

    def create(self, limit_bytes: int | None) -> FileWriter:
        """A writer for the request's path, in the manner of the dialect."""
        return self.files.create(self.path, in_place=self.dialect.writes_in_place, limit_bytes=limit_bytes)

    async def invite(self) -> None:
        """Tells a client that waits with its body (Expect: 100-continue) to send it."""
        if not self._invited:
            self._invited = True
            await self.wire.send(self.dialect.interim())

    async def answer(self, reply: Reply, *, refused: bool = False) -> None:
        """Sends a whole answer."""
        await self.begin(reply, refused=refused)
        if reply.body and self.method != "HEAD":
            await self.wire.send(reply.body)

    async def begin(self, reply: Reply, *, chunked: bool = False, refused: bool = False) -> None:
        """Sends the head of an answer; its body is the caller's business."""
        self._answered = True
        unread = not self.body.finished and not self._invited
        self.stays_open = self.dialect.keeps_connection(
            self.method, wanted=self.request.keep_alive and not unread, refused=refused
        )
        length = None if chunked else reply.length
        if length is None and not chunked:
            length = 0 if self.method == "HEAD" else len(reply.body)
        await self.wire.send(
            self.dialect.head(
                reply.status, length=length, fields=reply.fields, keep_alive=self.stays_open, phrase=reply.phrase
            )
        )

    async def decline(self, trouble: Trouble) -> None:
        """Answers why not; when the answer has begun already, only cutting the connection is left."""
        if self._answered:
            self.wire.cut()
            self.stays_open = False
            return
        reply = self.dialect.copy_refusal(trouble) if self.method == "COPY" else self.dialect.refusal(trouble)
        await self.answer(replace(reply, status=trouble.forced_status or reply.status), refused=True)

    async def redirect(self) -> None:
        """Sends the client on to the disk server, with the query it came with, a capability and its token."""
        query = [pair for pair in self.request.target.partition("?")[2].split("&") if pair]
        query = [pair for pair in query if not pair.startswith(("authz=", "cap.sym="))]
        query.append(f"cap.sym={self._capability()}")
        if self.request.token:
            query.append(f"authz=Bearer%20{quote(self.request.token, safe='')}")
        location = f"{self._redirect_to}{self.request.path}?{'&'.join(query)}"
        fields: Pairs = (("Location", location),)
        await self.answer(Reply(307, fields=fields))

    @property
    def _came_by_another_name(self) -> bool:
        return self.request.fields.get("Host").startswith(_ANOTHER_NAME)

    def _nowhere(self, whither: Whither) -> tuple[str, ...]:
        """The Location of a redirect that leads to no good place."""
        host = self.request.fields.get("Host")
        port = host.rpartition(":")[2]
        match whither:
            case Whither.ITSELF:
                return (f"https://{host}{self.request.target}",)
            case Whither.HTTP:
                return (f"http://{host}{self.request.target}",)
            case Whither.NO_LOCATION:
                return ()
            case Whither.NO_URL:
                return ("https://[disk:server]/",)
            case Whither.ANOTHER_NAME:
                return (f"https://{_ANOTHER_NAME}:{port}{self.request.target}",)
            case Whither.DEAD_PORT:
                return (f"https://localhost:9{self.request.target}",)

    def check_capability(self) -> None:
        """Raises RefusalError unless a manager of ours sent the client here."""
        if not hmac.compare_digest(self.request.query("cap.sym"), self._capability()):
            raise self.refuse(Cause.FORBIDDEN)

    def _capability(self) -> str:
        return hmac.new(self.premises.secret, f"{self.method} {self.path}".encode(), hashlib.sha256).hexdigest()

    async def finish(self) -> bool:
        """Reads away what is left of the request's body; says whether the connection can serve another request."""
        if self.body.finished:
            return self.stays_open
        return self._invited and await self.body.discard() and self.stays_open
