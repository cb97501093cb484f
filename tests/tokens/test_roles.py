"""Least privilege: what each role asks for, and what counts as granted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.model.endpoint import Endpoint
from tpcharness.tokens.roles import Role, missing_scopes, token_request

ENDPOINT = Endpoint("SITE-A", "https://door.example:2880/pnfs/vo", scope_base="/pnfs/vo")
FILE = "/pnfs/vo/tpcharness/h/f"


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        (Role.SEED, ("storage.create:/tpcharness/h/f", "storage.read:/tpcharness/h/f")),
        (Role.READ, ("storage.read:/tpcharness/h/f",)),
        (Role.WRITE, ("storage.create:/tpcharness/h/f",)),
        (Role.VERIFY, ("storage.read:/tpcharness/h/f",)),
        (Role.CLEANUP, ("storage.modify:/tpcharness/h/f", "storage.read:/tpcharness/h/f")),
        (Role.DIRECTORY, ("storage.create:/tpcharness/h/f",)),
    ],
)
def test_a_role_asks_for_no_more_than_it_needs(role: Role, scopes: tuple[str, ...]) -> None:
    request = token_request(role, ENDPOINT, FILE)
    assert request.scopes == scopes
    assert (request.endpoint, request.role) == (ENDPOINT, role.value)


def test_only_replacing_a_seed_asks_for_modify() -> None:
    request = token_request(Role.SEED, ENDPOINT, FILE, replace=True)
    assert request.scopes == (
        "storage.create:/tpcharness/h/f",
        "storage.modify:/tpcharness/h/f",
        "storage.read:/tpcharness/h/f",
    )


def test_paths_in_scopes_are_relative_to_the_scope_base() -> None:
    whole = Endpoint("B", "https://b.example/vo")
    assert token_request(Role.READ, whole, "/vo/x").scopes == ("storage.read:/vo/x",)


@pytest.mark.parametrize("path", ["/pnfs/vo-other/f", "/elsewhere", "/pnfs/vo/a b", "/pnfs/vo/a\nstorage.modify:/", ""])
def test_a_path_that_cannot_stand_in_a_scope_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        token_request(Role.READ, ENDPOINT, path)


@pytest.mark.parametrize(
    ("wanted", "granted", "missing"),
    [
        ("storage.read:/a/b", "storage.read:/a/b", False),
        ("storage.read:/a/b", "openid storage.read:/a storage.create:/x", False),
        ("storage.read:/a/b", "storage.read:/", False),
        ("storage.read:/a/b", "storage.read:/a/", False),
        ("storage.read:/a/bc", "storage.read:/a/b", True),
        ("storage.read:/a", "storage.read:/a/b", True),
        ("storage.read:/a", "storage.create:/a", True),
        ("storage.read:/a", "storage.modify:/a", True),
        ("storage.create:/a", "storage.modify:/a", False),
        ("storage.modify:/a", "storage.create:/a", True),
        ("storage.read:/a", "", True),
        ("openid", "openid profile", False),
        ("openid", "profile", True),
    ],
)
def test_what_a_granted_scope_covers(wanted: str, granted: str, missing: bool) -> None:
    assert missing_scopes((wanted,), granted) == ((wanted,) if missing else ())


@given(st.text(max_size=200))
def test_no_text_of_an_issuer_breaks_the_comparison(granted: str) -> None:
    assert set(missing_scopes(("storage.read:/a", "openid"), granted)) <= {"storage.read:/a", "openid"}
