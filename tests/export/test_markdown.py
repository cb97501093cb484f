"""Markdown for a ticket: read by a parser of CommonMark, as GitLab would."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.export.samples import door, failed, findings, good, matrix, run
from tpcharness.diagnosis.findings import find
from tpcharness.export.markdown import MOST_FINDINGS, MOST_ROWS, code, escaped, markdown_text, table
from tpcharness.model.finding import Finding
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Blame
from tpcharness.results.run import RunEnd
from tpcharness.results.store import MatrixStore

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


def stored(*results: Result) -> MatrixStore:
    store = MatrixStore()
    for result in results:
        store.add(result)
    return store


def rendered(store: MatrixStore, found: tuple[Finding, ...] | list[Finding] = (), facts=None) -> str:
    return "".join(markdown_text(facts or run(), store, found))


def inline(text: str) -> list[Token]:
    return [child for token in PARSER.parse(text) for child in token.children or ()]


def test_the_verdict_comes_first_then_the_findings_then_the_rest():
    store = matrix(4)
    text = rendered(store, findings())
    lines = text.splitlines()
    assert lines[0] == "## Of 24 link probes, 7 failed, 2 ended in an error of ours, 2 not tried: SITE-C"
    headings = [line for line in lines if line.startswith("### ")]
    assert headings == [
        "### 1. SITE-C: forbidden",
        "### 2. SITE-A -> SITE-B: passive timeout",
        "### Not ok: 11 cells",
    ]
    assert text.rstrip().endswith("What a reason means: `tpcharness explain REASON`.")


def test_a_finding_has_who_what_to_do_and_the_evidence_of_one_result():
    store = stored(good(), *(failed(source, "SITE-C") for source in ("SITE-A", "SITE-B", "SITE-D")))
    text = rendered(store, find(store.results()))
    for part in (
        "- **who has to act:** SITE-C\n",
        f"- **remedy:** {Reason.FORBIDDEN.info.fix}\n",
        "`COPY https://site-c.example:2880/data/tpcharness/x/file`",
        "403 Forbidden (XRootD/5.7.1",
        "[192.0.2.7]",
        "- source runs: `dCache/9.2.6`",
        "2026-11-22 12:00:00 UTC",
        "storage.create:/tpcharness/x",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("blame", "who"),
    [
        (Blame.SOURCE, "source SITE-A"),
        (Blame.DESTINATION, "destination SITE-B"),
        (Blame.PATH, "the network between the two"),
        (Blame.ISSUER, "the token issuer"),
        (Blame.CLIENT, "whoever runs this harness"),
        (Blame.UNDETERMINED, "undetermined"),
    ],
)
def test_who_has_to_act_is_a_name_where_it_can_be(blame, who):
    single = replace(findings()[1], blame=blame)
    assert f"- **who has to act:** {who}" in rendered(matrix(4), [single])


def test_all_is_well():
    text = rendered(matrix(4, bad=False))
    assert text.startswith("## All 24 link probes ok\n")
    assert "Not ok" not in text
    assert "4 of 4 doors ok; 24 of 24 links ok, in 3.1 s." in text


def test_doors_alone():
    text = rendered(stored(door("SITE-A"), door("SITE-B", reason=Reason.CONNECTION_REFUSED)))
    assert text.startswith("## Of 2 endpoint checks, 1 failed\n")
    assert "| SITE-B | door | 1 KiB | failure | connection_refused | endpoint SITE-B |" in text


def test_good_links_do_not_hide_a_bad_door():
    assert not rendered(stored(door("SITE-C", reason=Reason.TLS_EXPIRED), good())).startswith("## All")


@pytest.mark.parametrize(
    ("how", "words"), [(None, "no end"), (RunEnd.DEADLINE, "deadline"), (RunEnd.INTERRUPTED, "interrupted")]
)
def test_a_run_that_did_not_come_to_its_end_says_so(how, words):
    assert words in rendered(matrix(4), facts=run(ended_how=how)).splitlines()[4]


def test_nothing_at_all():
    assert rendered(MatrixStore(), facts=run(ended_how=None)).startswith("## Nothing was probed\n")


def test_a_big_run_is_cut_and_says_so():
    store = stored(*(failed(f"S{number}", "SITE-B") for number in range(MOST_ROWS + 5)))
    text = rendered(store, [findings()[1]] * (MOST_FINDINGS + 3))
    assert "... and 3 more findings." in text
    assert "... and 5 more cells." in text


HOSTILE = [
    "a|b",
    "`code` ``more``",
    "`",
    "**bold** _x_ *y*",
    "<script>alert(1)</script>",
    "<b",
    "&lt;",
    "[link](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "@root #1 !2 ~3 $4",
    "back\\slash\\",
    "line\nbreak\r\n| a |",
    "\x1b[31mred\x00\u202e",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_text(text):
    (paragraph,) = [token for token in PARSER.parse(f"x {escaped(text)} y") if token.type == "inline"]
    assert {child.type for child in paragraph.children or ()} <= {"text", "text_special"}


@given(st.text() | st.text("` a\\"))
def test_a_code_span_holds_whatever_it_is_given(text):
    shown = code(text)
    if shown != "—":
        (span,) = inline(f"x {shown} y")[1:-1]
        assert (span.type, span.content) == ("code_inline", code_content(text))


def code_content(text: str) -> str:
    from tpcharness.export.alphabet import UNICODE

    return UNICODE.clean(text, 1000)


@given(st.lists(st.text() | st.text("`|\\ a"), min_size=2, max_size=2))
def test_no_text_breaks_a_table(cells):
    tokens = PARSER.parse("".join(table(("first", "second"), [cells, cells])))
    assert [token.type for token in tokens].count("tr_open") == 3
    assert [token.type for token in tokens].count("td_open") == 4
    assert not [token for token in tokens if token.type == "html_block"]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_a_server_says_there_is_no_markup_of_it(text):
    store = stored(replace(failed(body=text), hint=text, warnings=(text,)))
    tokens = PARSER.parse(rendered(store, find(store.results()), replace(run(), warnings=(text,), harness=text)))
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak"}
    assert "html_block" not in {token.type for token in tokens}


def test_secrets_are_masked():
    store = stored(failed(body="Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"))
    assert "eyJ" not in rendered(store, find(store.results()))
