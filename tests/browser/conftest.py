"""A browser for all tests of this folder, and pages made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.browser.meshes import Mesh, mesh
from tpcharness.export.html_report import html_report


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser; at the end of the test its page must not have asked for anything or complained."""
    yield chromium
    assert chromium.wrongs() == []
    assert chromium.requests() == []


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Mesh, Path]]:
    """The report of a mesh of that many endpoints, made once."""
    folder = tmp_path_factory.mktemp("reports")
    made: dict[int, tuple[Mesh, Path]] = {}

    def page(count: int) -> tuple[Mesh, Path]:
        if count not in made:
            found, file = mesh(count), folder / f"{count}.html"
            file.write_text(html_report(found.run, found.store, found.findings), encoding="ascii")
            made[count] = found, file
        return made[count]

    return page
