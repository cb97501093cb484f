"""A token issuer as INDIGO IAM is one, for one client: discovery, keys, client credentials; misbehaves on demand.

It holds real keys and makes real signatures; only the world that trusts it is small.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.testbed.authorisation import ANY_AUDIENCE, components
from tpcharness.testbed.listening import BACKLOG, listeners
from tpcharness.testbed.pki import Authority
from tpcharness.testbed.stream import STREAM_LIMIT, PeerGoneError, ProtocolError, Request, Wire, head

Algorithm = Literal["RS256", "ES256"]

_BACKDATED_SECONDS = 60  # nbf: the clock skew that the profile recommends to allow for (tokens 2)
_MAX_BODY = 64 * 1024
_MAX_FIELDS = 32
_IDLE_SECONDS = 60.0
_DISCOVERY = ".well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What is wrong with an issuer; the default is nothing.

    The first three and `garbage` concern every answer, the others the token endpoint only.
    """

    hangs_up: bool = False
    delay_seconds: float = 0.0
    status: int | None = None
    garbage: bool = False
    error: str = ""
    drops_scope: str = ""
    lifetime_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class IssuerFault:
    """A misbehaviour by name; `reason` is what the harness must find, where a token is needed at all."""

    name: str
    sentence: str
    misbehaviour: Misbehaviour
    reason: Reason


_FAULTS = (
    IssuerFault("down", "The issuer hangs up without an answer.", Misbehaviour(hangs_up=True),
                Reason.ISSUER_UNREACHABLE),
    IssuerFault("slow", "The issuer answers after two minutes.", Misbehaviour(delay_seconds=120.0),
                Reason.ISSUER_UNREACHABLE),
    IssuerFault("unavailable", "The issuer's proxy answers 503 with a page of HTML.", Misbehaviour(status=503),
                Reason.ISSUER_UNREACHABLE),
    IssuerFault("refuses", "The issuer gives no tokens to our client.", Misbehaviour(error="unauthorized_client"),
                Reason.ISSUER_REFUSED),
    IssuerFault("drops_create", "The issuer leaves storage.create out, and says so in its answer only.",
                Misbehaviour(drops_scope="storage.create"), Reason.TOKEN_REDUCED),
    IssuerFault("short_lived", "Tokens last 20 seconds.", Misbehaviour(lifetime_seconds=20), Reason.TOKEN_EXPIRED),
    IssuerFault("garbage", "The issuer's JSON breaks off in the middle.", Misbehaviour(garbage=True),
                Reason.ISSUER_INVALID),
)  # fmt: skip

ISSUER_FAULTS: Mapping[str, IssuerFault] = {fault.name: fault for fault in _FAULTS}


