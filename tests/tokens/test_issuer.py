"""What an issuer's answers mean: discovery documents, refusals, nonsense."""

import json

import pytest

from tests.support.scripted_server import Answer, ScriptedServer, answer, never
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.net.client import HttpClient
from tpcharness.net.messages import Answer as HttpAnswer
from tpcharness.tokens.issuer import MAX_DOCUMENT_BYTES, Issuer, issuer_document

DISCOVERY = "GET /.well-known/openid-configuration"


def new_client() -> HttpClient:
    return HttpClient(user_agent="test", limits=TimeLimits(request_seconds=2.0))


async def endpoint_for(document: Answer) -> str | Failure:
    async with ScriptedServer() as server, new_client() as client:
        server.on(DISCOVERY, document)
        return await Issuer(server.url, client).token_endpoint()


async def test_a_trailing_slash_is_not_doubled_and_the_answer_is_remembered() -> None:
    async with ScriptedServer() as server, new_client() as client:
        issuer = Issuer(f"{server.url}/", client)
        document = {"issuer": f"{server.url}/", "token_endpoint": f"{server.url}/token"}
        server.on(DISCOVERY, answer(200, json.dumps(document)))
        for _ in range(3):
            assert await issuer.token_endpoint() == f"{server.url}/token"
        assert server.lines == [DISCOVERY]


async def test_an_issuer_with_a_path_has_the_well_known_part_behind_it() -> None:
    async with ScriptedServer() as server, new_client() as client:
        url = f"{server.url}/realms/dteam"
        document = {"issuer": url, "token_endpoint": "https://iam.example/token"}
        server.on("GET /realms/dteam/.well-known/openid-configuration", answer(200, json.dumps(document)))
        assert await Issuer(url, client).token_endpoint() == "https://iam.example/token"


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "null",
        "{}",
        "[" * 60_000,
        '{"token_endpoint": 5}',
        '{"token_endpoint": ""}',
        '{"token_endpoint": "token"}',
        '{"token_endpoint": "http://iam.example/token"}',
        '{"token_endpoint": "ftp://localhost/token"}',
        '{"token_endpoint": "https://"}',
        '{"token_endpoint": "https://[::1/token"}',
        '{"issuer": "https://other.example/", "token_endpoint": "https://iam.example/token"}',
        '{"issuer": {}, "token_endpoint": "https://iam.example/token"}',
        '{"token_endpoint": "https://iam.example/token", "x": "' + "a" * MAX_DOCUMENT_BYTES + '"}',
    ],
    ids=lambda body: body[:40],
)
async def test_documents_that_are_not_what_the_protocol_says(body: str) -> None:
    failure = await endpoint_for(answer(200, body))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.ISSUER_INVALID, Blame.ISSUER)
    assert len(failure.detail) <= 300


async def test_plain_http_is_taken_on_this_machine_only() -> None:
    assert await endpoint_for(answer(200, '{"token_endpoint": "http://127.0.0.1:1/t"}')) == "http://127.0.0.1:1/t"
    async with new_client() as client:
        failure = await Issuer("http://iam.example/", client).token_endpoint()
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (answer(503, "busy"), Reason.ISSUER_UNREACHABLE),
        (answer(500, '{"error": "server_error"}'), Reason.ISSUER_UNREACHABLE),
        (answer(404, "no"), Reason.ISSUER_INVALID),
        (b"", Reason.ISSUER_UNREACHABLE),
        (b"SSH-2.0-OpenSSH\r\n", Reason.ISSUER_UNREACHABLE),
        (answer(200, "{", ("Content-Length", "100")), Reason.ISSUER_UNREACHABLE),
        (never, Reason.ISSUER_UNREACHABLE),
    ],
    ids=["503", "500", "404", "nothing", "no http", "cut", "silent"],
)
async def test_an_issuer_that_is_not_there(document: Answer, reason: Reason) -> None:
    failure = await endpoint_for(document)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (reason, Blame.ISSUER)
    assert "/.well-known/openid-configuration" in failure.detail


async def test_a_refused_connection() -> None:
    async with ScriptedServer() as server:
        url = server.url
    async with new_client() as client:
        failure = await Issuer(url, client).token_endpoint()
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.ISSUER_UNREACHABLE, Blame.ISSUER)


def test_what_our_own_machine_cannot_do_is_not_the_issuers_fault() -> None:
    local = Failure(Reason.LOCAL_NETWORK, "too many open files here", Blame.CLIENT)
    failure = issuer_document(HttpAnswer(failure=local), "https://iam.example/token")
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.ISSUER_UNREACHABLE, Blame.CLIENT)


@pytest.mark.parametrize(
    ("status", "body", "reason", "blame"),
    [
        (401, b'{"error": "invalid_client"}', Reason.ISSUER_REFUSED, Blame.CLIENT),
        (400, b'{"error": "invalid_scope"}', Reason.ISSUER_REFUSED, Blame.ISSUER),
        (400, b'{"error": "unauthorized_client"}', Reason.ISSUER_REFUSED, Blame.ISSUER),
        (403, b"<html>", Reason.ISSUER_REFUSED, Blame.CLIENT),
        (400, b"<html>", Reason.ISSUER_INVALID, Blame.ISSUER),
        (400, b'{"error": 5}', Reason.ISSUER_INVALID, Blame.ISSUER),
        (302, b"", Reason.ISSUER_INVALID, Blame.ISSUER),
        (429, b'{"error": "slow_down"}', Reason.ISSUER_UNREACHABLE, Blame.ISSUER),
    ],
)
def test_refusals(status: int, body: bytes, reason: Reason, blame: Blame) -> None:
    failure = issuer_document(HttpAnswer(status=status, body=body), "https://iam.example/token")
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (reason, blame)


def test_a_refusals_text_is_shown_short_and_without_tokens() -> None:
    body = {"error": "invalid_scope", "error_description": "no\r\n for Bearer eyJhbGciOiJub25lIn0.e30.x " + "x" * 900}
    answered = HttpAnswer(status=400, body=json.dumps(body).encode())
    failure = issuer_document(answered, "https://iam.example/token?secret=1")
    assert isinstance(failure, Failure)
    assert "eyJ" not in failure.detail
    assert "secret" not in failure.detail
    assert "\n" not in failure.detail
    assert len(failure.detail) <= 300
