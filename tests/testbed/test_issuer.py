from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt
import pytest

from tests.support.raw_https import RawAnswer, exchange
from tpcharness.testbed.issuer import ISSUER_FAULTS, Issuer, Misbehaviour
from tpcharness.testbed.pki import Authority

FORM = "application/x-www-form-urlencoded"
CREATE, READ = "storage.create:/dteam/x", "storage.read:/dteam/x"


class Asker:
    """A client of the issuer that writes its own HTTP."""

    def __init__(self, issuer: Issuer, context: ssl.SSLContext) -> None:
        self.issuer = issuer
        self.context = context
        self.port = int(issuer.url.rsplit(":", 1)[1].rstrip("/"))

    @property
    def basic(self) -> str:
        return basic(self.issuer.client_id, self.issuer.client_secret.reveal())

    async def get(self, path: str) -> RawAnswer:
        return await exchange(self.port, self.context, f"GET {path} HTTP/1.1")

    async def ask(self, form: dict[str, str] | str, *, auth: str | None = None, media_type: str = FORM) -> RawAnswer:
        body = (form if isinstance(form, str) else urlencode(form)).encode()
        headers = (
            ("Authorization", self.basic if auth is None else auth),
            ("Content-Type", media_type),
            ("Content-Length", str(len(body))),
        )
        return await exchange(self.port, self.context, "POST /token HTTP/1.1", headers, body)

    async def token(self, **form: str) -> dict[str, Any]:
        answer = await self.ask({"grant_type": "client_credentials"} | form)
        assert answer.status == HTTPStatus.OK
        document: dict[str, Any] = json.loads(answer.body)
        return document


def basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
async def asker(tmp_path: Path) -> AsyncIterator[Asker]:
    authority = Authority(tmp_path)
    issuer = Issuer(authority)
    await issuer.start()
    yield Asker(issuer, authority.client_context())
    await issuer.stop()


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "//.well-known/openid-configuration"])
async def test_discovery_names_what_clients_need(asker: Asker, path: str) -> None:
    answer = await asker.get(path)
    document = json.loads(answer.body)
    assert answer.header("Content-Type") == "application/json"
    assert document["issuer"] == asker.issuer.url
    assert document["issuer"].endswith("/")
    assert document["token_endpoint"] == f"https://localhost:{asker.port}/token"
    assert document["jwks_uri"] == f"https://localhost:{asker.port}/jwk"


async def test_published_keys_verify_tokens_of_both_algorithms(asker: Asker) -> None:
    published = jwt.PyJWKSet.from_dict(json.loads((await asker.get("/jwk")).body))
    for algorithm in ("RS256", "ES256"):
        token = asker.issuer.mint(READ, "https://aud.example", algorithm=algorithm)
        header = jwt.get_unverified_header(token)
        assert header["alg"] == algorithm
        key = published[header["kid"]]
        assert jwt.decode(token, key, audience="https://aud.example", issuer=asker.issuer.url)["scope"] == READ


async def test_published_keys_hold_nothing_private(asker: Asker) -> None:
    for key in asker.issuer.jwks()["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & key.keys()


async def test_a_token_has_the_claims_of_the_profile(asker: Asker) -> None:
    document = await asker.token(scope=f"{READ} {CREATE}", audience="https://localhost:28441")
    found = claims(document["access_token"])
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 3600)
    assert document["scope"] == found["scope"] == f"{READ} {CREATE}"
    assert (found["wlcg.ver"], found["iss"], found["sub"]) == ("1.0", asker.issuer.url, asker.issuer.client_id)
    assert found["aud"] == "https://localhost:28441"
    assert (found["exp"] - found["iat"], found["iat"] - found["nbf"]) == (3600, 60)
    assert found["jti"] != claims((await asker.token(scope=READ))["access_token"])["jti"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "https://wlcg.cern.ch/jwt/v1/any"),
        ({"audience": "https://a.example"}, "https://a.example"),
        ({"audience": "https://a.example https://b.example"}, ["https://a.example", "https://b.example"]),
    ],
)
async def test_audience_is_what_was_asked_or_the_wildcard(
    asker: Asker, asked: dict[str, str], expected: object
) -> None:
    assert claims((await asker.token(**asked))["access_token"])["aud"] == expected


async def test_no_scope_asked_is_none_given(asker: Asker) -> None:
    document = await asker.token()
    assert document["scope"] == ""
    assert "scope" not in claims(document["access_token"])


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": READ}, "invalid_request"),
        ("", "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("&".join(f"a{number}=1" for number in range(50)), "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "storage.read"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": "storage.read:/a/../b"}, "invalid_scope"),
        ({"grant_type": "client_credentials", "scope": f"{READ} storage.modify:"}, "invalid_scope"),
    ],
)
async def test_bad_requests_get_the_errors_of_the_rfc(asker: Asker, form: dict[str, str] | str, error: str) -> None:
    answer = await asker.ask(form)
    assert (answer.status, json.loads(answer.body)["error"]) == (HTTPStatus.BAD_REQUEST, error)
    assert answer.header("Cache-Control") == "no-store"


async def test_what_is_not_a_form_is_not_read_as_one(asker: Asker) -> None:
    answer = await asker.ask('{"grant_type": "client_credentials"}', media_type="application/json")
    assert json.loads(answer.body)["error"] == "invalid_request"


@pytest.mark.parametrize(
    "auth",
    ["", "Basic", "Basic !!!", "Basic w6k=", "Bearer x", basic("tpcharness-testbed", "wrong"), basic("other", "x")],
)
async def test_only_our_client_gets_tokens(asker: Asker, auth: str) -> None:
    answer = await asker.ask({"grant_type": "client_credentials"}, auth=auth)
    assert (answer.status, json.loads(answer.body)["error"]) == (HTTPStatus.UNAUTHORIZED, "invalid_client")
    assert answer.header("WWW-Authenticate").startswith("Basic ")


