"""The pages of the running service as a reader meets them: live, by keys, dark, narrow, hostile; in Chromium."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest

from tests.browser.meshes import mesh
from tests.browser.test_hostile_report import PAYLOADS
from tests.daemon.web.field import Paper, paper_site
from tpcharness.export.report_cells import shown
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome

pytestmark = [pytest.mark.real, pytest.mark.slow]

WAIT = 20000  # milliseconds: news come after five seconds at the latest


@dataclass
class Service:
    """A service in a loop and a thread of its own, since the browser blocks the test."""

    paper: Paper
    url: str
    loop: asyncio.AbstractEventLoop

    def add(self, *results):
        asyncio.run_coroutine_threadsafe(self.paper.add(*results), self.loop).result(30)


@contextmanager
def service(made, folder) -> Iterator[Service]:
    ready: list[Service] = []
    started, over = threading.Event(), threading.Event()

    async def live():
        async with paper_site(made, folder) as (paper, url):
            ready.append(Service(paper, url, asyncio.get_running_loop()))
            started.set()
            await asyncio.to_thread(over.wait)

    def run():
        try:
            asyncio.run(live())
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(60)
    try:
        yield ready[0]
    finally:
        over.set()
        thread.join(30)


@pytest.fixture
def six(tmp_path):
    with service(mesh(6), tmp_path) as running:
        yield running


@pytest.fixture
def reader(chromium):
    """The browser; at the end its page must have asked for nothing but ours, and complained of nothing."""
    yield chromium
    assert chromium.wrongs() == []
    assert {urlsplit(request).hostname for request in chromium.requests()} <= {"127.0.0.1"}
    chromium.driver.get("about:blank")


def wait_for(browser, condition):
    """Until a condition in the page is true; never by sleeping here."""
    code = f"""const done = arguments[0], end = performance.now() + {WAIT};
        const look = () => {{ if ({condition}) done(true); else if (performance.now() > end) done(false);
          else setTimeout(look, 30); }}; look();"""
    browser.driver.set_script_timeout(WAIT / 1000 + 5)
    assert browser.driver.execute_async_script(code), condition


def bad(running):
    return next(result for result in running.paper.running.latest.results() if result.outcome is Outcome.FAILURE)


def pages(running):
    result = bad(running)
    source, destination = result.subject.source, result.subject.destination
    return [
        "/",
        f"/endpoints/{destination}",
        f"/links/{source}/{destination}",
        f"/probes/{result.run_id}/{result.probe_id}",
        "/config",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_every_page_is_drawn_without_complaint(reader, six, theme, width):
    for path in pages(six):
        reader.visit(six.url + path, theme=theme, width=width)
        assert reader.script("return document.querySelector('h1').textContent.length") > 3
        wide = reader.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{path} scrolls sideways by {wide} at {width}"
        assert reader.wrongs() == []


CUT = "return [...document.querySelectorAll('#grid tbody th a')].filter((a) => a.scrollWidth > a.clientWidth).length"
LABEL = "return document.querySelector('#grid col').getBoundingClientRect().width"


@pytest.mark.parametrize("count", [6, 40])
def test_long_names_of_hosts_are_told_apart_and_push_nothing_off_the_page(reader, tmp_path, count):
    made = mesh(count, called=lambda number: f"dcache-door-doma-production{number:02}.desy.de")
    with service(made, tmp_path) as running:
        reader.visit(running.url, width=1280)
        assert reader.script(CUT) == 0
        beside = "return [...document.querySelectorAll('.wide')].map((each) => each.scrollWidth - each.clientWidth)"
        assert max(reader.script(beside)) <= 0
        reader.visit(running.url, width=400)
        assert reader.script(LABEL) <= 160  # what is left for the cells is more


def test_short_names_take_no_more_room_than_they_need(reader, six):
    reader.visit(six.url)
    assert reader.script(LABEL) == 190
    assert reader.script(CUT) == 0


@pytest.mark.parametrize("width", [1280, 400])
def test_the_boxes_of_variants_stand_in_one_line_with_their_words(reader, six, width):
    reader.visit(six.url, width=width)
    middles = """return [...document.querySelectorAll('.controls fieldset, .controls fieldset *')]
        .map((each) => each.getBoundingClientRect()).map((box) => (box.top + box.bottom) / 2)"""
    found = reader.script(middles)
    assert max(found) - min(found) <= 2


def test_the_blame_stands_above_the_fold(reader, six):
    reader.visit(six.url)
    top = reader.script("return document.querySelector('.finding').getBoundingClientRect().bottom")
    assert top < 900


def test_without_script_everything_is_there(chromium, six):
    text = chromium.visit_without_script(six.url)
    for finding in six.paper.running.findings:
        assert finding.sentence[:40] in text
    for endpoint in six.paper.running.config.endpoints:
        assert text.count(endpoint) > 2


def test_a_click_on_a_cell_leads_to_its_link(reader, six):
    reader.visit(six.url)
    href = reader.script("const a = document.querySelector('#grid td.a-failure a'); a.click(); return a.pathname")
    wait_for(reader, f"location.pathname === '{href}'")
    assert "has to act" in reader.script("return document.body.innerText")


def test_arrow_keys_walk_the_matrix(reader, six):
    reader.visit(six.url)
    reader.script("document.querySelector('#grid tbody tr:nth-child(2) td:nth-child(3) a').focus()")
    place = """const td = document.activeElement.closest('td');
        return [td.parentNode.sectionRowIndex, td.cellIndex]"""
    assert reader.script(place) == [1, 2]
    reader.keys("\ue015")  # down
    assert reader.script(place)[0] > 1
    reader.keys("\ue013")  # up
    assert reader.script(place) == [1, 2]
    assert "→" in reader.script("return document.getElementById('readout').textContent")


def test_news_come_by_themselves_and_disturb_nothing(reader, tmp_path):
    made = mesh(6)
    with service(made, tmp_path) as running:
        reader.visit(running.url)
        result = next(each for each in running.paper.running.latest.results() if each.ok and each.variant.of_link)
        source, destination = result.subject.source, result.subject.destination
        cell = f'#grid a[href="/links/{source}/{destination}"]'
        reader.script(f"document.querySelector('{cell}').focus(); window.kept = document.querySelector('form')")
        before = reader.script(f"return document.querySelector('{cell}').textContent")
        full = replace(result, outcome=Outcome.FAILURE, reason=Reason.NO_SPACE, blame=Blame.DESTINATION, probe_id="n")
        running.add(full)
        wait_for(reader, f"document.querySelector('{cell}').textContent !== '{before}'")
        assert "D" in reader.script(f"return document.querySelector('{cell}').textContent")
        assert reader.script(f"return document.activeElement === document.querySelector('{cell}')")
        assert reader.script("return window.kept === document.querySelector('form')")  # not the whole page
    reader.driver.get("about:blank")


def test_a_service_that_is_gone_is_said(chromium, tmp_path):
    with service(mesh(4), tmp_path) as running:
        chromium.visit(running.url)
    chromium.script("refresh()")
    wait_for(chromium, "document.documentElement.classList.contains('offline')")
    chromium.driver.get("about:blank")
    chromium.wrongs()


def test_the_switch_of_colours_lasts_over_pages(reader, six):
    paper = "return getComputedStyle(document.body).backgroundColor"
    reader.visit(six.url)
    light = reader.script(paper)
    reader.script("document.getElementById('theme').click()")
    dark = reader.script(paper)
    reader.driver.get(f"{six.url}/config")
    assert light != dark == reader.script(paper)
    reader.script("localStorage.clear()")


def test_sixty_endpoints_are_drawn_and_found(reader, tmp_path):
    with service(mesh(60), tmp_path) as running:
        reader.visit(running.url)
        assert reader.script("return document.querySelectorAll('#grid td').length") == 3600
        reader.visit(f"{running.url}/?sources=CERN&destinations=DESY&variant=https-push&order=name")
        assert 0 < reader.script("return document.querySelectorAll('#grid td').length") < 100
        assert reader.script("return document.querySelector('[name=sources]').value") == "CERN"
        reader.driver.get("about:blank")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_does_nothing(reader, six, payload):
    result = bad(six)
    exchanges = tuple(
        replace(each, url=payload, body_excerpt=payload, server=payload, status_text=payload, error=payload)
        for each in (six_exchange(six, result),)
    )
    hostile = replace(
        result,
        probe_id=f"hostile-{PAYLOADS.index(payload)}",
        hint=payload,
        warnings=(payload,),
        evidence=replace(result.evidence, exchanges=exchanges),
    )
    six.add(hostile)
    for path in [*pages(six)[1:3], f"/probes/{hostile.run_id}/{hostile.probe_id}"]:
        reader.visit(six.url + path)
        assert reader.script("return document.scripts.length") == 1
        assert reader.script("return document.querySelectorAll('img, iframe, base, [onerror], [onload]').length") == 0
        assert reader.wrongs() == []
    reader.script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert reader.script("return document.body.innerText").count(shown(payload).strip()[:20]) >= 5


def six_exchange(running, result):
    full = asyncio.run_coroutine_threadsafe(
        running.paper.running.history.result(result.run_id, result.probe_id), running.loop
    ).result(30)
    return full.evidence.exchanges[-1]
