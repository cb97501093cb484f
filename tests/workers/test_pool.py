"""The pool of gfal2 workers: real child processes, whose gfal2 is scripted."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.scripted_gfal import calls, make_interpreter
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame
from tpcharness.workers import pool as pool_module
from tpcharness.workers import process
from tpcharness.workers.messages import Ended, GfalJob, Message, Progress, Stage, Started
from tpcharness.workers.pool import WorkerPool

WAIT_SECONDS = 20.0
CANARY = "canary-0123456789abcdef"


@pytest.fixture
def interpreter(tmp_path: Path) -> str:
    return make_interpreter(tmp_path)


@pytest.fixture
async def pool(interpreter: str) -> AsyncIterator[WorkerPool]:
    async with WorkerPool(interpreter) as pool:
        yield pool


def job(script: str, token: str = "") -> GfalJob:
    url = f"davs://source.invalid{script}"
    return GfalJob(url, "davs://destination.invalid/d", 60, tokens={url: Secret(token)} if token else {})


async def copy(pool: WorkerPool, script: str) -> Ended | Failure:
    async with asyncio.timeout(WAIT_SECONDS):
        return await pool.copy(job(script), lambda _: None)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


def gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


async def test_a_copy_tells_what_happens(pool: WorkerPool) -> None:
    heard: list[Message] = []
    assert await pool.copy(job("/copy"), heard.append) == Ended(0, "")
    assert heard == [Started(), Stage("TRANSFER:TYPE", "3rd pull"), Progress(512), Progress(1024), Ended(0, "")]


async def test_nobody_pays_who_does_not_ask(tmp_path: Path, interpreter: str) -> None:
    async with WorkerPool(interpreter):
        pass
    assert calls(tmp_path) == []


async def test_workers_serve_one_job_after_the_other(pool: WorkerPool, tmp_path: Path) -> None:
    for _ in range(3):
        assert await copy(pool, "/copy") == Ended(0, "")
    assert len({pid for pid, _ in calls(tmp_path)}) == 1


async def test_gfal2_is_told_all_and_nothing_more(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_TOKEN", CANARY)
    monkeypatch.setenv("X509_USER_PROXY", "/tmp/x509up_u0")
    url = "davs://source.invalid/tell"
    told = GfalJob(
        url,
        "davs://destination.invalid/d",
        60,
        options=(("HTTP PLUGIN", "ENABLE_STREAM_COPY", False),),
        agent="tpcharness/1 (+me)",
        client_info=(("job-id", "run"),),
    )
    ended = await pool.copy(told, lambda _: None)
    assert isinstance(ended, Ended)
    assert "('HTTP PLUGIN', 'ENABLE_STREAM_COPY', False)" in ended.text
    assert "'tpcharness/1 (+me)'" in ended.text
    assert "('job-id', 'run')" in ended.text
    assert "X509_USER_PROXY" in ended.text
    assert "BEARER_TOKEN" not in ended.text
    assert "('core', (0, 0))" in ended.text, "a crash keeps no tokens"
    assert ended.text.endswith("False)")


async def test_tokens_are_in_no_text_and_in_no_process_list(pool: WorkerPool, tmp_path: Path) -> None:
    ended = await pool.copy(job("/fail/13", CANARY), lambda _: None)
    assert isinstance(ended, Ended)
    assert ended.code == 13
    assert "<token>" in ended.text, "struck out by the worker, before we see it"
    assert CANARY not in ended.text
    pid = calls(tmp_path)[0][0]
    assert CANARY not in Path(f"/proc/{pid}/cmdline").read_text()
    assert CANARY not in Path(f"/proc/{pid}/environ").read_text()


async def test_a_token_in_the_url_is_struck_out(pool: WorkerPool) -> None:
    url = "roots://source.invalid/fail/5"
    ended = await pool.copy(
        GfalJob(url, "roots://destination.invalid/d", 60, tokens={url: Secret(CANARY)}, token_in_url=True),
        lambda _: None,
    )
    assert isinstance(ended, Ended)
    assert "/fail/5?" in ended.text
    assert CANARY not in ended.text


async def test_noise_on_the_other_pipes_does_no_harm(pool: WorkerPool) -> None:
    assert await copy(pool, "/noise") == Ended(0, "")


@pytest.mark.parametrize(
    ("script", "words"),
    [("/abort", "SIGABRT: terminate called"), ("/exit", "ended with 7"), ("/garbage", "not a message")],
)
async def test_a_worker_that_dies_or_raves_costs_its_job_only(
    pool: WorkerPool, tmp_path: Path, script: str, words: str
) -> None:
    lost = await copy(pool, script)
    assert isinstance(lost, Failure)
    assert (lost.reason, lost.blame) == (Reason.WORKER_LOST, Blame.CLIENT)
    assert words in lost.detail
    assert await copy(pool, "/copy") == Ended(0, "")
    (first, _), (second, _) = calls(tmp_path)
    assert first != second
    assert gone(first)


async def test_a_worker_that_never_begins_is_given_up(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BEGIN_SECONDS", 0.2)
    async with asyncio.timeout(WAIT_SECONDS):
        lost = await pool.copy(GfalJob("davs://a/copy", "davs://b/d", 60, agent="hangs/1"), lambda _: None)
    assert isinstance(lost, Failure)
    assert (lost.reason, lost.blame) == (Reason.WORKER_LOST, Blame.CLIENT)
    assert "did not begin" in lost.detail


@pytest.mark.parametrize("script", ["/endless", "/chatter"])
async def test_endless_output_is_cut_off(pool: WorkerPool, tmp_path: Path, script: str) -> None:
    assert await pool.unavailable() is None
    descriptors = os.listdir("/proc/self/fd")
    lost = await copy(pool, script)
    assert isinstance(lost, Failure)
    assert lost.reason is Reason.WORKER_LOST
    assert gone(calls(tmp_path)[0][0])
    await until(lambda: len(os.listdir("/proc/self/fd")) <= len(descriptors))


async def test_a_hung_worker_is_killed_when_our_patience_ends(pool: WorkerPool, tmp_path: Path) -> None:
    started = asyncio.Event()

    def notice(message: Message) -> None:
        if isinstance(message, Started):
            started.set()

    async with asyncio.TaskGroup() as group:
        hung = group.create_task(pool.copy(job("/hang"), notice))
        await started.wait()
        await until(lambda: bool(calls(tmp_path)))
        hung.cancel()
        await asyncio.wait({hung})
    assert hung.cancelled()
    assert gone(calls(tmp_path)[0][0])
    assert pool.pids == ()


async def test_a_kill_among_several_costs_one(pool: WorkerPool, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        copies = [group.create_task(copy(pool, "/gate/open")) for _ in range(4)]
        await until(lambda: len(calls(tmp_path)) == 4)
        os.kill(pool.pids[1], signal.SIGKILL)
        await until(lambda: len(pool.pids) == 3)
        (tmp_path / "open").touch()
    ends = [one.result() for one in copies]
    assert ends.count(Ended(0, "")) == 3
    (lost,) = (end for end in ends if isinstance(end, Failure))
    assert "SIGKILL" in lost.detail


async def test_an_idle_worker_that_was_killed_costs_nothing(pool: WorkerPool, tmp_path: Path) -> None:
    assert await copy(pool, "/copy") == Ended(0, "")
    os.kill(calls(tmp_path)[0][0], signal.SIGKILL)  # before we can know of it
    assert await copy(pool, "/copy") == Ended(0, "")


async def test_there_are_never_more_than_allowed(interpreter: str, tmp_path: Path) -> None:
    async with WorkerPool(interpreter, max_workers=2) as pool, asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(copy(pool, "/gate/open"))
        await until(lambda: len(calls(tmp_path)) == 2)
        assert len(pool.pids) == 2
        (tmp_path / "open").touch()
    assert len(calls(tmp_path)) == 5
    assert len({pid for pid, _ in calls(tmp_path)}) == 2


async def test_nor_while_some_of_another_trust_are_idle(interpreter: str, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("first", "second")]
    async with WorkerPool(interpreter, max_workers=2) as pool:
        for place in places:
            place.mkdir()
            async with asyncio.timeout(WAIT_SECONDS), asyncio.TaskGroup() as group:
                for _ in range(2):
                    group.create_task(pool.copy(job(f"/gate/open-{place.name}"), lambda _: None, trust=(str(place),)))
                await until(lambda: len(pool.pids) == 2 and set(pool.pids) <= {pid for pid, _ in calls(tmp_path)})
                assert sum(not gone(pid) for pid, _ in calls(tmp_path)) == 2
                (tmp_path / f"open-{place.name}").touch()


@pytest.mark.parametrize("script", ["/copy", "/linger"])
async def test_idle_workers_go(interpreter: str, tmp_path: Path, script: str) -> None:
    async with WorkerPool(interpreter, idle_seconds=0.05) as pool:
        assert await copy(pool, script) == Ended(0, "")
        await until(lambda: gone(calls(tmp_path)[0][0]))
        assert await copy(pool, "/copy") == Ended(0, "")


async def test_another_trust_has_another_worker(interpreter: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for place in (first, second):
        place.mkdir()
        (place / "0a0a0a0a.0").write_text("not looked at")
    async with WorkerPool(interpreter, max_workers=1) as pool:
        for trust in (str(first),), (str(first),), (str(second),):
            assert await pool.copy(job("/copy"), lambda _: None, trust=trust) == Ended(0, "")
    assert [len(set(group)) for group in ([p for p, _ in calls(tmp_path)][:2], [p for p, _ in calls(tmp_path)])] == [
        1,
        2,
    ]


async def test_authorities_that_cannot_be_read_are_named(pool: WorkerPool, tmp_path: Path) -> None:
    failure = await pool.copy(job("/copy"), lambda _: None, trust=(str(tmp_path / "nothing.pem"),))
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.blame) == (Reason.WORKER_UNAVAILABLE, Blame.CLIENT)
    assert "nothing.pem" in failure.detail


async def test_they_leave_nothing(pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert isinstance(await pool.copy(job("/copy"), lambda _: None, trust=(str(tmp_path / "no.pem"),)), Failure)
    assert list((tmp_path / "temporary").glob("*/*")) == []


async def test_who_gives_up_waits_for_the_thread_that_collects_authorities(
    interpreter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def fill(directory: Path, *_: object) -> None:
        begun.set()
        may_end.wait(WAIT_SECONDS)
        (directory / "authority").touch()
        ended.set()

    monkeypatch.setattr(pool_module, "_fill", fill)
    async with WorkerPool(interpreter) as pool:
        copying = asyncio.create_task(pool.copy(job("/copy"), lambda _: None, trust=("/authorities",)))
        await until(begun.is_set)
        copying.cancel()
        await asyncio.sleep(0)
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await copying
        assert ended.is_set()


async def test_the_users_own_authorities_are_trusted_besides(
    pool: WorkerPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users, added = tmp_path / "users", tmp_path / "added"
    for place in (users, added):
        place.mkdir()
        (place / f"{place.name}.0").touch()
    monkeypatch.setenv("X509_CERT_DIR", str(users))
    told = await pool.copy(job("/tell"), lambda _: None, trust=(str(added),))
    assert isinstance(told, Ended)
    assert "['added.0', 'users.0']" in told.text


@pytest.mark.parametrize("text", ["", "print('hello')\n"])
async def test_a_script_that_is_none_of_ours_is_found_out(interpreter: str, tmp_path: Path, text: str) -> None:
    script = tmp_path / "other.py"
    script.write_text(text)
    async with WorkerPool(interpreter, script=script) as pool:
        lost = await copy(pool, "/copy")
    assert isinstance(lost, Failure)
    assert lost.reason is Reason.WORKER_LOST
