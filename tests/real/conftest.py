"""Real servers for the tests of this folder, trusting an issuer of the testbed."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from tests.support.real_xroot import RealXroot
from tests.support.real_xrootd import RealXrootd
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority

HERE = Path(__file__).parent
_HURT, _REPEATED = pytest.StashKey[bool](), pytest.StashKey[list[str]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the servers' logs below a failed test."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for value in item.funcargs.values():
            servers = value.servers if isinstance(value, RealXroot) else value
            if isinstance(servers, RealXrootd):
                report.sections += [(f"log of {name}", text) for name, text in servers.logs().items()]
                item.stash[_HURT] = servers.hurt_themselves()
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Runs a failed test once more if a server says that it mixed up its own connections (xrootd 1928).

    XRootD 5.5.3 does so once in some hundred starts, whoever asks. The summary names what was repeated.
    """
    if HERE not in item.path.parents:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(report.failed for report in reports) and item.stash.get(_HURT, False):
        item.config.stash.setdefault(_REPEATED, []).append(item.nodeid)
        item._initrequest()  # type: ignore[attr-defined]  # as pytest-rerunfailures does: fixtures are set up anew
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in config.stash.get(_REPEATED, []):
        terminalreporter.write_line(f"repeated, as a real XRootD mixed up its connections (xrootd 1928): {name}")


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
