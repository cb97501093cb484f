"""Which source an endpoint's tokens come from."""

from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.result import TokenFacts
from tpcharness.model.seams import Token, TokenRequest
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame
from tpcharness.tokens.desk import TokenDesk
from tpcharness.tokens.roles import Role, token_request


class Named:
    """A source whose tokens carry its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def token(self, request: TokenRequest) -> Token | Failure:
        return Token(Secret(self.name), TokenFacts(request.role))


async def test_each_endpoint_gets_its_own_source_and_no_other() -> None:
    desk = TokenDesk({"dteam": Named("dteam"), "cms": Named("cms")})
    for name in ("cms", "dteam"):
        token = await desk.token(token_request(Role.READ, Endpoint("A", "https://a.example/vo", tokens=name), "/vo/f"))
        assert isinstance(token, Token)
        assert token.secret.reveal() == name


async def test_an_endpoint_without_a_source_is_our_own_mistake() -> None:
    desk = TokenDesk({"dteam": Named("dteam")})
    for name in ("", "dteem"):
        failure = await desk.token(token_request(Role.READ, Endpoint("A", "https://a.example", tokens=name), "/f"))
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.blame) == (Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
        assert (name or "A") in failure.detail
