"""From a `[tokens.NAME]` section to the source that it means."""

from __future__ import annotations

from tpcharness.model.seams import Clock, TokenSource
from tpcharness.model.settings import TokenKind, TokenSettings
from tpcharness.net.client import HttpClient
from tpcharness.tokens.cache import TokenCache
from tpcharness.tokens.client_credentials import ClientCredentials
from tpcharness.tokens.discovery import DiscoveredTokens
from tpcharness.tokens.from_environment import EnvironmentTokens
from tpcharness.tokens.from_file import FileTokens
from tpcharness.tokens.issuer import Issuer


def make_token_source(settings: TokenSettings, client: HttpClient, clock: Clock) -> TokenSource:
    """The source of one section. `client` is used by those that ask an issuer, under the section's `ca_path`."""
    match settings.kind:
        case TokenKind.FILE:
            return FileTokens(settings.path, clock)
        case TokenKind.ENV:
            return EnvironmentTokens(settings.variable, clock)
        case TokenKind.DISCOVERY:
            return DiscoveredTokens(clock)
        case TokenKind.CLIENT_CREDENTIALS:
            issuer = Issuer(settings.issuer, client, ca_path=settings.ca_path)
            secret_file = settings.client_secret_file
            return ClientCredentials(issuer, settings.client_id, secret_file, client, clock, TokenCache(clock))
