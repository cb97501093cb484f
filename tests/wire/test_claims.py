"""Token claims: what honest issuers write, and what nobody should."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.model.result import TokenFacts
from tpcharness.model.secret import Secret
from tpcharness.wire.claims import MAX_TOKEN_CHARACTERS, Claims, read_claims, token_facts, valid_bearer

HEADER = {"alg": "ES256", "kid": "1", "typ": "at+jwt"}
PAYLOAD = {
    "wlcg.ver": "1.0",
    "iss": "https://iam.example/",
    "sub": "a1b2c3",
    "aud": ["https://storage.example:2880", "https://wlcg.cern.ch/jwt/v1/any"],
    "scope": "storage.read:/ storage.create:/tpcharness",
    "wlcg.groups": ["/vo", "/vo/ops"],
    "iat": 1795352200,
    "nbf": 1795352140,
    "exp": 1795355800,
    "jti": "x",
}


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def jwt(payload: object = PAYLOAD, header: object = HEADER) -> str:
    return f"{part(header)}.{part(payload)}.c2lnbmF0dXJl"


def test_wlcg_token() -> None:
    assert read_claims(jwt()) == Claims(
        issuer="https://iam.example/",
        subject="a1b2c3",
        audience=("https://storage.example:2880", "https://wlcg.cern.ch/jwt/v1/any"),
        scope="storage.read:/ storage.create:/tpcharness",
        issued=datetime(2026, 11, 22, 12, 56, 40, tzinfo=UTC),
        not_before=datetime(2026, 11, 22, 12, 55, 40, tzinfo=UTC),
        expires=datetime(2026, 11, 22, 13, 56, 40, tzinfo=UTC),
        wlcg_version="1.0",
        groups=("/vo", "/vo/ops"),
    )


def test_unsigned_and_empty_tokens_are_read_too() -> None:
    assert read_claims(f"{part({})}.{part({})}.") == Claims()


@pytest.mark.parametrize("shift", ["", "x", "xx"])
def test_the_url_alphabet_of_base64(shift: str) -> None:
    token = jwt({"sub": shift + "~~~~???"})
    assert {"-", "_"} <= set(token)
    claims = read_claims(token)
    assert claims is not None
    assert claims.subject == shift + "~~~~???"


@pytest.mark.parametrize(
    ("claim", "value", "field", "read"),
    [
        ("aud", "one", "audience", ("one",)),
        ("aud", [], "audience", ()),
        ("aud", ["a", 1, None, "", "b"], "audience", ("a", "b")),
        ("aud", {"a": 1}, "audience", ()),
        ("scope", ["storage.read:/", "storage.create:/"], "scope", "storage.read:/ storage.create:/"),
        ("scope", 7, "scope", ""),
        ("iss", None, "issuer", ""),
        ("iss", ["x"], "issuer", ""),
        ("sub", "\ud800", "subject", "?"),
        ("wlcg.ver", 1.0, "wlcg_version", ""),
        ("wlcg.groups", "/vo", "groups", ("/vo",)),
        ("exp", 1795355800.5, "expires", datetime(2026, 11, 22, 13, 56, 40, 500000, tzinfo=UTC)),
        ("exp", "1795355800", "expires", None),
        ("exp", True, "expires", None),
        ("exp", 10**30, "expires", None),
        ("exp", -(10**30), "expires", None),
        ("exp", float("inf"), "expires", None),
        ("exp", float("nan"), "expires", None),
        ("nbf", None, "not_before", None),
    ],
)
def test_odd_claims(claim: str, value: object, field: str, read: object) -> None:
    claims = read_claims(jwt({**PAYLOAD, claim: value}))
    assert claims is not None
    assert getattr(claims, field) == read


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "...", "abc", "a.b.c", f"{part(HEADER)}.{part(PAYLOAD)}", f"{jwt()}.x.y",
        "MDAxY2xvY2F0aW9uIE9wdGlvbmFsLmVtcHR5CjAwMThpZGVudGlmaWVyIEh2UQo",
        "zteos64:MDAwMDAwNzR4nONSTOUSSM3NL0stUshNLC5JLVIoS8xJUTAzAA",
        jwt([]), jwt("text"), jwt(b"not json"), jwt(b"\xff"), jwt(b"[" * 40_000), jwt(b"9" * 10_000),
        jwt(header=[]), jwt(header=b"rubbish"), f"{part(HEADER)}.!!!!.x", f"{part(HEADER)}.\N{SNOWMAN}.x",
        jwt({"sub": "x" * MAX_TOKEN_CHARACTERS}),
    ],
)  # fmt: skip
def test_what_says_nothing(token: str) -> None:
    assert read_claims(token) is None
    assert token_facts("read", Secret(token)) == TokenFacts("read")


def test_facts_hold_neither_token_nor_subject() -> None:
    token = jwt({**PAYLOAD, "sub": "canary-subject"})
    facts = token_facts("write", Secret(token))
    assert facts == TokenFacts(
        role="write",
        issuer="https://iam.example/",
        subject_hash=hashlib.sha256(b"canary-subject").hexdigest()[:12],
        audience=("https://storage.example:2880", "https://wlcg.cern.ch/jwt/v1/any"),
        scope="storage.read:/ storage.create:/tpcharness",
        expires=datetime(2026, 11, 22, 13, 56, 40, tzinfo=UTC),
    )
    assert "canary" not in repr(facts)
    assert token not in repr(facts)


def test_no_subject_no_hash() -> None:
    assert token_facts("read", Secret(jwt({}))).subject_hash == ""


@pytest.mark.parametrize("text", ["a", "abc.def-ghi_jkl~+/==", jwt(), "MDAx", "0", "a="])
def test_valid_bearer(text: str) -> None:
    assert valid_bearer(text)


@pytest.mark.parametrize(
    "text", ["", "=", "a=b", "a b", " a", "a\n", "Bearer x", "zteos64:x", "a\r\nX: y", "\N{SNOWMAN}", '"a"']
)
def test_invalid_bearer(text: str) -> None:
    assert not valid_bearer(text)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)


@given(st.text(max_size=200))
def test_no_text_raises(text: str) -> None:
    read_claims(text)
    token_facts("x", Secret(text))
    valid_bearer(text)


@given(st.dictionaries(st.sampled_from(sorted(PAYLOAD)), JSON))
def test_no_payload_raises_and_all_texts_can_be_written(payload: dict[str, object]) -> None:
    facts = token_facts("x", Secret(jwt(payload)))
    repr(facts).encode()
    " ".join((facts.issuer, facts.scope, *facts.audience)).encode()
