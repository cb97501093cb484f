from __future__ import annotations

from tests.support.storages import ask, copy, make_storage, running, trust


async def test_the_checksum_is_there_at_the_second_time_of_asking() -> None:
    storage = make_storage("dpm")
    storage.files.add("/f", b"hello")
    async with running(storage):
        url, token, want = f"{storage.url}/f", trust().token(), {"Want-Digest": "adler32"}
        assert (await ask(url, "HEAD", token=token)).status == 200
        first = await ask(url, "HEAD", want, token=token)
        assert (first.status, first.header("Digest")) == (202, "")
        for _ in range(2):
            again = await ask(url, "HEAD", want, token=token)
            assert (again.status, again.header("Digest")) == (200, "adler32=062c0215")


async def test_success_has_a_capital() -> None:
    one, other = make_storage("dpm", marker_period_seconds=0.1), make_storage("dcache", faults=("passive_slow:100",))
    other.files.add("/f", bytes(50))
    async with running(one, other):
        answer = await copy(one, "/f", f"{other.url}/f")
        assert answer.status == 202
        assert answer.chunks[0].startswith(b"Perf Marker\n\tTimestamp: ")
        assert answer.chunks[-2:] == [b"Success: Created\n", b""]
