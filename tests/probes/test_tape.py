"""The probes of tape services: three sound implementations, and every fault that they can have."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.tape_bench import DIALECTS, tape_bench, tape_world
from tpcharness.model.endpoint import Link, RedirectAuth
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame, Outcome, Phase
from tpcharness.testbed.dialects.vocabulary import Reply
from tpcharness.testbed.tape.faults import CATALOGUE, Row, TapeFault
from tpcharness.testbed.tape.service import WELL_KNOWN


@pytest.mark.parametrize("dialect", [*DIALECTS, "xrootd6"])
async def test_a_sound_service(tmp_path: Path, dialect: str) -> None:
    async with tape_world(dialect) as world, tape_bench(world, tmp_path) as bench:
        info = await bench.info(world.endpoint)
        assert (info.reason, info.warnings) == (Reason.OK, ()), info
        assert world.service.library.recalls == 0
        assert info.implementation.destination[-1] == world.service.manner.server
        result = await bench.stage(world.endpoint)
        assert result.reason is Reason.OK, (result.hint, result.evidence)
        assert set(result.warnings) <= {"times are in milliseconds"}
        assert (dialect == "dcache") == bool(result.warnings)
        assert result.transfer_seconds is not None
        assert result.transfer_seconds >= world.service.library.recall_seconds * 0.9
        assert {Phase.PREPARE, Phase.REQUEST, Phase.TRANSFER, Phase.VERIFY, Phase.CLEANUP} <= result.phases.keys()
        assert world.service.library.recalls == 1
        assert world.service.library.requests == {}
        assert bench.ledger.entries == ()


async def test_every_request_has_the_narrowest_token(tmp_path: Path) -> None:
    async with tape_world("eos") as world, tape_bench(world, tmp_path) as bench:
        result = await bench.stage(world.endpoint)
        scopes = {token.role: token.scope for token in result.evidence.tokens}
        assert scopes == {
            "poll": "storage.poll:/tape-probe/a storage.read:/tape-probe/a",
            "stage": "storage.stage:/tape-probe/a",
            "read-staged": "storage.read:/tape-probe/a",
        }
        assert "eyJ" not in repr((result, bench.events))


async def test_a_file_on_disk_is_no_measurement(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        content = world.service.library.content(world.registered)
        assert content is not None
        content.online = True
        result = await bench.stage(world.endpoint)
        assert result.reason is Reason.OK
        assert any("on disk already" in warning for warning in result.warnings)


CELLS = [(row, dialect) for row in CATALOGUE for dialect in DIALECTS]

# A request that could not be ended, and one that may have been taken although the answer was a 500.
STAYS = frozenset({TapeFault.NOTHING_ENDS, TapeFault.STAGE_FAILS})


def _id(value: object) -> str:
    return str(value.fault) if isinstance(value, Row) else str(value)


def _check(result: Result, reason: Reason) -> None:
    assert result.reason is reason, (result.hint, result.warnings, result.evidence)
    blame = Blame.NOBODY if reason is Reason.OK else Blame.DESTINATION
    assert (result.blame, result.alternatives) == (blame, ())
    assert "eyJ" not in repr(result)


@pytest.mark.parametrize(("row", "dialect"), CELLS, ids=_id)
async def test_every_fault_is_found(tmp_path: Path, row: Row, dialect: str) -> None:
    async with tape_world(dialect, {row.fault}) as world, tape_bench(world, tmp_path) as bench:
        _check(await bench.info(world.endpoint), row.info)
        _check(await bench.stage(world.endpoint), row.stage)
        if row.fault is not TapeFault.NOTHING_ENDS:
            assert world.service.library.open_requests == []
        assert bool(bench.ledger.entries) is (row.fault in STAYS)


def test_every_fault_has_a_row() -> None:
    assert {row.fault for row in CATALOGUE} == set(TapeFault)


@pytest.mark.parametrize(("dialect", "state"), [("dcache", "is being staged"), ("eos", "waits for a drive")])
async def test_a_stage_without_end_says_how_far_it_came(tmp_path: Path, dialect: str, state: str) -> None:
    async with tape_world(dialect, {TapeFault.NEVER_ENDS}) as world, tape_bench(world, tmp_path) as bench:
        result = await bench.stage(world.endpoint)
        _check(result, Reason.STAGE_TIMEOUT)
        assert result.hint.endswith(state)
        assert result.phases[Phase.TRANSFER] >= bench.requests._limits.stage_seconds
        assert result.transfer_seconds is None


async def test_a_staged_file_that_cannot_be_read(tmp_path: Path) -> None:
    async with tape_world("storm", {TapeFault.NOT_READABLE}) as world, tape_bench(world, tmp_path) as bench:
        result = await bench.stage(world.endpoint)
        _check(result, Reason.STAGED_UNREADABLE)
        assert world.registered in result.hint
        read = [exchange for exchange in result.evidence.exchanges if exchange.phase is Phase.VERIFY]
        assert [exchange.method for exchange in read] == ["POST", "GET"]  # where is it, then its first byte


async def test_a_staged_file_that_we_may_not_read(tmp_path: Path) -> None:
    async with tape_world("eos") as world, tape_bench(world, tmp_path) as bench:
        bench.tokens.withheld.add(("read-staged", "storage.read"))
        _check(await bench.stage(world.endpoint), Reason.VERIFY_REFUSED)
        assert bench.ledger.entries == ()


async def test_nothing_is_read_before_it_is_on_disk(tmp_path: Path) -> None:
    async with tape_world("dcache", {TapeFault.RECALL_FAILS}) as world, tape_bench(world, tmp_path) as bench:
        result = await bench.stage(world.endpoint)
        _check(result, Reason.STAGE_FAILED)
        assert not any(exchange.url.endswith(world.registered) for exchange in result.evidence.exchanges)


async def test_a_discovery_document_behind_a_token(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        document = world.site.storage.pages.pop(WELL_KNOWN)
        refusals: list[Reply] = [Reply(401)]
        world.site.storage.pages[WELL_KNOWN] = lambda: refusals.pop() if refusals else document()
        result = await bench.info(world.endpoint)
        assert result.ok
        assert any("token holders" in warning for warning in result.warnings)
        shown = [dict(exchange.request_headers) for exchange in result.evidence.exchanges[:2]]
        assert ["Authorization" in headers for headers in shown] == [False, True]


async def test_a_service_that_echoes_our_token(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        token = world.grid.issuer.mint("storage.poll:/", world.site.audience)
        body = json.dumps({"sitename": "x", "endpoints": [{"uri": f"https://{token}/", "version": token}]}).encode()
        world.site.storage.pages[WELL_KNOWN] = lambda: Reply(200, body, (("Content-Type", "application/json"),))
        result = await bench.info(world.endpoint)
        assert result.reason is Reason.TAPE_INVALID
        assert token not in repr(result)
        assert token not in repr(bench.events)


async def test_only_registered_files_are_ever_staged(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        for probe in (bench.info_probe, bench.stage_probe):
            with pytest.raises(TypeError, match="is about an endpoint"):
                await bench._run(probe, Link(world.endpoint, world.endpoint))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="no registered files"):
            await bench.stage(replace(world.endpoint, tape_files=()))
        assert world.service.requests_seen == []


async def test_a_file_that_is_no_tape_file(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        world.site.storage.files.add(f"{world.site.prefix}/disk", b"x")
        endpoint = replace(world.endpoint, tape_files=(f"{world.site.prefix}/disk",))
        info = await bench.info(endpoint)
        assert info.ok
        assert any("on disk only" in warning for warning in info.warnings)
        result = await bench.stage(endpoint)
        _check(result, Reason.STAGE_FAILED)
        assert "DISK only" in result.hint
        gone = replace(world.endpoint, tape_files=(f"{world.site.prefix}/never",))
        _check(await bench.info(gone), Reason.TAPE_FILE_UNAVAILABLE)
        assert bench.ledger.entries == ()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_token_without_the_right(tmp_path: Path, dialect: str) -> None:
    async with tape_world(dialect) as world, tape_bench(world, tmp_path) as bench:
        bench.tokens.withheld.add(("stage", "storage.stage"))
        assert (await bench.info(world.endpoint)).ok
        _check(await bench.stage(world.endpoint), Reason.FORBIDDEN)
        assert world.service.library.open_requests == []
        assert bench.ledger.entries == ()


async def test_our_token_goes_to_no_foreign_host(tmp_path: Path) -> None:
    async with tape_world("dcache") as world, tape_bench(world, tmp_path) as bench:
        elsewhere = replace(
            world.endpoint,
            https=world.endpoint.https.replace("localhost", "127.0.0.1"),
            redirect_auth=RedirectAuth.SAME_DOMAIN,
        )
        result = await bench.info(elsewhere)
        assert (result.outcome, result.blame) == (Outcome.ERROR, Blame.CLIENT)
        assert "redirect_auth" in result.hint
        assert world.service.requests_seen == []


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_cancelled_probe_ends_its_request(tmp_path: Path, dialect: str, *, early: bool) -> None:
    async with tape_world(dialect, {TapeFault.NEVER_ENDS}) as world, tape_bench(world, tmp_path) as bench:
        task = asyncio.create_task(bench.stage(world.endpoint))
        seen = "POST stage" if early else "GET stage"
        while not any(line.startswith(seen) for line in world.service.requests_seen):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert world.service.library.open_requests == []
        assert bench.ledger.entries == ()
