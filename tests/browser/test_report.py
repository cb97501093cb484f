"""The HTML report as a reader meets it: clicks, keys, links, colours, paper, in Chromium."""

import re
from dataclasses import replace

import pytest

from tests.browser.meshes import mesh
from tpcharness.export.html_report import fragment, html_report
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Phase, Variant

pytestmark = [pytest.mark.real, pytest.mark.slow]

UP, DOWN, LEFT, RIGHT, ENTER, ESCAPE, END, HOME = (
    "\ue013", "\ue015", "\ue012", "\ue014", "\ue007", "\ue00c", "\ue010", "\ue011",
)  # fmt: skip

TITLE = "return document.getElementById('evidence').hidden ? '' : document.getElementById('evidence-title').textContent"
PANEL = "return document.getElementById('evidence').innerText"
ROWS = "return [...document.querySelectorAll('#grid tbody th bdi')].map((name) => name.textContent)"
COLUMNS = "return [...document.querySelectorAll('#grid thead th bdi')].map((name) => name.textContent)"
FOCUS = "return document.activeElement.getAttribute('aria-label') ?? ''"
ENTER_GRID = "document.querySelector('#grid td[tabindex=\"0\"]').focus()"


def bad_cells(made, variant):
    return [cell for cell in made.store.cells() if cell.variant is variant and cell.state == "failure"]


def link_to(cell):
    return fragment(src=cell.subject.source, dst=cell.subject.destination, variant=cell.variant.value)


# ---- cells and their evidence


def test_a_click_on_a_cell_shows_its_evidence(browser, page_of):
    made, file = page_of(4)
    browser.open(file)
    cell = bad_cells(made, Variant.HTTPS_PULL)[0]
    browser.script(
        "[...document.querySelectorAll('#grid td')].find((cell) => cell.ariaLabel.startsWith(arguments[0])).click()",
        f"{cell.subject.source} to {cell.subject.destination}:",
    )
    assert browser.script(TITLE) == f"{cell.subject.source} → {cell.subject.destination}"
    text = browser.script(PANEL)
    worst = cell.worst
    for words in (worst.reason.value, worst.reason.info.sentence, worst.reason.info.fix, worst.probe_id):
        assert words in text
    assert cell.subject.source in text
    assert worst.evidence.exchanges[-1].url in text.replace("\n", "")
    assert browser.script("return location.hash") == link_to(cell)


def test_evidence_has_everything_that_the_result_has(browser, page_of):
    made, file = page_of(12)
    cell = next(cell for cell in bad_cells(made, Variant.HTTPS_PUSH) if cell.worst.reason == "passive_timeout")
    browser.open(file, link_to(cell))
    browser.script("document.querySelectorAll('#evidence details').forEach((each) => { each.open = true; })")
    text = browser.script(PANEL)
    result = cell.worst
    for exchange in result.evidence.exchanges:
        assert exchange.url in text
        assert exchange.body_excerpt in text
        assert all(f"{name}: {value}" in text for name, value in exchange.request_headers)
    assert all(token.scope in text and token.issuer in text for token in result.evidence.tokens)
    for words in ("no byte moved for 30 s", "6 seen", "adler32 not found, expected ddbb9e0f", "ipv6", "1 MiB"):
        assert words in text
    assert result.implementation.source[0] in text
    assert browser.script("return document.querySelectorAll('#evidence .bar i').length") == len(result.phases)


def test_a_command_in_a_fix_is_code_and_names_the_endpoint(browser, tmp_path):
    made = mesh(4)
    good = next(cell for cell in made.store.cells() if cell.state == "ok").worst
    gone = replace(good.evidence.exchanges[0], method="HEAD", status=404, phase=Phase.CLEANUP, error="")
    made.store.add(
        replace(
            good,
            outcome=Outcome.SKIPPED,
            reason=Reason.ENDPOINT_DOWN,
            blame=Blame.SOURCE,
            evidence=replace(good.evidence, exchanges=(gone,)),
        )
    )
    file = tmp_path / "report.html"
    file.write_text(html_report(made.run, made.store, made.findings), encoding="ascii")
    cell = made.store.cell(good.subject.source, good.subject.destination, good.variant)
    browser.open(file, link_to(cell))
    code = "return [...document.querySelectorAll('#evidence dd code')].map((each) => each.textContent)"
    assert f"tpcharness check {good.subject.source}" in browser.script(code)
    assert "`" not in browser.script(PANEL)
    assert browser.script("return document.querySelectorAll('#evidence .exchange .bad').length") == 0


def test_a_good_cell_says_how_fast_it_was(browser, page_of):
    made, file = page_of(4)
    good = next(cell for cell in made.store.cells() if cell.state == "ok")
    browser.open(file, link_to(good))
    assert re.search(r"The copy arrived: .* about [\d.]+ [kMG]B/s", browser.script(PANEL))


