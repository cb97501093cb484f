"""Copies from tape and to tape: three sound systems, what is left behind, who else wants the tape, and secrets.

What every fault is called stands in the truth table (`tests/truth/tape_table.py`).
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.tape_bench import DIALECTS, QUICK
from tests.support.tape_links import SIZE, TapeLinks, run_on, tape_grid, tape_links
from tpcharness.model.failure import Failure
from tpcharness.model.progress import Nobody
from tpcharness.model.reason import Reason
from tpcharness.model.result import VerifiedBy
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.net.trail import Trail
from tpcharness.payload.cleaning import clean
from tpcharness.payload.tape_requests import OpenRequest
from tpcharness.testbed.dialects.vocabulary import Reply
from tpcharness.testbed.files import File
from tpcharness.testbed.tape.faults import TapeFault
from tpcharness.testbed.tape.service import WELL_KNOWN

ORIGINAL = b"from tape\n" * 1024


async def until(ready: asyncio.Event) -> None:
    async with asyncio.timeout(10.0):
        await ready.wait()


class Watcher:
    """Tells when a storage has been asked for something."""

    def __init__(self, links: TapeLinks, words: str) -> None:
        self.seen = asyncio.Event()
        self._words = words
        self._asked = links.service.requests_seen
        links.service.requests_seen = self  # type: ignore[assignment]

    def append(self, line: str) -> None:
        self._asked.append(line)
        if self._words in line:
            self.seen.set()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_sound_recall(tmp_path: Path, dialect: str) -> None:
    async with tape_links(dialect, tmp_path) as links:
        result = await links.recall()
        assert result.reason is Reason.OK, (result.hint, result.evidence)
        assert set(result.warnings) <= {"times are in milliseconds"}
        assert result.bytes == len(ORIGINAL)
        assert result.checksum.expected == f"{zlib.adler32(ORIGINAL):08x}"
        assert result.checksum.verified_by is not VerifiedBy.NONE
        assert result.transfer_seconds is not None
        assert result.phases[Phase.TRANSFER] - result.transfer_seconds >= links.library.recall_seconds * 0.5
        assert result.throughput == pytest.approx(len(ORIGINAL) / result.transfer_seconds)
        assert links.library.recalls == 1
        assert links.library.requests == {}
        assert await links.left() == ([], [])
        assert "eyJ" not in repr((result, links.events))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_sound_archive(tmp_path: Path, dialect: str) -> None:
    async with tape_links(dialect, tmp_path) as links:
        result = await links.archive()
        assert (result.reason, result.warnings) == (Reason.OK, ()), (result.hint, result.evidence)
        assert result.bytes == SIZE
        assert result.transfer_seconds is not None
        assert result.phases[Phase.TRANSFER] > result.transfer_seconds
        written = [each for each in result.evidence.exchanges if each.method == "COPY"]
        assert [links.library.archive + "/tpcharness/links/archive-run-" in each.url for each in written] == [True]
        assert await links.left() == ([], [])
        assert "eyJ" not in repr((result, links.events))


async def test_nothing_is_green_before_it_is_on_tape(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path, limits=replace(QUICK, stage_seconds=0.5)) as links:
        links.library.migrate_seconds = 3600.0
        result = await links.archive()
        assert (result.reason, result.blame) == (Reason.ARCHIVE_TIMEOUT, Blame.DESTINATION)
        assert "after 0.5 s archiveinfo says DISK of " in result.hint
        assert await links.left() == ([], [])


async def test_a_disk_that_is_called_unavailable_for_a_moment_is_no_failure(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path) as links:
        links.library.migrate_seconds = 0.0
        links.faults.add(TapeFault.FILE_UNAVAILABLE)
        watcher = Watcher(links, "archiveinfo")
        task = asyncio.create_task(links.archive())
        for _ in range(2):  # once before the copy, once after it
            await until(watcher.seen)
            watcher.seen.clear()
        links.faults.clear()
        result = await task
        assert result.reason is Reason.OK, (result.hint, result.warnings)


async def test_a_service_that_wants_to_be_left_alone_is_obeyed(tmp_path: Path) -> None:
    """It says 429 and Retry-After: 1 to the first look after the copy; the next comes a second later."""
    async with tape_links("dcache", tmp_path) as links:
        links.library.migrate_seconds = 0.0
        watcher = Watcher(links, "archiveinfo")
        task = asyncio.create_task(links.archive())
        await until(watcher.seen)
        links.faults.add(TapeFault.OVERLOADED)
        watcher.seen.clear()
        await until(watcher.seen)
        links.faults.clear()
        result = await task
        assert result.reason is Reason.OK, (result.hint, result.warnings)
        asked = [each.status for each in result.evidence.exchanges if each.url.endswith("/archiveinfo")]
        assert asked == [200, 429, 200]
        assert result.phases[Phase.TRANSFER] >= 1.0


async def test_what_is_registered_takes_turns(tmp_path: Path) -> None:
    async with tape_links("dcache", tmp_path) as links:
        second = f"{links.site.prefix}/tape-probe/second"
        links.library.add(second, b"another")
        source = replace(links.from_tape.source, tape_files=(*links.site.endpoint.tape_files, second))
        here, there = (replace(links.from_tape.destination, name=name) for name in ("SITE-C", "SITE-D"))
        sizes = {
            (await links.recall(replace(links.from_tape, source=source, destination=end))).bytes
            for end in (here, there)
        }
        assert sizes == {len(ORIGINAL), len(b"another")}  # SITE-C and SITE-D begin at different files


async def test_recalls_from_one_tape_wait_for_each_other(tmp_path: Path) -> None:
    """EOS evicts by path: the release of the first would take the file away from the second."""
    async with tape_links("eos", tmp_path) as links:
        first, second = await asyncio.gather(links.recall(), links.recall())
        assert [first.reason, second.reason] == [Reason.OK, Reason.OK]
        assert max(each.phases[Phase.QUEUED] for each in (first, second)) >= links.library.recall_seconds * 0.9
        staged = [line for line in links.service.requests_seen if line == "POST stage" or line.startswith("DELETE")]
        assert [line.partition(" ")[0] for line in staged] == ["POST", "DELETE", "POST", "DELETE"]


async def test_a_file_that_is_held_for_as_long_as_a_copy_may_take(tmp_path: Path) -> None:
    async with tape_links("dcache", tmp_path, [TapeFault.NEVER_ENDS]) as links:
        watcher = Watcher(links, "GET stage")
        task = asyncio.create_task(links.recall())
        await until(watcher.seen)
        (request,) = links.library.requests.values()
        assert request.lifetime_seconds == links.requests.disk_lifetime_seconds == 1 + 20 + 600
        assert (await task).reason is Reason.STAGE_TIMEOUT


@pytest.mark.parametrize("words", ["POST stage", "GET stage"])
async def test_a_cancelled_recall_ends_its_request(tmp_path: Path, words: str) -> None:
    async with tape_links("dcache", tmp_path, [TapeFault.NEVER_ENDS]) as links:
        watcher = Watcher(links, words)
        task = asyncio.create_task(links.recall())
        await until(watcher.seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert links.library.requests == {}
        assert await links.left() == ([], [])


async def test_a_cancelled_archive_removes_its_file(tmp_path: Path) -> None:
    async with tape_links("dcache", tmp_path, [TapeFault.NEVER_MIGRATES]) as links:
        watcher = Watcher(links, "archiveinfo")
        task = asyncio.create_task(links.archive())
        for _ in range(3):
            await until(watcher.seen)
            watcher.seen.clear()
        assert [path for path in links.site.storage.files.paths() if "/archive-run-" in path]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await links.left() == ([], [])


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_a_crash_leaves_is_ended_by_the_next_run(tmp_path: Path, dialect: str) -> None:
    """A request in mid-stage and a file on its way to tape: both stand in the ledger, both are taken away."""
    async with tape_grid(dialect, {TapeFault.NEVER_ENDS, TapeFault.NEVER_MIGRATES}) as grid:
        async with run_on(grid, tmp_path) as links:
            tasks = [asyncio.create_task(links.archive()), asyncio.create_task(links.recall())]
            watcher = Watcher(links, "GET stage")
            await until(watcher.seen)
            links.service.requests_seen = watcher._asked
            kept = (tmp_path / "ledger.jsonl").read_bytes()  # as a kill at this moment leaves it
            while b"/archive-run-" not in kept:
                await asyncio.sleep(0)
                kept = (tmp_path / "ledger.jsonl").read_bytes()
            for task in tasks:
                task.cancel()
                links.requests.close = never_closed  # type: ignore[method-assign]
            await asyncio.gather(*tasks, return_exceptions=True)
        (tmp_path / "ledger.jsonl").write_bytes(kept)
        assert len(links.library.open_requests) == 1
        async with run_on(grid, tmp_path, run_id="next") as after:
            endpoints = {site.name: site.endpoint for site in grid.sites}
            cleaning = await clean(after.payload, after.ledger, after.names, endpoints, Nobody(), tape=after.requests)
            assert cleaning.kept == []
            assert len([entry for entry in cleaning.removed if entry.tape_paths]) == 1
            assert after.library.open_requests == []
            assert await after.left() == ([], [])


async def never_closed(request: OpenRequest, trail: Trail) -> Failure | None:
    """What a killed process does for its request."""
    return None


async def test_an_original_that_is_read_for_its_checksum(tmp_path: Path) -> None:
    """A source without digests: what must arrive is worked out from what it gives us to read."""
    async with tape_links("dcache", tmp_path) as links:
        links.site.storage.faults.add("checksum_absent")
        result = await links.recall()
        assert result.reason is Reason.OK, (result.hint, result.evidence)
        assert result.checksum.expected == f"{zlib.adler32(ORIGINAL):08x}"
        assert any(each.method == "GET" and each.url.endswith("/file") for each in result.evidence.exchanges)


async def test_a_copy_whose_bytes_are_not_those_of_the_tape(tmp_path: Path) -> None:
    """The source tells one checksum and has the bytes of another: it is the source's, whoever moved them."""
    async with tape_links("dcache", tmp_path) as links:
        (path,) = links.site.endpoint.tape_files
        node = links.site.storage.files.find(path)
        assert isinstance(node, File)
        node.sums["adler32"] = b"\x00\x00\x00\x01"
        result = await links.recall()
        assert (result.reason, result.blame) == (Reason.CHECKSUM_MISMATCH, Blame.SOURCE), result.hint
        assert await links.left() == ([], [])


