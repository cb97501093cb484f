"""Requests byte by byte against the frames that real servers took, and opaque parts with their secrets."""

from __future__ import annotations

import pytest

from tpcharness.model.secret import Secret
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.codes import OpenFlag, PrepareFlag
from tpcharness.wire.xroot.frames import MAX_DATA, Request
from tpcharness.wire.xroot.opaque import NO_OPAQUE, Opaque, RootUrl
from tpcharness.wire.xroot.operations import (
    cancel_copy,
    open_file,
    prepare,
    query_checksum,
    query_config,
    query_prepare,
    query_space,
    read,
    stat_handle,
    truncate,
    write,
)

HANDLE = bytes.fromhex("01020304")
TOKEN = Secret("canary-token-of-somebody")


def test_an_open_for_a_copy() -> None:
    opaque = Opaque.of(
        ("tpc.key", "00112233445566778899aabb"),
        ("tpc.src", "localhost:24201"),
        ("tpc.lfn", "/tp/s"),
        ("tpc.scgi", None),
        ("oss.asize", "5"),
        ("tpc.stage", "copy"),
    )
    request = open_file("/tp/s2", OpenFlag.UPDATE | OpenFlag.DELETE | OpenFlag.MKPATH, opaque).request()
    text = b"/tp/s2?tpc.key=00112233445566778899aabb&tpc.src=localhost:24201&tpc.lfn=/tp/s&oss.asize=5&tpc.stage=copy"
    assert request.encode(2) == bytes.fromhex("00020bc2 01a40122") + bytes(12) + bytes.fromhex("00000068") + text


def test_a_checksum_query() -> None:
    request = query_checksum("/t1/d/f", "adler32").request()
    assert request.encode(12) == bytes.fromhex("000c0bb9 0003") + bytes(14) + bytes.fromhex("00000018") + (
        b"/t1/d/f?cks.type=adler32"
    )


def test_the_end_of_a_copy_by_our_wish() -> None:
    assert cancel_copy(HANDLE).encode(10) == bytes.fromhex("000a0bb9 0040 0000 01020304") + bytes(8) + bytes.fromhex(
        "0000000f 6f66732e7470632063616e63656c00"
    )


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (stat_handle(HANDLE), "00010bc9 00000000 00000000 00000000 01020304 00000000"),
        (read(HANDLE, 5, 7), "00010bc5 01020304 0000000000000005 00000007 00000000"),
        (write(HANDLE, 5, b"ab"), "00010bcb 01020304 0000000000000005 00000000 00000002 6162"),
        (truncate(HANDLE, 9), "00010bd4 01020304 0000000000000009 00000000 00000000"),
        (query_config("tpc", "role"), "00010bb9 0007 0000000000000000000000000000 00000008 74706320726f6c65"),
        (query_space("/a").request(), "00010bb9 0005 0000000000000000000000000000 00000002 2f61"),
        (query_prepare("id", ["/a"]), "00010bb9 0002 0000000000000000000000000000 00000005 69640a2f61"),
        (
            prepare([("/a", NO_OPAQUE), ("/b", NO_OPAQUE)], PrepareFlag.STAGE),
            "00010bcd 08 00 0000 0000 00000000000000000000 00000005 2f610a2f62",
        ),
        (
            prepare([("/a", NO_OPAQUE)], PrepareFlag.EVICT),
            "00010bcd 00 00 0000 0001 00000000000000000000 00000002 2f61",
        ),
        (
            prepare([("/a", NO_OPAQUE)], PrepareFlag.CANCEL, request_id="id"),
            "00010bcd 01 00 0000 0000 00000000000000000000 00000005 69640a2f61",
        ),
    ],
)
def test_other_requests(request_: Request, frame: str) -> None:
    assert request_.encode(1) == bytes.fromhex(frame)


@pytest.mark.parametrize("path", ["relative", "/a?authz=x", "/a/../b", "/a\nb", "/a&b", ""])
def test_paths_that_servers_read_otherwise_are_our_bug(path: str) -> None:
    with pytest.raises(ValueError, match="plain absolute path"):
        query_checksum(path, "adler32").request()


@pytest.mark.parametrize("value", ["a&b=c", "a b", "a\nb", "a\x00"])
def test_values_that_end_early_are_our_bug(value: str) -> None:
    with pytest.raises(ValueError, match="cannot stand"):
        Opaque.of(("k", value)).encode()


def test_data_that_no_server_takes_are_our_bug() -> None:
    with pytest.raises(ValueError, match="a frame of"):
        write(HANDLE, 0, bytes(MAX_DATA + 1))
    with pytest.raises(ValueError, match="4 bytes"):
        read(b"\x00", 0, 1)


def test_a_redirect_adds_to_the_opaque_part_and_takes_nothing_of_ours() -> None:
    ours = Opaque.of(("authz", TOKEN), ("tpc.key", "k"), ("oss.asize", "5"))
    theirs = Opaque.parse("cap.sym=c&authz=stolen&tpc.key=other&oss.asize=6&org.dcache.uuid=u&tpc.new=1&&odd")
    merged = ours.merged(theirs)
    assert merged.encode() == (f"authz={TOKEN.reveal()}&tpc.key=k&cap.sym=c&oss.asize=6&org.dcache.uuid=u&tpc.new=1")
    assert merged.secret
    assert not merged.without_secrets().secret
    assert "stolen" not in Opaque.of(("oss.asize", "5")).merged(theirs).encode()


def test_secrets_do_not_show() -> None:
    request = open_file("/a", OpenFlag.READ, Opaque.of(("authz", TOKEN), ("tpc.key", "0011223344")))
    assert request.request().secret
    assert TOKEN.reveal() not in repr(request)
    assert "0011223344" not in repr(request)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("root://door.site.org//data/vo", RootUrl("door.site.org", 1094, "/data/vo")),
        ("roots://Door.Site.org:2094//data//vo/", RootUrl("door.site.org", 2094, "/data/vo", secure=True)),
        ("xroot://[2001:db8::1]:1095//", RootUrl("2001:db8::1", 1095, "/")),
    ],
)
def test_root_urls(text: str, url: RootUrl) -> None:
    assert RootUrl.parse(text) == url


def test_how_a_root_url_is_written() -> None:
    assert str(RootUrl("2001:db8::1", 1095, "/a", secure=True)) == "roots://[2001:db8::1]:1095//a"


@pytest.mark.parametrize(
    "text",
    [
        "https://door/x",
        "root://user@door//x",
        "root://door:0//x",
        "root://door:99999//x",
        "root://door:x//x",
        "root:///x",
        "root://door",
        "root://door//x?authz=t",
        "root://door//x#f",
        "root://[::1//x",
        "root://a b//x",
    ],
)
def test_what_is_no_root_url(text: str) -> None:
    with pytest.raises(WireError):
        RootUrl.parse(text)
