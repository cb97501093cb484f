"""What can go wrong around a service, each in its own loop: the database, the clock, the state directory, the memory.

What needs processes of its own is in test_hardships_for_real.py; a browser or a scraper that does not read, and ten
that read at a time, are in web/test_events.py, web/test_exposition.py and web/test_metrics.py.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.life import Life, life
from tests.support.scheduled_world import DAY, HOUR
from tests.support.scraped import of_family, samples_of
from tpcharness.daemon import memory
from tpcharness.model.endpoint import EndpointSubject
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Variant
from tpcharness.payload.ledger import LedgerError
from tpcharness.results.counters import CLEANUP_FAILURES
from tpcharness.results.history.database import FILE_NAME

DOOR, PULL = Variant.DOOR, Variant.HTTPS_PULL
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass
class Watch:
    """A wall clock that somebody sets."""

    off: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.off


def state_of(service: Life) -> Path:
    return Path(service.running.config.harness.state_dir)


def newest(service: Life) -> dict[object, str]:
    """The probe that each cell's state comes from."""
    return {(each.subject, each.variant): each.probe_id for each in service.running.latest.results()}


async def one_round(service: Life) -> None:
    """Waits until everything that there is has been probed again."""
    before = newest(service)
    await service.until(lambda: not before.items() & newest(service).items())


async def one_more_round(service: Life) -> None:
    """The same, and until all is well."""
    await one_round(service)
    await service.until(lambda: all(each.ok for each in service.running.latest.results()))


async def all_green(service: Life) -> None:
    await service.until(lambda: len(newest(service)) == 2 + 2 * 2)
    await service.until(lambda: all(each.ok for each in service.running.latest.results()))


async def test_a_stop_while_the_database_is_away_is_a_clean_stop(tmp_path: Path):
    async with life(tmp_path, interval="1s") as service:
        await all_green(service)
        await service.running.history.flush()
        database = state_of(service) / FILE_NAME
        with sqlite3.connect(database) as spoilt:
            spoilt.execute("DROP TABLE evidence")
        spoilt.close()
        await service.until(lambda: not service.running.history.healthy)
        await one_more_round(service)
    waiting = b"".join(path.read_bytes() for path in (database.parent / "journal").glob("*.jsonl"))
    assert waiting.count(b'"https-pull"') >= 2  # for the next start


async def test_a_state_directory_that_is_removed_ends_the_service_and_leaves_no_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with pytest.raises(LedgerError, match="it was removed or replaced while we were using it"):  # noqa: PT012
        async with life(tmp_path, interval="1s") as service:
            await all_green(service)
            shutil.rmtree(state_of(service))
            await service.until(lambda: not service.running.ready)
            await service.until(lambda: not sum(map(len, service.grid.leftovers().values())))
    assert "ledger.jsonl: it was removed or replaced while we were using it; without it nothing may" in caplog.text


async def test_nothing_is_created_without_a_ledger(tmp_path: Path):
    with pytest.raises(LedgerError):  # noqa: PT012 - it comes out of the service's end
        async with life(tmp_path) as service:
            shutil.rmtree(state_of(service))
            result = await service.running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)
            assert (result.outcome, result.reason) == (Outcome.ERROR, Reason.STATE_UNWRITABLE)
            assert "removed or replaced" in result.hint
            paths = [path for left in service.grid.leftovers().values() for path in left]
            assert not [path for path in paths if "/copy-" in path or "/seed-" in path]
            await service.until(lambda: not service.running.ready)


def looked_at(service: Life) -> datetime:
    door = service.running.latest.door("SITE-A")
    assert door is not None
    return door.worst.started_at


async def test_a_clock_that_jumps_stops_nothing_and_makes_nothing_false(tmp_path: Path):
    watch = Watch()
    async with life(tmp_path, interval="2s", clock=watch) as service:
        await all_green(service)
        for jump in (timedelta(minutes=20), -timedelta(minutes=40), -timedelta(days=400), timedelta(days=400)):
            counted = dict(service.running.counters.items("tpcharness_endpoint_probes_total"))
            watch.off += jump
            await one_more_round(service)
            now = dict(service.running.counters.items("tpcharness_endpoint_probes_total"))
            assert all(now[labels] >= number for labels, number in counted.items())
            assert not service.running.findings
            # What began before the jump may end after it, and count as a round; the next look is by the new clock.
            await service.until(lambda: abs(watch.now() - looked_at(service)) < timedelta(minutes=5))
        limit = service.running.schedule.stale_after_seconds(EndpointSubject("SITE-A"), DOOR)
        assert limit is not None
        assert limit < HOUR < DAY


async def test_a_clock_that_is_far_ahead_blames_no_storage_and_is_forgiven(tmp_path: Path):
    """Every token is over by such a clock."""
    watch = Watch()
    async with life(tmp_path, interval="2s", clock=watch, tidy=False) as service:
        await all_green(service)
        watch.off = timedelta(days=2)
        await service.until(lambda: len([each for each in service.running.latest.results() if not each.ok]) == 6)
        await service.until(lambda: service.running.findings)
        assert {finding.blame for finding in service.running.findings} <= {Blame.ISSUER, Blame.CLIENT}
        blamed = {each.blame for each in service.running.latest.results()}
        assert blamed <= {Blame.ISSUER, Blame.CLIENT}
        kept = len(service.running.ledger.entries)
        await one_round(service)
        await one_round(service)
        assert len(service.running.ledger.entries) <= kept + 2  # what is never sent is not noted for ever
        watch.off = timedelta(0)
        await one_more_round(service)
        await service.until(lambda: not service.running.findings)


