from dataclasses import replace
from datetime import timedelta

import pytest

from tests.export.samples import door
from tests.export.screen import Screen
from tpcharness.export.door_table import DoorReport, certificate_days, families
from tpcharness.model.reason import Reason
from tpcharness.model.result import Evidence, TlsFacts


def test_one_line_per_door_and_what_to_do_for_the_broken_one():
    doors = [door("SITE-A"), door("SITE-B", days=5), door("SITE-C", reason=Reason.TLS_EXPIRED, days=-1)]
    lines = Screen(140).show(DoorReport(doors)).lines
    assert lines[0].split() == ["endpoint", "family", "implementation", "TLS", "left", "clock", "verdict"]
    assert lines[1].split() == ["SITE-A", "ipv6", "dCache/9.2.6", "100", "d", "<1", "s", "✓", "ok"]
    assert "5 d !" in lines[2]
    assert "expired" in lines[3]
    assert "✗ tls_expired" in lines[3]
    assert any("blame endpoint SITE-C" in line for line in lines)
    assert any("Renew the host certificate" in line for line in lines)
    assert lines[-1] == "2 of 3 doors ok"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_verdict_is_whole_at_every_width(width):
    doors = [door("A-RATHER-LONG-NAME_DATADISK", reason=Reason.TLS_EXPIRED)]
    lines = Screen(width).show(DoorReport(doors)).lines
    assert max(map(len, lines)) <= width
    assert lines[1].endswith("✗ tls_expired")


def test_what_is_unknown_is_a_dash():
    bare = replace(door(), evidence=Evidence(), clock_offset_seconds=None, address_family=None)
    bare = replace(bare, implementation=replace(bare.implementation, destination=()))
    assert Screen(100).show(DoorReport([bare])).lines[1].split() == ["SITE-A", *"————", "✓", "ok"]
    assert certificate_days(bare) is None
    assert families(bare) == ()


def test_the_first_certificate_to_expire_counts_and_every_family_is_named():
    start = door().started_at
    tls = (
        TlsFacts("192.0.2.1", not_after=start + timedelta(days=30)),
        TlsFacts("2001:db8::1", not_after=start + timedelta(days=3)),
        TlsFacts("192.0.2.2"),
    )
    result = replace(door(), evidence=Evidence(tls=tls))
    assert certificate_days(result) == 3
    assert families(result) == ("ipv4", "ipv6")


def test_a_clock_that_is_far_off_is_marked_and_warnings_are_told():
    result = replace(door(), clock_offset_seconds=3700.0, warnings=("one of 2 addresses is slow",))
    lines = Screen(120).show(DoorReport([result])).lines
    assert "+1 h 02 min !" in lines[1]
    assert "warning: SITE-A: one of 2 addresses is slow" in lines


def test_hostile_servers_cannot_write_on_the_terminal():
    result = door("[red]\x1b[2J")
    result = replace(result, implementation=replace(result.implementation, destination=("[/x]\x1b]0;t\x07nginx",)))
    screen = Screen(120).show(DoorReport([result]))
    assert "\x1b" not in screen.raw
    assert "[/x]nginx" in screen.text


def test_no_doors_at_all():
    assert Screen().show(DoorReport([])).lines[-1] == "0 of 0 doors ok"
