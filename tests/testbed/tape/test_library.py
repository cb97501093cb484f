"""A tape behind a disk: what is written goes there by itself, what comes back can be spoiled."""

from __future__ import annotations

import time

import pytest

from tpcharness.testbed.files import FileStore
from tpcharness.testbed.tape.library import Library, TapeContent

ARCHIVE = "/vo/tape"


def library(*, frees_disk: bool = False) -> Library:
    files = FileStore()
    files.make_directory(ARCHIVE, parents=True)
    return Library(files, archive=ARCHIVE, migrate_seconds=10.0, frees_disk=frees_disk)


async def written(tape: Library, path: str, data: bytes = b"data") -> None:
    writer = tape.files.create(path, in_place=True)
    await writer.write(data)
    writer.commit()


@pytest.mark.parametrize("frees_disk", [False, True])
async def test_what_is_written_is_on_tape_after_a_while(frees_disk: bool) -> None:
    tape = library(frees_disk=frees_disk)
    await written(tape, f"{ARCHIVE}/a")
    now = time.time()
    tape.migrate(now + 5.0)
    assert tape.content(f"{ARCHIVE}/a") is None
    tape.migrate(now + 11.0)
    content = tape.content(f"{ARCHIVE}/a")
    assert content is not None
    assert content.online is not frees_disk
    assert content.size == len(b"data")
    tape.migrate(now + 12.0)
    assert tape.content(f"{ARCHIVE}/a") is content


async def test_what_does_not_go_to_tape() -> None:
    tape = library()
    await written(tape, f"{ARCHIVE}/empty", b"")
    await written(tape, "/vo/elsewhere")
    await written(tape, "/vo/tape-not")
    growing = tape.files.create(f"{ARCHIVE}/growing", in_place=True)
    await growing.write(b"x")
    tape.migrate(time.time() + 3600.0)
    assert [path for path in tape.files.paths() if tape.content(path)] == []


def test_a_disk_copy_that_is_not_whole_or_goes_away() -> None:
    tape = library()
    tape.add("/vo/a", b"0123456789", online=True)
    content = tape.content("/vo/a")
    assert isinstance(content, TapeContent)
    content.readable = 5
    assert content.read(0, 10) == b"01234"
    assert content.read(5, 5) == b""
    content.readable, content.reads_left = None, 1
    assert content.read(0, 1) == b"0"
    assert not content.online
    with pytest.raises(FileNotFoundError):
        content.read(0, 10)
