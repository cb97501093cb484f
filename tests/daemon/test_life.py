"""A service in the test's own loop, over a grid in the same: what pages ask of it, and what a reload changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.support.life import life
from tpcharness.daemon.daemon import run_daemon
from tpcharness.daemon.notify import Notifier
from tpcharness.daemon.reload import Blueprint, prepare
from tpcharness.engine.service import Busy
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Variant
from tpcharness.payload.lock import StateBusy
from tpcharness.payload.store import PayloadStore

PULL = Variant.HTTPS_PULL
pytestmark = pytest.mark.slow


async def scrape(url: str) -> bytes:
    async with aiohttp.ClientSession(url) as session, session.get("/metrics") as answer:
        return await answer.read()


async def test_a_probe_on_demand_is_measured_and_remembered(tmp_path: Path):
    async with life(tmp_path) as service:
        running = service.running
        assert running.ready
        result = await running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)
        assert result.ok
        cell = running.latest.cell("SITE-A", "SITE-B", PULL)
        assert cell is not None
        assert cell.worst.probe_id == result.probe_id
        door = await running.probe_now("SITE-A", "SITE-A", Variant.DOOR, None, 30.0)
        assert door.ok
        await running.history.flush()
        kept = await running.history.result(running.run_id, result.probe_id)
        assert kept is not None
        assert kept.evidence == result.evidence
        assert running.token_expiries()["testbed"] > running.clock.now()
        assert running.token_requests()["testbed", "ok"] > 0
        assert running.leftovers() == {}
        assert len(running.ledger.entries) == 1  # the seed is no leftover


@pytest.mark.parametrize(
    "asked",
    [
        ("SITE-A", "SITE-Z", PULL, None),
        ("SITE-A", "SITE-A", PULL, None),
        ("SITE-A", "SITE-B", PULL, 17),
        ("SITE-Z", "SITE-Z", Variant.DOOR, None),
    ],
)
async def test_what_is_not_configured_is_not_probed(tmp_path: Path, asked: tuple[str, str, Variant, int | None]):
    async with life(tmp_path) as service:
        with pytest.raises(KeyError):
            await service.running.probe_now(*asked, 30.0)


async def test_a_second_service_on_the_same_state_refuses(tmp_path: Path):
    async with life(tmp_path) as service:
        config = service.running.config
        blueprint = Blueprint(service.file, {}, lambda config: config)
        with pytest.raises(StateBusy):
            await run_daemon(prepare(config), blueprint, Notifier())


async def test_a_reload_in_mid_run_lets_a_copy_end_and_takes_its_seed_away(tmp_path: Path):
    async with life(tmp_path) as service:
        running = service.running
        service.grid.site("SITE-A").storage.faults.add("passive_slow:400000")
        copy = asyncio.create_task(running.probe_now("SITE-A", "SITE-B", PULL, None, 60.0))
        await service.until(lambda: any("/copy-" in entry.url for entry in running.ledger.entries))
        (seed,) = [entry.url for entry in running.ledger.entries if "/seed-" in entry.url]
        service.rewrite(lambda text: text.replace("SITE-B]", "SITE-C]"))
        state = await running.reload()
        assert (state.ok, state.errors) == (True, ())
        assert "SITE-B" not in running.config.endpoints
        with pytest.raises(KeyError):
            await running.probe_now("SITE-A", "SITE-B", PULL, None, 1.0)
        assert (await copy).ok
        assert (
            running.latest.cell("SITE-A", "SITE-B", PULL) is None
        )  # it is gone, and its late result does not come back
        await service.until(lambda: seed not in {entry.url for entry in running.ledger.entries})
        service.grid.site("SITE-A").storage.faults.clear()
        result = await running.probe_now("SITE-A", "SITE-C", PULL, None, 30.0)
        assert result.ok


async def test_tokens_and_endpoints_that_were_removed_are_gone_from_the_metrics(tmp_path: Path):
    async with life(tmp_path, tidy=False) as service:
        running = service.running
        service.grid.site("SITE-B").storage.faults.add("delete_refused")
        result = await running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)
        assert result.reason is Reason.CLEANUP_REFUSED
        before = await scrape(running.url)
        assert b'tpcharness_token_expiry_timestamp_seconds{tokens="testbed"}' in before
        assert b'tpcharness_token_requests_total{outcome="ok",tokens="testbed"}' in before
        assert b'tpcharness_cleanup_failures_total{endpoint="SITE-B"}' in before
        service.rewrite(
            lambda text: (
                text.replace("SITE-B]", "SITE-C]")
                .replace("[tokens.testbed]", "[tokens.other]")
                .replace('tokens = "testbed"', 'tokens = "other"')
            )
        )
        assert (await running.reload()).errors == ()
        after = await scrape(running.url)
        assert b'tokens="testbed"' not in after
        assert b'tpcharness_cleanup_failures_total{endpoint="SITE-B"}' not in after
        await running.probe_now("SITE-A", "SITE-C", PULL, None, 30.0)
        assert running.token_expiries().keys() == {"other"}


async def test_a_bad_file_changes_nothing_and_says_why(tmp_path: Path):
    async with life(tmp_path) as service:
        running = service.running
        before = running.config
        service.rewrite(lambda text: text + "\n[limits]\nconcurency = 3\n")
        state = await running.reload()
        assert not state.ok
        assert running.config is before
        assert state.succeeded_at < state.at
        assert "endpoints.toml" in state.errors[0]
        assert "concurency = 3" in state.errors[0]
        service.rewrite(lambda text: text.replace("concurency", "concurrency"))
        both = await asyncio.gather(running.reload(), running.reload())
        assert all(state.ok for state in both)
        assert running.config.limits.concurrency == 3


async def test_a_ca_file_that_is_none_is_not_taken(tmp_path: Path):
    (tmp_path / "no.pem").write_text("not a certificate")
    async with life(tmp_path) as service:
        service.rewrite(lambda text: text.replace("[endpoints.SITE-A]", '[endpoints.SITE-A]\nca_path = "no.pem"'))
        state = await service.running.reload()
        assert not state.ok
        assert str(tmp_path / "no.pem") in state.errors[0]
        assert "PEM" in state.errors[0]
        assert (await service.running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)).ok


async def test_a_bug_in_a_reload_does_not_end_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with life(tmp_path) as service:

        def stumble(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(service.running.schedule, "arrange", stumble)
        state = await service.running.reload()
        assert not state.ok
        assert "internal error" in state.errors[0]
        assert (await service.running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)).ok


async def test_a_bug_in_the_end_of_a_former_configuration_does_not_end_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def stumble(*_: object) -> None:
        raise ZeroDivisionError

    async with life(tmp_path, tidy=False) as service:
        monkeypatch.setattr(PayloadStore, "remove_seeds", stumble)
        assert (await service.running.reload()).ok
        await service.until(lambda: "former configuration failed" in caplog.text)
        assert (await service.running.probe_now("SITE-A", "SITE-B", PULL, None, 30.0)).ok
    assert "seeds failed" in caplog.text
    assert "1 file of ours left in the ledger for the next start" in caplog.text


async def test_too_large_a_mesh_is_not_taken(tmp_path: Path):
    async with life(tmp_path) as service:
        crowd = "".join(
            f'[endpoints.X{number}]\nhttps = "https://x{number}.example/vo"\ntokens = "testbed"\n'
            for number in range(700)
        )
        service.rewrite(lambda text: text + crowd)
        state = await service.running.reload()
        assert not state.ok
        assert "a service repeats at most" in state.errors[0]


async def test_what_waits_for_a_restart_is_named_and_stays_as_it_was(tmp_path: Path):
    async with life(tmp_path) as service:
        running = service.running
        service.rewrite(
            lambda text: text.replace('name = "testbed"', 'name = "other"').replace(
                "[daemon]", '[daemon]\nlisten = "127.0.0.1:1"\nstop_within = "5s"'
            )
        )
        state = await running.reload()
        assert state.ok
        assert state.errors == (
            "harness.name has changed: that needs a restart",
            "daemon.stop_within has changed: that needs a restart",
        )
        assert running.config.harness.name == "testbed"


async def test_downtimes_of_the_file_keep_probes_away_and_a_broken_document_keeps_the_former(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    now = datetime.now(UTC)
    document = tmp_path / "gocdb.xml"

    def announce(host: str) -> None:
        start, end = (int((now + timedelta(hours=hours)).timestamp()) for hours in (-1, 5))
        document.write_text(
            f"<results><DOWNTIME ID='1'><SEVERITY>OUTAGE</SEVERITY><DESCRIPTION>new racks</DESCRIPTION>"
            f"<HOSTNAME>{host}</HOSTNAME><START_DATE>{start}</START_DATE><END_DATE>{end}</END_DATE></DOWNTIME></results>"
        )

    announce("localhost")
    more = f'[downtime_sources.egi]\nkind = "gocdb"\nfile = "{document}"\nrefresh = "60s"\n'
    async with life(tmp_path, interval="1s", more=more) as service:
        running = service.running
        await service.until(lambda: running.downtimes)
        assert running.downtimes[0].hosts == ("localhost",)
        assert running.schedule.downtime_of("SITE-A", now.timestamp()) is not None
        document.write_text("<broken")
        await running.reload()
        await service.until(lambda: "downtimes egi: " in caplog.text and "what it said before holds" in caplog.text)
        assert running.downtimes  # a source that cannot be read keeps what it said
        announce("elsewhere.example")
        await running.reload()
        await service.until(lambda: running.schedule.downtime_of("SITE-A", now.timestamp()) is None)


async def test_a_down_endpoint_is_one_finding_with_all_the_links_that_are_skipped_for_it(tmp_path: Path):
    async with life(tmp_path, interval="1s", sites=3) as service:
        running = service.running
        service.grid.site("SITE-C").storage.faults.add("token_refused_direct")
        await service.until(lambda: any(finding.cells == 8 for finding in running.findings))
        (finding,) = running.findings
        assert (finding.kind, finding.culprits) == (FindingKind.REFUSES_TOKENS, ("SITE-C",))
        service.grid.site("SITE-C").storage.faults.clear()
        await service.until(lambda: not running.findings)


async def test_a_service_that_stops_takes_no_more_orders(tmp_path: Path):
    async with life(tmp_path) as service:
        running = service.running
    with pytest.raises(Busy):
        await running.probe_now("SITE-A", "SITE-B", PULL, None, 1.0)
