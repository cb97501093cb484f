"""Text of servers that wants to be more than text: the report in Chromium shows it and does nothing."""

from dataclasses import replace

import pytest

from tests.browser.meshes import mesh
from tpcharness.export.html_report import fragment, html_report
from tpcharness.export.report_cells import shown
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.result import Alternative, Evidence, Hop, Implementation, Markers
from tpcharness.results.run import EndpointFacts
from tpcharness.results.store import MatrixStore

pytestmark = [pytest.mark.real, pytest.mark.slow]

PAYLOADS = (
    "<script>wrong.push('ran')</script>",
    "</script><script>wrong.push('ran')</script>",
    "<img src=x onerror=\"wrong.push('ran')\">",
    "\"><svg onload=wrong.push('ran')>",
    "' autofocus onfocus='wrong.push(1)' x='",
    "]]><!--<script>-->&lt;b&gt;&amp;",
    "javascript:wrong.push('ran')",
    "{{7*7}}{% raw %}${7*7}`",
    "\x00\x01\x02\x1b[31m\x7f\x9b",
    "\u202egnp.exe\u2066\u200b\ufeff\u2028\u2029",
    "https://localhost:1/\\\u0000\ud800",
)

ALIEN = "img, iframe, object, embed, base, [onerror], [onfocus], [onload], [autofocus], a:not([href^='#']):not(th a)"


def planted(text):
    """A mesh in which every text that comes from outside is this one."""
    made = mesh(4)
    names = {site.name: f"{site.name}{text}" for site in made.sites}
    store = MatrixStore(names.values())
    for result in made.store.results():
        subject, evidence = result.subject, result.evidence
        if isinstance(subject, LinkSubject):
            subject = LinkSubject(names[subject.source], names[subject.destination])
        else:
            subject = replace(subject, endpoint=names[subject.endpoint])
        exchanges = tuple(
            replace(
                each, method=text, url=text, request_headers=((text, text),), status_text=text, server=text,
                hops=(Hop(text, 500, text, text, text),), body_excerpt=text, error=text,
            )
            for each in evidence.exchanges
        )  # fmt: skip
        tokens = tuple(
            replace(each, role=text, issuer=text, subject_hash=text, audience=(text,), scope=text)
            for each in evidence.tokens
        )
        tls = tuple(
            replace(each, address=text, version=text, subject=text, issuer=text, names=(text,)) for each in evidence.tls
        )
        store.add(
            replace(
                result, subject=subject, evidence=Evidence(exchanges, tokens, tls), hint=text, warnings=(text,),
                run_id=text, markers=Markers(1, 1, 1.0, 1.0, (text,)), implementation=Implementation((text,), (text,)),
                checksum=replace(result.checksum, algorithm=text, expected=text, found=text),
                alternatives=(Alternative(result.reason, result.blame),),
            )
        )  # fmt: skip
    facts = tuple(EndpointFacts(name, text, text) for name in names.values())
    dropped = tuple(replace(each, detail=text) for each in made.run.dropped)
    run = replace(
        made.run, run_id=text, version=text, harness=text, config_path=text, endpoints=facts, dropped=dropped,
        warnings=(text,),
    )  # fmt: skip
    found = [replace(each, sentence=text, culprits=tuple(names[c] for c in each.culprits)) for each in made.findings]
    return run, store, found, names


def test_the_policy_stops_what_would_get_in_all_the_same(chromium, page_of, tmp_path):
    """Also the proof that the tests here would notice it."""
    _, file = page_of(4)
    planted = (
        "<p id=here></p><img src=https://localhost:1/x onerror=wrong.push('ran')><script>wrong.push('ran')</script>"
    )
    (tmp_path / "open.html").write_text(file.read_text().replace("</main>", f"{planted}</main>"))
    chromium.open(tmp_path / "open.html")
    wrongs = chromium.wrongs()
    assert {"policy: img-src", "policy: script-src-elem"} <= set(wrongs)
    assert "ran" not in wrongs
    markup = "try { document.getElementById('here').innerHTML = '<b>'; return 'set'; } catch { return 'refused'; }"
    assert chromium.script(markup) == "refused"
    assert chromium.wrongs()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_is_shown_and_does_nothing(browser, tmp_path, payload):
    run, store, findings, names = planted(payload)
    file = tmp_path / "hostile.html"
    file.write_text(html_report(run, store, findings), encoding="ascii")
    bad = next(cell for cell in store.cells() if cell.state == "failure")
    cell = fragment(src=bad.subject.source, dst=bad.subject.destination, variant=bad.variant.value)
    first = fragment(endpoint=next(iter(names.values())))
    wanted = shown(payload)
    seen = "return document.body.innerText"
    for link in ("", cell, first):
        browser.open(file, link)
        browser.script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        browser.script("document.querySelectorAll('#grid td, #grid th').forEach((each) => each.dispatchEvent("
                       "new MouseEvent('mouseover', {bubbles: true})))")  # fmt: skip
        assert wanted in browser.script(seen)
        assert browser.script("return document.scripts.length") == 2
        assert browser.script("return document.querySelectorAll(arguments[0]).length", ALIEN) == 0
        assert browser.wrongs() == []
    browser.open(file, cell)
    text = browser.script("return document.getElementById('evidence').innerText")
    assert text.count(wanted) >= 15
