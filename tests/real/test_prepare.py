"""Classic staging by xroot on XRootD 5.5.3 with its script-driven prepare plug-in; Debian's xrdfs sees the same."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.real_xroot import RealXroot, RootSetup, real_xroot, root_url, target
from tests.support.real_xrootd import Server
from tpcharness.model.progress import Nobody
from tpcharness.model.settings import TimeLimits
from tpcharness.model.variant import Phase
from tpcharness.net.trail import Trail
from tpcharness.net.trust import Trust
from tpcharness.net.xroot import XrootClient, XrootVisit
from tpcharness.net.xroot_prepare import XrootPrepare
from tpcharness.testbed.issuer import Issuer
from tpcharness.testbed.pki import Authority
from tpcharness.wire.xroot.operations import stat
from tpcharness.wire.xroot.preparation import Preparation

pytestmark = pytest.mark.real

LIMITS = TimeLimits(connect_seconds=10.0, tls_seconds=10.0, request_seconds=20.0)
SCRIPT = Path(__file__).parents[1] / "support" / "xrootd" / "prepare.sh"
FILES = ("/wlcg/one", "/wlcg/two")
CONTENT = b"from tape"


@dataclass(frozen=True, slots=True)
class News:
    """What the script has told so far, and whether anything has come since somebody looked."""

    told: list[str] = field(default_factory=list)
    come: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def news_from(pipe: Path) -> Iterator[News]:
    """Makes the pipe and reads it."""
    news = News()
    os.mkfifo(pipe)
    pipe.chmod(0o666)  # the script runs as another user
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)

    def read() -> None:
        news.told.extend(os.read(descriptor, 4096).decode().split())
        news.come.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, read)
    try:
        yield news
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class ToyTape:
    """A server whose `FILES` are on tape; nothing comes from there before `mount`."""

    xroot: RealXroot
    server: Server
    state: Path
    prepare: XrootPrepare
    visit: XrootVisit
    news: News

    def mount(self) -> None:
        (self.state / "mounted").touch()

    async def on_disk(self, path: str) -> bool:
        """Whether the server shows the file."""
        return (await self.visit.ask(stat(path), Phase.VERIFY)).ok

    async def until(self, path: str, *, on_disk: bool) -> None:
        async with asyncio.timeout(15.0):
            while True:
                self.news.come.clear()
                if await self.on_disk(path) is on_disk:
                    return
                await self.news.come.wait()

    async def until_called(self, operation: str) -> None:
        """The plug-in answers first and calls the script afterwards."""
        async with asyncio.timeout(15.0):
            while operation not in self.news.told:
                self.news.come.clear()
                await self.news.come.wait()

    async def xrdfs(self, *words: str) -> str:
        url = root_url(self.server)
        code, said = await self.xroot.judge("xrdfs", f"roots://{url.place}", *words, token=self.xroot.mint(self.server))
        assert code == 0, said
        return said


@asynccontextmanager
async def toy_tape(authority: Authority, issuer: Issuer) -> AsyncIterator[ToyTape]:
    async with real_xroot(authority, issuer) as xroot:
        script = xroot.program.with_name("prepare.sh")
        state = script.with_name("prepare.sh.d")
        shutil.copyfile(SCRIPT, script)
        script.chmod(0o755)
        state.mkdir()
        state.chmod(0o777)
        plug_in = f"ofs.preplib libXrdOfsPrepGPI.so -admit cancel,evict,query,stage -maxreq 4 -pfn -run {script}"
        server = await xroot.start("XROOT-TAPE", RootSetup(extra=(plug_in,)))
        for path in FILES:
            on_tape = server.data_dir / f"{path.lstrip('/')}.tape"
            on_tape.write_bytes(CONTENT)
            owner = server.data_dir.stat()
            os.chown(on_tape, owner.st_uid, owner.st_gid)
        with news_from(state / "news") as news:
            async with (
                XrootClient(program="tests", limits=LIMITS, trust=Trust(str(authority.ca_file))) as client,
                client.visit(target(server, xroot.mint(server)), Trail("test", Nobody())) as visit,
            ):
                yield ToyTape(xroot, server, state, XrootPrepare(visit), visit, news)


@pytest.fixture
async def tape(authority: Authority, issuer: Issuer) -> AsyncIterator[ToyTape]:
    async with toy_tape(authority, issuer) as tape:
        yield tape


def told(answer: object) -> str:
    assert isinstance(answer, Preparation), answer
    return answer.text


async def test_stage_query_evict(tape: ToyTape) -> None:
    request_id = await tape.prepare.stage(FILES)
    assert isinstance(request_id, str), request_id
    assert told(await tape.prepare.query(request_id, FILES)).count(" TAPE") == len(FILES)
    tape.mount()
    for path in FILES:
        await tape.until(path, on_disk=True)
    assert told(await tape.prepare.query(request_id, FILES)).count(" DISK") == len(FILES)
    assert (await tape.xrdfs("query", "prepare", request_id, *FILES)).count(" DISK") == len(FILES)
    assert await tape.xrdfs("cat", FILES[0]) == CONTENT.decode()
    assert (await tape.prepare.evict(FILES[:1])).ok
    await tape.until(FILES[0], on_disk=False)
    assert await tape.on_disk(FILES[1])
    assert (await tape.xrdfs("query", "prepare", request_id, *FILES)).count(" TAPE") == 1


async def test_a_request_that_is_cancelled_brings_nothing(tape: ToyTape) -> None:
    request_id = await tape.prepare.stage(FILES[:1])
    assert isinstance(request_id, str), request_id
    await tape.until_called("stage")
    assert (await tape.prepare.cancel(request_id, FILES[:1])).ok
    await tape.until_called("cancel")
    tape.mount()
    other = await tape.prepare.stage(FILES[1:])
    assert isinstance(other, str)
    await tape.until(FILES[1], on_disk=True)  # the tape works, and is past the request that was cancelled
    assert not await tape.on_disk(FILES[0])


async def test_what_xrdfs_has_staged_we_see_and_end(tape: ToyTape) -> None:
    """The other way round: Debian's client asks, ours follows its request and evicts."""
    tape.mount()
    request_id = (await tape.xrdfs("prepare", "-s", *FILES)).strip()
    for path in FILES:
        await tape.until(path, on_disk=True)
    assert told(await tape.prepare.query(request_id, FILES)).count(" DISK") == len(FILES)
    assert (await tape.prepare.evict(FILES)).ok
    for path in FILES:
        await tape.until(path, on_disk=False)
    assert (await tape.xrdfs("query", "prepare", request_id, *FILES)).count(" TAPE") == len(FILES)


async def test_a_request_that_nobody_made(tape: ToyTape) -> None:
    """A refusal is a value; and xrdfs is refused in the same way, or neither is."""
    ours = await tape.prepare.query("0:0:0", FILES)
    url = root_url(tape.server)
    code, said = await tape.xroot.judge(
        "xrdfs", f"roots://{url.place}", "query", "prepare", "0:0:0", *FILES, token=tape.xroot.mint(tape.server)
    )
    assert isinstance(ours, Preparation) is (code == 0), (ours, said)
