"""What findings are made of, and the last words about our files."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.export.samples import NOON, door, ended, failed, good
from tpcharness.daemon.upkeep import causes, tell_what_stays
from tpcharness.model.endpoint import LinkSubject
from tpcharness.model.finding import FindingKind
from tpcharness.model.reason import Reason
from tpcharness.model.result import Result
from tpcharness.model.variant import Outcome
from tpcharness.payload.ledger import LedgerEntry
from tpcharness.results.latest import LatestStore

HOUR = 3600.0
NAMES = ("SITE-A", "SITE-B", "SITE-C")


def found(confirmed: list[Result], *, hours: float, latest: list[Result] | None = None):
    """The causes so many hours after noon, when results become stale after two."""
    store = LatestStore()
    for result in confirmed if latest is None else latest:
        store.add(result)
    now = NOON.timestamp() + hours * HOUR
    return causes(confirmed, store.glances(), now, lambda subject, variant: 2 * HOUR)


def test_a_confirmed_state_that_has_become_stale_explains_nothing():
    broken = failed()
    (finding,), explained = found([broken], hours=1)
    assert finding.kind is FindingKind.SINGLE_LINK
    assert explained == {(LinkSubject("SITE-A", "SITE-B"), broken.variant)}
    assert found([broken], hours=3) == ((), frozenset())


def test_a_confirmed_state_is_as_young_as_the_last_look_at_it():
    later = replace(good(), started_at=NOON + timedelta(hours=2))  # contradicts it, but is not confirmed yet
    (finding,), _ = found([failed()], hours=3, latest=[later])
    assert finding.cells == 1


def test_a_link_behind_a_door_counts_until_it_is_stale():
    down = door("SITE-B", reason=Reason.TLS_EXPIRED)
    behind = ended(good(), Outcome.SKIPPED, Reason.ENDPOINT_DOWN)
    fresh = replace(down, started_at=NOON + timedelta(hours=2))
    assert [each.cells for each in found([down], latest=[down, behind], hours=1)[0]] == [1]
    assert [each.cells for each in found([fresh], latest=[fresh, behind], hours=3)[0]] == [0]


def nameless(name: str) -> Result:
    return door(name, reason=Reason.DNS_FAILURE)


def shapes(confirmed: list[Result], latest: list[Result]) -> list[tuple[FindingKind, tuple[str, ...]]]:
    findings, _ = found(confirmed, hours=1, latest=latest)
    return [(finding.kind, finding.culprits) for finding in findings]


def test_a_name_server_of_ours_that_fails_is_told_before_the_first_door_is_confirmed_to_have_no_name():
    seen = [nameless(name) for name in NAMES]
    ours = [(FindingKind.OUR_SIDE, ("client",))]
    assert shapes([door(name) for name in NAMES], seen) == ours
    assert shapes([nameless("SITE-A"), door("SITE-B"), door("SITE-C")], seen) == ours
    assert shapes(seen, seen) == ours


def test_when_it_is_back_nobody_is_accused_until_all_doors_are_confirmed_again():
    confirmed = [nameless(name) for name in NAMES]
    assert shapes(confirmed, [door(name) for name in NAMES]) == []
    assert shapes(confirmed, [door("SITE-A"), door("SITE-B"), nameless("SITE-C")]) == [
        (FindingKind.ENDPOINT_DOWN, ("SITE-C",))
    ]


def test_a_door_that_has_no_name_while_others_do_is_down():
    seen = [nameless("SITE-A"), door("SITE-B"), door("SITE-C")]
    assert shapes(seen, seen) == [(FindingKind.ENDPOINT_DOWN, ("SITE-A",))]
    assert shapes([door(name) for name in NAMES], seen) == []  # not confirmed yet


@pytest.mark.parametrize(("number", "said"), [(1, "1 file of ours left"), (2, "2 files of ours left")])
@pytest.mark.parametrize("known", [True, False])
def test_the_last_word_about_our_files(number: int, said: str, known: bool, caplog: pytest.LogCaptureFixture):
    entries = [LedgerEntry("SITE-A", f"https://x.example/{each}", "run-1", NOON) for each in range(number)]
    with caplog.at_level(logging.INFO):
        tell_what_stays(entries, known=known)
    assert caplog.messages[0].startswith(said)
    assert len(caplog.messages) == (1 if known else 1 + number)
