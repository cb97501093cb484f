"""The client-credentials grant against an issuer over TLS, kind and unkind."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.support.clocks import FixedClock, WallClock
from tests.support.paper_tokens import paper_token
from tests.support.scripted_server import ScriptedServer, SeenRequest, answer
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token, TokenRequest, TokenSource
from tpcharness.model.settings import TimeLimits, TokenKind, TokenSettings
from tpcharness.model.variant import Blame
from tpcharness.net.client import HttpClient
from tpcharness.testbed.issuer import Issuer, Misbehaviour
from tpcharness.testbed.pki import Authority
from tpcharness.tokens.roles import Role, token_request
from tpcharness.tokens.sources import make_token_source

ENDPOINT = Endpoint("A", "https://a.example/vo", audience="https://a.example")


def wanted(role: Role = Role.SEED, path: str = "/vo/f", *, endpoint: Endpoint = ENDPOINT) -> TokenRequest:
    return token_request(role, endpoint, path)


@dataclass
class Bench:
    """An issuer, and a source that is set up to ask it."""

    issuer: Issuer
    source: TokenSource
    settings: TokenSettings

    async def failure(self) -> Failure:
        outcome = await self.source.token(wanted())
        assert isinstance(outcome, Failure), outcome
        return outcome


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    authority = Authority(tmp_path / "pki")
    issuer = Issuer(authority)
    await issuer.start()
    (tmp_path / "secret").write_text(issuer.client_secret.reveal() + "\n")
    settings = TokenSettings(
        "testbed",
        TokenKind.CLIENT_CREDENTIALS,
        issuer=issuer.url,
        client_id=issuer.client_id,
        client_secret_file=str(tmp_path / "secret"),
        ca_path=str(authority.ca_file),
    )
    async with HttpClient(user_agent="test", limits=TimeLimits(request_seconds=5.0)) as client:
        yield Bench(issuer, make_token_source(settings, client, WallClock()), settings)
    await issuer.stop()


async def test_a_token_has_the_scopes_and_the_audience_that_were_asked_for(bench: Bench) -> None:
    token = await bench.source.token(wanted())
    assert isinstance(token, Token)
    assert token.facts.scope.split() == ["storage.create:/vo/f", "storage.read:/vo/f"]
    assert token.facts.audience == ("https://a.example",)
    assert (token.facts.role, token.facts.issuer) == ("seed", bench.issuer.url)
    assert token.expires is not None
    assert 3500 < (token.expires - WallClock().now()).total_seconds() <= 3600


async def test_the_same_token_serves_again_under_the_role_it_is_used_for(bench: Bench) -> None:
    first, again = await bench.source.token(wanted(Role.READ)), await bench.source.token(wanted(Role.VERIFY))
    assert isinstance(first, Token)
    assert isinstance(again, Token)
    assert first.secret == again.secret
    assert (first.facts.role, again.facts.role) == ("read", "verify")
    assert bench.issuer.requests == {"discovery": 1, "token": 1}


async def test_a_crowd_asks_once_per_key(bench: Bench) -> None:
    requests = [wanted(Role.READ, f"/vo/{number % 3}") for number in range(60)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(bench.source.token(request)) for request in requests]
    assert all(isinstance(task.result(), Token) for task in tasks)
    assert bench.issuer.requests == {"discovery": 1, "token": 3}


@pytest.mark.parametrize(
    ("misbehaviour", "reason", "blame"),
    [
        (Misbehaviour(hangs_up=True), Reason.ISSUER_UNREACHABLE, Blame.ISSUER),
        (Misbehaviour(status=503), Reason.ISSUER_UNREACHABLE, Blame.ISSUER),
        (Misbehaviour(error="unauthorized_client"), Reason.ISSUER_REFUSED, Blame.ISSUER),
        (Misbehaviour(error="invalid_client"), Reason.ISSUER_REFUSED, Blame.CLIENT),
        (Misbehaviour(drops_scope="storage.create"), Reason.TOKEN_REDUCED, Blame.ISSUER),
        (Misbehaviour(lifetime_seconds=20), Reason.TOKEN_EXPIRED, Blame.ISSUER),
        (Misbehaviour(garbage=True), Reason.ISSUER_INVALID, Blame.ISSUER),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else "",
)
async def test_an_unkind_issuer(bench: Bench, misbehaviour: Misbehaviour, reason: Reason, blame: Blame) -> None:
    bench.issuer.misbehaviour = misbehaviour
    failure = await bench.failure()
    assert (failure.reason, failure.blame) == (reason, blame)
    assert bench.issuer.client_secret.reveal() not in failure.detail


async def test_a_wrong_secret_is_for_whoever_set_it(bench: Bench) -> None:
    Path(bench.settings.client_secret_file).write_text("wrong")
    failure = await bench.failure()
    assert (failure.reason, failure.blame) == (Reason.ISSUER_REFUSED, Blame.CLIENT)
    assert "invalid_client" in failure.detail


async def test_a_missing_secret_file(bench: Bench) -> None:
    Path(bench.settings.client_secret_file).unlink()
    failure = await bench.failure()
    assert (failure.reason, failure.blame) == (Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)
    assert bench.settings.client_secret_file in failure.detail
    assert not bench.issuer.requests


async def test_an_issuer_whose_certificate_we_do_not_trust(bench: Bench) -> None:
    async with HttpClient(user_agent="test", limits=TimeLimits()) as client:
        source = make_token_source(replace(bench.settings, ca_path=""), client, WallClock())
        failure = await source.token(wanted())
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.ISSUER_UNREACHABLE, Blame.ISSUER)


@dataclass
class Script:
    """A scripted issuer, for answers that no honest code makes."""

    server: ScriptedServer
    source: TokenSource

    def grants(self, **document: object) -> None:
        self.server.on("POST /token", answer(200, json.dumps(document)))

    def asked(self) -> SeenRequest:
        return self.server.requests[-1]


@pytest.fixture
async def script(tmp_path: Path) -> AsyncIterator[Script]:
    (tmp_path / "secret").write_text("s+cr%t/ä")
    async with ScriptedServer() as server, HttpClient(user_agent="test", limits=TimeLimits()) as client:
        server.on("GET /.well-known/*", answer(200, json.dumps({"token_endpoint": f"{server.url}/token"})))
        settings = TokenSettings(
            "x",
            TokenKind.CLIENT_CREDENTIALS,
            issuer=server.url,
            client_id="our:client",
            client_secret_file=str(tmp_path / "secret"),
        )
        yield Script(server, make_token_source(settings, client, FixedClock()))


async def test_the_request_on_the_wire(script: Script) -> None:
    script.grants(access_token="opaque", token_type="bearer", expires_in=3600)
    assert isinstance(await script.source.token(wanted()), Token)
    request = script.asked()
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["storage.create:/vo/f storage.read:/vo/f"],
        "audience": ["https://a.example"],
    }
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    kind, _, pair = request.headers["authorization"].partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(pair) == b"our%3Aclient:s%2Bcr%25t%2F%C3%A4"


async def test_without_an_audience_none_is_sent(script: Script) -> None:
    script.grants(access_token="opaque")
    await script.source.token(wanted(endpoint=Endpoint("A", "https://a.example/vo")))
    assert "audience" not in parse_qs(script.asked().body.decode())


async def test_the_secret_does_not_follow_a_redirect_to_another_host(script: Script) -> None:
    async with ScriptedServer() as elsewhere:
        target = f"http://127.0.0.1:{elsewhere.port}/token"
        script.server.on("POST /token", answer(307, "", ("Location", target)))
        elsewhere.on("*", answer(200, json.dumps({"access_token": "opaque"})))
        await script.source.token(wanted())
        assert all("authorization" not in request.headers for request in elsewhere.requests)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"access_token": None},
        {"access_token": 5},
        {"access_token": ""},
        {"access_token": "two words"},
        {"access_token": "a\r\nX-Injected: 1"},
        {"access_token": "good", "token_type": "mac"},
        {"access_token": "good", "token_type": ["Bearer"]},
    ],
    ids=str,
)
async def test_an_answer_without_a_usable_token(script: Script, document: dict[str, object]) -> None:
    script.grants(**document)
    failure = await script.source.token(wanted())
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.ISSUER_INVALID
    assert "Injected" not in failure.detail


@pytest.mark.parametrize(
    ("said", "claimed", "reduced"),
    [
        (None, None, False),
        ("storage.create:/vo/f storage.read:/vo/f", None, False),
        ("storage.read:/ storage.modify:/", None, False),
        ("storage.read:/vo/f", None, True),
        ("", None, True),
        (None, "storage.read:/vo/f", True),
        ("storage.create:/vo/f storage.read:/vo/f", "storage.read:/vo/f", True),
        ("storage.read:/vo", "storage.create:/vo storage.read:/vo", True),
        (["storage.read:/"], "storage.create:/vo storage.read:/vo", False),
    ],
)
async def test_reduced_rights_are_seen_by_word_or_by_claim(
    script: Script, said: object, claimed: str | None, reduced: bool
) -> None:
    claims: dict[str, object] = {} if claimed is None else {"scope": claimed}
    scope = {} if said is None else {"scope": said}
    script.grants(access_token=paper_token(**claims), **scope)
    outcome = await script.source.token(wanted())
    assert isinstance(outcome, Failure) == reduced
    if isinstance(outcome, Failure):
        assert outcome.reason is Reason.TOKEN_REDUCED
        assert "storage.create:/vo/f" in outcome.detail


@pytest.mark.parametrize(
    ("expires_in", "claimed", "left"),
    [
        (3600, 1800, 1800),
        (1800, 3600, 1800),
        (None, 3600, 3600),
        (3600, None, 3600),
        (None, None, None),
        ("3600", 1800, 1800),
        (-5, 1800, 1800),
        (1e300, 1800, 1800),
        (float("nan"), 1800, 1800),
    ],
)
async def test_the_earlier_of_both_ends_counts(
    script: Script, expires_in: object, claimed: float | None, left: float | None
) -> None:
    lifetime = {} if expires_in is None else {"expires_in": expires_in}
    script.grants(access_token=paper_token(lifetime_seconds=claimed), **lifetime)
    token = await script.source.token(wanted())
    assert isinstance(token, Token)
    assert (None if token.expires is None else (token.expires - FixedClock().now()).total_seconds()) == left


async def test_a_token_that_is_born_expired(script: Script) -> None:
    script.grants(access_token=paper_token(lifetime_seconds=-10), expires_in=3600)
    failure = await script.source.token(wanted())
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.TOKEN_EXPIRED, Blame.ISSUER)


async def test_no_failure_and_no_repr_shows_the_token_or_the_secret(script: Script) -> None:
    canary = paper_token(sub="canary")
    script.grants(access_token=canary)
    token = await script.source.token(wanted())
    assert isinstance(token, Token)
    assert canary not in repr(token)
    assert "canary" not in repr(token)
