"""A grid for each module that wants one, and a shell for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Shell
from tests.support.obedient_grid import ObedientGrid, obedient_grid


@pytest.fixture(scope="module")
def module_grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObedientGrid]:
    with obedient_grid(tmp_path_factory.mktemp("grid")) as grid:
        yield grid


@pytest.fixture
def grid(module_grid: ObedientGrid) -> Iterator[ObedientGrid]:
    """Four healthy storages, SITE-A to SITE-D, and an issuer."""
    yield module_grid
    module_grid.heal()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
