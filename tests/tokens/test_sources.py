"""Each kind of section becomes its source."""

from collections.abc import Callable

import pytest

from tests.support.clocks import FixedClock
from tpcharness.model.settings import TimeLimits, TokenKind, TokenSettings
from tpcharness.net.client import HttpClient
from tpcharness.tokens.client_credentials import ClientCredentials
from tpcharness.tokens.discovery import DiscoveredTokens
from tpcharness.tokens.from_environment import EnvironmentTokens
from tpcharness.tokens.from_file import FileTokens
from tpcharness.tokens.sources import make_token_source

KINDS: dict[TokenKind, Callable[..., object]] = {
    TokenKind.FILE: FileTokens,
    TokenKind.ENV: EnvironmentTokens,
    TokenKind.DISCOVERY: DiscoveredTokens,
    TokenKind.CLIENT_CREDENTIALS: ClientCredentials,
}


def test_every_kind_has_its_source() -> None:
    assert set(KINDS) == set(TokenKind)


@pytest.mark.parametrize("kind", TokenKind)
async def test_the_source_of_a_kind(kind: TokenKind) -> None:
    settings = TokenSettings("x", kind, path="/t", variable="T", issuer="https://iam.example/", client_id="c")
    async with HttpClient(user_agent="test", limits=TimeLimits()) as client:
        source = make_token_source(settings, client, FixedClock())
    assert type(source) is KINDS[kind]
