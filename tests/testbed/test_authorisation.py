from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.testbed.authorisation import (
    Operation,
    Refused,
    RefusedKind,
    Rights,
    ScopeProfile,
    Verifier,
    components,
)
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority

ISSUER = "https://localhost:8443/"
AUDIENCE = "https://localhost:28441"
PROFILE = ScopeProfile()
LOOKS_FIRST = ScopeProfile(stat_with_modify=False, delete_needs_stat=True)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return make_issuer(tmp_path_factory.mktemp("pki"))


def make_issuer(directory: Path) -> Issuer:
    issuer = Issuer(Authority(directory))
    issuer.url = ISSUER
    return issuer


def make_verifier(
    issuer: Issuer, base: str = "/dteam", profile: ScopeProfile = PROFILE, now: Callable[[], float] = time.time
) -> Verifier:
    return Verifier(ISSUER, issuer.jwks(), frozenset({AUDIENCE}), base, profile, now=now)


def kind(verdict: Rights | Refused) -> RefusedKind | None:
    return verdict.kind if isinstance(verdict, Refused) else None


def may(issuer: Issuer, scope: str, operation: Operation, path: str, profile: ScopeProfile = PROFILE) -> bool:
    verdict = make_verifier(issuer, profile=profile).check(issuer.mint(scope, AUDIENCE))
    assert isinstance(verdict, Rights)
    return verdict.may(operation, path)


def tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    claims["scope"] = "storage.modify:/"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_both_algorithms_of_the_profile_verify(issuer: Issuer, algorithm: Any) -> None:
    verdict = make_verifier(issuer).check(issuer.mint("storage.read:/", AUDIENCE, algorithm=algorithm))
    assert isinstance(verdict, Rights)
    assert verdict.subject == issuer.client_id


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"aud": "https://wlcg.cern.ch/jwt/v1/any"}, None),
        ({"aud": ["https://elsewhere.example", AUDIENCE]}, None),
        ({"unknown": {"deep": 1}}, None),
        ({"nbf": None}, None),
        ({"aud": "https://elsewhere.example"}, RefusedKind.AUDIENCE),
        ({"aud": AUDIENCE + "/"}, RefusedKind.AUDIENCE),
        ({"aud": "HTTPS://LOCALHOST:28441"}, RefusedKind.AUDIENCE),
        ({"aud": {}}, RefusedKind.MALFORMED),
        ({"aud": None}, RefusedKind.MALFORMED),
        ({"iss": ISSUER.rstrip("/")}, RefusedKind.ISSUER),
        ({"iss": "https://evil.example/"}, RefusedKind.ISSUER),
        ({"iss": None}, RefusedKind.MALFORMED),
        ({"exp": 1}, RefusedKind.EXPIRED),
        ({"exp": None}, RefusedKind.MALFORMED),
        ({"exp": "tomorrow"}, RefusedKind.MALFORMED),
        ({"exp": True}, RefusedKind.MALFORMED),
        ({"nbf": 32503680000}, RefusedKind.NOT_YET),
        ({"nbf": [1]}, RefusedKind.MALFORMED),
        ({"sub": None}, RefusedKind.MALFORMED),
        ({"jti": None}, RefusedKind.MALFORMED),
        ({"wlcg.ver": "1.3"}, RefusedKind.MALFORMED),
        ({"wlcg.ver": 1.0}, RefusedKind.MALFORMED),
        ({"wlcg.ver": None}, RefusedKind.MALFORMED),
        ({"scope": ["storage.read:/"]}, RefusedKind.MALFORMED),
        ({"scope": "storage.read"}, RefusedKind.MALFORMED),
        ({"scope": "storage.read:"}, RefusedKind.MALFORMED),
        ({"scope": "storage.read:dteam"}, RefusedKind.MALFORMED),
        ({"scope": "storage.stage storage.read:/"}, RefusedKind.MALFORMED),
        ({"scope": "storage.read:/a/../b"}, RefusedKind.MALFORMED),
        ({"scope": "storage.read:/a%2Fb"}, RefusedKind.MALFORMED),
    ],
    ids=str,
)
def test_claims_decide(issuer: Issuer, changes: dict[str, Any], expected: RefusedKind | None) -> None:
    token = issuer.mint(**{"scope": "storage.read:/", "audience": AUDIENCE, **changes})
    assert kind(make_verifier(issuer).check(token)) is expected


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, RefusedKind.MISSING),
        ("", RefusedKind.MISSING),
        ("garbage", RefusedKind.MALFORMED),
        ("a.b.c", RefusedKind.MALFORMED),
        ("MDAxOGxvY2F0aW9uIGh0dHBz", RefusedKind.MALFORMED),
        ("é.é.é", RefusedKind.MALFORMED),
        ("e30.e30.", RefusedKind.SIGNATURE),
        ("W10.e30.e30", RefusedKind.MALFORMED),
        ("e30.W10.e30", RefusedKind.MALFORMED),
        (base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.e30", RefusedKind.MALFORMED),
        ("x" * 20_000, RefusedKind.MALFORMED),
    ],
    ids=lambda value: str(value)[:30],
)
def test_hostile_tokens_are_refused(issuer: Issuer, token: str | None, expected: RefusedKind) -> None:
    assert kind(make_verifier(issuer).check(token)) is expected


