"""Storages that repeat the tokens they were shown, in every dress and place: no output has a piece of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.hostile import Asked, HostileStorage, Trick, chunk, head, hostile_storage, says, stream, whole
from tests.support.house import House, open_house
from tests.support.outputs import rendered
from tpcharness.model.endpoint import Link
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result, TokenFacts
from tpcharness.model.seams import Token, TokenRequest
from tpcharness.model.secret import MASK, Secret
from tpcharness.wire.copy_request import Mode

OPAQUE = "c4n4ry+opaque/9f3c71~under.the-sea_0123456789=="
MACAROON = "MDAxNmxvY2F0aW9uIGNhbmFyeS5leGFtcGxlCjAwMTZpZGVudGlmaWVyIGM0bjRyeQowMDJmc2lnbmF0dXJlIA=="
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnkiLCJzY29wZSI6InN0b3JhZ2UucmVhZDovIn0.c2lnbmF0dXJlLW9mLWEtY2FuYXJ5"
KINDS = {"opaque": OPAQUE, "macaroon": MACAROON, "jwt": JWT}
PIECE = 12
"""So many characters of a token in a row are too many."""

DRESSES: Mapping[str, Callable[[str], str]] = {
    "bare": lambda token: token,
    "bearer": lambda token: f"Bearer {token}",
    "encoded": lambda token: f"authz=Bearer%20{quote(token, safe='')}",
    "all-encoded": lambda token: "".join(f"%{ord(character):02X}" for character in token),
    "quoted": lambda token: f'{{"token":"{token}"}}',
    "glued": lambda token: f"x{token}y{token}",
}


def lines(token: str) -> str:
    return "\r\n ".join(token[place : place + 10] for place in range(0, len(token), 10))


def echo_everywhere(dress: Callable[[str], str]) -> Trick:
    """A refusal with the tokens in status phrase, headers and body; the last of them is cut wherever we stop."""

    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        await asked.body()
        said = " ".join(dress(token) for token in asked.tokens)
        folded = " ".join(lines(token) for token in asked.tokens)
        body = f"{said}\r\n{folded}\r\n{said} ".encode() * 400
        fields = [f"{name}: {said}" for name in ("Server", "WWW-Authenticate", "Digest", "X-Echo", "Date", "Allow")]
        yield whole(f"403 No {said}", body, *fields)

    return trick


def echo_redirect(place: str) -> Trick:
    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        await asked.body()
        yield whole("307 There", b"", f"Location: {place.format(token=quote(asked.tokens[-1], safe=''))}")

    return trick


def echo_stream(dress: Callable[[str], str]) -> Trick:
    async def trick(asked: Asked) -> AsyncIterator[bytes]:
        said = " ".join(dress(token) for token in asked.tokens).encode()
        marker = (
            b"Perf Marker\nState: "
            + said
            + b"\nRemoteConnections: tcp:"
            + said
            + b"\nStripe Bytes Transferred: 1\nEnd\n"
        )
        yield stream(marker) + chunk(b"failure: " + (said + b" ") * 400 + b"\n") + b"0\r\n\r\n"

    return trick


def echo_junk(asked: Asked) -> AsyncIterator[bytes]:
    said = " ".join(lines(token) for token in asked.tokens).encode()
    return says(stream(said + b"\n" + b" ".join([said] * 200)) + b"0\r\n\r\n")(asked)


class OneToken:
    """A TokenSource of somebody who has one opaque token for everything, as kinds file and env have it."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def token(self, request: TokenRequest) -> Token:
        return Token(Secret(self._token), TokenFacts(request.role), None)


@asynccontextmanager
async def scene(folder: Path, token: str, **tricks: Trick) -> AsyncIterator[tuple[House, HostileStorage]]:
    async with open_house(folder, "dcache") as house, hostile_storage(house, **tricks) as evil:
        house.tokens.source = _Split(house.tokens.source, OneToken(token), evil.url)
        yield house, evil


