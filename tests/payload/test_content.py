"""The bytes of a seed."""

import zlib

import pytest

from tpcharness.payload.content import BLOCK_BYTES, Content


@pytest.mark.parametrize("size", [0, 1, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 1024 * 1024 + 7])
def test_size_and_checksum_are_those_of_the_bytes(size: int) -> None:
    content = Content(size)
    data = b"".join(content.chunks())
    assert len(data) == content.length == size
    assert content.adler32 == f"{zlib.adler32(data):08x}"


def test_the_same_size_is_the_same_bytes_again_and_a_shorter_one_their_beginning() -> None:
    whole = b"".join(Content(200_000).chunks())
    assert b"".join(Content(200_000).chunks()) == whole
    assert b"".join(Content(70_000).chunks()) == whole[:70_000]


def test_known_bytes() -> None:
    """Frozen: another machine, or a later version, must find the same checksum."""
    assert b"".join(Content(16).chunks()).hex() == "7a24b666da345c98c3a400aafd14a51a"
    assert Content(1024 * 1024).adler32 == "ddbb9e0f"


def test_the_bytes_do_not_compress_and_no_block_comes_twice() -> None:
    blocks = list(Content(20 * BLOCK_BYTES).chunks())
    assert len(set(blocks)) == 20
    data = b"".join(blocks)
    assert len(zlib.compress(data, 9)) > len(data)


def test_the_checksum_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Content(300_001).adler32
    monkeypatch.setattr(zlib, "adler32", None)
    assert Content(300_001).adler32 == expected


def test_an_empty_file_has_no_chunk() -> None:
    assert list(Content(0).chunks()) == []
    assert Content(0).adler32 == "00000001"


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError):
        Content(-1)


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 7])
def test_a_range_is_what_stands_there(size: int) -> None:
    whole = b"".join(Content(size).chunks())
    for offset in (0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 5, size):
        for length in (0, 1, 4096, BLOCK_BYTES, size):
            assert Content(size).at(offset, length) == whole[offset : offset + length]
