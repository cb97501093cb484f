"""Ranges at the testbed's storages: several in each implementation's own words, and the ways to get them wrong."""

from __future__ import annotations

import pytest

from tests.support.storages import RawAnswer, ask, make_storage, running, trust
from tpcharness.testbed.dialects.catalogue import DIALECTS
from tpcharness.testbed.files import FileStore
from tpcharness.testbed.reading import MAX_RANGES, read_ranges
from tpcharness.testbed.storage import Storage

DATA = b"0123456789"


def stocked(dialect: str) -> Storage:
    files = FileStore()
    files.add("/d/f", DATA)
    return make_storage(dialect, files=files)


async def read(storage: Storage, ranges: str) -> RawAnswer:
    """A GET with full rights, that follows one redirect."""
    headers = {"Range": ranges}
    answer = await ask(f"{storage.url}/d/f", "GET", headers, token=trust().token())
    return await ask(answer.header("Location"), "GET", headers) if answer.status == 307 else answer


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_several_ranges_in_one_answer(dialect: str) -> None:
    storage = stocked(dialect)
    manner = storage.dialect.multipart
    async with running(storage):
        answer = await read(storage, "bytes=0-1,-3,20-")
    assert answer.status == 206
    assert answer.header("Content-Type") == manner.content_type
    assert bool(answer.header("Content-Length")) is manner.tells_length
    parts = manner.head(0, 2, 10, first=True) + b"01" + manner.head(7, 10, 10, first=False) + b"789" + manner.end
    assert answer.body == parts


@pytest.mark.parametrize(
    ("fault", "ranges", "status", "content_range"),
    [
        ("ranges_ignored", "bytes=2-4", 200, ""),
        ("ranges_refused", "bytes=2-4", 416, ""),
        ("vectors_refused", "bytes=2-4", 206, "bytes 2-4/10"),
        ("vectors_refused", "bytes=2-4,6-7", 416, ""),
        ("ranges_first_only", "bytes=2-4,6-7", 206, "bytes 2-4/10"),
        ("ranges_mislabelled", "bytes=2-4", 206, "bytes 3-5/10"),
        ("ranges_mislabelled", "bytes=5-9", 206, "bytes 4-8/10"),
        ("ranges_as_whole", "bytes=2-4", 200, ""),
    ],
)
async def test_faults_of_ranges(fault: str, ranges: str, status: int, content_range: str) -> None:
    storage = stocked("xrootd6")
    storage.faults.add(fault)
    async with running(storage):
        answer = await read(storage, ranges)
    assert (answer.status, answer.header("Content-Range")) == (status, content_range)
    if fault == "ranges_as_whole":
        assert answer.payload == b"234"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes=0-0", [range(1)]),
        ("bytes= 0-0 , 5-", [range(1), range(5, 10)]),
        ("bytes=-20", [range(10)]),
        ("bytes=10-", []),
        ("bytes=0-0,x", None),
        ("bytes=", None),
        ("", None),
        ("bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)), None),
    ],
)
def test_what_a_header_asks_for(text: str, found: list[range] | None) -> None:
    assert read_ranges(text, len(DATA)) == found
