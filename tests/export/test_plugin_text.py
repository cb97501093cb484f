"""What the monitoring is told: status, one line, performance data, long text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.export.samples import door, ended, failed, good
from tpcharness.export.plugin_text import MOST_BYTES, Perfdata, Status, Verdict, judge, unknown
from tpcharness.model.reason import Reason
from tpcharness.model.variant import Blame, Outcome, Phase, Variant

FIGURE = re.compile(r"[a-z_]+=-?\d+(\.\d+)?(s|B|)(;[\d.:]*){2};0")
"""Guidelines 2.6: 'label'=value[UOM];[warn];[crit];[min]."""

DOORS = [door("SITE-A"), door("SITE-B")]
DOWN = ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN)


def told(result, doors=DOORS, days=14.0) -> Verdict:
    return judge(result, doors, certificate_warning_days=days)


@pytest.mark.parametrize(
    ("result", "doors", "status"),
    [
        (good(), DOORS, Status.OK),
        (failed(), DOORS, Status.CRITICAL),
        (failed(reason=Reason.PASSIVE_TIMEOUT, blame=Blame.PATH), DOORS, Status.CRITICAL),
        (failed(reason=Reason.DEADLINE, blame=Blame.UNDETERMINED), DOORS, Status.CRITICAL),
        (failed(reason=Reason.ISSUER_REFUSED, blame=Blame.ISSUER), DOORS, Status.UNKNOWN),
        (failed(reason=Reason.LOCAL_NETWORK, blame=Blame.CLIENT), DOORS, Status.UNKNOWN),
        (ended(good(), Outcome.ERROR, Reason.INTERNAL, Blame.CLIENT), DOORS, Status.UNKNOWN),
        (ended(good(), Outcome.ERROR, Reason.TOKEN_SOURCE_FAILED, Blame.CLIENT), DOORS, Status.UNKNOWN),
        (ended(good(), Outcome.SKIPPED, Reason.CANCELLED), DOORS, Status.UNKNOWN),
        (ended(good(), Outcome.SKIPPED, Reason.NOT_REACHED), DOORS, Status.UNKNOWN),
        (ended(good(), Outcome.SKIPPED, Reason.SEED_LOST), DOORS, Status.UNKNOWN),
        (DOWN, [door("SITE-A"), door("SITE-B", reason=Reason.CONNECTION_REFUSED)], Status.CRITICAL),
        (DOWN, [door("SITE-A", reason=Reason.TOKEN_SOURCE_FAILED), door("SITE-B")], Status.UNKNOWN),
        (DOWN, DOORS, Status.UNKNOWN),
        (door(), [door()], Status.OK),
        (door(reason=Reason.TLS_EXPIRED), [door(reason=Reason.TLS_EXPIRED)], Status.CRITICAL),
        (door(days=13), [door(days=13)], Status.WARNING),
        (good(), [door("SITE-A"), door("SITE-B", days=13)], Status.WARNING),
        (failed(), [door("SITE-A"), door("SITE-B", days=13)], Status.CRITICAL),
    ],
)
def test_what_is_whose_matter(result, doors, status):
    assert told(result, doors).status is status


def test_a_good_copy():
    line, *rest = told(good()).text.splitlines()
    assert line == (
        "TPCHARNESS OK - SITE-A -> SITE-B https-pull: 1 MiB copied in 300 ms (3.5 MB/s), adler32 verified"
        " | time=0.393346s;;;0 transfer=0.3s;;;0 size=1048576B;;;0 throughput=3495253;;;0 certificate_days=100;14:;;0"
    )
    assert rest == ["warning: no marker for 7 s"]


def test_a_failure_tells_its_evidence_below():
    line, *rest = told(failed()).text.splitlines()
    assert line.startswith("TPCHARNESS CRITICAL - SITE-A -> SITE-B https-pull: The storage knows who we are")
    assert "(forbidden, blame destination SITE-B)" in line
    assert rest[0].startswith("remedy: ")
    assert any("403 Forbidden" in each for each in rest)


def test_a_link_of_an_endpoint_that_is_down_tells_what_its_door_says():
    text = told(DOWN, [door("SITE-A"), door("SITE-B", reason=Reason.CONNECTION_REFUSED)]).text
    assert "SITE-A -> SITE-B https-pull: not tried, SITE-B fails its own check: " in text.splitlines()[0]
    assert "connection_refused" in text.splitlines()[0]


def test_the_first_certificate_to_end_is_named():
    text = told(good(), [door("SITE-A", days=10), door("SITE-B", days=3)]).text
    assert "certificate of SITE-B ends in 3.0 days" in text
    assert "certificate_days=3;14:;;0" in text


def test_no_certificate_was_seen():
    bare = [replace(each, evidence=replace(each.evidence, tls=())) for each in DOORS]
    verdict = told(good(), bare)
    assert verdict.status is Status.OK
    assert "certificate" not in verdict.text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-7, "0"), (0.5, "0.5"), (1.5e15, "1500000000000000"), (0.1234567, "0.123457"), (100.0, "100")],
)
def test_a_figure_has_no_exponent(value, text):
    figure = str(Perfdata("time", value, "s"))
    assert figure == f"time={text}s;;;0"
    assert FIGURE.fullmatch(figure)


@given(st.text(), st.text())
def test_whatever_a_server_says_the_form_is_kept(said: str, more: str):
    result = replace(failed(body=said), hint=more, warnings=(said,))
    text = told(result).text
    assert text.isascii()
    assert text.count("|") == 1
    assert len(text) <= MOST_BYTES
    line, *rest = text.split("\n")
    assert all(each.isprintable() for each in (line, *rest))
    for figure in line.partition(" | ")[2].split():
        assert FIGURE.fullmatch(figure)


def test_long_text_ends_with_a_whole_line():
    verdict = unknown("x", (f"{number} " + "y" * 90 for number in range(100)))
    assert 3800 < len(verdict.text) <= MOST_BYTES
    assert verdict.text.endswith("y" * 90)


def test_a_failure_without_phases_has_no_figures():
    bare = replace(failed(), phases=dict[Phase, float]())
    assert "|" not in told(bare).text


def test_a_door_other_than_the_https_one_is_named():
    broken = replace(ended(DOORS[1], Outcome.FAILURE, Reason.TLS_EXPIRED, Blame.DESTINATION), variant=Variant.ROOT_DOOR)
    assert told(broken, [*DOORS, broken]).headline.startswith("SITE-B root-door: ")
    assert "not tried, SITE-B root-door fails its own check" in told(DOWN, [DOORS[0], broken]).headline