@given(token=st.text(alphabet="abcXYZ019-_.=", max_size=120))
def test_no_text_makes_the_verifier_raise(token: str) -> None:
    assert isinstance(Verifier(ISSUER, {"keys": []}, frozenset(), "/").check(token), Refused)


def test_a_forged_signature_is_refused(issuer: Issuer, tmp_path: Path) -> None:
    verifier = make_verifier(issuer)
    token = issuer.mint("storage.read:/", AUDIENCE)
    assert kind(verifier.check(tampered(token))) is RefusedKind.SIGNATURE
    stranger = make_issuer(tmp_path)  # says that it is the issuer, with a key of its own
    assert kind(verifier.check(stranger.mint("storage.read:/", AUDIENCE))) is RefusedKind.SIGNATURE


def test_a_key_is_not_taken_for_another_algorithm(issuer: Issuer) -> None:
    verifier = make_verifier(issuer)
    claims = jwt.decode(issuer.mint("storage.modify:/", AUDIENCE), options={"verify_signature": False})
    kids = [key["kid"] for key in issuer.jwks()["keys"]]
    for kid in kids:
        hmac_signed = jwt.encode(claims, "k" * 64, algorithm="HS256", headers={"kid": kid})
        unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": kid})
        assert kind(verifier.check(hmac_signed)) is RefusedKind.SIGNATURE
        assert kind(verifier.check(unsigned)) is RefusedKind.SIGNATURE


R, S, C, M, D, L, K = (
    Operation.READ,
    Operation.STAT,
    Operation.CREATE,
    Operation.MODIFY,
    Operation.DELETE,
    Operation.LIST,
    Operation.MKCOL,
)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("storage.read:/foo", {R, S, L}),
        ("storage.create:/foo", {C, K, S}),
        ("storage.modify:/foo", {C, K, S, M, D}),
        ("storage.read:/foo storage.create:/foo", {R, S, L, C, K}),
        ("storage.read:/other storage.read:/foo", {R, S, L}),
        ("storage.stage:/foo", {Operation.STAGE, Operation.POLL}),
        ("storage.poll:/foo", {Operation.POLL}),
        ("storage.rename:/foo", set()),
        ("compute.read wlcg.groups openid", set()),
        ("", set()),
    ],
)
def test_verbs_allow_what_the_profile_says(issuer: Issuer, scope: str, allowed: set[Operation]) -> None:
    assert {operation for operation in Operation if may(issuer, scope, operation, "/dteam/foo/bar")} == allowed


