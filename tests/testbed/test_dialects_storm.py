from __future__ import annotations

import re

import pytest

from tests.support.storages import ask, copy, make_storage, running, trust


async def test_the_head_waits_for_the_first_marker() -> None:
    one, other = make_storage("storm", marker_period_seconds=0.2), make_storage("storm", faults=("passive_slow:100",))
    other.files.add("/f", bytes(50))
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        assert answer.pieces[0][0] >= 0.15
        assert re.fullmatch(
            rb"Perf Marker\nTimestamp: \d+\nStripe Index: 0\nStripe Bytes Transferred: \d+\n"
            rb"Total Stripe Count: 1\nEnd\n",
            answer.chunks[0],
        )


async def test_a_short_copy_is_one_line_without_its_end() -> None:
    one, other = make_storage("storm", marker_period_seconds=5.0), make_storage("dcache")
    other.files.add("/f", b"short")
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        assert answer.chunks == [b"success: Created", b""]
        assert [name for name, _ in answer.headers] == ["Date", "Server", "Transfer-Encoding", "Connection"]


@pytest.mark.parametrize(
    ("path", "overwrite", "status"), [("/d/there", "F", 412), ("/none/f", "T", 409), ("/d", "T", 409)]
)
async def test_refusals_before_the_stream(path: str, overwrite: str, status: int) -> None:
    storage = make_storage("storm")
    storage.files.add("/d/there", b"")
    async with running(storage):
        answer = await copy(storage, path, "https://localhost:1/f", {"Overwrite": overwrite})
        assert answer.status == status


@pytest.mark.parametrize(
    ("overwrite", "verdict"), [("F", "failure: Remote file exists and overwrite is false"), ("T", "success: Created")]
)
async def test_a_push_looks_first_whether_it_would_overwrite(overwrite: str, verdict: str) -> None:
    one, other = make_storage("storm"), make_storage("storm")
    for storage in (one, other):
        storage.files.add("/f", b"there")
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f", {"Overwrite": overwrite}, pull=False)
        assert answer.verdict == verdict


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_digests_without_being_asked(method: str) -> None:
    storage = make_storage("storm")
    storage.files.add("/f", b"hello")
    async with running(storage):
        answer = await ask(f"{storage.url}/f", method, token=trust().token())
        assert answer.header("Digest") == "adler32=062c0215"