class _Split:
    """The one token for the hostile storage, the grid's own issuer for the others."""

    def __init__(self, usual: object, mine: OneToken, audience: str) -> None:
        self._usual, self._mine, self._audience = usual, mine, audience

    async def token(self, request: TokenRequest) -> object:
        source = self._mine if request.endpoint.audience == self._audience else self._usual
        return await source.token(request)  # type: ignore[attr-defined]


def assert_silent(tokens: set[str], texts: Mapping[str, str]) -> None:
    assert tokens
    for token in tokens:
        pieces = [token[place : place + PIECE] for place in range(len(token) - PIECE + 1)]
        for name, text in texts.items():
            squeezed = "".join(text.split())
            for piece in pieces:
                for dressed in (piece, quote(piece, safe=""), "".join(f"%{ord(each):02X}" for each in piece)):
                    assert dressed not in squeezed, f"{name} has {dressed} of {token}"


@pytest.mark.parametrize("token", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
@pytest.mark.parametrize("method", ["COPY", "OPTIONS", "PUT", "DELETE"])
async def test_a_refusal_that_repeats_tokens(
    method: str, dress: Callable[[str], str], token: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with scene(tmp_path, token, **{method: echo_everywhere(dress)}) as (house, evil):
        like = house.endpoint("SITE-A")
        endpoint = evil.endpoint(like)
        result = await (house.copy(Mode.PULL, Link(like, endpoint)) if method == "COPY" else house.door(endpoint))
        said = _everything(house, result, tmp_path) | {"log": caplog.text}
        assert_silent(evil.credentials, said)
        if method != "OPTIONS":  # the only one that carries no token
            assert MASK in said["json"]


@pytest.mark.parametrize("token", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "trick",
    [
        echo_stream(DRESSES["bare"]),
        echo_stream(DRESSES["encoded"]),
        echo_junk,
        echo_redirect("https://{token}.example/x"),
        echo_redirect("https://localhost:1/{token}/x?authz={token}#{token}"),
        echo_redirect("http://{token}:{token}@localhost:1/{token}"),
        echo_redirect("{token}://x"),
        echo_redirect("https://[{token}/"),
    ],
    ids=["stream", "stream-encoded", "junk", "host", "path", "user", "scheme", "broken"],
)
async def test_a_copy_that_repeats_tokens(trick: Trick, token: str, tmp_path: Path) -> None:
    async with scene(tmp_path, token, COPY=trick) as (house, evil):
        like = house.endpoint("SITE-A")
        result = await house.copy(Mode.PULL, Link(like, evil.endpoint(like)))
        assert not result.ok
        assert_silent(evil.credentials, _everything(house, result, tmp_path))


async def test_the_token_does_not_follow_a_redirect_to_another_host(tmp_path: Path) -> None:
    async with scene(tmp_path, OPAQUE) as (house, evil):
        async with hostile_storage(house) as other:
            evil.tricks["COPY"] = says(head("307 There", f"Location: https://127.0.0.1:{other.port}/dteam/x"))
            like = house.endpoint("SITE-A")
            result = await house.copy(Mode.PULL, Link(like, evil.endpoint(like)))
            assert [asked.method for asked in other.asked] == ["COPY"]
            assert other.credentials == set()
        assert not result.ok


async def test_a_delete_is_not_sent_on_to_another_file(tmp_path: Path) -> None:
    async with scene(tmp_path, OPAQUE) as (house, evil):
        evil.files["/dteam/theirs"] = b"precious"
        usual = evil._decently

        async def elsewhere(asked: Asked) -> AsyncIterator[bytes]:
            if asked.target == "/dteam/theirs":
                async for piece in usual(asked):
                    yield piece
            else:
                yield whole("307 There", b"", "Location: /dteam/theirs")

        evil.tricks["DELETE"] = elsewhere
        result = await house.door(evil.endpoint(house.endpoint("SITE-A")))
        assert (result.reason, "/dteam/theirs" in evil.files) == (Reason.CLEANUP_FAILED, True)
        assert "another file" in result.hint


def _everything(house: House, result: Result, folder: Path) -> dict[str, str]:
    """Each output, the ledger, and the reprs of it all."""
    files = {"ledger": (folder / "ledger.jsonl").read_text()}
    return rendered([result], folder, house.events) | files | {"repr": repr((result, house.events))}