@pytest.mark.parametrize(
    ("scope", "operation", "path", "expected"),
    [
        ("storage.read:/foo/bar", R, "/dteam/foo/bar", True),
        ("storage.read:/foo/bar", R, "/dteam/foo/bar/deep/er", True),
        ("storage.read:/foo/bar", R, "/dteam/foo/bargain", False),
        ("storage.read:/foo/bar", R, "/dteam/foo", False),
        ("storage.read:/foo/bar", R, "/foo/bar", False),
        ("storage.read:/", R, "/dteam/any/thing", True),
        ("storage.read:/", R, "/dteamster/thing", False),
        ("storage.read:/dteam/foo", R, "/dteam/foo", False),
        ("storage.read:/f.o", R, "/dteam/foo", False),
        ("storage.read:/foo/", R, "/dteam/foo/bar", True),
        ("storage.create:/foo/bar", K, "/dteam/foo", True),
        ("storage.create:/foo/bar", S, "/dteam/foo", True),
        ("storage.create:/foo/bar", C, "/dteam/foo", False),
        ("storage.create:/foo/bar", K, "/dteam/food", False),
        ("storage.read:/foo/bar", K, "/dteam/foo", False),
        ("storage.create:/foo/bar/", C, "/dteam/foo/bar", False),
        ("storage.create:/foo/bar/", K, "/dteam/foo/bar", True),
        ("storage.create:/foo/bar/", C, "/dteam/foo/bar/file", True),
        ("storage.modify:/foo/bar/", M, "/dteam/foo/bar", False),
        ("storage.read:/a%20b", R, "/dteam/a%20b", True),
        ("storage.read:/%C3%A4", R, "/dteam/%c3%a4/x", True),
        ("storage.read:/foo", R, "/dteam/f%6Fo", True),
        ("storage.read:/foo", R, "/dteam/foo/../bar", False),
        ("storage.read:/foo", R, "/dteam/foo/%2e%2e/bar", False),
        ("storage.read:/foo", R, "/dteam/foo/%2E./bar", False),
        ("storage.read:/foo", R, "/dteam/foo/..%2fbar", False),
        ("storage.read:/foo", R, "/dteam/foo/%252e%252e/bar", False),
        ("storage.read:/foo", R, "/dteam/foo/./bar", False),
        ("storage.read:/foo", R, "/dteam//foo", False),
        ("storage.read:/foo", R, "/dteam/foo/%00", False),
        ("storage.read:/foo", R, "/dteam/foo/%ff", False),
        ("storage.read:/foo", R, "/dteam/foo\\bar", False),
        ("storage.read:/", R, "dteam/foo", False),
        ("storage.read:/", R, "", False),
    ],
)
def test_paths_match_by_whole_components(
    issuer: Issuer, scope: str, operation: Operation, path: str, expected: bool
) -> None:
    assert may(issuer, scope, operation, path) is expected


@pytest.mark.parametrize(
    ("profile", "scope", "operation", "path", "expected"),
    [
        (ScopeProfile(stat_with_create=False), "storage.create:/foo", S, "/dteam/foo", False),
        (ScopeProfile(stat_with_create=False), "storage.modify:/foo", S, "/dteam/foo", True),
        (ScopeProfile(stat_with_modify=False), "storage.modify:/foo", S, "/dteam/foo", False),
        (ScopeProfile(stat_with_modify=False), "storage.read:/foo", S, "/dteam/foo", True),
        (LOOKS_FIRST, "storage.modify:/foo", D, "/dteam/foo", False),
        (LOOKS_FIRST, "storage.modify:/foo storage.read:/foo", D, "/dteam/foo", True),
        (LOOKS_FIRST, "storage.modify:/foo storage.read:/bar", D, "/dteam/foo", False),
        (LOOKS_FIRST, "storage.modify:/foo", M, "/dteam/foo", True),
        (ScopeProfile(parents_with_create=False), "storage.create:/foo/bar", K, "/dteam/foo", False),
        (ScopeProfile(parents_with_create=False), "storage.create:/foo/bar", K, "/dteam/foo/bar", True),
        (ScopeProfile(list_with_modify=True), "storage.modify:/foo", L, "/dteam/foo", True),
        (ScopeProfile(list_with_modify=True), "storage.create:/foo", L, "/dteam/foo", False),
    ],
)
def test_implementations_differ(
    issuer: Issuer, profile: ScopeProfile, scope: str, operation: Operation, path: str, expected: bool
) -> None:
    assert may(issuer, scope, operation, path, profile) is expected


