"""What came of a request: the answer, who gave it in the end, and how both stand in evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import Hop
from tpcharness.model.secret import redact
from tpcharness.net.xroot_connection import XrootConnection
from tpcharness.wire.xroot.answers import Refusal
from tpcharness.wire.xroot.codes import Status
from tpcharness.wire.xroot.opaque import place
from tpcharness.wire.xroot.operations import PathRequest


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request: data, a refusal by the server, or a failure on the way.

    `server` is who answered, after redirects; `request` what it was asked in the end. `at_login`: it refused us, not
    the request. `redirected_to` is the place of the last server that a redirect led to, whether or not it answered;
    empty where it was the endpoint's own.
    """

    data: bytes = b""
    refusal: Refusal | None = None
    failure: Failure | None = None
    server: Server | None = None
    request: PathRequest | None = None
    at_login: bool = False
    redirected_to: str = ""

    @property
    def ok(self) -> bool:
        return self.refusal is None and self.failure is None


@dataclass(frozen=True, slots=True)
class Server:
    """One server that we are logged in at."""

    host: str
    port: int
    connection: XrootConnection
    trusted: bool

    @property
    def place(self) -> str:
        return place(self.host, self.port)

    @property
    def named_place(self) -> str:
        """The same by the name that its certificate is for."""
        return place(self.connection.server, self.port)

    def allowed(self, request: PathRequest) -> PathRequest:
        """The request with our tokens only where they may go."""
        return request if self.trusted and self.connection.session.tls else request.without_secrets()


def hop(server: Server, reply: Reply, location: str = "") -> Hop:
    said = Status.REDIRECT.value if location else status(reply)
    return Hop(server.place, said, server.connection.version, server.connection.address.ip, location)


def status(reply: Reply) -> int | None:
    """What stands for an HTTP status in evidence: 0 is xroot's ok, an error its number, None no answer."""
    if reply.refusal is not None:
        return reply.refusal.number
    return Status.OK.value if reply.failure is None else None


def shown(refusal: Refusal) -> Refusal:
    """Without credentials that the server echoes."""
    return Refusal(refusal.number, redact(refusal.text))


def named(failure: Failure, shown: str) -> Failure:
    """With the server that it is about: after redirects it may be any."""
    return replace(failure, detail=f"{shown}: {failure.detail}" if failure.detail else shown)


def too_long(server: Server, seconds: float) -> Failure:
    return Failure(Reason.OVERLOADED, f"{server.place} asked us to wait {seconds:g} s in all")
