"""JWTs that say what a test wants and are signed by nobody."""

from __future__ import annotations

import base64
import json

from tests.support.clocks import NOON


def paper_token(*, lifetime_seconds: float | None = 3600.0, **claims: object) -> str:
    """A JWT with these claims; `exp` counts from NOON."""
    if lifetime_seconds is not None:
        claims["exp"] = int(NOON.timestamp() + lifetime_seconds)
    parts = ({"alg": "ES256", "kid": "k"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return f"{head}.{body}.c2lnbmF0dXJl"
