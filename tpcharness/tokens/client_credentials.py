"""Tokens from an issuer by the client-credentials grant (RFC 6749 4.4): one for each role and path."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote_plus, urlencode

from tpcharness.model.endpoint import RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Clock, Token, TokenRequest
from tpcharness.model.secret import Secret, redact
from tpcharness.model.variant import Blame
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import HttpRequest
from tpcharness.tokens.bearer import unusable
from tpcharness.tokens.cache import TokenCache, TokenKey
from tpcharness.tokens.issuer import Issuer, invalid, issuer_document
from tpcharness.tokens.roles import missing_scopes
from tpcharness.tokens.secret_file import read_secret_file
from tpcharness.wire.claims import token_facts, valid_bearer

LONGEST_LIFETIME_SECONDS = 400 * 86400.0


class ClientCredentials:
    """A TokenSource that asks an issuer for exactly the scopes and the audience of each request.

    The client's secret is read from its file at every request to the issuer and kept nowhere.
    """

    def __init__(
        self, issuer: Issuer, client_id: str, secret_file: str, client: HttpClient, clock: Clock, cache: TokenCache
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._secret_file = secret_file
        self._client = client
        self._clock = clock
        self._cache = cache

    async def token(self, request: TokenRequest) -> Token | Failure:
        """A token with at least these scopes; its facts say the role that it is asked for now."""
        key = TokenKey(self._issuer.url, self._client_id, request.scopes, request.endpoint.audience)
        token = await self._cache.token(key, request.lifetime_seconds, lambda: self._fetch(key))
        return token if isinstance(token, Failure) else replace(token, facts=replace(token.facts, role=request.role))

    async def _fetch(self, key: TokenKey) -> Token | Failure:
        try:
            secret = Secret(await read_secret_file(self._secret_file))
        except OSError as error:
            return unusable(f"client secret file {self._secret_file}: {error.strerror or error}")
        url = await self._issuer.token_endpoint()
        if isinstance(url, Failure):
            return url
        document = issuer_document(await self._client.exchange(self._request(url, secret, key)), url)
        return document if isinstance(document, Failure) else self._read(document, key)

    def _request(self, url: str, secret: Secret, key: TokenKey) -> HttpRequest:
        # `audience`, not `resource`: IAM binds the latter to what was authorised first (oidc-agent#638).
        form = {"grant_type": "client_credentials", "scope": " ".join(key.scopes), "audience": key.audience}
        headers: tuple[tuple[str, str | Secret], ...] = (
            ("Authorization", _basic(self._client_id, secret)),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        )
        body = urlencode({name: value for name, value in form.items() if value}).encode()
        return HttpRequest(
            "POST", url, headers, body=body, ca_path=self._issuer.ca_path, redirect_auth=RedirectAuth.DROP
        )

    def _read(self, document: Mapping[str, object], key: TokenKey) -> Token | Failure:
        """RFC 6749 5.1, read with suspicion."""
        text, kind = document.get("access_token"), document.get("token_type", "Bearer")
        if not isinstance(text, str) or not valid_bearer(text):
            return invalid(f"{self._issuer.url} answered without a bearer token")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            return invalid(f"{self._issuer.url} gave a token of type {redact(str(kind))[:40]}, not Bearer")
        facts = token_facts("", Secret(text))
        reduced = _reduced(key, document.get("scope"), facts.scope)
        if reduced:
            return Failure(Reason.TOKEN_REDUCED, f"{self._issuer.url} left out {', '.join(reduced)}", Blame.ISSUER)
        now = self._clock.now()
        ends = [facts.expires] if facts.expires else []
        lifetime_seconds = document.get("expires_in")
        if isinstance(lifetime_seconds, int | float) and 0 < lifetime_seconds < LONGEST_LIFETIME_SECONDS:
            ends.append(now + timedelta(seconds=lifetime_seconds))
        expires = min(ends, default=None)
        if expires is not None and expires <= now:
            when = f"{expires:%Y-%m-%d %H:%M:%S} UTC"
            detail = f"{self._issuer.url} gave a token that expired at {when}; whose clock is wrong?"
            return Failure(Reason.TOKEN_EXPIRED, detail, Blame.ISSUER)
        return Token(Secret(text), facts, expires)


def _reduced(key: TokenKey, said: object, claimed: str) -> tuple[str, ...]:
    """The scopes that the issuer left out, by its own word or by the token's; saying nothing means all is granted.

    Issuers drop scopes silently, so both are compared (tokens 3).
    """
    words = ([said] if isinstance(said, str) else []) + ([claimed] if claimed else [])
    return tuple(sorted({scope for text in words for scope in missing_scopes(key.scopes, text)}))


def _basic(client_id: str, secret: Secret) -> Secret:
    """RFC 6749 2.3.1: both are form-encoded before RFC 7617 joins them."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
    return Secret("Basic " + base64.b64encode(pair.encode()).decode())
