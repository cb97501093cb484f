"""The matrix of protocols in the HTML report, as a reader meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.chromium import Browser
from tests.support.protocol_worlds import LINKS, ProtocolWorld
from tpcharness.export.html_report import fragment, html_report

pytestmark = [pytest.mark.real, pytest.mark.slow]

CELLS = (
    "return [...document.querySelectorAll('#grid td')].map("
    "(cell) => [cell.textContent, cell.ariaLabel, cell.className])"
)
PANEL = "return document.getElementById('evidence').innerText"
CUT = (
    "return [...document.querySelectorAll('#variants button')].filter((button) => "
    "button.scrollHeight > button.clientHeight || button.getBoundingClientRect().right > innerWidth)"
    ".map((button) => button.textContent)"
)
PRESS = (
    "[...document.querySelectorAll('#variants button')].find((button) => button.textContent === arguments[0]).click()"
)


@pytest.fixture(scope="module")
def world() -> ProtocolWorld:
    return ProtocolWorld(7)


@pytest.fixture
def report(world: ProtocolWorld, tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_text(html_report(world.run, world.store, world.findings), encoding="ascii")
    return file


def cell(browser: Browser, link: str) -> tuple[str, str, str]:
    text, label, classes = next(each for each in browser.script(CELLS) if each[1].startswith(f"{link}:"))
    return text, label, classes


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_cell_tells_the_best_and_what_fails(browser: Browser, report: Path, theme: str) -> None:
    browser.open(report, theme=theme)
    text, label, classes = cell(browser, "SITE-A to SITE-B")
    assert "pull failed, forbidden, destination has to act" in label
    assert "best: " in label
    assert text in "URDE="
    assert "a-ok b-failure" in classes
    assert cell(browser, "SITE-D to SITE-E")[2] == "a-ok b-ok plain"
    assert "the letter is the best variant" in browser.script("return document.getElementById('legend').textContent")


def test_one_variant_has_its_letters_of_blame(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert browser.script("return document.querySelectorAll('#variants button').length") == 1 + len(LINKS)
    browser.script(PRESS, "pull")
    assert cell(browser, "SITE-A to SITE-B")[0] == "D"
    browser.script(PRESS, "protocols")
    assert "a-ok b-failure" in cell(browser, "SITE-A to SITE-B")[2]


def test_a_filter_leaves_what_matches_in_any_variant(browser: Browser, report: Path) -> None:
    browser.open(report)
    browser.choose("show", "forbidden")
    columns = browser.script(
        "return [...document.querySelectorAll('#grid thead th bdi')].map((name) => name.textContent)"
    )
    assert columns == ["SITE-B"]


def test_evidence_of_an_endpoint_has_what_it_failed_alone(browser: Browser, report: Path) -> None:
    browser.open(report, fragment(endpoint="SITE-D"))
    text = browser.script(PANEL)
    assert "cache-read" in text
    assert "checksum_mismatch" in text


def test_a_narrow_screen_cuts_no_name_of_a_variant(browser: Browser, report: Path) -> None:
    browser.open(report, width=400)
    assert browser.script(CUT) == []
    readout = "const it = document.querySelector('.readout'); return [it.scrollWidth, it.clientWidth]"
    needed, given = browser.script(readout)
    assert needed <= given


def test_a_wide_mesh_is_drawn_without_a_word_of_complaint(browser: Browser, tmp_path: Path) -> None:
    world, file = ProtocolWorld(60), tmp_path / "wide.html"
    file.write_text(html_report(world.run, world.store, world.findings), encoding="ascii")
    browser.open(file, width=1400)
    assert len(browser.script(CELLS)) == 60 * 60