async def test_a_destination_that_refuses_costs_no_accusation_of_the_tape(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path) as links:
        links.tokens.withheld.add(("write", "storage.create"))
        result = await links.recall()
        assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.DESTINATION), result.hint
        assert links.library.requests == {}


async def test_a_staged_file_whose_door_does_not_show_it_to_us(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path) as links:
        links.tokens.withheld.add(("read", "storage.read"))
        result = await links.recall()
        assert (result.reason, result.blame) == (Reason.FORBIDDEN, Blame.SOURCE), result.hint
        assert not any(exchange.method == "COPY" for exchange in result.evidence.exchanges)
        assert links.library.requests == {}


async def test_a_service_that_calls_everything_archived_does_not_accuse_the_source(tmp_path: Path) -> None:
    """It says TAPE of a file that is on disk: that proves nothing when the copy fails for another reason."""
    async with tape_links("dcache", tmp_path, [TapeFault.CLAIMS_TAPE]) as links:
        links.site.storage.faults.add("passive_403")
        result = await links.recall()
        assert (result.reason, result.blame) == (Reason.PASSIVE_FORBIDDEN, Blame.SOURCE), result.hint
        assert any("TAPE, though it was staged and can be read" in warning for warning in result.warnings)


async def test_an_archive_alone_is_found_behind_a_token(tmp_path: Path) -> None:
    """Where nothing is registered, the right to the directory opens the discovery document."""
    async with tape_links("dcache", tmp_path) as links:
        document = links.site.storage.pages.pop(WELL_KNOWN)
        refusals: list[Reply] = [Reply(401)]
        links.site.storage.pages[WELL_KNOWN] = lambda: refusals.pop() if refusals else document()
        bare = replace(links.to_tape, destination=replace(links.site.endpoint, tape_files=()))
        result = await links.archive(bare)
        assert result.reason is Reason.OK, result.hint
        assert {token.scope for token in result.evidence.tokens if token.role == "poll"} >= {
            "storage.poll:/tape-archive storage.read:/tape-archive"
        }


