"""What a bearer token says of itself: read, never verified and never believed. The storages judge; we report.

Only JWTs say anything. Macaroons, EOS tokens and other opaque strings read as None.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from tpcharness.model.result import TokenFacts
from tpcharness.model.secret import Secret

MAX_TOKEN_CHARACTERS = 64 * 1024
SUBJECT_HASH_CHARACTERS = 12
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of the WLCG profile (tokens 2) that matter here; empty or None is absent or of a wrong type.

    `scope` is as it stands, blanks between; `audience` always a tuple, whether the token has a string or an array.
    """

    issuer: str = ""
    subject: str = ""
    audience: tuple[str, ...] = ()
    scope: str = ""
    issued: datetime | None = None
    not_before: datetime | None = None
    expires: datetime | None = None
    wlcg_version: str = ""
    groups: tuple[str, ...] = ()


def read_claims(token: str) -> Claims | None:
    """The claims of a JWT, or None for any other text. Never raises."""
    payload = _payload(token)
    if payload is None:
        return None
    return Claims(
        issuer=_text(payload.get("iss")),
        subject=_text(payload.get("sub")),
        audience=_texts(payload.get("aud")),
        # The profile has a string; some issuers write an array (tokens 2).
        scope=" ".join(_texts(payload.get("scope"))),
        issued=_moment(payload.get("iat")),
        not_before=_moment(payload.get("nbf")),
        expires=_moment(payload.get("exp")),
        wlcg_version=_text(payload.get("wlcg.ver")),
        groups=_texts(payload.get("wlcg.groups")),
    )


def token_facts(role: str, token: Secret) -> TokenFacts:
    """What evidence may say of a token: claims, and the subject only as the start of its SHA-256."""
    claims = read_claims(token.reveal())
    if claims is None:
        return TokenFacts(role)
    return TokenFacts(
        role=role,
        issuer=claims.issuer,
        subject_hash=_hash(claims.subject),
        audience=claims.audience,
        scope=claims.scope,
        expires=claims.expires,
    )


def valid_bearer(text: str) -> bool:
    """Whether the text may stand after `Bearer ` at all: RFC 6750 2.1, as token discovery demands (tokens 5)."""
    return _BEARER.fullmatch(text) is not None


def _payload(token: str) -> dict[str, object] | None:
    parts = token.split(".") if len(token) <= MAX_TOKEN_CHARACTERS else []
    if len(parts) != 3:
        return None
    try:
        header, payload = (json.loads(_decode(part)) for part in parts[:2])
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(header, dict) and isinstance(payload, dict) else None


def _decode(part: str) -> bytes:
    """Base64url without padding; raises ValueError."""
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _text(value: object) -> str:
    """The string; lone surrogates, which JSON can smuggle in, become question marks before they break an output."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(text for text in map(_text, values) if text)


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _hash(subject: str) -> str:
    return hashlib.sha256(subject.encode()).hexdigest()[:SUBJECT_HASH_CHARACTERS] if subject else ""
