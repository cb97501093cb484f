"""Where a redirect may lead, and what goes along."""

from __future__ import annotations

import pytest

from tpcharness.model.endpoint import RedirectAuth
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.net.redirects import NextHop, next_hop, same_domain

DOOR = "https://door.site.example.org:2880/a/b"
KEEP, DROP, DOMAIN = RedirectAuth.KEEP, RedirectAuth.DROP, RedirectAuth.SAME_DOMAIN


@pytest.mark.parametrize(
    ("location", "policy", "url", "with_secrets"),
    [
        ("https://pool7.site.example.org:1095/a/b?q", DOMAIN, "https://pool7.site.example.org:1095/a/b?q", True),
        ("https://pool7.site.example.org/a", DROP, "https://pool7.site.example.org/a", False),
        ("https://cloud.example.com/a", DOMAIN, "https://cloud.example.com/a", False),
        ("https://cloud.example.com/a", KEEP, "https://cloud.example.com/a", True),
        ("https://door.site.example.org:9/a", DROP, "https://door.site.example.org:9/a", True),
        ("/elsewhere", DROP, "https://door.site.example.org:2880/elsewhere", True),
        ("c", DOMAIN, "https://door.site.example.org:2880/a/c", True),
        ("//pool.site.example.org/x", DOMAIN, "https://pool.site.example.org/x", True),
    ],
)
def test_followed(location: str, policy: RedirectAuth, url: str, with_secrets: bool) -> None:
    assert next_hop(DOOR, 307, location, "COPY", policy) == NextHop(url, with_secrets)


@pytest.mark.parametrize(
    ("status", "location", "method", "reason"),
    [
        (307, "", "COPY", Reason.REDIRECT_INVALID),
        (307, "http://door.site.example.org/a", "COPY", Reason.REDIRECT_DOWNGRADE),
        (302, "file:///etc/passwd", "GET", Reason.REDIRECT_INVALID),
        (302, "javascript:alert(1)", "GET", Reason.REDIRECT_INVALID),
        (302, "https://[bad", "GET", Reason.REDIRECT_INVALID),
        (302, "https://host:99999/", "GET", Reason.REDIRECT_INVALID),
        (303, "https://door.site.example.org/a", "COPY", Reason.REDIRECT_INVALID),
    ],
)
def test_refused(status: int, location: str, method: str, reason: Reason) -> None:
    refused = next_hop(DOOR, status, location, method, KEEP)
    assert isinstance(refused, Failure)
    assert refused.reason is reason


def test_a_refusal_does_not_repeat_the_query_of_a_location() -> None:
    refused = next_hop(DOOR, 307, "http://x.example.org/a?authz=Bearer%20canary", "COPY", KEEP)
    assert isinstance(refused, Failure)
    assert "canary" not in refused.detail


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a.site.org", "b.site.org", True),
        ("a.site.org", "b.c.site.org", False),
        ("a.org", "b.org", False),  # two registrants of one registry
        ("site.org", "a.site.org", False),
        ("10.0.0.1", "11.0.0.1", False),
        ("storage.ac.uk", "evil.ac.uk", False),
        ("mine.s3.amazonaws.com", "evil.s3.amazonaws.com", False),
        ("door.gla.ac.uk", "pool.gla.ac.uk", True),
        ("A.Site.org", "b.site.ORG.", True),
    ],
)
def test_same_domain(one: str, other: str, same: bool) -> None:
    assert same_domain(one, other) is same


@pytest.mark.parametrize(
    "location",
    [
        "https://me:secret@pool.example.org/f",
        "https://pool.example.org/\udcff",
        "https://\udcff.example.org/",
        "https://pool.example.org/a HTTP/1.1 b",
        "https://pool.example.org/\x1b[31m",
        "https://[v1.x]/",
        "https://pool.example.org:0/",
        "https://pool.example.org:99999/",
        "https://pool.example.org/" + "\u202e" * 5000,
    ],
)
def test_what_cannot_be_asked_as_it_is(location: str) -> None:
    refused = next_hop("https://door.example.org/f", 307, location, "GET", RedirectAuth.KEEP)
    assert isinstance(refused, Failure)
    assert refused.reason is Reason.REDIRECT_INVALID
    assert "secret" not in refused.detail
    assert len(refused.detail) < 400


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("https://pool.example.org:8443/dteam/a%20b?x=y", True),
        ("https://pool.example.org//dteam///a%20b", True),
        ("https://pool.example.org/dteam/a%2520b", False),
        ("/dteam/other", False),
        ("/dteam", False),
        ("https://pool.example.org/", False),
    ],
)
def test_a_delete_goes_on_to_the_same_file_only(location: str, followed: bool) -> None:
    onward = next_hop("https://door.example.org/dteam/a%20b", 307, location, "DELETE", RedirectAuth.KEEP)
    assert isinstance(onward, NextHop) is followed
    assert isinstance(
        next_hop("https://door.example.org/dteam/a%20b", 307, location, "PUT", RedirectAuth.KEEP), NextHop
    )
