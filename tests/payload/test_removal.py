"""Removing what is ours, only that, and also when we are being stopped."""

import asyncio
from pathlib import Path

import pytest

from tests.support.clocks import NOON
from tests.support.house import QuickStore
from tests.support.payload_bench import ScriptedBench, new_trail, scripted_bench
from tests.support.scripted_server import Answer, SeenRequest, answer, never
from tpcharness.model.endpoint import Endpoint
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Blame
from tpcharness.net.messages import Answer as Accepted
from tpcharness.payload.content import Content
from tpcharness.payload.ledger import Ledger, LedgerEntry
from tpcharness.payload.names import OutsidePrefix, PayloadFile
from tpcharness.payload.removal import Absence
from tpcharness.payload.upload import Upload

DELETED, MISSING = answer(204), answer(404)
CONTENT = Content(1000)


def sized(size: int) -> bytes:
    return answer(200, "", ("Content-Length", str(size)))


async def on_disk(directory: Path) -> int:
    """How many entries the next start would find."""
    async with Ledger(directory / "ledger.jsonl") as ledger:
        return len(ledger.entries)


async def test_delete_then_look_each_with_its_own_token(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        file = await bench.registered()
        bench.server.on("DELETE *", DELETED).on("HEAD *", MISSING)
        assert await bench.store.take_away(file, new_trail()) is Absence.REMOVED
        assert [(request.line, request.token) for request in bench.server.requests] == [
            (f"DELETE {file.path}", "cleanup"),
            (f"HEAD {file.path}", "verify"),
        ]
        assert bench.noted == []
    assert await on_disk(tmp_path) == 0


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_not_there_is_gone(tmp_path: Path, status: int) -> None:
    async with scripted_bench(tmp_path) as bench:
        file = await bench.registered()
        bench.server.on("DELETE *", answer(status))
        assert await bench.store.take_away(file, new_trail()) is Absence.GONE
        assert bench.noted == []


@pytest.mark.parametrize(
    ("delete", "head", "reason"),
    [
        (answer(401), MISSING, Reason.CLEANUP_REFUSED),
        (answer(403), MISSING, Reason.CLEANUP_REFUSED),
        (answer(500), MISSING, Reason.CLEANUP_FAILED),
        (answer(409), MISSING, Reason.CLEANUP_FAILED),
        (b"", MISSING, Reason.CLEANUP_FAILED),
        (never, MISSING, Reason.CLEANUP_FAILED),
        (DELETED, sized(5), Reason.CLEANUP_FAILED),
        (DELETED, answer(403), Reason.CLEANUP_REFUSED),
        (DELETED, answer(500), Reason.CLEANUP_FAILED),
    ],
    ids=["401", "403", "500", "409", "closed", "silent", "still there", "look refused", "look failed"],
)
async def test_what_is_not_seen_to_be_gone_stays_in_the_ledger(
    tmp_path: Path, delete: Answer, head: Answer, reason: Reason
) -> None:
    async with scripted_bench(tmp_path, limits=TimeLimits(request_seconds=0.3)) as bench:
        file = await bench.registered()
        bench.server.on("DELETE *", delete).on("HEAD *", head)
        failure = await bench.store.remove(file, new_trail())
        assert isinstance(failure, Failure)
        assert (failure.reason, failure.blame) == (reason, None)
        assert bench.noted == [file.url]
    assert await on_disk(tmp_path) == 1


async def test_a_name_that_lingers_is_looked_at_again(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        file = await bench.registered()
        bench.server.on("DELETE *", DELETED).on("HEAD *", sized(5), times=1).on("HEAD *", MISSING)
        assert await bench.store.remove(file, new_trail()) is None


async def test_a_token_source_that_fails_is_named(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        file = await bench.registered()
        bench.tokens.refused["cleanup"] = Failure(Reason.ISSUER_UNREACHABLE, "iam.example is down", Blame.ISSUER)
        failure = await bench.store.remove(file, new_trail())
        assert failure == Failure(Reason.CLEANUP_FAILED, "iam.example is down", Blame.ISSUER)


@pytest.mark.parametrize(
    "path",
    [
        "/vo/tpcharness/bench/copy-r1-p9-1",
        "/vo/tpcharness/bench",
        "/vo/tpcharness/bench/",
        "/vo/tpcharness/other/copy-r1-p1-1",
        "/vo/precious",
        "/vo/tpcharness/bench/../../precious",
        "/vo/tpcharness/bench/%2e%2e",
        "/",
    ],
)
async def test_what_is_not_ours_is_never_asked_for(tmp_path: Path, path: str) -> None:
    async with scripted_bench(tmp_path) as bench:
        await bench.registered()
        file = PayloadFile(bench.endpoint, path)
        for attempt in (bench.store.remove, bench.store.take_away):
            with pytest.raises(OutsidePrefix):
                await attempt(file, new_trail())
        with pytest.raises(OutsidePrefix):
            await bench.store.remove_all([file], new_trail())
        assert bench.server.requests == []
        assert bench.tokens.asked == []


async def test_a_ledger_that_was_tampered_with_does_not_make_a_file_ours(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        for path in ("/vo/precious", "/vo/tpcharness/bench/../precious", "/vo/tpcharness/bench/"):
            file = PayloadFile(bench.endpoint, path)
            await bench.ledger.add(LedgerEntry("SITE-A", file.url, "r1", NOON))
            with pytest.raises(OutsidePrefix):
                await bench.store.remove(file, new_trail())
        assert bench.server.requests == []


@pytest.mark.parametrize("path", ["/vo/precious", "/vo/tpcharness/bench/../x", "/vo/tpcharness/bench/a/b"])
async def test_what_is_not_ours_cannot_be_registered_either(tmp_path: Path, path: str) -> None:
    async with scripted_bench(tmp_path) as bench:
        with pytest.raises(OutsidePrefix):
            await bench.store.register(PayloadFile(bench.endpoint, path))
        assert bench.noted == []


async def test_the_same_path_at_another_endpoint_is_not_ours(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        file = await bench.registered()
        other = Endpoint("SITE-B", "https://localhost:1/vo")
        with pytest.raises(OutsidePrefix):
            await bench.store.remove(PayloadFile(other, file.path), new_trail())


class Gate:
    """A DELETE that is answered when the test says so."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, _request: SeenRequest) -> bytes:
        self.entered.set()
        await self.opened.wait()
        return DELETED


async def removal_under_way(bench: ScriptedBench, gate: Gate) -> asyncio.Task[object]:
    """A probe that is removing its two files, and waits for the first DELETE."""
    bench.server.on("DELETE *", gate).on("HEAD *", MISSING)
    files = [await bench.registered(number) for number in (1, 2)]
    task = asyncio.create_task(bench.store.remove_all(files, new_trail()))
    await gate.entered.wait()
    return task


async def test_one_cancellation_is_obeyed_when_the_work_is_done(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        gate = Gate()
        task = await removal_under_way(bench, gate)
        task.cancel()
        await asyncio.sleep(0.02)
        assert not task.done()
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.noted == []


async def test_two_cancellations_stop_it_and_the_ledger_keeps_the_files(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        before = asyncio.all_tasks()
        task = await removal_under_way(bench, Gate())
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.02)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(bench.noted) == 2
        own = {left for left in asyncio.all_tasks() - before if "_serve" not in repr(left)}
        assert own == set(), "no task may be left behind"


async def test_in_the_finally_of_a_cancelled_probe_it_works_and_stops_at_the_next(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        gate = Gate()
        bench.server.on("DELETE *", gate).on("HEAD *", MISSING)
        file = await bench.registered()

        async def probe() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await bench.store.remove_all([file], new_trail())

        for cancellations, left in ((2, [file.url]), (1, [])):
            gate.entered.clear()
            task = asyncio.create_task(probe())
            await asyncio.sleep(0)
            task.cancel()
            await gate.entered.wait()
            if cancellations == 2:
                task.cancel()
            else:
                gate.opened.set()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert bench.noted == left


async def test_its_time_is_bounded(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, limits=TimeLimits(cleanup_seconds=0.3)) as bench:
        bench.server.on(f"DELETE {bench.names.destination(bench.endpoint, 'p1', 1).path}", DELETED)
        bench.server.on("DELETE *", never).on("HEAD *", MISSING)
        files = [await bench.registered(number) for number in (1, 2, 3)]
        left = await bench.store.remove_all(files, new_trail())
        assert [file for file, _ in left] == files[1:]
        assert {failure.reason for _, failure in left} == {Reason.CLEANUP_FAILED}
        assert bench.noted == [file.url for file in files[1:]]


async def test_one_file_that_stays_does_not_keep_the_others(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path) as bench:
        files = [await bench.registered(number) for number in (1, 2, 3)]
        bench.server.on(f"DELETE {files[1].path}", answer(403)).on("DELETE *", DELETED).on("HEAD *", MISSING)
        ((file, failure),) = await bench.store.remove_all(files, new_trail())
        assert (file, failure.reason) == (files[1], Reason.CLEANUP_REFUSED)


@pytest.mark.parametrize(
    ("looks", "reason", "deleted"),
    [
        ([sized(10), sized(10)], None, True),
        ([MISSING, MISSING], None, True),
        ([sized(10), sized(11)], Reason.STILL_WRITING, False),
        ([MISSING, sized(0)], None, True),
        ([MISSING, sized(1)], Reason.STILL_WRITING, False),
        ([sized(10), MISSING], Reason.STILL_WRITING, False),
        ([answer(403)], Reason.CLEANUP_REFUSED, False),
        ([sized(10), answer(500)], Reason.CLEANUP_FAILED, False),
    ],
)
async def test_late_writers(tmp_path: Path, looks: list[bytes], reason: Reason | None, deleted: bool) -> None:
    limits = TimeLimits(settle_seconds=0.01)
    async with scripted_bench(tmp_path, limits=limits) as bench:
        file = await bench.registered()
        for look in looks:
            bench.server.on("HEAD *", look, times=1)
        bench.server.on("HEAD *", MISSING).on("DELETE *", DELETED)
        failure = await bench.store.watch_and_remove(file, new_trail(), watch_seconds=0.01)
        assert (failure.reason if failure else None) is reason
        assert any(line.startswith("DELETE") for line in bench.server.lines) is deleted
        assert bool(bench.noted) is not deleted


async def test_waiting_for_a_late_writer_is_bounded(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, limits=TimeLimits(settle_seconds=0.01, cleanup_seconds=0.2)) as bench:
        file = await bench.registered()
        bench.server.on("HEAD *", never)
        failure = await bench.store.watch_and_remove(file, new_trail())
        assert failure is not None
        assert failure.reason is Reason.CLEANUP_FAILED
        assert bench.noted == [file.url]


@pytest.mark.parametrize(
    ("upload", "methods", "stays"),
    [
        (Upload(CONTENT, begun=True, answer=Accepted(status=201)), ["DELETE"], False),
        (Upload(CONTENT, begun=True, answer=Failure(Reason.FORBIDDEN, "no")), ["DELETE"], False),
        (Upload(CONTENT, answer=Failure(Reason.ISSUER_REFUSED, "no")), [], False),
        (Upload(CONTENT, begun=True, answer=Failure(Reason.NO_RESPONSE, "nothing")), ["HEAD", "HEAD"], True),
        (Upload(CONTENT, begun=True), ["HEAD", "HEAD"], True),
        (Upload(CONTENT), ["DELETE"], False),
    ],
    ids=["sent", "refused", "no token", "no answer", "cancelled", "cancelled before the body"],
)
async def test_a_file_that_we_sent_ourselves(tmp_path: Path, upload: Upload, methods: list[str], stays: bool) -> None:
    """That it is not there proves nothing where a server has not answered: it may have all, and make the file yet."""
    async with scripted_bench(tmp_path, limits=TimeLimits(settle_seconds=0.01), store=QuickStore) as bench:
        file = await bench.registered()
        bench.server.on("* *", MISSING)
        left = await bench.store.remove_upload(file, new_trail(), upload)
        assert [line.split()[0] for line in bench.server.lines] == methods
        assert (left is not None, bench.noted == [file.url]) == (stays, stays)


async def test_waiting_for_a_late_writer_ends_at_the_first_cancellation(tmp_path: Path) -> None:
    async with scripted_bench(tmp_path, limits=TimeLimits(settle_seconds=3600.0)) as bench:
        file = await bench.registered()
        task = asyncio.create_task(bench.store.watch_and_remove(file, new_trail()))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.noted == [file.url]
