"""The token of one role for one of our files, as every probe gets it."""

from __future__ import annotations

from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token, TokenSource
from tpcharness.model.variant import Blame
from tpcharness.net.trail import Trail
from tpcharness.payload.names import PayloadFile
from tpcharness.probes.door_check import DoorCheck
from tpcharness.tokens.roles import Role, token_request


async def role_token(tokens: TokenSource, role: Role, file: PayloadFile, trail: Trail) -> Token | Failure:
    """A token, whose claims are evidence from now on, or why there is none: ours if no scope can hold the path."""
    try:
        wanted = token_request(role, file.endpoint, file.path)
    except ValueError as error:
        return Failure(Reason.TOKEN_SOURCE_FAILED, str(error), Blame.CLIENT)
    token = await tokens.token(wanted)
    if isinstance(token, Token):
        trail.token(token.facts)
    return token


async def token_for(tokens: TokenSource, attempt: DoorCheck, role: Role, file: PayloadFile) -> Token | None:
    """The same for one endpoint alone; without a token the attempt has failed."""
    token = await role_token(tokens, role, file, attempt.trail)
    if isinstance(token, Failure):
        attempt.fail(token)
        return None
    return token