def test_the_other_variant_is_one_click_away(browser, page_of):
    made, file = page_of(4)
    cell = bad_cells(made, Variant.HTTPS_PULL)[0]
    browser.open(file, link_to(cell))
    browser.script("document.querySelector('#evidence nav a:not([aria-current])').click()")
    assert "variant=https-push" in browser.script("return location.hash")
    assert browser.script("return document.querySelector('#evidence [aria-current]').innerText").startswith(
        "https-push"
    )


def test_every_finding_leads_to_evidence(browser, page_of):
    made, file = page_of(60)
    browser.open(file)
    links = browser.script("return [...document.querySelectorAll('.findings a')].map((link) => link.hash)")
    assert len(links) > 3
    for number, finding in enumerate(made.findings[: len(links)]):
        browser.script("document.querySelectorAll('.findings a')[arguments[0]].click()", number)
        browser.open(file, links[number])
        assert finding.reason.value in browser.script(PANEL)


def test_an_endpoint_shows_its_door(browser, page_of):
    made, file = page_of(12)
    name = made.sites[3].name
    browser.open(file, fragment(endpoint=name))
    assert browser.script(TITLE) == f"{name} door check"
    text = browser.script(PANEL)
    assert f"CN={made.sites[3].host}" in text
    assert made.sites[3].base.partition("/tpcharness/")[0] in text


@pytest.mark.parametrize("odd", ["#src=NOBODY&dst=SITE-A", "#endpoint=%00", "#src=SITE-A", "#=", "#matrix", "#src=%"])
def test_a_link_to_nowhere_is_no_error(browser, page_of, odd):
    _, file = page_of(4)
    browser.open(file, odd)
    assert browser.script(TITLE) == ""


# ---- the keyboard


def test_the_matrix_is_walked_by_keys_and_enter_opens_the_evidence(browser, page_of):
    _, file = page_of(4)
    browser.open(file)
    rows, columns = browser.script(ROWS), browser.script(COLUMNS)
    browser.script(ENTER_GRID)
    browser.keys(DOWN, RIGHT, RIGHT)
    assert browser.script(FOCUS).startswith(f"{rows[1]} to {columns[2]}: ")
    browser.keys(UP, UP, LEFT, END)
    assert browser.script(FOCUS).startswith(f"{rows[0]} to {columns[-1]}: ")
    browser.keys(END, control=True)
    assert browser.script(FOCUS).startswith(f"{rows[-1]} to {columns[-1]}: ")
    browser.keys(HOME, control=True)
    here = browser.script(FOCUS)
    browser.keys(ENTER)
    assert browser.script(TITLE) == f"{rows[0]} → {columns[0]}"
    assert browser.script("return document.activeElement.id") == "evidence-title"
    browser.keys(ESCAPE)
    assert browser.script(TITLE) == ""
    assert browser.script(FOCUS) == here
    assert browser.script("return location.hash") == ""


def test_one_cell_is_in_the_order_of_tabs_and_every_cell_has_a_label(browser, page_of):
    made, file = page_of(12)
    browser.open(file)
    assert browser.script("return document.querySelectorAll('#grid td[tabindex=\"0\"]').length") == 1
    labels = browser.script("return [...document.querySelectorAll('#grid td')].map((cell) => cell.ariaLabel)")
    assert len(set(labels)) == 144
    failing = sum("failed" in label or "our own error" in label for label in labels)
    assert failing == len({cell.subject for cell in made.store.cells() if cell.state in ("failure", "error")})


def test_focus_is_not_hidden_below_the_headings(browser, page_of):
    _, file = page_of(60)
    browser.open(file)
    browser.script(ENTER_GRID)
    browser.keys(END, control=True)
    browser.keys(*[UP] * 59, *[LEFT] * 59)
    covered = browser.script(
        "const box = document.activeElement.getBoundingClientRect();"
        "return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) !== document.activeElement"
    )
    assert not covered


# ---- order and choice


def test_the_worst_rows_and_columns_stand_together_first(browser, page_of):
    made, file = page_of(60)
    browser.open(file)
    shown_rows = browser.script(ROWS)
    bad = dict.fromkeys(shown_rows, 0)
    for cell in made.store.cells():
        if cell.state in ("failure", "error") and isinstance(cell.subject, LinkSubject):
            bad[cell.subject.source] += 1
    counts = [bad[name] for name in shown_rows]
    assert counts == sorted(counts, reverse=True)
    browser.choose("order", "given")
    assert browser.script(ROWS) == browser.script(COLUMNS) == list(made.store.endpoints())
    browser.choose("order", "name")
    assert browser.script(ROWS) == sorted(made.store.endpoints(), key=str.lower)


def test_filters_keep_what_they_name(browser, page_of):
    made, file = page_of(60)
    browser.open(file)
    browser.choose("from", "cern desy")
    assert all(re.match("CERN|DESY", name) for name in browser.script(ROWS))
    assert len(browser.script(COLUMNS)) == 60
    browser.choose("to", "nowhere")
    assert browser.script("return document.getElementById('readout').textContent").startswith("No cell is left")
    browser.choose("to", "")
    browser.choose("from", "")
    browser.choose("show", "passive_not_found")
    sources = {cell.subject.source for cell in made.store.cells() if cell.worst.reason == "passive_not_found"}
    assert set(browser.script(ROWS)) == sources
    browser.choose("show", "*")
    sources = {cell.subject.source for cell in made.store.cells() if cell.state in ("failure", "error")}
    assert set(browser.script(ROWS)) == sources