class Issuer:
    """One issuer with an RS256 and an ES256 key, and one client that may ask for anything.

    `requests` counts what came in, by "discovery", "keys" and "token". Assign `misbehaviour` to change its manners.
    """

    def __init__(self, authority: Authority, *, client_id: str = "tpcharness-testbed") -> None:
        self._authority = authority
        self._keys = _Keys.fresh()
        self._retired: tuple[_Keys, ...] = ()
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.client_id = client_id
        self.client_secret = Secret(secrets.token_urlsafe(24))
        self.misbehaviour = Misbehaviour()
        self.requests: Counter[str] = Counter()
        self.url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens. From here on `url` is known, and part of every token. Raises OSError for a port in use."""
        context = self._authority.server_context(self._authority.issue("issuer"))
        opened = await listeners(host, port)
        for listener in opened:
            self._servers.append(
                await asyncio.start_server(
                    self._converse, sock=listener, backlog=BACKLOG, limit=STREAM_LIMIT, ssl=context
                )
            )
        self.url = f"https://localhost:{opened[0].getsockname()[1]}/"

    async def stop(self) -> None:
        """Stops listening and hangs up; safe to call twice."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        for server in servers:
            await server.wait_closed()

    def mint(
        self,
        scope: str,
        audience: str | Sequence[str] = ANY_AUDIENCE,
        *,
        lifetime_seconds: int = 3600,
        algorithm: Algorithm = "ES256",
        **claims: Any,
    ) -> str:
        """A signed token. `claims` replace what would stand in it; a claim of None is left out."""
        now = int(time.time())
        content = {
            "wlcg.ver": "1.0",
            "jti": str(uuid.uuid4()),
            "iss": self.url,
            "sub": self.client_id,
            "aud": audience if isinstance(audience, str) else list(audience),
            "iat": now,
            "nbf": now - _BACKDATED_SECONDS,
            "exp": now + lifetime_seconds,
            "scope": scope or None,
        }
        present = {name: value for name, value in (content | claims).items() if value is not None}
        key = self._keys.rsa if algorithm == "RS256" else self._keys.ec
        return jwt.encode(present, key, algorithm=algorithm, headers={"kid": self._keys.kid(algorithm)})

    def jwks(self) -> dict[str, Any]:
        """The public keys, newest first."""
        return {"keys": [jwk for keys in (self._keys, *self._retired) for jwk in keys.public()]}

    def roll_keys(self, *, keep_old: bool = True) -> None:
        """Signs with new keys from now on; the old ones stay published, as is good manners, or vanish."""
        self._retired = (self._keys, *self._retired) if keep_old else ()
        self._keys = _Keys.fresh()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request, until either side has enough."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine always runs in a task
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        wire = Wire(reader, writer)
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    request = await wire.read_request()
                    body = "" if request is None else await wire.request_body(request).text(_MAX_BODY)
                reply = None if request is None else await self._reply(request, body)
                if reply is None:
                    break
                await wire.send(reply.encode())
        except (ProtocolError, PeerGoneError, OSError, TimeoutError):
            pass  # a client that goes away, falls asleep or talks nonsense is its own business
        finally:
            wire.cut()

    async def _reply(self, request: Request, body: str) -> _Reply | None:
        """The answer, or None to hang up."""
        route = _ROUTES.get(request.path)
        if route is not None:
            self.requests[route] += 1
        manners = self.misbehaviour
        if manners.delay_seconds:
            await asyncio.sleep(manners.delay_seconds)
        if manners.hangs_up:
            return None
        if manners.status is not None:
            return _Reply(HTTPStatus(manners.status), "<html><body><h1>No server is available</h1></body></html>")
        reply = self._answer(route, request, body)
        return _Reply(reply.status, json.dumps(reply.document)[:-7], "application/json") if manners.garbage else reply

    def _answer(self, route: str | None, request: Request, body: str) -> _Reply:
        if route is None:
            return _Reply(HTTPStatus.NOT_FOUND, {"error": "not_found"})
        if request.method != ("POST" if route == "token" else "GET"):
            return _Reply(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "method_not_allowed"})
        if route == "discovery":
            return _Reply(HTTPStatus.OK, self._metadata())
        if route == "keys":
            return _Reply(HTTPStatus.OK, self.jwks())
        if not self._is_our_client(request.fields.get("Authorization")):
            return _Reply(
                HTTPStatus.UNAUTHORIZED,
                {"error": "invalid_client", "error_description": "Bad client credentials"},
                headers=(*_NEVER_STORED, ("WWW-Authenticate", 'Basic realm="testbed"')),
            )
        form = _form(request, body)
        return _Reply.refusal("invalid_request", "not a form, or a field twice") if form is None else self._grant(form)

    def _grant(self, form: Mapping[str, str]) -> _Reply:
        """The token endpoint's answer to an authenticated client (RFC 6749, 4.4 and 5)."""
        if self.misbehaviour.error:
            return _Reply.refusal(self.misbehaviour.error, "misbehaving on demand")
        if "grant_type" not in form:
            return _Reply.refusal("invalid_request", "grant_type is missing")
        if form["grant_type"] != "client_credentials":
            return _Reply.refusal("unsupported_grant_type", "only client_credentials is spoken here")
        asked = form.get("scope", "").split()
        if any(not _well_formed(scope) for scope in asked):
            return _Reply.refusal("invalid_scope", "a storage scope needs a plain absolute path")
        dropped = self.misbehaviour.drops_scope
        scope = " ".join(word for word in asked if not (dropped and word.startswith(dropped)))
        audience = form.get("audience", "").split() or [ANY_AUDIENCE]
        lifetime = self.misbehaviour.lifetime_seconds or 3600
        token = self.mint(scope, audience[0] if len(audience) == 1 else audience, lifetime_seconds=lifetime)
        return _Reply(
            HTTPStatus.OK,
            {"access_token": token, "token_type": "Bearer", "expires_in": lifetime, "scope": scope},
            headers=_NEVER_STORED,
        )

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "token_endpoint": f"{self.url}token",
            "jwks_uri": f"{self.url}jwk",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "scopes_supported": [f"storage.{verb}:/" for verb in ("read", "create", "modify", "stage", "poll")],
        }

    def _is_our_client(self, authorization: str) -> bool:
        """Basic authentication; name and secret are form-encoded inside (RFC 6749, 2.3.1)."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        same_secret = hmac.compare_digest(unquote_plus(secret).encode(), self.client_secret.reveal().encode())
        return scheme.lower() == "basic" and unquote_plus(client) == self.client_id and same_secret


_ROUTES = {f"/{_DISCOVERY}": "discovery", f"//{_DISCOVERY}": "discovery", "/jwk": "keys", "/token": "token"}
"""What stands where, as at IAM. scitokens-cpp asks with the doubled slash when an issuer ends in one (xrootd 3)."""

_NEVER_STORED = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def _well_formed(scope: str) -> bool:
    """Scopes about storage need a path that means one thing; all others are taken as they are."""
    name, _, path = scope.partition(":")
    return not name.startswith("storage.") or components(path) is not None


@dataclass(frozen=True, slots=True)
class _Keys:
    """One generation of signing keys."""

    generation: str
    rsa: rsa.RSAPrivateKey
    ec: ec.EllipticCurvePrivateKey

    @classmethod
    def fresh(cls) -> _Keys:
        return cls(
            generation=secrets.token_hex(4),
            rsa=rsa.generate_private_key(public_exponent=65537, key_size=2048),
            ec=ec.generate_private_key(ec.SECP256R1()),
        )

    def kid(self, algorithm: Algorithm) -> str:
        return f"{algorithm.lower()}-{self.generation}"

    def public(self) -> list[dict[str, Any]]:
        shown: list[tuple[Algorithm, dict[str, Any]]] = [
            ("RS256", RSAAlgorithm.to_jwk(self.rsa.public_key(), as_dict=True)),
            ("ES256", ECAlgorithm.to_jwk(self.ec.public_key(), as_dict=True)),
        ]
        return [jwk | {"kid": self.kid(algorithm), "alg": algorithm, "use": "sig"} for algorithm, jwk in shown]


def _form(request: Request, body: str) -> dict[str, str] | None:
    """The fields of a form; None when it is not one or names a field twice (RFC 6749, 3.2)."""
    media_type = request.fields.get("Content-Type").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return None
    try:
        fields = parse_qsl(body, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return None
    form = dict(fields)
    return form if len(form) == len(fields) else None


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer; a document that is text already is sent as it stands."""

    status: HTTPStatus
    document: Any = field(repr=False)
    media_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def refusal(cls, error: str, description: str) -> _Reply:
        document = {"error": error, "error_description": description}
        return cls(HTTPStatus.BAD_REQUEST, document, headers=_NEVER_STORED)

    def encode(self) -> bytes:
        text = isinstance(self.document, str)
        body = (self.document if text else json.dumps(self.document)).encode()
        media_type = self.media_type or ("text/html" if text else "application/json")
        fields = (("Content-Type", media_type), ("Content-Length", str(len(body))), *self.headers)
        return head(f"HTTP/1.1 {self.status.value} {self.status.phrase}", fields) + body
