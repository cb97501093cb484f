"""The token of one role: its claims become evidence, and a path that no scope can hold is our own fault."""

from __future__ import annotations

from dataclasses import replace

from tests.support.payload_bench import RoleTokens, new_trail
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import TokenFacts
from tpcharness.model.seams import Token
from tpcharness.model.variant import Blame
from tpcharness.payload.names import PayloadFile
from tpcharness.probes.role_token import role_token
from tpcharness.tokens.roles import Role

ENDPOINT = Endpoint("SITE-A", "https://door.example:2880/pnfs/vo", scope_base="/pnfs/vo")
FILE = PayloadFile(ENDPOINT, "/pnfs/vo/tpcharness/h/f")


async def test_claims_become_evidence() -> None:
    tokens, trail = RoleTokens(), new_trail()
    assert isinstance(await role_token(tokens, Role.READ, FILE, trail), Token)
    assert trail.tokens == [TokenFacts("read")]
    assert [request.scopes for request in tokens.asked] == [("storage.read:/tpcharness/h/f",)]


async def test_a_refusal_is_passed_on_and_leaves_no_evidence() -> None:
    refused, trail = Failure(Reason.TOKEN_SOURCE_FAILED, "invalid_scope"), new_trail()
    assert await role_token(RoleTokens({"read": refused}), Role.READ, FILE, trail) is refused
    assert trail.tokens == []


async def test_for_a_path_that_no_scope_can_hold_nobody_is_asked() -> None:
    tokens = RoleTokens()
    elsewhere = PayloadFile(replace(ENDPOINT, scope_base="/pnfs/other"), FILE.path)
    failure = await role_token(tokens, Role.WRITE, elsewhere, new_trail())
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
    assert "/pnfs/other" in failure.detail
    assert tokens.asked == []
