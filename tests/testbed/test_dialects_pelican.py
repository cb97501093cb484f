from __future__ import annotations

import pytest

from tests.support.storages import copy, make_storage, running


async def test_the_last_marker_and_the_verdict_come_together() -> None:
    one, other = make_storage("pelican", marker_period_seconds=5.0), make_storage("xrootd6")
    other.files.add("/f", b"short")
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        assert answer.status_line == "HTTP/1.1 201 Created"
        assert answer.chunks == [
            b"Perf Marker\nStripe Index: 0\nStripe Bytes Transferred: 5\nTotal Stripe Count: 1\nEnd\n",
            b"success: Created\n",
            b"",
        ]


async def test_it_is_silent_while_bytes_stand_still() -> None:
    one = make_storage("pelican", marker_period_seconds=0.02, stall_seconds=0.3)
    other = make_storage("dcache", faults=("passive_stall:3",))
    other.files.add("/f", b"short")
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        assert len(answer.chunks) == 3
        assert answer.verdict == "failure: transfer stalled: no bytes received for 0.3s (transferred 3 bytes)"
    assert one.files.paths() == ()


async def test_it_does_not_push() -> None:
    one, other = make_storage("pelican"), make_storage("dcache")
    one.files.add("/f", b"short")
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f", pull=False)
        assert (answer.status, answer.body) == (502, b"Bad Gateway")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("ftp://localhost/f", "Invalid Source URL: must be an http or https URL"),
        (
            "https://localhost:1/f",
            (
                'Failed to fetch object from source: Get "https://localhost:1/f": dial tcp localhost:1:'
                " connect: connection refused"
            ),
        ),
    ],
)
async def test_the_source_is_asked_before_anything_is_said(source: str, text: str) -> None:
    storage = make_storage("pelican")
    async with running(storage):
        answer = await copy(storage, "/f", source)
        assert answer.body.decode() == text
        assert answer.header("Transfer-Encoding") == ""
    assert storage.files.paths() == ()