@pytest.mark.parametrize("base", ["/", "/pnfs/site-a.example/dteam", "/pnfs/site-a.example/dteam/"])
def test_scopes_are_relative_to_the_base(issuer: Issuer, base: str) -> None:
    verdict = make_verifier(issuer, base).check(issuer.mint("storage.read:/x", AUDIENCE))
    assert isinstance(verdict, Rights)
    assert verdict.may(R, base.rstrip("/") + "/x")
    assert not verdict.may(R, base.rstrip("/") + "/y")


def test_a_base_that_is_no_path_is_our_own_mistake(issuer: Issuer) -> None:
    with pytest.raises(ValueError, match="not an absolute"):
        make_verifier(issuer, "dteam/../x")


def test_a_token_is_verified_once_but_its_times_are_looked_at_always(issuer: Issuer) -> None:
    clock = [time.time()]
    verifier = make_verifier(issuer, now=lambda: clock[0])
    token = issuer.mint("storage.read:/", AUDIENCE, lifetime_seconds=100)
    for _ in range(3):
        assert isinstance(verifier.check(token), Rights)
    assert verifier.verifications == 1
    clock[0] += 101
    assert kind(verifier.check(token)) is RefusedKind.EXPIRED
    clock[0] -= 300
    assert kind(verifier.check(token)) is RefusedKind.NOT_YET
    assert verifier.verifications == 1


@pytest.mark.parametrize(("leeway", "expected"), [(0.0, RefusedKind.EXPIRED), (60.0, None)])
def test_leeway_is_the_dialects(issuer: Issuer, leeway: float, expected: RefusedKind | None) -> None:
    verifier = make_verifier(issuer, profile=ScopeProfile(leeway_seconds=leeway), now=lambda: time.time() + 130)
    assert kind(verifier.check(issuer.mint("storage.read:/", AUDIENCE, lifetime_seconds=100))) is expected


def test_memory_is_bounded(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpcharness.testbed.authorisation._MAX_REMEMBERED", 2)
    verifier = make_verifier(issuer)
    tokens = [issuer.mint("storage.read:/", AUDIENCE) for _ in range(3)]
    for token in (*tokens, tokens[0]):
        assert isinstance(verifier.check(token), Rights)
    assert verifier.verifications == 4  # the first was forgotten for the third
    verifier.check(tokens[2])
    assert verifier.verifications == 4


def test_new_keys_replace_old_ones(tmp_path: Path) -> None:
    issuer = make_issuer(tmp_path)
    verifier = make_verifier(issuer)
    old = issuer.mint("storage.read:/", AUDIENCE)
    assert isinstance(verifier.check(old), Rights)
    issuer.roll_keys()
    new = issuer.mint("storage.read:/", AUDIENCE)
    assert kind(verifier.check(new)) is RefusedKind.SIGNATURE
    verifier.trust(issuer.jwks())
    assert isinstance(verifier.check(new), Rights)
    assert isinstance(verifier.check(old), Rights)
    issuer.roll_keys(keep_old=False)
    verifier.trust(issuer.jwks())
    assert kind(verifier.check(old)) is RefusedKind.SIGNATURE


def test_an_audience_can_be_learnt_late(issuer: Issuer) -> None:
    verifier = Verifier(ISSUER, issuer.jwks(), frozenset(), "/")
    token = issuer.mint("storage.read:/", AUDIENCE)
    assert kind(verifier.check(token)) is RefusedKind.AUDIENCE
    verifier.accept_audience(AUDIENCE)
    assert isinstance(verifier.check(token), Rights)


@given(path=st.text(alphabet="/.%2eEfF5ca\\", max_size=12))
def test_components_are_never_ambiguous(path: str) -> None:
    found = components(path)
    if found is not None:
        assert path.startswith("/")
        assert not any(part in ("", ".", "..") or "/" in part or "%" in part for part in found)
        assert components("/" + "/".join(found)) == found
