"""DAV multistatus: what storages send, and what an attacker would."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import load
from tpcharness.wire.errors import WireError
from tpcharness.wire.multistatus import MAX_BODY_BYTES, DavEntry, parse_multistatus, propfind_body


def response(*inner: str, href: str = "/vo/file") -> str:
    return f"<D:response><D:href>{href}</D:href>{''.join(inner)}</D:response>"


def propstat(*properties: str, status: str = "HTTP/1.1 200 OK") -> str:
    return f"<D:propstat><D:prop>{''.join(properties)}</D:prop><D:status>{status}</D:status></D:propstat>"


def document(*responses: str) -> bytes:
    return f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'.encode()


@pytest.mark.parametrize("version", ["xrootd-5.5.3", "xrootd-6.1"])
def test_recorded_listing(version: str) -> None:
    entries = parse_multistatus(load(version, "propfind-1").response.partition(b"\r\n\r\n")[2])
    assert [(entry.href, entry.is_collection) for entry in entries] == [
        ("/src", True),
        ("/src/8m", False),
        ("/src/1k", False),
        ("/src/0", False),
    ]
    assert [entry.size for entry in entries[1:]] == [8388608, 1024, 0]
    assert {entry.status for entry in entries} == {200}
    assert all(entry.modified and entry.modified.year == 2026 for entry in entries)


@pytest.mark.parametrize("version", ["xrootd-5.5.3", "xrootd-6.1"])
def test_recorded_file(version: str) -> None:
    (entry,) = parse_multistatus(load(version, "propfind-0").response.partition(b"\r\n\r\n")[2])
    assert (entry.href, entry.size, entry.is_collection, entry.status) == ("/src/1k", 1024, False, 200)


def test_everything_of_an_entry() -> None:
    body = document(
        response(
            propstat(
                "<D:getcontentlength>12</D:getcontentlength>",
                "<D:getlastmodified>Sun, 22 Nov 2026 12:57:49 GMT</D:getlastmodified>",
                "<D:resourcetype/>",
            )
        )
    )
    assert parse_multistatus(body) == (
        DavEntry("/vo/file", 12, datetime(2026, 11, 22, 12, 57, 49, tzinfo=UTC), False, 200),
    )


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/vo/a%20b", "/vo/a b"),
        ("https://h.example:2880/vo/x?y=1#z", "/vo/x"),
        ("/vo/dir/", "/vo/dir/"),
        ("  /vo/x\n", "/vo/x"),
        ("/vo/%C3%A9%ff", "/vo/\N{LATIN SMALL LETTER E WITH ACUTE}\N{REPLACEMENT CHARACTER}"),
        ("/vo/%252e", "/vo/%2e"),
    ],
)
def test_hrefs(href: str, path: str) -> None:
    (entry,) = parse_multistatus(document(response(propstat(), href=href)))
    assert entry.href == path


@pytest.mark.parametrize(
    ("properties", "collection"),
    [
        ("<D:resourcetype><D:collection/></D:resourcetype>", True),
        ("<D:resourcetype><D:collection/></D:resourcetype><D:iscollection>0</D:iscollection>", True),
        ("<D:iscollection>1</D:iscollection>", True),
        ("<D:iscollection>1</D:iscollection><D:iscollection>1</D:iscollection>", True),
        ("<D:iscollection>TRUE</D:iscollection>", True),
        ("<D:resourcetype/><D:iscollection>0</D:iscollection>", False),
        ("<D:iscollection>0</D:iscollection>", False),
        ("<D:iscollection/>", False),
        ('<D:resourcetype><collection xmlns="urn:other"/></D:resourcetype>', False),
        ("", False),
    ],
)
def test_collections(properties: str, collection: bool) -> None:
    (entry,) = parse_multistatus(document(response(propstat(properties))))
    assert entry.is_collection is collection


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "9" * 400, "\N{ARABIC-INDIC DIGIT ONE}"])
def test_sizes_that_are_none(text: str) -> None:
    (entry,) = parse_multistatus(document(response(propstat(f"<D:getcontentlength>{text}</D:getcontentlength>"))))
    assert entry.size is None


def test_properties_that_the_server_does_not_have_do_not_count() -> None:
    body = document(
        response(
            propstat("<D:getcontentlength>7</D:getcontentlength>"),
            propstat("<D:getcontentlength/><D:getlastmodified/>", status="HTTP/1.1 404 Not Found"),
        )
    )
    (entry,) = parse_multistatus(body)
    assert (entry.size, entry.status) == (7, 200)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("HTTP/1.1 403 Forbidden", 403),
        ("HTTP/1.1 507", 507),
        ("HTTP/1.1", None),
        ("403", None),
        ("HTTP/1.1 9999 x", None),
    ],
)
def test_status_of_a_whole_entry(line: str, status: int | None) -> None:
    (entry,) = parse_multistatus(document(response(f"<D:status>{line}</D:status>")))
    assert (entry.status, entry.size) == (status, None)


def test_several_hrefs_share_one_status() -> None:
    body = document(response("<D:href>/vo/other</D:href><D:status>HTTP/1.1 423 Locked</D:status>"))
    assert [(entry.href, entry.status) for entry in parse_multistatus(body)] == [("/vo/file", 423), ("/vo/other", 423)]


def test_foreign_properties_with_our_names_do_not_count() -> None:
    (entry,) = parse_multistatus(document(response(propstat('<getcontentlength xmlns="LCGDM:">9</getcontentlength>'))))
    assert entry.size is None


def test_an_empty_listing() -> None:
    assert parse_multistatus(document()) == ()


BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><D:multistatus xmlns:D="DAV:">&b;</D:multistatus>'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "well-formed"),
        (b"\0" * 100, "well-formed"),
        (b"failure: no", "well-formed"),
        (b"<html><body>It works!</body></html>", "no DAV multistatus"),
        (b"<multistatus/>", "no DAV multistatus"),
        (document(response())[:-20], "well-formed"),
        (BOMB, "DTD"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "DTD"),
        (b'<?xml version="1.0" encoding="no-such-code"?><x/>', "well-formed|encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><x/>', "well-formed|encoding"),
        (BOMB.decode().encode("utf-16"), "DTD"),
        (document(response(href="")), "empty"),
        (document(response(href="https://[broken/")), "URL"),
        (b" " * (MAX_BODY_BYTES + 1), "bytes"),
    ],
)
def test_what_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        parse_multistatus(body)


def test_too_many_entries() -> None:
    body = document(*[response()] * 11)
    assert len(parse_multistatus(body, max_entries=11)) == 11
    with pytest.raises(WireError, match="10 entries"):
        parse_multistatus(body, max_entries=10)


def test_a_tower_of_elements_does_no_harm() -> None:
    tower = "<x>" * 50_000 + "</x>" * 50_000
    with pytest.raises(WireError, match="too many elements"):
        parse_multistatus(document(response(propstat(f"<D:resourcetype>{tower}</D:resourcetype>"))))


@given(st.binary(max_size=300), st.integers(0, 400))
def test_hostile_bytes_end_in_a_wire_error_or_a_value(noise: bytes, place: int) -> None:
    whole = document(response(propstat("<D:getcontentlength>12</D:getcontentlength>")))
    for body in (noise, whole[:place] + noise + whole[place:], whole[:place]):
        try:
            parse_multistatus(body)
        except WireError:
            pass


def test_propfind_body_names_what_is_read() -> None:
    root = ET.fromstring(propfind_body())
    assert root.tag == "{DAV:}propfind"
    assert {element.tag for element in root.findall("{DAV:}prop/*")} == {
        "{DAV:}getcontentlength",
        "{DAV:}getlastmodified",
        "{DAV:}resourcetype",
    }


@pytest.mark.parametrize(
    "bomb",
    [
        document("<a/>" * 2_000_000),
        document(response("<a/>" * 1000) * 999),
        b"<a>" * 1_000_000,
        b'<D:multistatus xmlns:D="DAV:" ' + b" ".join(b'a%d=""' % number for number in range(500_000)) + b"/>",
        document(response(href="/" + "a" * 10_000_000)),
    ],
    ids=["elements", "properties", "floors", "attributes", "text"],
)
def test_what_is_small_on_the_wire_and_large_in_memory_is_refused(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(WireError, match=r"too many elements|too long"):
            parse_multistatus(bomb, max_entries=1000)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
