"""A request of ours, and what came back, as values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from multidict import CIMultiDict, CIMultiDictProxy

from tpcharness.model.endpoint import AddressFamily, Endpoint, RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.result import Hop
from tpcharness.model.secret import MASK, Secret, redact

Headers = CIMultiDictProxy[str]


# Most values are the same in every request, and scrubbing one costs more than all else that is done with it.
_shown = lru_cache(maxsize=512)(redact)


def _no_headers() -> Headers:
    return CIMultiDictProxy(CIMultiDict[str]())


class BodySource(Protocol):
    """A request body of known length that can be sent again after a redirect."""

    @property
    def length(self) -> int: ...

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning, in pieces of at most 64 KiB or so."""
        ...


def expectation(body: BodySource | None) -> tuple[tuple[str, str], ...]:
    """The header of a body that waits until the server wants it.

    Without it a server that refuses at once and hangs up cuts us off before its answer is read: XRootD 5.5.3 does so
    with 403. FTS, davix and curl send it as well.
    """
    return (("Expect", "100-continue"),) if body is not None and body.length else ()


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Header values that are Secret are revealed only on the wire.

    `address` pins one IP address of the host; otherwise the resolver's first one in `address_family` is used.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str | Secret], ...] = ()
    token: Secret | None = None
    body: bytes | BodySource | None = None
    ca_path: str = ""
    address_family: AddressFamily = AddressFamily.ANY
    address: str = ""
    redirect_auth: RedirectAuth = RedirectAuth.SAME_DOMAIN

    @classmethod
    def for_endpoint(
        cls,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        token: Secret | None = None,
        headers: tuple[tuple[str, str | Secret], ...] = (),
        body: bytes | BodySource | None = None,
        address: str = "",
    ) -> HttpRequest:
        """A request to an absolute URL path of an endpoint, under its settings."""
        return cls(
            method,
            endpoint.url(path),
            headers,
            token,
            body,
            endpoint.ca_path,
            endpoint.address_family,
            address,
            endpoint.redirect_auth,
        )

    def wire_headers(self, *, with_secrets: bool) -> CIMultiDict[str]:
        """The header lines to send; without secrets where a redirect left the endpoint's domain."""
        lines = CIMultiDict[str]()
        if self.token is not None and with_secrets:
            lines.add("Authorization", f"Bearer {self.token.reveal()}")
        for name, value in self.headers:
            if not isinstance(value, Secret):
                lines.add(name, value)
            elif with_secrets:
                lines.add(name, value.reveal())
        return lines

    def shown_headers(self, *, with_secrets: bool) -> tuple[tuple[str, str], ...]:
        """The same lines for people: that a token was sent can be seen, the token cannot."""
        lines: list[tuple[str, str]] = []
        if self.token is not None and with_secrets:
            lines.append(("Authorization", f"Bearer {MASK}"))
        for name, value in self.headers:
            if not isinstance(value, Secret):
                lines.append((name, _shown(value)))
            elif with_secrets:
                lines.append((name, MASK))
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of one exchange. With redirects each is the sum over the hops; `request` ends with the last head."""

    queued: float = 0.0
    resolve: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    request: float = 0.0

    def __add__(self, other: Timings) -> Timings:
        return Timings(
            self.queued + other.queued,
            self.resolve + other.resolve,
            self.connect + other.connect,
            self.tls + other.tls,
            self.request + other.request,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. With a `failure`, `status` is None unless the head had come already.

    `body` holds at most what the caller allowed, `truncated` says that there was more. The last of `hops` is the
    server that did the work; `timings` leave out the body.
    """

    failure: Failure | None = None
    status: int | None = None
    status_text: str = ""
    headers: Headers = field(default_factory=_no_headers)
    body: bytes = b""
    truncated: bool = False
    hops: tuple[Hop, ...] = ()
    timings: Timings = Timings()
    address_family: AddressFamily | None = None

    @property
    def server(self) -> str:
        """The Server header of the last hop."""
        return self.hops[-1].server if self.hops else ""

    @property
    def text(self) -> str:
        """The body as text, whatever it is, without credentials that a server may echo."""
        return redact(self.body.decode("utf-8", "replace"), cut=self.truncated)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order."""
        return tuple(self.headers.getall(name, ()))