def test_one_variant_alone(browser, page_of):
    made, file = page_of(4)
    browser.open(file)
    browser.script("document.querySelectorAll('#variants button')[1].click()")
    pull = bad_cells(made, Variant.HTTPS_PULL)
    letters = browser.script("return [...document.querySelectorAll('#grid td')].map((cell) => cell.textContent)")
    assert sum(letter in ("S", "D") for letter in letters) == len(pull)
    assert all(len(letter) <= 1 for letter in letters)


# ---- looks


@pytest.mark.parametrize("count", [4, 12, 60])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_page_never_scrolls_sideways(browser, page_of, count, width):
    _, file = page_of(count)
    browser.open(file, width=width)
    assert browser.script("return document.documentElement.scrollWidth") <= width


def test_dark_follows_the_system_and_the_switch_overrides_it(browser, page_of):
    _, file = page_of(4)
    paper = "return getComputedStyle(document.body).backgroundColor"
    browser.open(file)
    light = browser.script(paper)
    browser.open(file, theme="dark")
    dark = browser.script(paper)
    assert light != dark
    browser.script("document.getElementById('theme').click()")
    assert browser.script(paper) == light
    browser.script("document.getElementById('theme').click()")
    assert browser.script(paper) == dark


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_can_be_read_on_every_fill(browser, page_of, theme):
    _, file = page_of(4)
    browser.open(file, theme=theme)
    contrast = """
        const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const probe = document.body.appendChild(document.createElement('i'));
        const light = (name) => {
          probe.style.color = `var(--${name})`;
          paint.fillStyle = getComputedStyle(probe).color;
          paint.fillRect(0, 0, 1, 1);
          const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const [a, b] = [light(arguments[0]), light(arguments[1])].sort((a, b) => b - a);
        probe.remove();
        return (a + 0.05) / (b + 0.05);"""
    for fill in ("ok", "failure", "error", "skipped", "stale"):
        assert browser.script(contrast, "on", fill) >= 4.5, fill
    for ink in ("ink", "quiet", "link", "bad", "warning"):
        assert browser.script(contrast, ink, "paper") >= 4.5, ink
    assert browser.script(contrast, "ok", "failure") >= 1.5  # without any hue


def test_it_prints_on_a4_landscape_with_the_matrix_on_one_page(browser, page_of):
    _, file = page_of(60)
    browser.open(file, theme="dark")
    pdf = browser.pdf()
    boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox\s*\[([^]]*)\]", pdf)}
    assert {(round(width), round(height)) for _, _, width, height in boxes} == {(842, 595)}
    browser.emulate("print")
    browser.script("dispatchEvent(new Event('beforeprint'))")
    width, height = browser.script(
        "const box = document.getElementById('grid').getBoundingClientRect(); return [box.width, box.height]"
    )
    assert width <= 1041
    assert height <= 601
    assert browser.script("return [...document.querySelectorAll('details.more')].every((each) => each.open)")
    assert browser.script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.script("dispatchEvent(new Event('afterprint'))")
    browser.emulate("")
    assert not browser.script("return document.querySelector('details.more').open")


def test_without_script_findings_and_tables_are_there(chromium, page_of):
    made, file = page_of(12)
    text = chromium.open_without_script(file)
    assert "which is switched off here" in text
    for finding in made.findings:
        assert finding.sentence[:40] in text
    assert all(name in text for name in made.store.endpoints())


# ---- size


def test_170_endpoints_are_drawn_and_filtered_quickly(browser, page_of):
    """Against as many empty cells in the same browser: no fast machine, no slow one."""
    _, file = page_of(170)
    browser.open(file)
    assert browser.script("return document.querySelectorAll('#grid td').length") == 170 * 170
    yardstick, drawn = browser.script("""
        const timed = (work) => { const start = performance.now(); work(); return performance.now() - start; };
        const empty = () => {
          const table = document.body.appendChild(document.createElement('table'));
          for (let i = 0; i < 170; i += 1) {
            const row = table.appendChild(document.createElement('tr'));
            for (let j = 0; j < 170; j += 1) row.appendChild(document.createElement('td')).textContent = 'x';
          }
          table.getBoundingClientRect();
          table.remove();
        };
        const order = document.getElementById('order');
        const redraw = () => {
          order.value = order.value === 'name' ? 'worst' : 'name';
          order.dispatchEvent(new Event('change'));
          document.getElementById('grid').getBoundingClientRect();
        };
        const best = (work) => Math.min(...[1, 2, 3].map(() => timed(work)));
        return [best(empty), best(redraw)];""")
    print(f"170 x 170: redrawn in {drawn:.0f} ms, as many empty cells in {yardstick:.0f} ms")
    assert drawn < 10 * yardstick
