"""What the pages say; how they look is tested in Chromium (tests/browser)."""

import asyncio
import gc
import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import aiohttp
import pytest

from tests.browser.meshes import mesh
from tests.browser.test_hostile_report import PAYLOADS, planted
from tests.daemon.web.field import config_of, paper_site
from tests.daemon.web.test_guards import status_of
from tests.export.test_html_report import Page
from tpcharness.daemon.web import sight
from tpcharness.daemon.web.configuration_text import settings_shown
from tpcharness.daemon.web.remedy import remedy
from tpcharness.daemon.web.sight import Sight
from tpcharness.export.report_cells import shown
from tpcharness.export.standing import verdict
from tpcharness.model.downtime import Downtime
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.result import Hop, Implementation, Markers
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame, Outcome, Phase


async def page_of(session, path):
    status, text = await status_of(session, path)
    assert status == 200, text
    return Page(text)


def bad(made):
    return next(cell for cell in made.store.cells() if cell.state == "failure")


def link_of(cell):
    return f"/links/{cell.subject.source}/{cell.subject.destination}"


async def test_the_front_page_says_first_who_has_to_act(site, four):
    paper, session = site
    page = await page_of(session, "/")
    text = page.text
    assert paper.running.findings
    for finding in paper.running.findings:
        assert finding.sentence in text
        assert text.index(finding.sentence) < text.index("Endpoints") < text.index("Sources")
    assert text.count("https-pull") > 0
    for site_ in four.sites:
        assert f"/endpoints/{site_.name}" in page.links


async def test_every_address_on_the_pages_leads_somewhere(site, four):
    _, session = site
    ahead, seen = ["/"], set()
    while ahead:
        path = ahead.pop().partition("#")[0]
        if path in seen or path.startswith("data:"):
            continue
        seen.add(path)
        async with session.get(path) as answer:
            assert answer.status == 200, path
            if answer.content_type == "text/html":
                ahead += Page(await answer.text()).links
    assert sum(path.startswith("/links/") for path in seen) == 12
    assert sum(path.startswith("/probes/") for path in seen) >= 20


async def test_the_link_page_tells_now_and_before(site, four):
    _, session = site
    cell = bad(four)
    page = await page_of(session, link_of(cell))
    for words in (cell.worst.reason.value, cell.worst.reason.info.fix, "Last results", "7 days, by the hour"):
        assert words in page.text
    assert any(link.startswith("/probes/") for link in page.links)


async def test_the_probe_page_tells_everything(site, four):
    _, session = site
    result = bad(four).worst
    page = await page_of(session, f"/probes/{result.run_id}/{result.probe_id}")
    for exchange in result.evidence.exchanges:
        assert exchange.url in page.text
        assert " ".join(exchange.body_excerpt.split()) in page.text
    assert all(token.scope in page.text for token in result.evidence.tokens)
    assert result.reason.info.sentence in page.text


async def test_a_hint_that_only_repeats_what_stands_above_is_left_out(site, four):
    paper, session = site
    worst = bad(four).worst
    fix = worst.reason.info.fix.lower()
    for number, (hint, told) in enumerate([(fix, False), ("a door is not a window", True)]):
        await paper.add(replace(worst, run_id=f"hint-{number}", hint=hint))
        page = await page_of(session, f"/probes/hint-{number}/{worst.probe_id}")
        assert (f"Hint {hint}" in page.text) is told
        assert ("Hint" in page.text) is told


@pytest.mark.parametrize(
    ("method", "status", "phase", "alarm"),
    [
        ("HEAD", 404, Phase.CLEANUP, False),
        ("HEAD", 404, Phase.VERIFY, True),
        ("HEAD", 403, Phase.CLEANUP, True),
        ("MKCOL", 405, Phase.PREPARE, False),
        ("PUT", 405, Phase.PREPARE, True),
    ],
)
async def test_an_answer_that_was_hoped_for_is_no_alarm(site, four, method, status, phase, alarm):
    paper, session = site
    worst = bad(four).worst
    exchange = replace(worst.evidence.exchanges[0], method=method, status=status, phase=phase, error="")
    await paper.add(replace(worst, run_id="hope", evidence=replace(worst.evidence, exchanges=(exchange,))))
    _, text = await status_of(session, f"/probes/hope/{worst.probe_id}")
    assert f"<bdi>{status} " in text
    assert (f'<b class="bad"><bdi>{status} ' in text) is alarm


