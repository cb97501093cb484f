"""Payload files at storages that behave like the real ones, with the least of rights."""

import asyncio
from pathlib import Path

import pytest

from tests.support.payload_bench import SiteBench, new_trail, site_bench
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.settings import MIB
from tpcharness.model.variant import Blame
from tpcharness.payload.content import Content
from tpcharness.payload.seeds import Seed
from tpcharness.testbed.grid import DIALECTS


async def seeded(bench: SiteBench, size: int = 1000) -> Seed:
    seed = await bench.store.seed(bench.endpoint, size, new_trail())
    assert isinstance(seed, Seed), seed
    return seed


async def failed(bench: SiteBench, size: int = 1000) -> Failure:
    failure = await bench.store.seed(bench.endpoint, size, new_trail())
    assert isinstance(failure, Failure)
    return failure


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_seeds_of_all_sizes_are_put_checked_and_removed(tmp_path: Path, dialect: str) -> None:
    async with site_bench(tmp_path, dialect) as bench:
        for size in (0, 1, 70_000, MIB + 1):
            seed = await seeded(bench, size)
            node = bench.site.storage.files.find(seed.file.path)
            assert node is not None
            assert await node.read(0, size + 1) == b"".join(Content(size).chunks())
        assert len(bench.leftovers) == len(bench.noted) == 4
        assert await bench.store.remove_seeds() == []
        assert bench.leftovers == bench.noted == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_destination_is_noted_and_removed(tmp_path: Path, dialect: str) -> None:
    async with site_bench(tmp_path, dialect) as bench:
        assert await bench.store.ensure_directory(bench.endpoint, new_trail()) is None
        file = await bench.registered()
        bench.site.storage.files.add(file.path, b"copied")
        assert await bench.store.remove(file, new_trail()) is None
        assert bench.leftovers == bench.noted == []


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_directory_that_is_there_already_is_fine(tmp_path: Path, dialect: str) -> None:
    async with site_bench(tmp_path, dialect) as bench:
        bench.site.storage.files.make_directory(bench.names.directory(bench.endpoint), parents=True)
        assert await bench.store.ensure_directory(bench.endpoint, new_trail()) is None


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_without_a_right_exactly_its_step_fails(tmp_path: Path, dialect: str) -> None:
    """The role table of design 7: each right is needed, and no step lives on another one's token."""
    async with site_bench(tmp_path, dialect) as bench:
        bench.tokens.withheld = {("seed", "storage.create")}
        assert (await failed(bench, 1)).reason is Reason.SEED_REFUSED
        assert bench.leftovers == []

        bench.tokens.withheld = {("seed", "storage.read")}
        outcome = await bench.store.seed(bench.endpoint, 2, new_trail())
        if dialect == "xrootd5":  # elsewhere whoever may create may look (tokens 8)
            assert isinstance(outcome, Failure)
            assert outcome.reason is Reason.SEED_REFUSED
        else:
            assert isinstance(outcome, Seed)

        bench.tokens.withheld = set()
        seed = await seeded(bench, 3)
        for withheld in (("cleanup", "storage.modify"), ("verify", "storage.read")):
            bench.tokens.withheld = {withheld}
            failure = dict(await bench.store.remove_seeds())[seed.file]
            assert failure.reason is Reason.CLEANUP_REFUSED
            assert seed.file.url in bench.noted, "what may still be there stays in the ledger"
        bench.tokens.withheld = set()
        assert await bench.store.remove_seeds() == []
        assert bench.leftovers == bench.noted == []


async def test_many_probes_share_one_upload(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "dcache") as bench:
        trails = [new_trail() for _ in range(20)]
        seeds = await asyncio.gather(*(bench.store.seed(bench.endpoint, 1000, trail) for trail in trails))
        assert len(set(seeds)) == 1
        assert [exchange.method for trail in trails for exchange in trail.exchanges].count("HEAD") == 1


