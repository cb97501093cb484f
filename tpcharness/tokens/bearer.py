"""A token that was found lying ready: what it is worth for a request. Such tokens are not renewed by us."""

from __future__ import annotations

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Clock, Token, TokenRequest
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame
from tpcharness.wire.claims import token_facts, valid_bearer


def ready_token(text: str, where: str, request: TokenRequest, clock: Clock) -> Token | Failure:
    """The token in a text without white space around it; `where` names its place in the Failure, the text never does.

    Its scopes are not compared with the request: rights may come from groups, and the storage is the judge.
    """
    if not text:
        return unusable(f"{where} is empty")
    if not valid_bearer(text):
        return unusable(f"{where} holds no bearer token (RFC 6750 2.1)")
    secret = Secret(text)
    facts = token_facts(request.role, secret)
    if facts.expires is not None:
        left_seconds = (facts.expires - clock.now()).total_seconds()
        when = f"{facts.expires:%Y-%m-%d %H:%M:%S} UTC"
        if left_seconds <= 0:
            return Failure(Reason.TOKEN_EXPIRED, f"the token in {where} expired at {when}", Blame.CLIENT)
        if left_seconds < request.lifetime_seconds:
            soon = f"in {left_seconds:.0f} s, and is needed for {request.lifetime_seconds:.0f} s"
            return Failure(Reason.TOKEN_EXPIRED, f"the token in {where} expires at {when}: {soon}", Blame.CLIENT)
    return Token(secret, facts, facts.expires)


def unusable(detail: str) -> Failure:
    """The failure of a token source that lies with whoever set it up."""
    return Failure(Reason.TOKEN_SOURCE_FAILED, detail, Blame.CLIENT)
