"""The payload room set up against a storage: one of the testbed's, or a scripted one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.clocks import FixedClock, WallClock
from tests.support.scripted_server import ScriptedServer
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody
from tpcharness.model.result import TokenFacts
from tpcharness.model.seams import Token, TokenRequest, TokenSource
from tpcharness.model.secret import Secret
from tpcharness.model.settings import TimeLimits, TokenKind, TokenSettings
from tpcharness.net.client import HttpClient
from tpcharness.net.trail import Trail
from tpcharness.payload.ledger import Ledger
from tpcharness.payload.names import PayloadFile, PayloadNames
from tpcharness.payload.store import PayloadStore
from tpcharness.testbed.grid import Grid, GridSpec, Site
from tpcharness.tokens.sources import make_token_source

LIMITS = TimeLimits(settle_seconds=0.05, cleanup_seconds=20.0, request_seconds=10.0)
LOOKS_SECONDS = (0.0, 0.05, 0.1)


def new_trail() -> Trail:
    return Trail("p1", Nobody())


@dataclass(slots=True)
class RoleTokens:
    """Gives tokens that are the name of their role, except to roles that it refuses."""

    refused: dict[str, Failure] = field(default_factory=dict)
    asked: list[TokenRequest] = field(default_factory=list)

    async def token(self, request: TokenRequest) -> Token | Failure:
        self.asked.append(request)
        return self.refused.get(request.role) or Token(Secret(request.role), TokenFacts(request.role))


@dataclass(slots=True)
class WithholdingTokens:
    """Asks another source for less than a role needs: `withheld` are pairs of role and right."""

    source: TokenSource
    withheld: set[tuple[str, str]] = field(default_factory=set)

    async def token(self, request: TokenRequest) -> Token | Failure:
        scopes = tuple(
            scope for scope in request.scopes if (request.role, scope.partition(":")[0]) not in self.withheld
        )
        return await self.source.token(replace(request, scopes=scopes or ("openid",)))


@dataclass(slots=True)
class PayloadBench:
    """A payload store, and what a test wants to look at beside it."""

    endpoint: Endpoint
    ledger: Ledger
    names: PayloadNames
    store: PayloadStore

    async def registered(self, number: int = 1) -> PayloadFile:
        """A destination that stands in the ledger."""
        file = self.names.destination(self.endpoint, f"p{number}", 1)
        await self.store.register(file)
        return file

    @property
    def noted(self) -> list[str]:
        """The URLs in the ledger."""
        return [entry.url for entry in self.ledger.entries]


@dataclass(slots=True)
class SiteBench(PayloadBench):
    """With a site of the testbed on the other end."""

    site: Site
    tokens: WithholdingTokens

    @property
    def leftovers(self) -> list[str]:
        return [path for path in self.site.storage.files.paths() if "/tpcharness/" in path]


@dataclass(slots=True)
class ScriptedBench(PayloadBench):
    """With a scripted server on the other end."""

    server: ScriptedServer
    tokens: RoleTokens
    clock: FixedClock


@asynccontextmanager
async def site_bench(
    directory: Path, dialect: str, *, recheck_seconds: float = 300.0, run_id: str = "r1"
) -> AsyncIterator[SiteBench]:
    """A grid of one site, a token source that asks its issuer, and a payload store."""
    async with (
        Grid(GridSpec(sites=1, dialects=(dialect,), directory=directory / "grid")) as grid,
        HttpClient(user_agent="test", limits=LIMITS, ca_path=str(grid.authority.ca_file)) as client,
        Ledger(directory / "ledger.jsonl") as ledger,
    ):
        settings = TokenSettings(
            "testbed",
            TokenKind.CLIENT_CREDENTIALS,
            issuer=grid.issuer.url,
            client_id=grid.issuer.client_id,
            client_secret_file=str(grid.secret_file),
        )
        clock = WallClock()
        tokens = WithholdingTokens(make_token_source(settings, client, clock))
        names = PayloadNames("bench", run_id)
        store = PayloadStore(
            client, tokens, ledger, names, clock, LIMITS, recheck_seconds=recheck_seconds, looks_seconds=LOOKS_SECONDS
        )
        yield SiteBench(grid.sites[0].endpoint, ledger, names, store, grid.sites[0], tokens)


@asynccontextmanager
async def scripted_bench(
    directory: Path,
    *,
    limits: TimeLimits = LIMITS,
    recheck_seconds: float = 300.0,
    run_id: str = "r1",
    store: type[PayloadStore] = PayloadStore,
) -> AsyncIterator[ScriptedBench]:
    """A scripted server without TLS, tokens that are called like their role, and a payload store."""
    async with (
        ScriptedServer() as server,
        HttpClient(user_agent="test", limits=limits) as client,
        Ledger(directory / "ledger.jsonl") as ledger,
    ):
        tokens, names = RoleTokens(), PayloadNames("bench", run_id)
        clock = FixedClock()
        made = store(
            client, tokens, ledger, names, clock, limits, recheck_seconds=recheck_seconds, looks_seconds=LOOKS_SECONDS
        )
        endpoint = Endpoint("SITE-A", f"{server.url}/vo", scope_base="/vo")
        yield ScriptedBench(endpoint, ledger, names, made, server, tokens, clock)
