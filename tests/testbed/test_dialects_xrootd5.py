from __future__ import annotations

import pytest

from tests.support.recordings import load, names
from tests.support.replay import normalised, replay, story, without_tokens, world
from tests.support.storages import RawAnswer, ask, make_storage, running, trust

VERSION, DIALECT = "xrootd-5.5.3", "xrootd5"
SLOW = ("pull-slow-markers", "pull-stall")


@pytest.mark.parametrize("name", [name for name in names(VERSION) if name not in SLOW])
async def test_answers_byte_by_byte_as_recorded(name: str) -> None:
    recording = load(VERSION, name)
    async with world(recording, DIALECT) as at:
        answer = await replay(recording, at)
        assert normalised(answer.raw, at.ports) == normalised(recording.response, {})
        if recording.passive_requests:
            assert without_tokens(at.witness.requests, at.ports) == recording.passive_requests
        if recording.afterwards is not None:
            url = normalised(recording.afterwards.url.encode(), {})
            for recorded, ours in at.ports.items():
                url = url.replace(f":{recorded}", f":{ours}")
            after = await ask(url, "HEAD", token=trust().token())
            assert (after.status, int(after.header("Content-Length"))) == (
                recording.afterwards.status,
                recording.afterwards.length,
            )


@pytest.mark.parametrize("name", SLOW)
async def test_tells_a_slow_copy_as_recorded(name: str) -> None:
    recording = load(VERSION, name)
    async with world(recording, DIALECT, marker_period_seconds=0.1, stall_seconds=0.35, pause_seconds=0.05) as at:
        answer = await replay(recording, at)
        recorded = RawAnswer(recording.response)
        assert answer.head == recorded.head
        assert story(answer.chunks, at.ports) == story(recorded.chunks, {})
        assert len(answer.chunks) > 3


async def test_delete_looks_first() -> None:
    storage = make_storage(DIALECT)
    storage.files.add("/f", b"")
    async with running(storage):
        answer = await ask(f"{storage.url}/f", "DELETE", token=trust().token("storage.create:/"))
        assert (answer.status, answer.body) == (403, b"Unable to remove /f; permission denied\n")
        nothing = trust().token("storage.modify:/elsewhere")
        answer = await ask(f"{storage.url}/f", "DELETE", token=nothing)
        assert (answer.status, answer.body) == (403, b"Unable to locate /f; permission denied\n")
