import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.export.samples import NOON, door, failed, findings, good, matrix, names, run
from tests.export.screen import Screen
from tpcharness.export.table import MatrixReport
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Variant
from tpcharness.results.run import RunEnd
from tpcharness.results.store import MatrixStore

WHOLE = """\
rows: source, columns: destination, in each cell: pull push
        door  SITE-A  SITE-B  SITE-C  SITE-D
SITE-A  ✓     —       ✓  ✗P   ✗D ✗D   ✓  ✓
SITE-B  ✓     ·  ·    —       ✗D ✗D   ✓  ✓
SITE-C  ✓     ✓  ✓    ✓  ✓    —       ✓  ✓
SITE-D  ✓     !C !C   ✓  ✓    ✗D ✗D   —
✓ ok   ✗ failed   ! our own error   · not tried
letter: who has to act: D destination, P path, C client

✗ SITE-C fails as destination from 3 of 3 sources, by pull and push: it refuses
  the copy for lack of rights.
  Check the mapping of the issuer to the path, and the scope in the evidence.
  6 of 6 cells · tpcharness explain forbidden
✗ SITE-A -> SITE-B fails by push only: no connection to SITE-B.
  Check the firewall on the path, for IPv4 and IPv6 apart.
  1 of 2 cells · tpcharness explain passive_timeout

doors: 4 of 4 ok
links: 13 of 24 ok, 7 failed, 2 our own errors, 2 not tried in 3.1 s"""


def report(count=4, **options):
    return MatrixReport(matrix(count), run(count), findings(count), **options)


def test_the_whole_picture():
    assert Screen(80).show(report()).text == WHOLE


def test_all_good_is_one_line_of_totals_and_no_findings():
    lines = Screen(80).show(MatrixReport(matrix(4, bad=False), run(4))).lines
    assert lines[-2:] == ["doors: 4 of 4 ok", "links: 24 of 24 ok in 3.1 s"]
    assert "letter" not in "\n".join(lines)


def test_totals_without_doors():
    store = MatrixStore()
    store.add(good())
    assert Screen().show(MatrixReport(store, replace(run(), planned_links=1))).lines[-1] == "1 of 1 ok in 3.1 s"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("count", [4, 12, 40, 170])
@pytest.mark.parametrize("throughput", [False, True])
def test_nothing_is_wider_than_the_terminal(width, count, throughput):
    lines = Screen(width).show(report(count, throughput=throughput)).lines
    assert max(map(len, lines)) <= width
    assert lines[-1].startswith("links: ") or lines[-2].startswith("links: ")


@pytest.mark.parametrize("width", [44, 48, 52, 60, 80, 120])
def test_a_mark_or_letter_and_its_word_stand_on_one_line(width):
    text = Screen(width).show(report()).text
    for words in ("✓ ok", "✗ failed", "! our own error", "· not tried", "D destination", "P path", "C client"):
        assert words in text


def test_what_is_left_out_is_said():
    text = Screen(120).show(report(170)).text
    assert "shown: the 20 worst of 170 sources; left out: 150, 149 of them with broken cells" in text
    assert "worst of 170 destinations" in text
    assert "all of them good" in text
    assert "columns: 3 FZK-LCG2_1" in text


def test_meaning_is_never_by_colour_alone():
    plain = Screen(80).show(report()).text
    coloured = Screen(80, colour=True).show(report())
    assert coloured.text == plain
    assert "\x1b[" in coloured.raw


def test_a_terminal_without_utf8_gets_ascii():
    screen = Screen(80, encoding="ascii").show(report())
    assert screen.raw.isascii()
    assert "SITE-A  o     -       o  XP   XD XD   o  o" in screen.lines


def test_names_are_no_markup_and_hostile_text_is_cleaned():
    store = MatrixStore()
    store.add(failed("[bold]A[/oops]", "\x1b[2JB\u202e"))
    bad = replace(findings()[0], sentence="[/nope] \x1b]0;title\x07 x:smile:")
    screen = Screen(100).show(MatrixReport(store, replace(run(), warnings=("[red]careful",)), [bad]))
    assert "[bold]A[/oops]" in screen.text
    assert "✗ [/nope] x:smile:" in screen.text
    assert "warning: [red]careful" in screen.text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", screen.raw)


def test_green_expires_and_says_so():
    store = MatrixStore(green_seconds=60)
    store.add(good())
    lines = Screen().show(MatrixReport(store, run(), now=NOON + timedelta(hours=1))).lines
    assert any(line.startswith("SITE-A") and "~" in line for line in lines)
    assert "~ too old to count" in lines
    assert "1 too old to count" in lines[-1]


def test_single_links_come_after_what_explains_more_and_are_capped():
    single = replace(findings()[1], kind=FindingKind.SINGLE_LINK)
    many = [replace(single, sentence=f"single {i}") for i in range(30)]
    lines = Screen().show(MatrixReport(matrix(4), run(), [*many, findings()[0]])).lines
    first = next(i for i, line in enumerate(lines) if "SITE-C fails as destination" in line)
    assert first < lines.index("✗ single 0")
    assert "✗ single 19" in lines
    assert "✗ single 20" not in lines
    assert "... and 10 more single links" in lines


def test_throughput_stands_behind_the_mark():
    store = MatrixStore()
    for size, rate in ((1, 1e6), (2, 12.3e6), (3, 1e9)):
        store.add(replace(good(size=size), throughput=rate))
    assert "✓12.3" in Screen().show(MatrixReport(store, run(), throughput=True)).text


def test_wide_characters_keep_the_columns_in_line():
    store = MatrixStore()
    store.add(good("高エネルギー研", "SITE-B"))
    store.add(good("SITE-B", "高エネルギー研"))
    lines = Screen().show(MatrixReport(store, run())).lines
    assert lines[2] == "高エネルギー研        —               ✓"
    assert lines[3] == "SITE-B                ✓               —"


def test_details_show_what_was_asked_and_answered():
    text = Screen(160).show(report(details=True)).text
    assert text.count("asked:") == 7
    assert '"no matching mapping for issuer"' in text
    assert text.splitlines()[-1].startswith("links: ")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (None, "incomplete"),
        (RunEnd.DEADLINE, "deadline"),
        (RunEnd.MAX_FAILURES, "failures"),
        (RunEnd.INTERRUPTED, "interrupted"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_says_so(end, words):
    assert words in Screen(100).show(MatrixReport(matrix(4), run(ended_how=end))).lines[-1]


def test_what_the_plan_had_and_nobody_reached_is_not_tried():
    store = MatrixStore(names(4))
    store.add(good())
    assert "1 of 24 ok, 23 not tried" in Screen().show(MatrixReport(store, run())).lines[-1]


def test_a_broken_door_is_seen_in_its_row():
    store = MatrixStore()
    store.add(door("SITE-A", reason=Reason.TLS_EXPIRED))
    store.add(good())
    lines = Screen().show(MatrixReport(store, replace(run(), planned_doors=1))).lines
    assert any(line.startswith("SITE-A  ✗") for line in lines)
    assert "doors: 0 of 1 ok, 1 failed" in lines


def test_only_the_variants_that_ran_have_a_half():
    store = MatrixStore()
    store.add(good(variant=Variant.HTTPS_PUSH))
    assert Screen().show(MatrixReport(store, run())).lines[0].endswith("in each cell: push")


def test_an_empty_store_still_has_totals():
    assert Screen().show(MatrixReport(MatrixStore(), run())).lines[-1].startswith("0 of 24 ok, 24 not tried")
