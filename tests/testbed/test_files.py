from __future__ import annotations

import errno
import hashlib
import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpcharness.testbed.files import Directory, File, FileStore, SparseContent, crc32c, parent


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    return FileStore(on_disk=tmp_path if request.param == "disk" else None)


async def write(store: FileStore, path: str, *pieces: bytes, in_place: bool = False) -> File:
    writer = store.create(path, in_place=in_place)
    for piece in pieces:
        await writer.write(piece)
    writer.commit()
    return writer.file


async def test_writes_and_reads_back(store: FileStore) -> None:
    file = await write(store, "/f", b"abc", b"", b"defg")
    assert store.find("/f") is file
    assert (file.size, file.complete) == (7, True)
    assert await file.read(2, 3) == b"cde"
    assert await file.read(5, 100) == b"fg"
    assert await file.read(7, 1) == b""


async def test_digests(store: FileStore) -> None:
    data = os.urandom(300_000)
    file = await write(store, "/f", data[:1000], data[1000:])
    assert file.sums.keys() == {"adler32"}
    assert await file.digest("adler32") == zlib.adler32(data).to_bytes(4, "big")
    assert await file.digest("md5") == hashlib.md5(data, usedforsecurity=False).digest()
    assert file.sums.keys() == {"adler32", "md5"}


def test_crc32c_against_the_recording_and_rfc_3720() -> None:
    assert f"{crc32c(b'k' * 1024):08x}" == "0542bf51"
    assert f"{crc32c(bytes(32)):08x}" == "8a9136aa"
    assert crc32c(b"bc", crc32c(b"a")) == crc32c(b"abc")


async def test_out_of_sight_until_committed(store: FileStore) -> None:
    await write(store, "/f", b"old")
    writer = store.create("/f", in_place=False)
    await writer.write(b"new!")
    before = store.find("/f")
    assert isinstance(before, File)
    assert await before.read(0, 9) == b"old"
    writer.commit()
    after = store.find("/f")
    assert isinstance(after, File)
    assert await after.read(0, 9) == b"new!"


async def test_in_place_replaces_at_once_and_grows(store: FileStore) -> None:
    await write(store, "/f", b"old")
    writer = store.create("/f", in_place=True)
    seen = store.find("/f")
    assert isinstance(seen, File)
    assert (seen.size, seen.complete) == (0, False)
    await writer.write(b"ab")
    assert seen.size == 2


@pytest.mark.parametrize(("in_place", "left"), [(True, ("/f",)), (False, ())])
async def test_kept_debris(store: FileStore, in_place: bool, left: tuple[str, ...]) -> None:
    writer = store.create("/f", in_place=in_place)
    await writer.write(b"half")
    writer.keep()
    assert store.paths() == left


@pytest.mark.parametrize("in_place", [True, False])
async def test_abandoned_leaves_nothing_and_frees_its_space(store: FileStore, in_place: bool) -> None:
    store.capacity_bytes = 4
    writer = store.create("/f", in_place=in_place)
    await writer.write(b"full")
    assert store.full
    writer.abandon()
    assert store.paths() == ()
    await write(store, "/g", b"full")


async def test_abandoning_leaves_a_newer_file_alone(store: FileStore) -> None:
    first = store.create("/f", in_place=True)
    newer = await write(store, "/f", b"new", in_place=True)
    first.abandon()
    assert store.find("/f") is newer


async def test_a_full_disk_takes_what_fits(store: FileStore) -> None:
    store.capacity_bytes = 5
    writer = store.create("/f", in_place=True)
    await writer.write(b"abc")
    with pytest.raises(OSError) as caught:
        await writer.write(b"defg")
    assert caught.value.errno == errno.ENOSPC
    assert writer.file.size == 5


async def test_a_limit_of_one_file(store: FileStore) -> None:
    writer = store.create("/f", in_place=True, limit_bytes=2)
    with pytest.raises(OSError):
        await writer.write(b"abc")
    assert await writer.file.read(0, 9) == b"ab"


async def test_removing_frees_space(store: FileStore) -> None:
    store.capacity_bytes = 3
    await write(store, "/f", b"abc")
    store.remove("/f")
    await write(store, "/g", b"abc")
    await write(store, "/g", b"xyz", in_place=True)


def test_directories(store: FileStore) -> None:
    store.make_directory("/a/b", parents=True)
    assert isinstance(store.find("/a"), Directory)
    with pytest.raises(FileExistsError):
        store.make_directory("/a")
    with pytest.raises(FileNotFoundError):
        store.make_directory("/x/y")
    with pytest.raises(OSError) as caught:
        store.remove("/a")
    assert caught.value.errno == errno.ENOTEMPTY
    store.remove("/a/b")
    store.remove("/a")
    assert list(store.children("/")) == []
    with pytest.raises(FileNotFoundError):
        store.remove("/")


def test_children_are_only_the_direct_ones(store: FileStore) -> None:
    store.add("/a/x", b"")
    store.add("/a/b/y", b"")
    store.add("/ab/z", b"")
    assert [path for path, _ in store.children("/a")] == ["/a/x", "/a/b"]
    assert [path for path, _ in store.children("/")] == ["/a", "/ab"]


def test_where_nothing_can_be_written(store: FileStore) -> None:
    store.add("/f", b"")
    store.make_directory("/d")
    with pytest.raises(FileNotFoundError):
        store.create("/none/f", in_place=True)
    with pytest.raises(NotADirectoryError):
        store.create("/f/g", in_place=True)
    with pytest.raises(IsADirectoryError):
        store.create("/d", in_place=False)


async def test_moving(store: FileStore) -> None:
    file = await write(store, "/f", b"abc")
    store.add("/g", b"old")
    store.move("/f", "/g")
    assert store.find("/g") is file
    assert store.find("/f") is None
    store.move("/g", "/g")
    assert store.find("/g") is file
    with pytest.raises(FileNotFoundError):
        store.move("/f", "/h")
    store.make_directory("/d")
    with pytest.raises(IsADirectoryError):
        store.move("/d", "/e")


async def test_contents_on_disk_go_with_their_files(tmp_path: Path) -> None:
    store = FileStore(on_disk=tmp_path / "new")
    file = await write(store, "/f", b"abc")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    store.remove("/f")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert await file.read(0, 3) == b""
    await write(store, "/g", b"abc")
    await store.close()
    assert list((tmp_path / "new").iterdir()) == []
    assert store.paths() == ()


@given(size=st.integers(0, 300_000), offset=st.integers(0, 310_000), length=st.integers(0, 200_000))
def test_sparse_contents_are_the_same_however_they_are_read(size: int, offset: int, length: int) -> None:
    content = SparseContent(size)
    whole = content.read(0, size)
    assert len(whole) == size
    assert content.read(offset, length) == whole[offset : offset + length]


async def test_sparse_contents_differ_by_block_and_cannot_be_written() -> None:
    content = SparseContent(1 << 40)
    assert content.read(0, 8) != content.read(65536, 8)
    with pytest.raises(OSError):
        await content.append(b"x")


@pytest.mark.parametrize(("path", "above"), [("/a", "/"), ("/a/b", "/a"), ("/", "/")])
def test_parent(path: str, above: str) -> None:
    assert parent(path) == above
