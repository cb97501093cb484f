"""Token issuers that mean harm: the issuer is to blame, the client's secret stays with it, nothing grows."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.hostile.tricks import BROKEN
from tests.support.clocks import WallClock
from tests.support.hostile import (
    DEADLY,
    Asked,
    HostileStorage,
    Trick,
    drip,
    forever,
    head,
    hostile_storage,
    says,
    whole,
)
from tests.support.house import House, open_house, shortened
from tests.support.outputs import assert_harmless, rendered
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.settings import TokenKind, TokenSettings
from tpcharness.model.variant import Blame
from tpcharness.net.client import HttpClient
from tpcharness.tokens.sources import make_token_source

SECRET = "c4n4ry-client-secret-0123456789"
MIB = 1024 * 1024
LIMITS = shortened(request_seconds=1.5, response_seconds=1.5)


async def discovery(asked: Asked) -> AsyncIterator[bytes]:
    document = {"issuer": asked.url, "token_endpoint": f"{asked.url}/token"}
    yield whole("200 OK", json.dumps(document).encode(), "Content-Type: application/json")


def document(**fields: object) -> Trick:
    return says(whole("200 OK", json.dumps(fields).encode(), "Content-Type: application/json"))


def refusal(**fields: object) -> Trick:
    return says(whole("400 Bad Request", json.dumps(fields).encode(), "Content-Type: application/json"))


async def ask(folder: Path, **tricks: Trick) -> tuple[Result, HostileStorage]:
    """What the door of a good storage ends with when its issuer plays these tricks."""
    async with (
        open_house(folder, "dcache", limits=LIMITS) as house,
        hostile_storage(house, **({"GET": discovery} | tricks)) as evil,
        HttpClient(user_agent="test/1", limits=LIMITS, ca_path=str(house.grid.authority.ca_file)) as client,
    ):
        (folder / "secret").write_text(SECRET)
        settings = TokenSettings(
            "evil",
            TokenKind.CLIENT_CREDENTIALS,
            issuer=evil.url,
            client_id="me",
            client_secret_file=str(folder / "secret"),
        )
        house.tokens.source = make_token_source(settings, client, WallClock())
        result = await house.door()
        _nothing_is_told(house, result, folder)
        return result, evil


def _nothing_is_told(house: House, result: Result, folder: Path) -> None:
    texts = rendered([result], folder, house.events)
    assert_harmless(texts)
    for text in (*texts.values(), repr((result, house.events))):
        assert SECRET not in text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["nothing", "http2", "redirect-loop", "redirect-to-http", "redirect-to-file"])
async def test_answers_that_are_none(name: str, method: str, tmp_path: Path) -> None:
    result, _ = await ask(tmp_path, **{method: BROKEN[name].trick})
    assert (result.reason, result.blame) == (Reason.ISSUER_UNREACHABLE, Blame.ISSUER)


DOCUMENTS: Mapping[str, Trick] = {
    "page": says(whole("200 OK", b"<html><script>alert(1)</script>", "Content-Type: text/html")),
    "deep": says(whole("200 OK", b"[" * 60_000)),
    "deep-object": says(whole("200 OK", b'{"a":' * 12_000)),
    "huge": says(whole("200 OK", b'{"a":"' + b"x" * 300_000 + b'"}')),
    "long-number": says(whole("200 OK", b'{"expires_in":' + b"9" * 50_000 + b"}")),
    "list": says(whole("200 OK", b"[]")),
    "latin": says(whole("200 OK", b'{"a":"\xff\xfe"}')),
    "deadly": says(whole("200 OK", DEADLY)),
    "gzip": says(whole("200 OK", b"\x1f\x8b" + b"\0" * 9000, "Content-Encoding: gzip")),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", DOCUMENTS)
async def test_documents_that_are_none(name: str, method: str, tmp_path: Path) -> None:
    result, _ = await ask(tmp_path, **{method: DOCUMENTS[name]})
    assert (result.reason, result.blame) == (Reason.ISSUER_INVALID, Blame.ISSUER)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://localhost:1/token\r\nX-Injected: yes",
        "https://localhost:1/token HTTP/1.1\r\n\r\n",
        "https://localhost:1/\u202e\x1b[31m",
        "https://me:secret@localhost:1/",
        "https://[v1.x]/",
        "https://\ud800/",
        "https://a\0b/",
        "https://localhost:99999/",
    ],
)
async def test_a_token_endpoint_that_cannot_be_asked(endpoint: str, tmp_path: Path) -> None:
    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        yield whole("200 OK", json.dumps({"issuer": asked.url, "token_endpoint": endpoint}).encode())

    result, evil = await ask(tmp_path, GET=trick)
    assert (result.reason.value.startswith("issuer_"), result.blame) == (True, Blame.ISSUER)
    assert [asked.method for asked in evil.asked] == ["GET"]


@pytest.mark.parametrize(
    "token",
    ["a\r\nX-Injected: yes", "a b", "", "\u202eabc", "a\n", "x" * 70_000, 7, None, ["abc"], "\ud800", "a\0"],
    ids=lambda token: repr(token)[:12],
)
async def test_a_token_that_would_break_out_of_its_header(token: object, tmp_path: Path) -> None:
    result, _ = await ask(tmp_path, POST=document(access_token=token, token_type="Bearer"))
    assert (result.reason, result.blame) == (Reason.ISSUER_INVALID, Blame.ISSUER)


async def test_a_refusal_may_say_what_it_likes(tmp_path: Path) -> None:
    deadly = DEADLY.decode("utf-8", "surrogatepass")
    result, _ = await ask(tmp_path, POST=refusal(error=f"no{deadly}", error_description=f"{deadly} {SECRET} " * 99))
    assert (result.reason, result.blame) == (Reason.ISSUER_REFUSED, Blame.ISSUER)


async def test_claims_may_say_what_they_like(tmp_path: Path) -> None:
    """A token's own claims are evidence: bounded, and as harmless as all else."""
    deadly = DEADLY.decode("utf-8", "surrogatepass")
    claims = {"iss": deadly * 50, "sub": deadly, "aud": [deadly] * 500, "scope": "x", "exp": 1e300, "wlcg.ver": deadly}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in ({"alg": "none"}, claims)]
    result, _ = await ask(tmp_path, POST=document(access_token=b".".join([*parts, b"x"]).decode(), token_type="Bearer"))
    assert not result.ok
    assert len(repr(result)) < 20_000


@pytest.mark.parametrize("where", ["https://127.0.0.1:{port}/token", "https://localhost:{port}/token"])
async def test_the_clients_secret_does_not_follow_a_redirect(where: str, tmp_path: Path) -> None:
    async with open_house(tmp_path, "dcache") as house, hostile_storage(house) as other:
        trick = says(head("307 There", f"Location: {where.format(port=other.port)}"))
        result, _ = await ask(tmp_path, POST=trick)
        assert not result.ok
        if "127.0.0.1" in where:
            assert other.credentials == set()


ENDLESS: Mapping[str, Trick] = {
    "body": forever(head("200 OK"), b" "),
    "number": forever(head("200 OK") + b'{"expires_in":', b"9"),
    "header": forever(b"HTTP/1.1 200 OK\r\nX: ", b"A"),
    "dripping": drip(head("200 OK") + b"{", b" "),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ENDLESS)
async def test_answers_without_an_end(name: str, method: str, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        result, _ = await ask(tmp_path, **{method: ENDLESS[name]})
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (result.phase.value, result.blame) == ("token", Blame.ISSUER)
    assert grown < 32 * MIB
