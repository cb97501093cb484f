import base64
import hashlib
import json
import math
import random
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.browser.meshes import mesh
from tests.export.samples import MIB, NOON, copy_exchange, door, ended, failed, findings, good, matrix, run
from tests.export.screen import Screen
from tpcharness.export import report_cells as cells_module
from tpcharness.export.formats import Output, Outputs
from tpcharness.export.html_report import fragment, html_report, script_json
from tpcharness.export.report_cells import SLOWEST, SPEEDS, STEP, report_cells, shown
from tpcharness.model.finding import Finding, FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, TokenFacts
from tpcharness.model.variant import Blame, Outcome, Phase, Variant
from tpcharness.results.run import EndpointFacts, RunEnd
from tpcharness.results.store import MatrixStore

HOSTILE = "</script><script>ran=1</script><img src=x onerror=ran=1>]]>--><!--'\"`&lt;\x1b[31m\x00\u202egnp.exe\u200b"


class Page(HTMLParser):
    """The elements of a page in order, and the text outside of style and script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.words, self.raw = [], [], [], {}
        self._open = ""
        self.feed(text)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, tuple(sorted(values))))
        self._open = tag if tag in ("style", "script") else ""
        if self._open:
            self._open = values.get("id", tag)
        self.links += [values[name] for name in ("href", "src") if name in values]

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        if self._open:
            self.raw[self._open] = self.raw.get(self._open, "") + data
        else:
            self.words.append(data)

    @property
    def data(self):
        return json.loads(self.raw["data"])


def stored(*results, endpoints=()):
    store = MatrixStore(endpoints)
    for result in results:
        store.add(result)
    return store


def page(store, found=(), facts=None, **options):
    return Page(html_report(facts or run(), store, found, **options))


def words_of(data, detail, ends):
    words = ["", detail[1]]
    for end in ends:
        words += [data["bases"][end], data["endpoints"][end][2], data["endpoints"][end][0]]
    return words


def expanded(data, number, words):
    """As the page does it."""
    return re.sub("[\x01-\x07]", lambda mark: words[ord(mark[0])], data["texts"][number])


# ---- nothing but itself


def test_the_policy_allows_exactly_the_style_and_script_that_are_in_the_file():
    text = html_report(run(), matrix(4), findings())
    read = Page(text)
    policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    for element in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(read.raw[element].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_nothing_in_it_points_outside():
    read = page(matrix(12), findings(12))
    assert all(link.startswith("#") or link == "data:," for link in read.links)
    assert not any(name.startswith("on") or name == "style" for _, names in read.tags for name in names)
    for text in (read.raw["style"], read.raw["script"]):
        assert not re.search(r"https?://|@import|url\(|\bfetch\b|XMLHttpRequest|WebSocket|innerHTML|\beval\b", text)


def test_it_is_the_same_in_every_encoding():
    store = stored(failed("ZÜRICH", "東京", body="größer: 10 € \ud800"))
    text = html_report(run(), store, ())
    assert text.isascii()
    assert Page(text).data["endpoints"][0][0] == "ZÜRICH"


def test_it_is_an_output_format(tmp_path):
    with Outputs([Output.parse(f"html:{tmp_path / 'r.html'}")], Screen().console) as out:
        out.begin(run(ended_how=None))
        assert out.finish(run(), matrix(4), findings()) == []
    assert (tmp_path / "r.html").read_text() == html_report(run(), matrix(4), findings())


# ---- what it says


def test_findings_come_first_and_say_who_has_to_act_and_what_to_do():
    told = findings()
    cell = failed("SITE-A", "SITE-C")
    told[0] = replace(told[0], probe_id=cell.probe_id)
    read = page(matrix(4), told)
    assert read.text.index(told[0].sentence) < read.text.index(told[1].sentence) < read.text.index("Endpoints")
    assert "Who has to act SITE-C " in read.text
    assert "Who has to act the network between the two" in read.text
    assert told[0].reason.info.fix in read.text
    assert "6 of 6 cells" in read.text
    assert "#src=SITE-A&dst=SITE-C&variant=https-pull" in read.links


def test_who_has_to_act_is_not_called_undetermined_beside_a_name():
    """Other cells may settle what one alone leaves open."""
    settled, *others = findings()
    settled = replace(settled, reason=Reason.NO_PROGRESS)
    assert Reason.NO_PROGRESS.info.who not in page(matrix(4), [settled, *others]).text
    assert Reason.NO_PROGRESS.info.who in page(matrix(4), [replace(settled, blame=Blame.UNDETERMINED)]).text


def test_an_endpoint_that_is_down_leads_to_its_door():
    store = stored(door("SITE-A"), door("SITE-B", reason=Reason.CONNECT_TIMEOUT), endpoints=["SITE-A", "SITE-B"])
    down = Finding(
        FindingKind.ENDPOINT_DOWN, ("SITE-B",), Reason.CONNECT_TIMEOUT, Blame.DESTINATION, 0, 0, "down.", (),
        "door-SITE-B",
    )  # fmt: skip
    read = page(store, [down])
    assert "evidence of the door check" in read.text
    assert read.links.index("#endpoint=SITE-B") < read.links.index("#endpoint=SITE-A")


def test_endpoints_stand_worst_first_and_what_is_not_their_fault_is_said_so():
    read = page(matrix(12), findings(12))
    table = read.text[read.text.index("Failing as destination") :]
    bad = matrix(12).endpoints()[2]
    assert table.split()[3] == bad
    assert "22 of 22 forbidden" in table
    assert "for others" in table


@pytest.mark.parametrize(
    ("store", "sentence"),
    [
        (stored(), "No link was probed."),
        (stored(good(), good("SITE-B", "SITE-A")), "All 2 cells are good"),
        (stored(good(), failed("SITE-B", "SITE-A")), "1 of 2 cells fails: 1 cause and 1 single link explain it."),
        (stored(ended(good(), Outcome.SKIPPED, Reason.NOT_REACHED)), "1 of 1 cell could not be tried."),
        (stored(failed(), failed("SITE-B", "SITE-A")), "2 of 2 cells fail: 1 cause and 1 single link explain them."),
        (stored(door("SITE-A", reason=Reason.TLS_EXPIRED)), "1 endpoint failed; no link was probed."),
        (stored(good(), door("SITE-A", reason=Reason.TLS_EXPIRED)), "1 endpoint failed the door check"),
    ],
)
def test_the_verdict_is_one_sentence(store, sentence):
    told = findings() if "cause" in sentence else ()
    assert sentence in page(store, told).text


@pytest.mark.parametrize(
    ("how", "sentence"),
    [(None, "This run has no end"), (RunEnd.DEADLINE, "cut short"), (RunEnd.COMPLETE, ""), (RunEnd.INTERRUPTED, "was")],
)
def test_a_run_that_was_cut_short_says_so(how, sentence):
    assert sentence in page(matrix(4), facts=run(ended_how=how)).text


def test_the_facts_of_the_run_and_what_was_left_out():
    text = page(stored(good(), good(size=5 * MIB))).text
    for words in ("example-site", "0.1.0", "2026-11-22 12:00:00 UTC", "1 MiB, 5 MiB", "opted out", "asked us not to"):
        assert words in text


# ---- the cells


def test_a_good_cell_is_one_character_with_its_speed():
    result = replace(good(), throughput=25e6)
    data = page(stored(result)).data
    mark = data["rows"]["https-pull"][0][1]
    assert SLOWEST * STEP ** SPEEDS.index(mark) == pytest.approx(25e6, rel=STEP**0.5 - 1)
    assert data["details"]["https-pull"] == []


@pytest.mark.parametrize("rate", [0.001, 1e3, 1e15, math.inf])
def test_absurd_speeds_stay_on_the_scale(rate):
    if math.isinf(rate):
        rate = 1.7e308
    assert page(stored(replace(good(), throughput=rate))).data["rows"]["https-pull"][0][1] in SPEEDS


def test_every_state_has_its_mark():
    names = [f"SITE-{letter}" for letter in "ABCDEF"]
    store = MatrixStore(names, green_seconds=60)
    late = NOON + timedelta(hours=1)
    store.add(good("SITE-A", "SITE-B", started_at=late))
    store.add(good("SITE-A", "SITE-C"))
    store.add(failed("SITE-A", "SITE-D"))
    store.add(ended(good("SITE-A", "SITE-E"), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT))
    store.add(ended(good("SITE-A", "SITE-F"), Outcome.SKIPPED, Reason.ENDPOINT_DOWN))
    data = page(store, now=late).data
    row = data["rows"]["https-pull"][0]
    assert row[0] == " "
    assert row[1] in SPEEDS
    assert row[2:] == "~#!."
    assert len(data["details"]["https-pull"]) == 3


def test_a_cell_with_several_sizes_tells_all_that_failed_worst_first():
    big = replace(failed(), size_bytes=5 * MIB, probe_id="big")
    ours = replace(ended(good(size=7 * MIB), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT), probe_id="ours")
    [details] = page(stored(good(), ours, big)).data["details"]["https-pull"]
    assert [detail[1] for detail in details] == ["big", "ours"]


def test_evidence_is_shared_and_comes_back_to_the_letter():
    made = mesh(12)
    data = page(made.store, made.findings, made.run).data
    index = {name: number for number, (name, _, _) in enumerate(data["endpoints"])}
    seen = 0
    for variant in made.store.variants():
        remaining = iter(data["details"][variant.value])
        for source in made.store.endpoints():
            for destination in made.store.endpoints():
                cell = made.store.cell(source, destination, variant)
                if cell is None or cell.worst.ok:
                    continue
                [detail] = next(remaining)
                words = words_of(data, detail, (index[source], index[destination]))
                exchanges = [data["parts"][number] for number in detail[4]]
                assert [expanded(data, each[2], words) for each in exchanges] == [
                    each.url for each in cell.worst.evidence.exchanges
                ]
                assert [expanded(data, each[8], words) for each in exchanges] == [
                    each.body_excerpt for each in cell.worst.evidence.exchanges
                ]
                seen += 1
        assert next(remaining, None) is None
    assert seen == made.bad_cells > 20
    assert len(data["texts"]) < 4 * seen


@pytest.mark.parametrize(("phase", "alarm"), [(Phase.CLEANUP, False), (Phase.VERIFY, True)])
def test_the_404_of_our_last_look_is_no_alarm(phase, alarm):
    gone = replace(copy_exchange("SITE-B", 404, "Not Found"), method="HEAD", phase=phase)
    result = failed()
    result = replace(result, evidence=replace(result.evidence, exchanges=(gone,)))
    data = page(stored(result)).data
    [[detail]] = data["details"]["https-pull"]
    assert data["parts"][detail[4][0]][10] is alarm


@given(st.text(max_size=40), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_placeholders_never_change_a_text(body, source, destination, probe):
    body = f"{body}{source}{destination}{probe}\x01\x02{destination}"
    if source == destination:
        destination += "x"
    facts = replace(run(), endpoints=tuple(EndpointFacts(name, "", name * 2) for name in (source, destination)))
    store = stored(failed(source, destination, body=body, probe_id=probe), endpoints=(source, destination))
    data = json.loads(script_json(report_cells(facts, store, (), now=None)))
    [[detail]] = data["details"]["https-pull"]
    text = data["parts"][detail[4][0]][8]
    assert expanded(data, text, words_of(data, detail, (0, 1))) == shown(body)


# ---- hostile text


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("a\r\nb\tc", "a\nb   c"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u202eb\u2066\u200b\ufeff", "a\\u202eb\\u2066\\u200b\\ufeff"),
        ("\ud800\U000e0041", "\\ud800\\U000e0041"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("é 東京 ✓", "é 東京 ✓"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text, visible):
    assert shown(text) == visible


@given(st.text(), st.integers(1, 50))
def test_shown_text_is_visible_and_bounded(text, limit):
    found = shown(text, limit)
    assert len(found) <= limit
    assert found.replace("\n", "").isprintable()


def hostile_store():
    bad = failed(HOSTILE, "SITE-B" + HOSTILE, body=HOSTILE, hint=HOSTILE, warnings=(HOSTILE,), probe_id=HOSTILE)
    exchange = replace(bad.evidence.exchanges[0], url=HOSTILE, method=HOSTILE, server=HOSTILE, error=HOSTILE)
    token = TokenFacts(HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), HOSTILE)
    return stored(replace(bad, evidence=Evidence((exchange,), (token,))), door(HOSTILE))


def test_hostile_text_adds_no_element_and_no_attribute():
    def tags(text):
        store = stored(failed(text, f"{text}2", body=text, hint=text, warnings=(text,)), door(text))
        one = replace(findings()[0], sentence=text, culprits=(text,), probe_id="")
        facts = replace(run(), harness=text, config_path=text, version=text, warnings=(text,), run_id=text)
        return page(store, [one], facts).tags

    assert tags(HOSTILE) == tags("harmless")


def test_the_data_cannot_end_its_element():
    text = html_report(run(), hostile_store(), ())
    start = text.index('id="data">')
    assert text.index("</script>", start) == text.index("</script>\n<script>", start)
    assert "<" not in text[start + 10 : text.index("</script>", start)]
    assert Page(text).data["endpoints"][0][0] == shown(HOSTILE, 200)


def test_a_deep_link_is_only_ever_a_fragment():
    assert fragment(endpoint="javascript:alert(1)#&src=x").startswith("#endpoint=javascript%3Aalert%281%29%23%26src")


def test_credentials_that_servers_echo_are_masked():
    canary = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
    text = f"refused Bearer {canary}"
    bad = failed("SITE-A", "SITE-B", body=text, hint=text, warnings=(text,))
    exchange = replace(bad.evidence.exchanges[0], url=text, error=text, status_text=text, server=text)
    one = replace(findings()[0], sentence=text)
    report = html_report(replace(run(), warnings=(text,)), stored(replace(bad, evidence=Evidence((exchange,)))), [one])
    assert "eyJ" not in report
    assert "refused" in report


# ---- size


def test_a_flood_of_evidence_is_cut_and_what_findings_point_at_is_kept(monkeypatch):
    monkeypatch.setattr(cells_module, "MOST_EVIDENCE", 20_000)
    noise = random.Random(1)
    names = [f"SITE-{number:02}" for number in range(20)]
    results = [
        failed(source, destination, body="".join(noise.choices("abcdefgh", k=900)))
        for source in names
        for destination in names
        if source != destination
    ]
    last = results[-1]
    finding = replace(findings()[0], probe_id=last.probe_id)
    data = page(stored(*results, endpoints=names), [finding]).data
    details = [detail for [detail] in data["details"]["https-pull"]]
    assert len(details) == len(results)
    assert len(json.dumps(data["texts"])) < 40_000
    whole = [detail[1] for detail in details if len(detail) > 4]
    assert last.probe_id in whole
    assert len(whole) < len(details) / 2


@pytest.mark.slow
def test_a_mesh_of_170_endpoints_is_below_two_megabytes():
    made = mesh(170)
    assert made.bad_cells > 5000
    assert len(html_report(made.run, made.store, made.findings)) < 2_000_000


def test_an_exchange_without_status_or_url_is_no_problem():
    odd = replace(copy_exchange("SITE-B", 200, ""), url="http://[", hops=(), status=None)
    assert page(stored(replace(failed(), evidence=Evidence((odd,))))).data["bases"] == ["", ""]


def test_variants_that_were_not_probed_do_not_appear():
    assert list(page(stored(good(variant=Variant.HTTPS_PUSH))).data["rows"]) == ["https-push"]
