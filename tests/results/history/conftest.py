"""A history on each kind of database, empty for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.clocks import FixedClock
from tests.support.postgresql import Postgresql
from tpcharness.model.settings import HistorySettings

_numbers = count()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgresql]:
    with tempfile.TemporaryDirectory(prefix="tpcharness-postgresql-") as directory, Postgresql(Path(directory)) as it:
        yield it


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def make_settings(request: pytest.FixtureRequest) -> Callable[[], HistorySettings]:
    """Settings of an empty database. Of the module, so that the cluster is there before a test begins."""
    if request.param == "sqlite":
        return HistorySettings
    cluster: Postgresql = request.getfixturevalue("cluster")
    return lambda: HistorySettings(cluster.create(f"history{next(_numbers)}"), str(cluster.password_file))


@pytest.fixture
def settings(make_settings: Callable[[], HistorySettings]) -> HistorySettings:
    return make_settings()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()
