"""Tokens from a variable of one's own choice."""

from tests.support.clocks import FixedClock
from tests.support.paper_tokens import paper_token
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token
from tpcharness.tokens.from_environment import EnvironmentTokens
from tpcharness.tokens.roles import Role, token_request

REQUEST = token_request(Role.READ, Endpoint("A", "https://a.example/vo"), "/vo/f")


async def test_the_value_without_white_space() -> None:
    text = paper_token()
    token = await EnvironmentTokens("MY_TOKEN", FixedClock(), environ={"MY_TOKEN": f"{text}\n"}).token(REQUEST)
    assert isinstance(token, Token)
    assert token.secret.reveal() == text


async def test_a_variable_that_is_not_set_empty_or_no_token() -> None:
    environ: dict[str, str] = {"EMPTY": " ", "BAD": "not a token"}
    details = []
    for variable in ("MISSING", "EMPTY", "BAD"):
        failure = await EnvironmentTokens(variable, FixedClock(), environ=environ).token(REQUEST)
        assert isinstance(failure, Failure)
        assert failure.reason is Reason.TOKEN_SOURCE_FAILED
        assert variable in failure.detail
        details.append(failure.detail)
    assert len(set(details)) == 3


async def test_an_expired_token_says_so() -> None:
    environ = {"MY_TOKEN": paper_token(lifetime_seconds=-60)}
    failure = await EnvironmentTokens("MY_TOKEN", FixedClock(), environ=environ).token(REQUEST)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.TOKEN_EXPIRED
