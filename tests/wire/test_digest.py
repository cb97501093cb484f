"""Checksums in headers: every trap of http-tpc 1.7 is a row."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import load
from tpcharness.wire.digest import (
    Adler32,
    find_digest,
    parse_digest,
    parse_repr_digest,
    same_checksum,
    want_digest,
)

ADLER = "0c37ac10"
ADLER_BASE64 = "DDesEA=="
CRC32C = "0542bf51"
MD5 = "ac68657cdab cf3579f488bdfb1659251".replace(" ", "")
MD5_BASE64 = "rGhdfNq88VefSIvfsWWSUQ=="
MD5_HEX = base64.b64decode(MD5_BASE64).hex()
SHA256_HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SHA256_BASE64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(
    ("algorithms", "value"),
    [
        (["adler32"], "adler32"),
        (["adler32", "md5"], "adler32;q=1.0, md5;q=0.9"),
        (["adler32", "crc32c", "md5"], "adler32;q=1.0, crc32c;q=0.9, md5;q=0.8"),
    ],
)
def test_want_digest(algorithms: list[str], value: str) -> None:
    assert want_digest(algorithms) == value


def test_want_digest_never_says_not_wanted() -> None:
    assert want_digest(["md5"] * 12).endswith("q=0.1, md5;q=0.1, md5;q=0.1")


@pytest.mark.parametrize(
    ("value", "algorithm", "expected"),
    [
        # adler32: hex, in any case, with leading zeros lost (xrootd#1483)
        ("adler32=0c37ac10", "adler32", ADLER),
        ("adler32=0C37AC10", "adler32", ADLER),
        ("ADLER32=c37ac10", "adler32", ADLER),
        ("adler=c37ac10", "adler32", ADLER),
        ("Adler32 = 0c37ac10", "adler32", ADLER),
        ("adler32=1", "adler32", "00000001"),
        ("adler32=37ac10", "adler32", "0037ac10"),
        ('adler32="0c37ac10"', "adler32", ADLER),
        ("adler32=0c37ac10;q=1", "adler32", ADLER),
        (f"adler32={ADLER_BASE64}", "adler32", ADLER),
        # crc32c: base64 from XRootD 5.5.3, hex from 6.1
        ("crc32c=BUK/UQ==", "crc32c", CRC32C),
        ("crc32c=0542bf51", "crc32c", CRC32C),
        ("crc32c=542BF51", "crc32c", CRC32C),
        # md5 and sha: base64 by RFC 3230, hex where a server does not know better
        (f"md5={MD5_BASE64}", "md5", MD5_HEX),
        (f"MD5={MD5_BASE64.rstrip('=')}", "md5", MD5_HEX),
        (f"md5={MD5_HEX}", "md5", MD5_HEX),
        (f"md5={MD5_HEX.upper()}", "md5", MD5_HEX),
        (f"SHA-256={SHA256_BASE64}", "sha-256", SHA256_HEX),
        (f"sha256={SHA256_HEX}", "sha-256", SHA256_HEX),
        ("SHA=2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha-1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        # more than one
        (f"md5={MD5_BASE64},adler32=0c37ac10", "adler32", ADLER),
        (f"md5={MD5_BASE64} , adler32=0c37ac10", "md5", MD5_HEX),
        ("id-x=1,,adler32=0c37ac10,", "adler32", ADLER),
        ('x="a,adler32=1",adler32=0c37ac10', "adler32", ADLER),
        ("adler32=0c37ac10, adler32=00000001", "adler32", ADLER),
        ("adler32=rubbish, adler32=0c37ac10", "adler32", ADLER),
    ],
)
def test_digest(value: str, algorithm: str, expected: str) -> None:
    assert parse_digest([value])[algorithm] == expected


@pytest.mark.parametrize(
    "value",
    [
        "", ",", "=", "adler32", "adler32=", "=0c37ac10", "adler32=xyz", "adler32=123456789", "adler32=-1",
        "adler32=0x0c37ac10", "adler32=\N{ARABIC-INDIC DIGIT ONE}", "md5=0c37ac10", "md5=====", "md5=AAAA",
        f"md5={ADLER_BASE64}", "unixsum=30637", "whirlpool=AAAA", '"adler32=0c37ac10"', 'adler32="0c37ac10',
        "adler32=0c37 ac10", "\0", "adler32=\0",
    ],
)  # fmt: skip
def test_rubbish_is_left_out(value: str) -> None:
    assert parse_digest([value]) == {}


def test_several_headers_are_one_list_and_the_first_wins() -> None:
    values = [f"md5={MD5_BASE64}", "adler32=0c37ac10", "adler32=1"]
    assert parse_digest(values) == {"md5": MD5_HEX, "adler32": ADLER}


@pytest.mark.parametrize(
    ("value", "algorithm", "candidates"),
    [
        # as the standard has it, and as XRootD 6.1 answers
        (f"adler=:{ADLER_BASE64}:", "adler32", (ADLER,)),
        (f"adler32=:{ADLER_BASE64}:", "adler32", (ADLER,)),
        (f"sha-256=:{SHA256_BASE64}:", "sha-256", (SHA256_HEX,)),
        (f"sha-256=:{SHA256_BASE64}:;x=1, adler=:{ADLER_BASE64}:", "adler32", (ADLER,)),
        (f"md5=:{MD5_BASE64}:", "md5", (MD5_HEX,)),
        # dCache: hex between the colons; the labkode proposal: not encoded at all
        ("adler32=:0c37ac10:", "adler32", (ADLER,)),
        ("adler32=:C37AC10:", "adler32", (ADLER,)),
        ("adler=:1234:", "adler32", ("00001234",)),
        ("adler=0c37ac10", "adler32", (ADLER,)),
        # six characters are both four bytes without padding and a number that lost its zeros
        ("adler=:37ac10:", "adler32", (base64.b64decode("37ac10==").hex(), "0037ac10")),
        ("adler=:DDesEA:", "adler32", (ADLER,)),
    ],
)
def test_repr_digest(value: str, algorithm: str, candidates: tuple[str, ...]) -> None:
    assert parse_repr_digest([value])[algorithm] == candidates


@pytest.mark.parametrize(
    "value", ["", "adler", "adler=::", "adler=:!:", "adler=:AAAA:x:", "sha-256=:AAAA:", "adler=?1"]
)
def test_repr_digest_rubbish(value: str) -> None:
    assert parse_repr_digest([value]) == {}


def answer(**headers: str | list[str]) -> Callable[[str], list[str]]:
    by_name = {
        name.replace("_", "-").lower(): [value] if isinstance(value, str) else value for name, value in headers.items()
    }
    return lambda name: by_name.get(name.lower(), [])


@pytest.mark.parametrize(
    ("headers", "algorithm", "header", "found"),
    [
        ({"digest": "adler32=c37ac10"}, "adler32", "Digest", ADLER),
        ({"digest": "adler32=c37ac10"}, "ADLER", "Digest", ADLER),
        ({"digest": ["md5=x", "adler32=c37ac10"]}, "adler32", "Digest", ADLER),
        ({"repr_digest": f"adler=:{ADLER_BASE64}:"}, "adler32", "Repr-Digest", ADLER),
        ({"digest": "adler32=1", "repr_digest": f"adler=:{ADLER_BASE64}:"}, "adler32", "Digest", "00000001"),
        ({"digest": "rubbish", "repr_digest": f"adler=:{ADLER_BASE64}:"}, "adler32", "Repr-Digest", ADLER),
        ({"content_md5": MD5_BASE64}, "md5", "Content-MD5", MD5_HEX),
        ({"content_md5": f" {MD5_HEX} "}, "md5", "Content-MD5", MD5_HEX),
        ({"oc_checksum": "adler32:c37ac10"}, "adler32", "OC-Checksum", ADLER),
        ({"oc_checksum": "ADLER32:0C37AC10"}, "adler32", "OC-Checksum", ADLER),
        ({"oc_checksum": f"MD5:{MD5_HEX}"}, "md5", "OC-Checksum", MD5_HEX),
    ],
)
def test_find_digest(headers: dict[str, str], algorithm: str, header: str, found: str) -> None:
    digest = find_digest(answer(**headers), algorithm)
    assert digest is not None
    assert (digest.header, digest.hex) == (header, found)
    assert digest.matches(found)
    assert not digest.matches("deadbeef")


@pytest.mark.parametrize(
    ("headers", "algorithm"),
    [
        ({}, "adler32"),
        # XRootD answers an algorithm that it does not have with its first one
        ({"digest": "adler32=0c37ac10"}, "md5"),
        ({"digest": "adler32=0c37ac10"}, "sha-512"),
        ({"content_md5": MD5_BASE64}, "adler32"),
        ({"content_md5": "0c37ac10"}, "adler32"),
        ({"content_md5": "rubbish"}, "md5"),
        ({"oc_checksum": "adler32"}, "adler32"),
        ({"oc_checksum": "adler32:"}, "adler32"),
        ({"digest": "adler32="}, "adler32"),
    ],
)
def test_find_no_digest(headers: dict[str, str], algorithm: str) -> None:
    assert find_digest(answer(**headers), algorithm) is None


def test_an_ambiguous_digest_matches_both_readings() -> None:
    digest = find_digest(answer(repr_digest="adler=:37ac10:"), "adler32")
    assert digest is not None
    assert digest.matches("0037ac10")
    assert digest.matches(base64.b64decode("37ac10==").hex())
    assert not digest.matches(ADLER)


@pytest.mark.parametrize("version", ["xrootd-5.5.3", "xrootd-6.1"])
@pytest.mark.parametrize(
    ("name", "algorithm", "found"),
    [
        ("head-digest-adler32", "adler32", ADLER),
        ("head-digest-multi", "adler32", ADLER),
        ("get-digest-adler32", "adler32", ADLER),
        ("head-digest-md5", "md5", MD5_HEX),
        ("head-digest-crc32c", "crc32c", CRC32C),
    ],
)
def test_recorded_digests(version: str, name: str, algorithm: str, found: str) -> None:
    head = load(version, name).response.partition(b"\r\n\r\n")[0].decode()
    digests = [line.partition(": ")[2] for line in head.splitlines() if line.startswith("Digest: ")]
    digest = find_digest(answer(digest=digests), algorithm)
    assert digest is not None
    assert digest.hex == found


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (ADLER, ADLER, True),
        (ADLER, "C37AC10", True),
        ("00000001", "1", True),
        ("0", "00000000", True),
        (" 0c37ac10\n", ADLER, True),
        (ADLER, "0c37ac11", False),
        (ADLER, "c37ac100", False),
        ("", "", False),
        ("", "0", False),
        ("xyz", "xyz", False),
        ("0x1", "1", False),
        ("1_0", "10", False),
    ],
)
def test_same_checksum(a: str, b: str, same: bool) -> None:
    assert same_checksum("adler32", a, b) is same
    assert same_checksum("adler", b, a) is same


def test_same_checksum_of_long_ones() -> None:
    assert same_checksum("md5", "0" + MD5_HEX[1:], MD5_HEX[1:].upper())
    assert same_checksum("SHA256", SHA256_HEX, SHA256_HEX.upper())
    with pytest.raises(ValueError, match="whirlpool"):
        same_checksum("whirlpool", "1", "1")


@given(st.lists(st.binary(max_size=100)))
def test_adler32_of_pieces(pieces: list[bytes]) -> None:
    checksum = Adler32()
    for piece in pieces:
        checksum.update(piece)
    assert int(checksum.hexdigest(), 16) == zlib.adler32(b"".join(pieces))
    assert len(checksum.hexdigest()) == 8


def test_adler32_of_nothing() -> None:
    assert Adler32().hexdigest() == "00000001"


@given(st.integers(0, 2**32 - 1))
def test_every_checksum_survives_every_spelling(number: int) -> None:
    full, short = f"{number:08x}", f"{number:X}"
    encoded = base64.b64encode(number.to_bytes(4)).decode()
    assert parse_digest([f"adler32={short}"]) == {"adler32": full}
    assert parse_digest([f"adler32={encoded}"]) == {"adler32": full}
    for text in (full, short, encoded, encoded.rstrip("=")):
        assert full in parse_repr_digest([f"adler=:{text}:"])["adler32"]
    assert same_checksum("adler32", full, short)


@given(st.lists(st.text(max_size=200), max_size=3))
def test_nothing_raises(values: list[str]) -> None:
    parse_digest(values)
    parse_repr_digest(values)
    find_digest(lambda _name: values, "md5")


@pytest.mark.parametrize(
    "value", ["x=1," * 2000 + "adler32=1", "a" * 10**6, '"' * 10**6, "," * 10**6, "adler32=" + "0" * 10**6, " " * 10**6]
)
def test_huge_values_are_cut(value: str) -> None:
    assert parse_digest([value]) == {}
