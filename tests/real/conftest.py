"""Real servers for the tests of this folder, trusting an issuer of the testbed."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from tests.support.real_xroot import RealXroot
from tests.support.real_xrootd import RealXrootd
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the servers' logs below a failed test."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for value in item.funcargs.values():
            servers = value.servers if isinstance(value, RealXroot) else value
            if isinstance(servers, RealXrootd):
                report.sections += [(f"log of {name}", text) for name, text in servers.logs().items()]
    return report


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "pki")


@pytest.fixture
async def issuer(authority: Authority) -> AsyncIterator[Issuer]:
    issuer = Issuer(authority)
    await issuer.start("127.0.0.1", 0)
    yield issuer
    await issuer.stop()


@pytest.fixture
async def xrootd(authority: Authority, issuer: Issuer) -> AsyncIterator[RealXrootd]:
    """Two running servers; not below tmp_path, which only we can enter."""
    with tempfile.TemporaryDirectory(prefix="tpcharness-") as directory:
        async with RealXrootd(authority, issuer, Path(directory)) as servers:
            yield servers