async def test_a_fix_is_no_command_that_a_running_service_would_refuse(site, four):
    paper, session = site
    worst = bad(four).worst
    down = replace(worst, outcome=Outcome.SKIPPED, reason=Reason.ENDPOINT_DOWN, blame=Blame.SOURCE, run_id="down")
    left = replace(worst, reason=Reason.STILL_WRITING, run_id="left")
    await paper.add(down, left)
    page = await page_of(session, f"/probes/down/{worst.probe_id}")
    assert f"Mend the endpoint's door first: {worst.subject.source} ." in page.text
    assert f"/endpoints/{worst.subject.source}#door" in page.links
    for run_id in ("down", "left"):
        text = (await page_of(session, f"/probes/{run_id}/{worst.probe_id}")).text
        assert "`" not in text
        assert "tpcharness check" not in text
        assert "tpcharness clean" not in text


def test_no_fix_names_a_command_that_needs_the_state_of_the_service():
    for reason in Reason:
        assert not re.search("tpcharness (check|clean|matrix|probe) ", remedy(reason, "SITE-A") + " "), reason


async def test_a_result_that_the_history_has_not_written_yet_is_shown_without_its_exchanges(site, four):
    paper, session = site
    result = replace(bad(four).worst, run_id="brand-new")
    paper.running.latest.add(result)
    page = await page_of(session, f"/probes/brand-new/{result.probe_id}")
    assert "is not known here" in page.text


async def test_pages_that_are_out_of_date_keep_no_old_matrix_alive(site, four, monkeypatch):
    """At a full mesh a look, with all that it knows, is some tens of megabytes."""
    paper, session = site
    monkeypatch.setattr(sight, "FRESH_SECONDS", 0.0)
    gc.collect()
    before = sum(isinstance(each, sight.Look) for each in gc.get_objects())
    for number, order in enumerate(("worst", "name", "given")):
        await page_of(session, f"/?order={order}")
        await paper.add(replace(bad(four).worst, run_id=f"later-{number}"))
    await page_of(session, "/?order=worst")
    gc.collect()
    assert sum(isinstance(each, sight.Look) for each in gc.get_objects()) == before + 1


async def test_the_endpoint_page_tells_role_budget_and_certificate(site, four):
    _, session = site
    name = bad(four).subject.destination
    page = await page_of(session, f"/endpoints/{name}")
    for words in ("As source", "As destination", "The door", "of 10 GiB", "Certificate until"):
        assert words in page.text


async def test_a_downtime_is_no_failure(site, four):
    paper, session = site
    name, now = bad(four).subject.destination, paper.clock.now()
    hour = timedelta(hours=1)
    downtime = Downtime(now - hour, now + hour, (name,), (), "new <b>racks</b>", "GOCDB")
    paper.running.schedule.set_downtimes([downtime])
    paper.running.findings = ()
    page = await page_of(session, "/")
    assert "in downtime" in page.text
    assert "new <b>racks</b>" in page.text  # as text
    assert f"{name} fails" not in page.text
    async with session.get("/api/v1/links", params={"destination": name}) as answer:
        assert {link["state"] for link in (await answer.json())["links"]} == {"downtime"}
    assert "In downtime until" in (await page_of(session, f"/endpoints/{name}")).text


