"""What an endpoint's settings mean for URLs and scopes."""

from __future__ import annotations

import pytest

from tpcharness.model.endpoint import Endpoint, Link

DCACHE = Endpoint(
    "A", "https://Door.site-a.example:2880/pnfs/site-a.example/dteam", scope_base="/pnfs/site-a.example/dteam"
)


def test_parts() -> None:
    assert DCACHE.path == "/pnfs/site-a.example/dteam"
    assert DCACHE.host == "door.site-a.example:2880"
    assert DCACHE.url("/x/y") == "https://Door.site-a.example:2880/x/y"
    assert Endpoint("R", "https://door.example.org").path == ""
    assert str(Link(DCACHE, Endpoint("B", "https://b.example.org/")).subject) == "A -> B"


@pytest.mark.parametrize(
    ("base", "path", "scope"),
    [
        ("/pnfs/a/dteam", "/pnfs/a/dteam/tpcharness/f", "/tpcharness/f"),
        ("/pnfs/a/dteam/", "/pnfs/a/dteam/f", "/f"),
        ("/pnfs/a/dteam", "/pnfs/a/dteam", "/"),
        ("", "/dteam/f", "/dteam/f"),
        ("/", "/dteam/f", "/dteam/f"),
    ],
)
def test_scope_paths_are_relative_to_the_base(base: str, path: str, scope: str) -> None:
    assert Endpoint("A", "https://a.example.org/", scope_base=base).scope_path(path) == scope


@pytest.mark.parametrize("path", ["/pnfs/a/dteamster/f", "/pnfs/a", "/other"])
def test_a_path_outside_is_refused_by_whole_components(path: str) -> None:
    with pytest.raises(ValueError, match="scope_base"):
        Endpoint("A", "https://a.example.org/", scope_base="/pnfs/a/dteam").scope_path(path)