async def test_a_seed_is_looked_at_again_before_it_is_used_again(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "xrootd6", recheck_seconds=0.0) as bench:
        await seeded(bench)
        trail = new_trail()
        assert isinstance(await bench.store.seed(bench.endpoint, 1000, trail), Seed)
        assert [exchange.method for exchange in trail.exchanges] == ["HEAD"]
        assert [facts.role for facts in trail.tokens] == ["read"]


async def test_a_young_seed_is_used_as_it_is(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "xrootd6") as bench:
        first = await seeded(bench)
        trail = new_trail()
        assert await bench.store.seed(bench.endpoint, 1000, trail) == first
        assert trail.exchanges == []


async def test_a_seed_that_vanished_is_lost_and_made_anew_the_next_time(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "xrootd6", recheck_seconds=0.0) as bench:
        seed = await seeded(bench)
        bench.site.storage.files.remove(seed.file.path)
        failure = await failed(bench)
        assert (failure.reason, failure.blame) == (Reason.SEED_LOST, Blame.NOBODY)
        assert bench.noted == []
        await seeded(bench)
        assert bench.leftovers == [seed.file.path]


async def test_all_probes_whose_seed_vanished_are_told_so_also_when_there_is_a_new_one(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "xrootd6") as bench:
        seed = await seeded(bench)
        assert await bench.store.recheck(seed, new_trail()) is None
        bench.site.storage.files.remove(seed.file.path)
        failures = await asyncio.gather(*(bench.store.recheck(seed, new_trail()) for _ in range(3)))
        new = await seeded(bench)
        failures.append(await bench.store.recheck(seed, new_trail()))
        assert [failure.reason for failure in failures if failure] == [Reason.SEED_LOST] * 4
        assert await bench.store.recheck(new, new_trail()) is None


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"x" * 1001], ids=["empty", "other bytes", "other size"])
async def test_a_seed_that_changed_is_corrupt(tmp_path: Path, content: bytes) -> None:
    async with site_bench(tmp_path, "dcache", recheck_seconds=0.0) as bench:
        seed = await seeded(bench)
        bench.site.storage.files.add(seed.file.path, content)
        failure = await failed(bench)
        assert (failure.reason, failure.blame) == (Reason.SEED_CORRUPT, Blame.SOURCE)


async def test_a_corrupt_seed_is_overwritten_when_the_failure_is_old(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "xrootd6") as bench:
        bench.site.storage.faults.add("checksum_wrong")
        assert (await failed(bench)).reason is Reason.SEED_CORRUPT
        bench.site.storage.faults.clear()
        assert (await failed(bench)).reason is Reason.SEED_CORRUPT, "a failure holds for a while"
        bench.store._seeds._findings.clear()
        await seeded(bench)


async def test_a_source_without_digests_is_checked_by_size(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "xrootd6") as bench:
        bench.site.storage.faults.add("checksum_absent")
        await seeded(bench)


async def test_who_waited_for_a_failed_seed_has_the_evidence_too(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "dcache") as bench:
        bench.tokens.withheld.add(("seed", "storage.create"))
        trails = [new_trail() for _ in range(3)]
        failures = await asyncio.gather(*(bench.store.seed(bench.endpoint, 1000, trail) for trail in trails))
        assert len(set(failures)) == 1
        assert trails[0].exchanges == trails[1].exchanges == trails[2].exchanges != []


async def test_a_refused_delete_leaves_the_file_in_the_ledger(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "storm") as bench:
        seed = await seeded(bench)
        bench.site.storage.faults.add("delete_refused")
        ((file, failure),) = await bench.store.remove_seeds()
        assert failure.reason is Reason.CLEANUP_REFUSED
        assert bench.noted == [seed.file.url] == [file.url]
        bench.site.storage.faults.clear()
        assert await bench.store.remove_seeds() == []
        assert bench.noted == bench.leftovers == []


async def test_a_storage_that_is_down_keeps_its_reason(tmp_path: Path) -> None:
    async with site_bench(tmp_path, "dcache") as bench:
        bench.site.storage.faults.add("refuse")
        failure = await failed(bench)
        assert (failure.reason, failure.blame) == (Reason.CONNECTION_REFUSED, Blame.SOURCE)
