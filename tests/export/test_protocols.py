"""Which ways to copy work, and which is the best: said alike in every output, and never invented."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from tests.export.samples import door, failed, good
from tests.export.screen import Screen
from tests.support.matrices import START
from tests.support.protocol_worlds import ALONE, LINKS, ProtocolWorld
from tpcharness.export.alone import alone_table
from tpcharness.export.document import document_text, read_document
from tpcharness.export.html_report import html_report
from tpcharness.export.junit import junit_text
from tpcharness.export.markdown import markdown_text
from tpcharness.export.plugin_text import Status, judge
from tpcharness.export.protocols import VARIANT_LETTERS, Choice, best_of, contrasts_of, untold
from tpcharness.export.schema import document_schema
from tpcharness.export.table import MatrixReport
from tpcharness.model.result import Result
from tpcharness.model.variant import LINK_VARIANTS, Variant
from tpcharness.results.store import MatrixStore

PULL, PUSH, ROOT = Variant.HTTPS_PULL, Variant.HTTPS_PUSH, Variant.ROOT_PULL


@pytest.fixture(scope="module")
def world() -> ProtocolWorld:
    return ProtocolWorld(4)


def best(*results: Result):
    store = MatrixStore()
    for result in results:
        store.add(result)
    return best_of(store.cells())


def at(variant: Variant, rate: float | None, size: int = 1024) -> Result:
    return replace(good(variant=variant), throughput=rate, size_bytes=size)


def test_each_variant_has_its_own_letter_that_is_no_mark() -> None:
    assert set(VARIANT_LETTERS) == set(LINK_VARIANTS)
    assert len(set(VARIANT_LETTERS.values())) == len(VARIANT_LETTERS)
    assert not {letter for each in VARIANT_LETTERS.values() for letter in (each, each.upper())} & set("oX!.~")


def test_the_best_has_the_highest_throughput() -> None:
    found = best(at(PULL, 10e6), at(PUSH, 12e6), failed(variant=ROOT))
    assert (found.choice, found.variant, found.mark) == (Choice.FASTEST, PUSH, "U")
    assert str(found) == "best: https-push, the fastest, 12 MB/s"


def test_the_largest_size_decides() -> None:
    assert best(at(PULL, 90e6, 10), at(PULL, 10e6, 10**9), at(PUSH, 12e6, 10**9)).variant is PUSH


@pytest.mark.parametrize(
    ("results", "choice", "mark"),
    [
        ((at(PULL, 10e6), at(PUSH, 10.01e6)), Choice.TIE, "="),
        ((at(PULL, 10e6), at(PUSH, None)), Choice.UNKNOWN, "?"),
        ((at(PULL, None), failed(variant=PUSH)), Choice.ONLY, "P"),
        ((failed(variant=PULL), failed(variant=PUSH)), Choice.NONE, " "),
        ((at(Variant.TAPE_RECALL, 90e6), at(PULL, 10e6)), Choice.ONLY, "P"),
    ],
    ids=lambda value: str(value) if isinstance(value, Choice) else "",
)
def test_a_tie_or_a_missing_figure_is_said(results: tuple[Result, ...], choice: Choice, mark: str) -> None:
    found = best(*results)
    assert (found.choice, found.mark) == (choice, mark)


# ---- the terminal


def show(world: ProtocolWorld, width: int = 120) -> str:
    return Screen(width).show(MatrixReport(world.store, world.run, world.findings)).text


def test_the_terminal_has_a_word_for_each_link(world: ProtocolWorld) -> None:
    text = show(world)
    assert "which work, the best as a capital: p https-pull, u https-push, r root-pull, d gfal-davs-davs" in text
    words = re.findall(r"(?<=  )[pP✗][uU][rR✗][dD][eE](?= |$)", text, re.MULTILINE)
    assert len(words) == 12
    assert all(sum(letter.isupper() for letter in word) <= 1 for word in words)
    assert sum("✗" in word for word in words) == 3 + 6 - 1  # the two planted causes share one link


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("count", [4, 30])
def test_a_letter_and_its_variant_stand_on_one_line(count: int, width: int) -> None:
    lines = show(ProtocolWorld(count), width).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("which work"))
    legend = "\n".join(lines[first:])
    for variant in LINKS:
        assert re.search(rf"^(.*[ :])?{VARIANT_LETTERS[variant]} {variant}[,;]?( |$)", legend, re.MULTILINE), variant
    assert max(map(len, lines)) <= width


def test_no_line_in_a_terminal_ends_with_blanks(world: ProtocolWorld) -> None:
    written = io.StringIO()
    Console(file=written, width=60).print(MatrixReport(world.store, world.run, world.findings))
    assert [line for line in written.getvalue().splitlines() if line.endswith(" ")] == []


def test_the_terminal_has_endpoints_alone_and_what_no_finding_tells(world: ProtocolWorld) -> None:
    text = " ".join(show(world).split())
    assert "endpoints alone; a number is MB/s" in text
    assert "endpoints alone: 27 of 28 ok, 1 failed" in text
    left = untold(contrasts_of(world.store), world.findings)
    assert {each.kind for each in left} == {"slow_path"}
    assert text.count("contrast:") == len(left)


def test_both_modes_alone_need_no_matrix_of_protocols() -> None:
    store = MatrixStore()
    for result in (good(), good(variant=PUSH), door("SITE-A")):
        store.add(result)
    assert "which work" not in Screen(80).show(MatrixReport(store, ProtocolWorld(4).run)).text


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("count", [7, 45])
def test_nothing_is_wider_than_the_terminal(count: int, width: int) -> None:
    world = ProtocolWorld(count)
    lines = Screen(width).show(MatrixReport(world.store, world.run, world.findings)).lines
    assert max(map(len, lines)) <= width


# ---- documents


def test_the_json_document_carries_contrasts_and_follows_its_schema(world: ProtocolWorld) -> None:
    text = "".join(document_text(world.run, world.store.results(), world.findings, contrasts_of(world.store)))
    document = json.loads(text)
    Draft202012Validator(document_schema()).validate(document)
    assert {each["kind"] for each in document["contrasts"]} >= {"third_party_refused", "slow_path", "cache_fails"}
    assert any(finding["contrasts"] for finding in document["findings"])
    assert read_document(document).findings == world.findings
    probes = {result.probe_id for result in world.store.results()}
    assert all(set(each["probe_ids"]) <= probes for each in document["contrasts"])


def test_a_document_of_former_days_has_no_contrasts(world: ProtocolWorld) -> None:
    document = json.loads("".join(document_text(world.run, (), world.findings)))
    for finding in document["findings"]:
        del finding["contrasts"]
    del document["contrasts"]
    assert all(finding.contrasts == () for finding in read_document(document).findings)


def test_stale_results_make_no_contrast(world: ProtocolWorld) -> None:
    store = MatrixStore(green_seconds=3600)
    for result in world.store.results():
        store.add(result)
    now = START + timedelta(hours=2)
    assert contrasts_of(store)
    assert not contrasts_of(store, now)


def test_the_html_report_holds_protocols_endpoints_alone_and_contrasts(world: ProtocolWorld) -> None:
    text = html_report(world.run, world.store, world.findings)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert [len(row) for row in data["best"]] == [4] * 4
    assert data["letters"] == {variant.value: VARIANT_LETTERS[variant] for variant in LINKS}
    assert [[variant for variant, _ in each] for each in data["alone"]] == [[], [], [], ["cache-read"]]
    for words in ("Asked alone", "Contrasts", "both halves are faster"):
        assert words in text


def test_the_html_report_of_a_full_mesh_stays_small() -> None:
    world = ProtocolWorld(60)
    assert len(html_report(world.run, world.store, world.findings)) < 400_000


def test_markdown_has_all_of_it(world: ProtocolWorld) -> None:
    text = "".join(markdown_text(world.run, world.store, world.findings))
    assert "### Which variants work" in text
    assert "### Contrasts between variants" in text
    assert "✗ checksum\\_mismatch" in text or "✗ checksum_mismatch" in text
    assert "27 of 28 endpoints alone ok" in text


def test_junit_has_a_suite_of_what_endpoints_do_alone(world: ProtocolWorld) -> None:
    root = ET.fromstring("".join(junit_text(world.run, world.store, world.findings)))
    suite = next(each for each in root if each.get("name") == "endpoints-alone")
    assert (suite.get("tests"), suite.get("failures")) == (str(4 * len(ALONE)), "1")
    told = {each.get("value") for each in root.iter("property") if each.get("name") == "contrast"}
    assert told == {contrast.sentence for contrast in contrasts_of(world.store)}


def test_the_plugin_tells_the_speed_of_a_direct_transfer(world: ProtocolWorld) -> None:
    cell = world.store.endpoint_cell("SITE-A", Variant.WEBDAV_UPLOAD)
    verdict = judge(cell.worst, [], certificate_warning_days=14)
    assert verdict.status is Status.OK
    assert re.search(r"SITE-A webdav-upload: 954 MiB moved in .* MB/s\)", verdict.headline)
    assert {figure.label for figure in verdict.perfdata} >= {"transfer", "size", "throughput"}


def test_the_plugin_calls_no_tape_service_a_door(world: ProtocolWorld) -> None:
    cell = world.store.endpoint_cell("SITE-A", Variant.TAPE_INFO)
    assert judge(cell.worst, [], certificate_warning_days=14).headline.startswith("SITE-A tape-info: ok in ")


def test_endpoints_that_fail_stand_first(world: ProtocolWorld) -> None:
    table = alone_table(world.store.alone_cells(), lambda name: f"#{name}")
    assert [row.name for row in table.rows] == ["SITE-D", "SITE-A", "SITE-B", "SITE-C"]
    assert table.rows[0].failing == 1
    assert table.rows[0].link == "#SITE-D"