async def test_failures_that_are_not_confirmed_blame_nobody(four, tmp_path):
    async with (
        paper_site(four, tmp_path, confirmed=False) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        text = (await page_of(session, "/")).text
    assert "Nobody: no confirmed failure needs a cause" in text
    assert "not confirmed yet" in text


async def test_the_headline_says_what_is_explained_and_what_is_not_and_it_adds_up(site, four):
    paper, session = site
    running = paper.running
    everything = (await page_of(session, "/")).text
    cells = [cell for cell in four.store.cells() if cell.state in ("failure", "error")]
    assert "explain them." in everything
    good = next(cell for cell in four.store.cells() if cell.state == "ok")
    running.latest.add(replace(cells[0].worst, subject=good.subject, variant=good.variant, run_id="fresh"))
    running.explained = running.explained - {(cells[0].subject, cells[0].variant)}
    look = await Sight(running).look()
    headline = verdict(look.cells, (), look.findings, explained=look.explained, unconfirmed=look.unconfirmed)
    assert look.unconfirmed == 1  # the new one; the other is confirmed, and the findings are older than that
    told = len(cells) - 1
    assert headline.startswith(f"{len(cells) + 1} of 24 cells fail: ")
    assert headline.endswith(f"explain {told} of them, 1 is not confirmed yet, 1 is not explained.")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("sources=SITE-A", ("1 source, 4 destinations",)),
        ("sources=SITE-A&destinations=SITE-B,SITE-C", ("1 source, 2 destinations",)),
        ("sources=nobody", ("0 sources", "No cell is left")),
        ("variant=https-push", ("4 sources",)),
        ("variant=nonsense&order=nonsense", ("4 sources",)),
        ("sources=%3Cscript%3E%22", ("No cell is left",)),
    ],
)
async def test_the_matrix_can_be_narrowed_without_script(site, query, wanted):
    _, session = site
    page = await page_of(session, f"/?{query}")
    assert all(words in page.text for words in wanted)
    assert sum(tag == "script" for tag, _ in page.tags) == 1


@pytest.mark.parametrize(
    "path",
    ["/endpoints/NOBODY", "/links/SITE-A/NOBODY", "/probes/x/y", "/endpoints/%00", "/links/%2e%2e/%3Cb%3E", "/nowhere"],
)
async def test_what_is_not_there_is_said_in_a_page(site, path):
    _, session = site
    async with session.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert answer.content_type == "text/html"
        assert "<b>" not in await answer.text()
    async with session.get(path, headers={"Accept": "*/*"}) as answer:
        assert answer.status == 404
        assert answer.content_type == "text/plain"


