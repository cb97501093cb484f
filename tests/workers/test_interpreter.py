"""Which Python the workers run: asked, not guessed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.scripted_gfal import make_interpreter
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame
from tpcharness.workers import interpreter
from tpcharness.workers.interpreter import environment_of_workers, find_interpreter
from tpcharness.workers.messages import GfalJob
from tpcharness.workers.pool import LOOK_AGAIN_SECONDS, WorkerPool


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


async def complaint(configured: str) -> str:
    found = await find_interpreter(configured)
    assert isinstance(found, Failure)
    assert (found.reason, found.blame) == (Reason.WORKER_UNAVAILABLE, Blame.CLIENT)
    assert "gfal_python" in found.detail
    return found.detail


async def test_the_configured_one(tmp_path: Path) -> None:
    python = make_interpreter(tmp_path)
    assert await find_interpreter(python) == python


async def test_a_configured_one_without_gfal2_is_not_replaced(tmp_path: Path) -> None:
    bare = program(tmp_path / "bare", "echo \"ModuleNotFoundError: No module named 'gfal2'\" >&2; exit 1")
    assert f"{bare}: ModuleNotFoundError: No module named 'gfal2'" in await complaint(bare)


async def test_what_does_not_exist(tmp_path: Path) -> None:
    assert "No such file" in await complaint(str(tmp_path / "nowhere"))


async def test_what_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "IMPORT_SECONDS", 0.2)
    assert "took more than 0.2 s" in await complaint(program(tmp_path / "slow", "exec sleep 60"))


async def test_a_child_that_outlives_the_asked_one_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "IMPORT_SECONDS", 0.5)
    asked = program(tmp_path / "asked", f"sleep 60 & echo $! > {tmp_path}/child; exit 0")
    assert "took more than 0.5 s" in await complaint(asked)
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    async with asyncio.timeout(10):
        while child.exists() and ") Z " not in child.read_text():  # ended, whether init has seen it or not
            await asyncio.sleep(0.01)


async def test_found_by_itself_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = make_interpreter(tmp_path)
    (tmp_path / "python3").symlink_to(python)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(interpreter, "SYSTEM_PYTHON", str(tmp_path / "nowhere"))
    assert await find_interpreter() == str(tmp_path / "python3")


async def test_it_is_looked_for_once(tmp_path: Path) -> None:
    counting = program(tmp_path / "counting", f"echo asked >> {tmp_path}/asked; exit 1")
    async with WorkerPool(counting) as pool:
        for _ in range(3):
            assert await pool.unavailable() is not None
        assert isinstance(await pool.copy(GfalJob("a", "b", 1), lambda _: None), Failure)
    assert (tmp_path / "asked").read_text() == "asked\n"


async def test_what_was_not_found_is_looked_for_again_now_and_then(tmp_path: Path) -> None:
    seconds = 5.0
    python = program(tmp_path / "python", f"echo asked >> {tmp_path}/asked; exit 1")
    async with WorkerPool(python, monotonic=lambda: seconds) as pool:
        assert await pool.unavailable() is not None
        (tmp_path / "later").mkdir()
        Path(python).unlink()
        Path(python).symlink_to(make_interpreter(tmp_path / "later"))
        seconds += LOOK_AGAIN_SECONDS - 1
        assert await pool.unavailable() is not None
        seconds += 1
        assert await pool.unavailable() is None
        Path(python).unlink()
        seconds += 2 * LOOK_AGAIN_SECONDS
        assert await pool.unavailable() is None  # what was found is asked for nothing again
    assert (tmp_path / "asked").read_text() == "asked\n"


async def test_many_who_ask_at_once_look_again_once(tmp_path: Path) -> None:
    seconds = 0.0
    counting = program(tmp_path / "counting", f"echo asked >> {tmp_path}/asked; exit 1")
    async with WorkerPool(counting, monotonic=lambda: seconds) as pool:
        assert await pool.unavailable() is not None
        seconds += LOOK_AGAIN_SECONDS
        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(pool.unavailable())
    assert (tmp_path / "asked").read_text() == "asked\n" * 2


def test_what_workers_see_of_our_environment() -> None:
    ours = {"PATH": "/bin", "X509_USER_PROXY": "/p", "GLOBUS_TCP_PORT_RANGE": "1,2", "BEARER_TOKEN": "secret"}
    ours |= {"BEARER_TOKEN_FILE": "/t", "OIDC_CLIENT_SECRET": "secret", "XDG_RUNTIME_DIR": "/run"}
    ours |= {"XRD_CONNECTIONWINDOW": "5"}
    assert environment_of_workers(ours) == {
        "PATH": "/bin",
        "X509_USER_PROXY": "/p",
        "GLOBUS_TCP_PORT_RANGE": "1,2",
        "XRD_CONNECTIONRETRY": "1",
        "XRD_CONNECTIONWINDOW": "5",
    }
