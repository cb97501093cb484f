"""What holds for every test: it leaves nothing behind, and hypothesis does not judge by time."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Watches the tasks of coroutine tests; in front, so that it looks when all other fixtures are gone."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, no_task_left.__name__)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
async def no_task_left(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fails a coroutine test that ends with tasks still running in its loop."""
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
    if left and not request.node.stash.get(_FAILED, False):
        pytest.fail("tasks left running:\n" + "\n".join(map(repr, left)), pytrace=False)


@pytest.fixture(autouse=True)
def nothing_left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that passed but left a socket open or a child process running."""
    sockets, children = _open_sockets(), _children()
    yield
    if request.node.stash.get(_FAILED, False):  # its traceback holds things open
        return
    if _open_sockets() - sockets:
        gc.collect()  # a closed transport may hold its socket in a cycle
    left = sorted(_open_sockets() - sockets) + sorted(f"child process {pid}" for pid in _children() - children)
    if left:
        pytest.fail("left behind: " + ", ".join(left), pytrace=False)


def _open_sockets() -> set[str]:
    links = set()
    for descriptor in os.scandir("/proc/self/fd"):
        try:
            links.add(os.readlink(descriptor.path))
        except FileNotFoundError:  # the directory's own descriptor
            continue
    return {link for link in links if link.startswith("socket:")}


def _children() -> set[str]:
    found: set[str] = set()
    for children in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(children.read_text().split())
        except (FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            continue
    return found
