"""What answers say: the texts of real servers, and rubbish."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import (
    FileStat,
    Redirect,
    Refusal,
    Space,
    ToldChecksum,
    does_tpc,
    read_checksum,
    read_config,
    read_handle,
    read_redirect,
    read_refusal,
    read_seconds,
    read_space,
    read_stat,
    stat_identity,
    text_of,
)
from tpcharness.wire.xroot.codes import StatFlag
from tpcharness.wire.xroot.login import read_hello, read_login, read_protocol_answer
from tpcharness.wire.xroot.opaque import Opaque


@pytest.mark.parametrize(
    "data",
    [
        b"9 1048576 16 1700000000\x00",
        b"9 1048576 16 1700000000",
        b"9 1048576 16 1700000000 1700000001 1700000002 0644 tester tester\x00",
        b"9 1048576 16 1700000000\x00\xff junk",
    ],
)
def test_stat_with_four_fields_and_with_nine(data: bytes) -> None:
    assert read_stat(data) == FileStat(1048576, StatFlag.READABLE, 1700000000)


def test_a_file_on_tape() -> None:
    assert read_stat(b"1 5 152 7\x00").offline
    assert not read_stat(b"1 5 144 7\x00").offline


def test_handles_with_and_without_stat() -> None:
    assert read_handle(b"abcd") == (b"abcd", None)
    assert read_handle(b"abcd" + bytes(8)) == (b"abcd", None)
    assert read_handle(b"abcd" + bytes(8) + b"1 5 16 7\x00") == (b"abcd", FileStat(5, StatFlag.READABLE, 7))


def redirect(port: int, text: bytes) -> bytes:
    return struct.pack(">i", port) + text


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (redirect(1095, b"pool.site.org"), Redirect("pool.site.org", 1095)),
        (redirect(0, b"pool.site.org\x00"), Redirect("pool.site.org", 1094)),
        (redirect(1095, b"[2001:db8::1]"), Redirect("2001:db8::1", 1095)),
        (
            redirect(1095, b"h?cap.sym=a&b=c"),
            Redirect("h", 1095, Opaque.of(("cap.sym", "a"), ("b", "c"))),
        ),
        (redirect(1095, b"h??tok"), Redirect("h", 1095, login_token="tok")),
        (
            redirect(-1, b"roots://h:1096//new/path?a=b"),
            Redirect("h", 1096, Opaque.of(("a", "b")), path="/new/path", secure=True),
        ),
    ],
)
def test_redirects(data: bytes, target: Redirect) -> None:
    assert read_redirect(data) == target


@pytest.mark.parametrize(
    "data",
    [
        b"",
        redirect(70000, b"h"),
        redirect(1095, b""),
        redirect(1095, b"a b"),
        redirect(1095, b"u@h"),
        redirect(1095, b"h\nx"),
        redirect(1095, "hé".encode()),
        redirect(-1, b"http://h//x"),
        redirect(-1, b"h"),
        redirect(1095, b"h?a=" + b"b" * 5000),
        redirect(1095, b"h?a=b c"),
        redirect(-1, b"root://h//a/../b"),
        redirect(-1, b"root://h//a&b"),
    ],
)
def test_redirects_to_nowhere(data: bytes) -> None:
    with pytest.raises(WireError):
        read_redirect(data)


def test_errors() -> None:
    assert read_refusal(struct.pack(">i", 3011) + b"Unable to locate /x\x00rest") == Refusal(
        3011, "Unable to locate /x"
    )
    assert read_refusal(struct.pack(">i", 3005)) == Refusal(3005, "")


def test_texts_are_cut_and_clean() -> None:
    assert text_of(b"a\x1b[31m\nb\xe2\x80\xaec\x00d") == "a [31m b c"
    assert len(text_of(b"x" * 5000)) == 300


@pytest.mark.parametrize(("told", "seconds"), [(-5, 0), (0, 0), (10, 10), (0x7FFFFFFF, 3600)])
def test_waits_are_bounded(told: int, seconds: int) -> None:
    assert read_seconds(struct.pack(">i", told) + b"text") == seconds


def test_checksums() -> None:
    assert read_checksum(b"adler32 1ECD0474\x00N") == ToldChecksum("adler32", "1ecd0474")
    for data in (b"", b"adler32\x00", b"adler32 xyz\x00", b"a" * 99):
        with pytest.raises(WireError):
            read_checksum(data)


@pytest.mark.parametrize(
    ("told", "able"),
    [(b"1\n", True), (b"+1\n", True), (b"tpc\n", False), (b"0\n", False), (b"", False), (b"-1", False)],
)
def test_whether_a_server_does_third_party_copies(told: bytes, able: bool) -> None:
    assert does_tpc(read_config(told, ["tpc"])) is able


def test_settings_that_are_not_set_answer_with_themselves() -> None:
    data = b"1\ntpcdlg\n0:adler32,1:crc32c\n\x00\xff"
    assert read_config(data, ["tpc", "tpcdlg", "chksum", "more"]) == {"tpc": "1", "chksum": "0:adler32,1:crc32c"}


def test_space() -> None:
    data = b"oss.cgroup=public&oss.space=100&oss.free=90&oss.maxf=80&oss.used=10&oss.quota=-1\x00"
    assert read_space(data) == Space(100, 90, 80)
    assert read_space(b"rubbish") == Space()
    assert read_space(b"a&" * 100) == Space()
    long = b"oss.cgroup=" + b"x" * 290 + b"&oss.free=999999999999\x00"
    assert read_space(long).free == 999_999_999_999


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    readers: list[Callable[[bytes], object]] = [
        read_stat,
        read_handle,
        read_redirect,
        read_refusal,
        read_seconds,
        read_checksum,
        read_space,
        read_hello,
        read_protocol_answer,
        read_login,
    ]
    for read in readers:
        try:
            read(data)
        except WireError:
            continue


@pytest.mark.parametrize(
    ("data", "identity"),
    [
        (b"279275953520128 5000000 16 1795382358\x00", "279275953520128"),
        (b"17 5", "17"),
        (b"", ""),
        (b"17", ""),
        (b"x 5 16 7\x00", ""),
        (b"\xff\x00", ""),
    ],
)
def test_the_number_of_a_file(data: bytes, identity: str) -> None:
    assert stat_identity(data) == identity