async def test_what_is_not_there_is_named_again_with_the_nearest(site):
    _, session = site
    html = {"Accept": "text/html"}
    for path, told in (
        ("/endpoints/SITE-AA", 'There is no endpoint "SITE-AA"; did you mean "SITE-A"?'),
        ("/endpoints/%3Cb%3Eqqqqqqqq", 'There is no endpoint "<b>qqqqqqqq".'),
        ("/links/SITE-A/site-dd", 'There is no endpoint "site-dd"; did you mean "SITE-D"?'),
        ("/links/SITE-A/SITE-A", '"SITE-A" has no link with itself'),
        ("/confg", 'There is no page "/confg"; did you mean "/config"?'),
        ("/%1b%5b31m", r'There is no page "/\x1b[31m".'),
    ):
        status, plain = await status_of(session, path)
        assert (status, told in plain) == (404, True), (path, plain)
        async with session.get(path, headers=html) as answer:
            assert answer.status == 404
            text = await answer.text()
        assert told in Page(text).text
        assert "<b>q" not in text


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("", "has not been probed yet"),
        ('sources = ["SITE-B"]', "no [[probes]] of the configuration selects it"),
    ],
)
async def test_a_link_without_results_says_whether_it_will_ever_have_some(four, tmp_path, more, why):
    empty = mesh(4)
    empty.store = type(empty.store)(site.name for site in empty.sites)
    async with (
        paper_site(empty, tmp_path, probes=more, confirmed=False) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        assert why in (await page_of(session, "/links/SITE-A/SITE-B")).text


async def test_a_link_with_an_endpoint_that_wants_no_probes_says_so(four, tmp_path):
    empty = mesh(4)
    empty.store = type(empty.store)(site.name for site in empty.sites)
    async with (
        paper_site(empty, tmp_path, harness='opt_out = ["SITE-B"]', confirmed=False) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        text = (await page_of(session, "/links/SITE-A/SITE-B")).text
        assert "opted out (SITE-B)" in text
        assert "not been probed yet" not in text


async def test_only_variants_that_are_scheduled_can_be_chosen(site):
    _, session = site
    _, text = await status_of(session, "/")
    assert re.findall('name="variant" value="([^"]+)"', text) == ["https-pull", "https-push"]


async def test_a_bad_attempt_is_the_askers_mistake(site):
    _, session = site
    for attempt in ("x", "-1", "1e9", "9" * 40):
        assert (await status_of(session, f"/probes/a/b?attempt={attempt}"))[0] == 400


async def test_the_configuration_is_shown_without_secrets(site):
    _, session = site
    page = await page_of(session, "/config")
    assert "client_secret_file" in page.text
    assert "very-secret-word" not in page.text
    assert "daemon.listen" in page.text
    assert "10GiB" in page.text  # as the file writes a budget


async def test_settings_are_shown_as_the_file_writes_them(four, tmp_path):
    more = '[[downtimes]]\nendpoints = ["SITE-A"]\nstart = 2026-11-22T08:00:00Z\nend = 2026-11-22T12:00:00Z\n'
    config = config_of(four, tmp_path, daemon="stale_after = 2.5", more=more)
    shown = {setting.key: setting.value for setting in settings_shown(config)}
    assert shown["daemon.stale_after"] == "2.5"
    assert shown["endpoints.SITE-A.bytes_per_day"] == '"10GiB"'
    assert "2026-11-22T08:00:00Z" in "".join(value for key, value in shown.items() if "downtime" in key)


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_hostile_text_is_text_on_every_page(tmp_path, payload):
    """Whatever a storage says anywhere; names are ours and stay."""
    made = mesh(4)
    _, store, _, names = planted(payload)
    own = {planted_name: name for name, planted_name in names.items()}
    results = []
    for result in store.results():
        subject = result.subject
        if isinstance(subject, LinkSubject):
            subject = LinkSubject(own[subject.source], own[subject.destination])
        else:
            subject = replace(subject, endpoint=own[subject.endpoint])
        results.append(replace(result, subject=subject, run_id="r1"))
    made.store = type(made.store)(site.name for site in made.sites)
    for result in results:
        made.store.add(result)
    worst = next(each for each in results if each.outcome == "failure" and isinstance(each.subject, LinkSubject))
    assert worst.hint == payload
    async with paper_site(made, tmp_path) as (paper, url), aiohttp.ClientSession(url) as session:
        paper.running.findings = tuple(replace(each, sentence=payload) for each in paper.running.findings)
        link = f"/links/{quote(worst.subject.source)}/{quote(worst.subject.destination)}"
        pages = [
            await page_of(session, path)
            for path in ("/", link, f"/endpoints/{worst.subject.source}", f"/probes/r1/{worst.probe_id}")
        ]
    for page in pages:
        assert " ".join(shown(payload).split()) in page.text
        assert [names_ for tag, names_ in page.tags if tag == "script"] == [("defer", "src")]
        assert not {tag for tag, _ in page.tags} & {"img", "iframe", "object", "embed", "base"}
        assert not any(name.startswith("on") for _, names_ in page.tags for name in names_)
        assert not any(address.lower().startswith("javascript:") for address in page.links)


async def test_a_living_secret_is_on_no_page(four, tmp_path):
    canary = Secret("canary-4711-very-secret-value")
    made = mesh(4)
    result = bad(made).worst
    exchange = replace(
        result.evidence.exchanges[-1],
        body_excerpt=f"you sent {canary.reveal()}",
        url=f"https://x.example/?a={canary.reveal()}",
        hops=(Hop("x", 500, canary.reveal(), location=canary.reveal()),),
    )
    result = replace(
        result,
        hint=canary.reveal(),
        warnings=(canary.reveal(),),
        evidence=replace(result.evidence, exchanges=(exchange,)),
        implementation=Implementation((canary.reveal(),), (canary.reveal(),)),
        markers=Markers(1, remote_connections=(canary.reveal(),)),
    )
    async with paper_site(four, tmp_path) as (paper, url), aiohttp.ClientSession(url) as session:
        await paper.add(result)
        for path in ("/", link_of(bad(made)), f"/probes/{result.run_id}/{result.probe_id}"):
            text = (await status_of(session, path))[1]
            assert "canary-4711" not in text
            assert path == "/" or "redacted" in text


async def test_many_readers_of_one_page_are_one_look(site):
    paper, session = site
    looked = 0
    glances = paper.running.latest.glances

    def counted():
        nonlocal looked
        looked += 1
        return glances()

    paper.running.latest.glances = counted
    answers = await asyncio.gather(*(status_of(session, "/") for _ in range(30)))
    assert {status for status, _ in answers} == {200}
    assert looked == 1
