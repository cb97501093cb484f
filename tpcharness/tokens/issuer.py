"""A token issuer as its discovery document describes it, and what its refusals mean."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import redact, redact_url
from tpcharness.model.variant import Blame
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import Answer, HttpRequest
from tpcharness.tokens.single_flight import SingleFlight

REMEMBERED_SECONDS = 3600.0
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_DETAIL = 300

# RFC 6749 5.2: what whoever set up the client has to mend; the rest is for the issuer's administrators.
_CLIENT_ERRORS = frozenset({"invalid_client", "invalid_request", "unsupported_grant_type"})


class Issuer:
    """Knows where an issuer's token endpoint is; asks once an hour (as FTS does, tokens 7).

    `url` is the issuer's name, exactly as in the claim `iss`.
    """

    def __init__(self, url: str, client: HttpClient, *, ca_path: str = "") -> None:
        self.url = url
        self.ca_path = ca_path
        self._client = client
        self._endpoint = ""
        self._asked_at = 0.0
        self._flights = SingleFlight[str, str | Failure]()

    async def token_endpoint(self) -> str | Failure:
        """The URL to POST token requests to: https, or http on this machine."""
        if self._endpoint and asyncio.get_running_loop().time() < self._asked_at + REMEMBERED_SECONDS:
            return self._endpoint
        return await self._flights.run(self.url, self._discover)

    async def _discover(self) -> str | Failure:
        # OpenID Connect Discovery 1.0, 4: a trailing slash is taken off first; IAM's issuers have one (tokens 2).
        url = f"{self.url.rstrip('/')}/.well-known/openid-configuration"
        if not _confidential(url):
            return Failure(Reason.TOKEN_SOURCE_FAILED, f"issuer {redact_url(self.url)} is not https", Blame.CLIENT)
        request = HttpRequest("GET", url, (("Accept", "application/json"),), ca_path=self.ca_path)
        document = issuer_document(await self._client.exchange(request, max_body=MAX_DOCUMENT_BYTES), url)
        if isinstance(document, Failure):
            return document
        endpoint = self._read(document)
        if isinstance(endpoint, str):
            self._endpoint, self._asked_at = endpoint, asyncio.get_running_loop().time()
        return endpoint

    def _read(self, document: Mapping[str, object]) -> str | Failure:
        issuer, endpoint = document.get("issuer", self.url), document.get("token_endpoint")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self.url.rstrip("/"):
            return invalid(f"the discovery document of {self.url} is that of another issuer: {_shown(issuer)}")
        if not isinstance(endpoint, str) or not endpoint:
            return invalid(f"the discovery document of {self.url} names no token_endpoint")
        if not _confidential(endpoint):
            return invalid(f"the token_endpoint of {self.url} is not https: {redact_url(endpoint)}")
        return endpoint


def issuer_document(answer: Answer, url: str) -> Mapping[str, object] | Failure:
    """The JSON object that an issuer answered with, or what its answer means; `url` is what was asked."""
    place = redact_url(url)
    if answer.failure is not None:
        blame = answer.failure.blame or Blame.ISSUER
        detail = f"{place}: {answer.failure.detail or answer.failure.reason}"
        return Failure(Reason.ISSUER_UNREACHABLE, detail[:MAX_DETAIL], blame)
    status = answer.status or 0
    document = _json_object(answer)
    if status >= 500 or status == 429:
        return Failure(Reason.ISSUER_UNREACHABLE, f"{place}: {status} {redact(answer.status_text)}", Blame.ISSUER)
    if 200 <= status < 300:
        return document if document is not None else invalid(f"{place}: the answer is not a JSON object")
    if document is not None and isinstance(document.get("error"), str):
        return _refusal(document, place, status)
    if status in {401, 403}:
        return Failure(Reason.ISSUER_REFUSED, f"{place}: {status} {redact(answer.status_text)}", Blame.CLIENT)
    return invalid(f"{place}: {status} {redact(answer.status_text)}, and no error document (RFC 6749 5.2)")


def invalid(detail: str) -> Failure:
    """The failure of an issuer that does not keep to its protocol."""
    return Failure(Reason.ISSUER_INVALID, detail[:MAX_DETAIL], Blame.ISSUER)


def _refusal(document: Mapping[str, object], place: str, status: int) -> Failure:
    """RFC 6749 5.2: an error code and, perhaps, a text."""
    code, text = str(document["error"]), document.get("error_description", "")
    words = f": {_shown(text)}" if text else ""
    blame = Blame.CLIENT if code in _CLIENT_ERRORS else Blame.ISSUER
    return Failure(Reason.ISSUER_REFUSED, f"{place}: {status} {_shown(code)}{words}"[:MAX_DETAIL], blame)


def _json_object(answer: Answer) -> Mapping[str, object] | None:
    if answer.truncated:
        return None
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):  # deep nesting exhausts the parser
        return None
    return document if isinstance(document, dict) else None


def _confidential(url: str) -> bool:
    """Whether secrets may go there: https, or plain http that does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(value: object) -> str:
    """An issuer's own words on one line, without what looks like a credential."""
    return redact(" ".join(str(value).split()))[:MAX_DETAIL]