async def test_a_file_that_cannot_be_removed_counts_when_it_happens(tmp_path: Path):
    async with life(tmp_path, tidy=False) as service:
        service.grid.site("SITE-B").storage.faults.add("delete_refused")
        result = await service.running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)
        assert result.reason is Reason.CLEANUP_REFUSED
        async with aiohttp.ClientSession(service.running.url) as session, session.get("/metrics") as answer:
            samples = samples_of(await answer.read())
        assert of_family(samples, CLEANUP_FAILURES, "endpoint")["SITE-B",] >= 1


async def test_a_testbed_that_refused_us_is_asked_again_soon(tmp_path: Path):
    """A storage in production is left alone for a day; one's own testbed, whose faults one plays with, is not."""
    async with life(tmp_path, interval="1s") as service:
        running = service.running
        await all_green(service)
        service.grid.site("SITE-B").storage.faults.add("token_refused_direct")
        await service.until(lambda: running.schedule.paused_until("SITE-B", running.clock.now().timestamp()))
        service.grid.site("SITE-B").storage.faults.clear()
        await one_more_round(service)


async def test_ten_scrapers_and_twenty_who_never_read_hold_nobody_up(tmp_path: Path):
    """Pages, metrics and events are asked for and not read; the service probes on, answers others, stops in time."""
    async with life(tmp_path, interval="1s") as service, AsyncExitStack() as stack:
        await all_green(service)
        address = urlsplit(service.running.url)
        for path in ("/", "/metrics", "/metrics/links", "/api/v1/events") * 5:
            deaf = socket.socket()
            stack.callback(deaf.close)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, (address.hostname, address.port))
            await loop.sock_sendall(deaf, f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        session = await stack.enter_async_context(aiohttp.ClientSession(service.running.url))

        async def scrape(path: str) -> bytes:
            async with session.get(path) as answer:
                assert answer.status == 200
                return await answer.read()

        for _ in range(3):
            texts = await asyncio.gather(*(scrape(path) for path in ("/metrics", "/metrics/links") * 10))
            success = of_family(samples_of(texts[1]), "tpcharness_probe_success", "source", "destination", "variant")
            assert len(success) == 4
            await one_more_round(service)


async def test_what_was_known_at_the_start_is_not_looked_at_for_cycles(tmp_path: Path):
    before = gc.callbacks.copy(), gc.get_freeze_count()
    async with life(tmp_path):
        assert gc.get_freeze_count() > 100_000 > before[1]
    assert (gc.callbacks, gc.get_freeze_count()) == before


class Knot:
    """Held by itself alone; says when it is gone."""

    gone = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Knot.gone += 1


def test_cycles_of_our_own_making_still_go(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Knot, "gone", 0)
    with memory.collected_in_part():
        for _ in range(10_000):
            Knot()
        assert Knot.gone > 5000


def test_a_long_collection_puts_away_what_lives_and_a_later_one_looks_at_it_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "FREEZE_SECONDS", 0.0)
    monkeypatch.setattr(memory, "THAW_EVERY", 3)
    gc.disable()  # none but ours
    try:
        with memory.collected_in_part():
            knots = [Knot() for _ in range(100)]
            gc.collect()
            monkeypatch.setattr(Knot, "gone", 0)
            knots.clear()
            gc.collect()
            assert Knot.gone == 0
            gc.collect()  # thaws
            gc.collect()
            assert Knot.gone == 100
    finally:
        gc.enable()


def test_a_short_collection_puts_nothing_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "FREEZE_SECONDS", 60.0)
    gc.disable()
    try:
        with memory.collected_in_part():
            knots = [Knot() for _ in range(100)]
            gc.collect()
            monkeypatch.setattr(Knot, "gone", 0)
            knots.clear()
            gc.collect()
            assert Knot.gone == 100
    finally:
        gc.enable()


HEAP_FACTS = """
import ctypes, os, re, sys, tempfile, threading
from tpcharness.daemon.memory import LARGE_BYTES, tight_heaps

libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
if "tight" in sys.argv:
    assert tight_heaps()

def facts():
    with tempfile.NamedTemporaryFile() as file:
        stream = libc.fdopen(os.dup(file.fileno()), b"w")
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        text = open(file.name).read()
    return text.count("<heap "), int(re.search(r'type="mmap" count="(\\d+)"', text)[1])

bytearray(LARGE_BYTES * 8)  # and freed
_, blocks = facts()
large = bytearray(LARGE_BYTES * 4)
_, more = facts()
together = threading.Barrier(9)

def work():
    held = [bytes(600) for _ in range(100)]
    together.wait()
    together.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
together.wait()
print(facts()[0], more - blocks)
sys.stdout.flush()
together.wait()
"""


@pytest.mark.parametrize(("words", "fewest", "most", "apart"), [((), 3, 64, 0), (("tight",), 1, 2, 1)])
def test_heaps_are_few_and_large_blocks_are_not_in_them(words: tuple[str, ...], fewest: int, most: int, apart: int):
    program = [sys.executable, "-c", HEAP_FACTS, *words]
    said = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    heaps, large = map(int, said.split())
    assert fewest <= heaps <= most
    assert large == apart
