"""Secrets do not print, and texts are scrubbed of other people's."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from tpcharness.model.secret import MASK, Secret, redact, redact_url

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
MACAROON = "MDAxY2xvY2F0aW9uIE9wdGlvbmFsLmVtcHR5CjAwMThpZGVudGlmaWVyIA"


def test_every_rendering_is_stars() -> None:
    secret = Secret("canary")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert "canary" not in text
    assert secret.reveal() == "canary"


def test_it_is_not_serialised() -> None:
    secret = Secret("canary")
    for write in (json.dumps, pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            write(secret)


def test_it_compares_and_hashes() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


@pytest.mark.parametrize(
    "text",
    [
        f"token {JWT} refused",
        f"Authorization: Bearer {JWT}",
        "Bearer abcdefghijkl.mnop",
        f"https://h/p?authz=Bearer%20{JWT}&x=1",
        "GET /f?authz=opaquething",
        f'{{"access_token": "{MACAROON}"}}',
        f"macaroon {MACAROON}",
        "zteos64:MDAwMDAwNzR4nONiYGBg",
        "client_secret=abcdef",
        f"eyJhbGciOiJub25lIn0..{JWT.rpartition('.')[2]}",
    ],
)
def test_what_looks_like_a_token_is_masked(text: str) -> None:
    shown = redact(text)
    assert MASK in shown
    for piece in (*JWT.split("."), MACAROON, "opaquething", "abcdef", "MDAwMDAwNzR4nONiYGBg", "mnop"):
        assert piece not in shown


@pytest.mark.parametrize(
    "text",
    [
        "failure: rejected GET: 404 Not Found",
        "the bearer of bad news",
        "Unable to open /dteam/tpcharness/x/seed-1; permission denied",
        "scope storage.read:/tpcharness, audience https://door.example.org:1094",
    ],
)
def test_what_does_not_is_left(text: str) -> None:
    assert redact(text) == text


def test_urls_lose_their_user_and_query() -> None:
    shown = redact_url("https://me:pass@door.example.org:1094/a/b?cap.sym=canary#f")
    assert shown == f"https://door.example.org:1094/a/b?{MASK}"
    assert redact_url("https://[bad") == MASK