async def test_the_right_secret_under_another_name_is_refused(asker: Asker) -> None:
    auth = basic("somebody", asker.issuer.client_secret.reveal())
    assert (await asker.ask({"grant_type": "client_credentials"}, auth=auth)).status == HTTPStatus.UNAUTHORIZED


async def test_credentials_may_be_form_encoded(asker: Asker) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in asker.issuer.client_secret.reveal().encode())
    auth = basic(quote_plus(asker.issuer.client_id), encoded)
    assert (await asker.ask({"grant_type": "client_credentials"}, auth=auth)).status == HTTPStatus.OK


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /token HTTP/1.1", 405),
        ("POST /jwk HTTP/1.1", 405),
        ("GET / HTTP/1.1", 404),
        ("GET /jwk?x=1 HTTP/1.1", 200),
    ],
)
async def test_other_requests(asker: Asker, line: str, status: int) -> None:
    assert (await exchange(asker.port, asker.context, line)).status == status


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"POST /token HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /token HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"GET /jwk HTTP/1.1\r\nX: " + b"x" * 200_000,
    ],
    ids=lambda request: request[:40].decode("latin-1"),
)
async def test_hostile_bytes_end_the_connection_and_nothing_else(asker: Asker, request_bytes: bytes) -> None:
    reader, writer = await asyncio.open_connection("localhost", asker.port, ssl=asker.context)
    writer.write(request_bytes)
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.transport.abort()
    assert (await asker.get("/jwk")).status == HTTPStatus.OK


async def test_a_connection_serves_many_requests(asker: Asker) -> None:
    reader, writer = await asyncio.open_connection("localhost", asker.port, ssl=asker.context)
    for _ in range(3):
        writer.write(b"GET /jwk HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        await reader.readexactly(int(RawAnswer(head, b"").header("Content-Length")))
    writer.transport.abort()
    assert asker.issuer.requests["keys"] == 3


async def test_requests_are_counted(asker: Asker) -> None:
    await asker.get("/.well-known/openid-configuration")
    await asker.token()
    await asker.token()
    await asker.get("/nowhere")
    assert asker.issuer.requests == {"discovery": 1, "token": 2}


async def test_rolled_keys_sign_and_old_ones_stay_published(asker: Asker) -> None:
    old = {key["kid"] for key in asker.issuer.jwks()["keys"]}
    asker.issuer.roll_keys()
    kid = jwt.get_unverified_header((await asker.token())["access_token"])["kid"]
    published = {key["kid"] for key in json.loads((await asker.get("/jwk")).body)["keys"]}
    assert kid not in old
    assert old | {kid} < published
    asker.issuer.roll_keys(keep_old=False)
    assert len(asker.issuer.jwks()["keys"]) == 2


async def test_dropping_a_scope_is_silent(asker: Asker) -> None:
    asker.issuer.misbehaviour = ISSUER_FAULTS["drops_create"].misbehaviour
    document = await asker.token(scope=f"{READ} {CREATE}")
    assert document["scope"] == claims(document["access_token"])["scope"] == READ


async def test_short_lifetimes(asker: Asker) -> None:
    asker.issuer.misbehaviour = Misbehaviour(lifetime_seconds=5)
    document = await asker.token()
    found = claims(document["access_token"])
    assert document["expires_in"] == found["exp"] - found["iat"] == 5


async def test_refusing_concerns_tokens_only(asker: Asker) -> None:
    asker.issuer.misbehaviour = ISSUER_FAULTS["refuses"].misbehaviour
    answer = await asker.ask({"grant_type": "client_credentials"})
    assert (answer.status, json.loads(answer.body)["error"]) == (HTTPStatus.BAD_REQUEST, "unauthorized_client")
    assert (await asker.get("/jwk")).status == HTTPStatus.OK


async def test_unavailable_is_a_proxys_page(asker: Asker) -> None:
    asker.issuer.misbehaviour = ISSUER_FAULTS["unavailable"].misbehaviour
    answer = await asker.get("/jwk")
    assert (answer.status, answer.header("Content-Type")) == (HTTPStatus.SERVICE_UNAVAILABLE, "text/html")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwk"])
async def test_garbage_is_not_json(asker: Asker, path: str) -> None:
    asker.issuer.misbehaviour = ISSUER_FAULTS["garbage"].misbehaviour
    answer = await asker.get(path)
    assert (answer.status, answer.header("Content-Type")) == (HTTPStatus.OK, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


async def test_down_hangs_up_without_a_byte(asker: Asker) -> None:
    asker.issuer.misbehaviour = ISSUER_FAULTS["down"].misbehaviour
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await asker.get("/jwk")
    assert asker.issuer.requests["keys"] == 1


async def test_stopping_hangs_up_on_slow_clients_and_a_delayed_answer(asker: Asker) -> None:
    asker.issuer.misbehaviour = Misbehaviour(delay_seconds=3600)
    reader, writer = await asyncio.open_connection("localhost", asker.port, ssl=asker.context)
    _, idle = await asyncio.open_connection("localhost", asker.port, ssl=asker.context)
    writer.write(b"GET /jwk HTTP/1.1\r\n\r\n")
    await writer.drain()
    await asker.issuer.stop()
    await asker.issuer.stop()
    try:
        assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.transport.abort()
    idle.transport.abort()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", asker.port)


def test_the_secret_does_not_show(tmp_path: Path) -> None:
    issuer = Issuer(Authority(tmp_path))
    assert issuer.client_secret.reveal() not in repr(vars(issuer))