async def test_nowhere_to_go_mounts_no_tape(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path) as links:
        await links.grid.sites[1].storage.stop()
        result = await links.recall()
        assert (result.reason, result.blame) == (Reason.CONNECTION_REFUSED, Blame.DESTINATION)
        assert links.service.requests_seen == []


async def test_plans_hold_no_nonsense(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path) as links:
        bare = replace(links.site.endpoint, tape_files=(), tape_archive="")
        with pytest.raises(ValueError, match="no registered files"):
            await links.recall(replace(links.from_tape, source=bare))
        with pytest.raises(ValueError, match="no directory whose files go to tape"):
            await links.archive(replace(links.to_tape, destination=bare))
        for probe in links.probes.values():
            if probe.variant.of_link:
                with pytest.raises(TypeError, match="probes links"):
                    await probe.run(links.site.endpoint, links._context(0))
        assert links.service.requests_seen == []


async def test_a_directory_beyond_the_scope_base_is_our_mistake(tmp_path: Path) -> None:
    async with tape_links("eos", tmp_path) as links:
        elsewhere = replace(links.site.endpoint, tape_archive="/elsewhere/tape")
        result = await links.archive(replace(links.to_tape, destination=elsewhere))
        assert (result.outcome, result.blame) == (Outcome.ERROR, Blame.CLIENT), result.hint
        assert "not below its scope_base" in result.hint
