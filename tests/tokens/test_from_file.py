"""Tokens from a file, fresh at each request."""

import os
from pathlib import Path

import pytest

from tests.support.clocks import NOON, FixedClock
from tests.support.paper_tokens import paper_token
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token
from tpcharness.model.variant import Blame
from tpcharness.tokens import secret_file
from tpcharness.tokens.from_file import FileTokens
from tpcharness.tokens.roles import Role, token_request

REQUEST = token_request(Role.READ, Endpoint("A", "https://a.example/vo"), "/vo/f", lifetime_seconds=300)


async def ask(path: Path, clock: FixedClock | None = None) -> Token | Failure:
    return await FileTokens(str(path), clock or FixedClock()).token(REQUEST)


async def expect_failure(path: Path, reason: Reason, *words: str) -> None:
    failure = await ask(path)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (reason, Blame.CLIENT)
    for word in words:
        assert word in failure.detail


async def test_a_token_with_white_space_around_it(tmp_path: Path) -> None:
    text = paper_token(iss="https://iam.example/", scope="storage.read:/")
    (tmp_path / "t").write_text(f" \t{text}\r\n\v\f")
    token = await ask(tmp_path / "t")
    assert isinstance(token, Token)
    assert token.secret.reveal() == text
    assert (token.facts.role, token.facts.issuer, token.facts.expires) == (
        "read",
        "https://iam.example/",
        token.expires,
    )


async def test_an_opaque_token_is_taken_without_an_expiry(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("MDAxY2xvY2F0aW9uIE9wdGlvbmFsLmVtcHR5")
    token = await ask(tmp_path / "t")
    assert isinstance(token, Token)
    assert token.expires is None


async def test_a_renewed_file_is_read_again(tmp_path: Path) -> None:
    source = FileTokens(str(tmp_path / "t"), FixedClock())
    for name in ("first", "second"):
        (tmp_path / "new").write_text(name)
        (tmp_path / "new").replace(tmp_path / "t")
        token = await source.token(REQUEST)
        assert isinstance(token, Token)
        assert token.secret.reveal() == name


@pytest.mark.parametrize("text", ["", " \n"])
async def test_an_empty_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "t").write_text(text)
    await expect_failure(tmp_path / "t", Reason.TOKEN_SOURCE_FAILED, str(tmp_path / "t"), "empty")


@pytest.mark.parametrize("data", [b"two words", b"a\x00b", b"\xff\xfe\xfa", b"a=b", "tok\u00a0".encode(), b"a\nb"])
async def test_what_is_no_token_is_refused_and_not_quoted(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t").write_bytes(data)
    await expect_failure(tmp_path / "t", Reason.TOKEN_SOURCE_FAILED, "RFC 6750")
    failure = await ask(tmp_path / "t")
    assert isinstance(failure, Failure)
    assert "words" not in failure.detail


async def test_a_missing_file_a_directory_and_a_pipe(tmp_path: Path) -> None:
    await expect_failure(tmp_path / "nothing", Reason.TOKEN_SOURCE_FAILED, "No such file")
    await expect_failure(tmp_path, Reason.TOKEN_SOURCE_FAILED)
    os.mkfifo(tmp_path / "pipe")
    await expect_failure(tmp_path / "pipe", Reason.TOKEN_SOURCE_FAILED, "regular")


async def test_a_huge_file_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a" * (secret_file.MAX_BYTES + 1))
    await expect_failure(tmp_path / "t", Reason.TOKEN_SOURCE_FAILED, "larger")


@pytest.mark.parametrize(
    ("left", "words"),
    [(-1.0, ("expired", "11:59:59")), (0.0, ("expired", "12:00:00")), (299.0, ("299 s", "300 s", "12:04:59"))],
)
async def test_a_token_that_is_or_will_be_too_old(tmp_path: Path, left: float, words: tuple[str, ...]) -> None:
    (tmp_path / "t").write_text(paper_token(lifetime_seconds=left))
    await expect_failure(tmp_path / "t", Reason.TOKEN_EXPIRED, str(tmp_path / "t"), *words)


async def test_a_token_that_lasts_just_long_enough(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(paper_token(lifetime_seconds=300))
    token = await ask(tmp_path / "t")
    assert isinstance(token, Token)
    assert token.expires is not None
    assert (token.expires - NOON).total_seconds() == 300
